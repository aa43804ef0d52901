"""What is known about a model's health, as plain data.

A record's *epoch* grows whenever the circuit opens, closes or lets a probe through. A permit
belongs to one epoch, and a report of an earlier one changes nothing: it speaks of a model that
has since been judged anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

# Kept to by what is read from outside; inside the process, numbers are right by construction.
Count: TypeAlias = Annotated[int, Field(ge=0, le=2**53)]
Time: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Duration: TypeAlias = Annotated[float, Field(allow_inf_nan=False, ge=0)]

SLICE = 10.0
"""Seconds that are counted together; the window moves in steps of them."""


@dataclass(frozen=True, slots=True)
class Slice:
    """What happened in ten seconds.

    Attributes:
        number: Which ten seconds: the time divided by `SLICE`.
        requests: Calls that were to be made, also those that the throttle held back.
        succeeded: Calls that were answered.
        failed: Calls that showed the model sick. The rest of the requests was refused for
            want of quota, held back, or is still on its way.
    """

    number: int
    requests: Count = 0
    succeeded: Count = 0
    failed: Count = 0

    @property
    def outcomes(self) -> int:
        """Calls that were not refused: well or sick, the model took them."""
        return self.succeeded + self.failed


@dataclass(frozen=True, slots=True)
class Window:
    """Counts of the last seconds.

    Attributes:
        slices: Oldest first.
    """

    slices: Annotated[tuple[Slice, ...], Field(max_length=1000)] = ()

    def counting(
        self, now: float, keep: float, *, requests: int, succeeded: int = 0, failed: int = 0
    ) -> Window:
        """Counts in the slice of now, and forgets what is older than `keep` seconds.

        It also forgets what lies ahead by more than a slice: then the clock was set back. One
        slice is what the clocks of a fleet may differ.

        Example:
            >>> Window().counting(25.0, 60.0, requests=1).slices
            (Slice(number=2, requests=1, succeeded=0, failed=0),)
        """
        number, slices = int(now // SLICE), self.slices
        if not slices or slices[-1].number != number:
            slices = tuple(s for s in self.last(keep, now) if s.number <= number + 1)
            if not slices or slices[-1].number < number:
                slices = (*slices, Slice(number))
        last = slices[-1]
        last = Slice(
            last.number, last.requests + requests, last.succeeded + succeeded, last.failed + failed
        )
        return Window((*slices[:-1], last))

    def without_request(self, at: float) -> Window:
        """Takes back a request that was counted at a time."""
        number = int(at // SLICE)
        return Window(
            tuple(
                replace(s, requests=s.requests - 1) if s.number == number and s.requests else s
                for s in self.slices
            )
        )

    def last(self, seconds: float, now: float) -> list[Slice]:
        """The slices of so many seconds; the one of now, which is not over, is among them."""
        oldest = int(now // SLICE) - math.ceil(seconds / SLICE)
        return [s for s in self.slices if s.number > oldest]


class CircuitState(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """They do not."""
    HALF_OPEN = "half_open"
    """One does, to see whether the model can serve again."""


class Outcome(StrEnum):
    """What a call says about the model's health."""

    SUCCESS = "success"
    """It answered."""
    FAILURE = "failure"
    """It is sick: 5xx, refused or broken connections, answers that are none."""
    TIMEOUT = "timeout"
    """It did not answer in time; many at once may be one stall of our own event loop."""
    SILENCE = "silence"
    """Nothing at all was heard of it in all that time. If it has answered nobody else meanwhile,
    one such call opens the circuit: the next one would wait as long for as little."""
    FATAL = "fatal"
    """It is gone. One such call opens the circuit."""
    QUOTA = "quota"
    """It is well, but has no quota left for us."""
    NEUTRAL = "neutral"
    """The call says nothing about the model: cancelled, abandoned, the request's own fault."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time that began and lasts.

    Attributes:
        since: When it began, by the clock of whoever wrote it.
        lasts: For how long, in seconds.
    """

    since: Time
    lasts: Duration

    def remaining(self, now: float) -> float:
        """The seconds that are left."""
        return max(self.lasts - (now - self.since), 0.0)  # so, rounding never makes it longer

    def anchored(self, now: float, longest: float) -> Span:
        """The same, but begun by now and no longer than allowed.

        A clock that was set back would otherwise keep it from ending until it has caught up.
        """
        if self.since <= now and self.lasts <= longest:
            return self
        return Span(min(self.since, now), min(self.lasts, longest))


@dataclass(frozen=True, slots=True)
class Opening:
    """Why and for how long a circuit is open.

    Attributes:
        cooldown: While it lasts, nothing passes.
        trips: How often the circuit has opened for sickness since the last successful call.
        reason: What opened it, in the caller's word.
        lease: Who probes holds this; None while nobody does.
    """

    cooldown: Span
    trips: Count
    reason: str
    lease: Span | None = None

    def wait(self, now: float) -> float:
        """The seconds until a probe is let through, at the latest."""
        cooldown = self.cooldown.remaining(now)
        return max(cooldown, self.lease.remaining(now)) if self.lease else cooldown

    def anchored(self, now: float, longest: float) -> Opening:
        """The same, on a clock that may have jumped; see `Span.anchored`."""
        cooldown = self.cooldown.anchored(now, longest)
        lease = self.lease.anchored(now, longest) if self.lease else None
        if cooldown is self.cooldown and lease is self.lease:
            return self
        return replace(self, cooldown=cooldown, lease=lease)


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known about a model's health: plain data, never changed.

    Attributes:
        epoch: Grows whenever the circuit opens, closes or lets a probe through.
        opening: None while the circuit is closed.
        forced: What somebody said it must be; None while it decides by itself.
        streak: The failures since the last success.
        timeout_at: When a timeout last counted.
        answered_at: When it last answered.
        quota_at: When quota was last short without the server saying for how long.
        window: What happened lately.
    """

    epoch: Count = 0
    opening: Opening | None = None
    forced: Literal["open", "closed"] | None = None
    streak: Count = 0
    timeout_at: Time | None = None
    answered_at: Time | None = None
    quota_at: Time | None = None
    window: Window = Window()

    def state(self, now: float) -> CircuitState:
        """Whether calls pass."""
        if self.forced:
            return CircuitState(self.forced)
        if self.opening is None:
            return CircuitState.CLOSED
        if self.opening.lease or not self.opening.wait(now):
            return CircuitState.HALF_OPEN
        return CircuitState.OPEN


@dataclass(frozen=True, slots=True)
class Permit:
    """A call may be made; its outcome is to be reported.

    Attributes:
        epoch: The circuit's, when this was given.
        at: When that was.
        is_probe: Whether this is the one call that a half-open circuit lets through.
        is_counted: Whether the throttle has already counted the request.
    """

    epoch: int
    at: float
    is_probe: bool = False
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """A call must not be made.

    Attributes:
        state: The circuit's: closed means that the call was held back by the throttle.
        reason: What opened the circuit; `"quota"` for the throttle, `"forced"` for somebody.
        retry_after: Seconds until a probe is let through, at the latest; None for never, as
            long as the circuit is forced open.
    """

    state: CircuitState
    reason: str
    retry_after: float | None
