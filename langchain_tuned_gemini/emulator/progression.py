"""How a tuned model gets from CREATING to its end: at once, by hand, or over time.

Nothing runs in the background. What a model looks like is computed when somebody looks,
from the record and the clock alone, so that a test sets the clock and never waits.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer.tuned_model import Ending, State

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import TunedModelRecord

SECOND = 1_000_000_000

TUNING_FAILED = (13, "Tuning the model failed. Please try again.")
"""Code (INTERNAL) and message of a failed operation: no public source shows a real one."""


@dataclass(frozen=True, slots=True)
class Progression:
    """How long tuning takes, in seconds; `None` means until somebody says so."""

    duration: float | None

    def __post_init__(self) -> None:
        """Refuses a time that can't be."""
        if self.duration is not None and not 0 <= self.duration < math.inf:
            msg = f"a progression takes 0 or more seconds, not {self.duration}"
            raise ValueError(msg)

    def share(self, elapsed: int) -> float:
        """How much of the tuning is done after so many nanoseconds, 0 to 1."""
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


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The measures of one tuning step."""

    step: int
    epoch: int
    mean_loss: float
    compute_time: int


@dataclass(frozen=True, slots=True)
class Training:
    """Where the tuning of one model stands at one moment."""

    record: TunedModelRecord
    state: State
    completed_steps: int
    ended: Ending | None

    @property
    def update_time(self) -> int:
        """When the resource last changed: created, ended, or patched."""
        times = [self.record.create_time]
        if self.ended is not None:
            times.append(self.ended.time)
        if self.record.patch_time is not None:
            times.append(self.record.patch_time)
        return max(times)

    @property
    def completed_percent(self) -> float:
        """Progress from 0 to 100."""
        total = self.record.total_steps
        return 100 * self.completed_steps / total if total else 100.0

    def snapshots(self) -> list[Snapshot]:
        """One for each step that is done."""
        return [self._snapshot(step) for step in range(1, self.completed_steps + 1)]

    def _snapshot(self, step: int) -> Snapshot:
        record, parameters = self.record, self.record.hyperparameters
        # A crawl over the examples is an epoch; the last batch may reach past the end.
        epoch = step * parameters.batch_size // len(record.examples)
        return Snapshot(
            step=step,
            epoch=min(epoch, parameters.epoch_count),
            mean_loss=_mean_loss(record.name, step, record.total_steps),
            compute_time=self._compute_time(step),
        )

    def _compute_time(self, step: int) -> int:
        record = self.record
        if step <= len(record.steps_by_hand):
            return record.steps_by_hand[step - 1]
        end = self.ended.time if self.ended is not None else None
        if record.progression.duration is None:
            return end if end is not None else record.create_time
        pace = record.progression.duration * SECOND / record.total_steps
        computed = record.create_time + int(step * pace)
        return computed if end is None else min(computed, end)


def training_of(record: TunedModelRecord, now: int) -> Training:
    """Where this model's tuning stands at this time (nanoseconds since the epoch)."""
    share = record.progression.share(now - record.create_time)
    ended = record.ended
    if ended is None and share >= 1:
        duration = record.progression.duration or 0
        ended = natural_ending(record, record.create_time + int(duration * SECOND))
    state = ended.state if ended is not None else State.CREATING
    return Training(record, state, _completed_steps(record, state, share), ended)


def natural_ending(record: TunedModelRecord, time: int) -> Ending:
    """How the tuning of this model ends if nobody interferes."""
    if record.fails:
        return Ending(State.FAILED, time, TUNING_FAILED)
    return Ending(State.ACTIVE, time)


def _completed_steps(record: TunedModelRecord, state: State, share: float) -> int:
    total = record.total_steps
    if state is State.ACTIVE:
        return total
    steps = max(len(record.steps_by_hand), int(share * total))
    return max(0, min(steps, total - 1))


def _mean_loss(name: str, step: int, total: int) -> float:
    """A loss that falls and wobbles as real ones do; the same on every look.

    Real runs fall from about 11.5 to below 1, printed with eight significant digits.
    """
    wobble = zlib.crc32(f"{name}/{step}".encode()) / 0xFFFFFFFF - 0.5
    loss = 0.4 + 11.1 * math.exp(-4 * step / total) * (1 + 0.3 * wobble)
    return float(f"{loss:.8g}")
