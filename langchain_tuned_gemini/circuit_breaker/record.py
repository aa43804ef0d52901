"""What is known about a model's health, as plain data.

A record's *epoch* grows whenever the circuit opens, closes or lets a probe through. A permit
belongs to one epoch, and a report of an earlier one changes nothing: it speaks of a model that
has since been judged anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from langchain_tuned_gemini.circuit_breaker.bounds import Count, Duration, Time
from langchain_tuned_gemini.circuit_breaker.window import NOTHING_HAPPENED, Window


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
    window: Window = NOTHING_HAPPENED

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
class Refusal:
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
