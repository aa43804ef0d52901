"""The progress of tuning: at once, by hand, or over time.

Nothing runs in the background. What a model looks like is computed when somebody looks,
from a record and the clock alone, so that a test sets the clock and never waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Progression:
    """The time that tuning takes, in seconds; `None` is until somebody says so."""

    duration: float | None

    def __post_init__(self) -> None:
        """Refuses a time that can't be."""
        if self.duration is not None and not 0 <= self.duration < math.inf:
            msg = f"a progression takes 0 or more seconds, not {self.duration}"
            raise ValueError(msg)

    def share(self, elapsed: int) -> float:
        """The share of the tuning that is done after so many nanoseconds, 0 to 1."""
        if self.duration is None:
            return 0.0
        if self.duration == 0:
            return 1.0
        return min(1.0, max(0.0, elapsed / (self.duration * SECOND)))


def immediate() -> Progression:
    """A model is done as soon as it was created."""
    return Progression(0)


def manual() -> Progression:
    """A model stays CREATING until `Emulator.advance` or `Emulator.set_state` moves it."""
    return Progression(None)


def after(seconds: float) -> Progression:
    """A model is done after this many seconds of the emulator's clock.

    Its snapshots appear one by one over that time.
    """
    return Progression(seconds)
