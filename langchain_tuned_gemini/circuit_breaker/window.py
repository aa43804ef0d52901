"""What happened lately: counts in a window that moves in steps of ten seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from langchain_tuned_gemini.circuit_breaker.bounds import Count

SLICE = 10.0
"""Seconds that are counted together."""


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


NOTHING_HAPPENED = Window()
