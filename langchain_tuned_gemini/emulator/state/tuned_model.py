"""A tuned model of the Developer API: what is kept of it, and where its tuning stands.

Records are immutable, and changed by replacing them. Times are nanoseconds since the epoch, as
integers: the API prints up to nine digits of a second, and a float holds only seven of them in
this century.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import Status
from langchain_tuned_gemini.emulator.state.progression import SECOND, Progression

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.model.examples import TrigramIndex

TUNING_FAILED = Status(13, "Tuning the model failed. Please try again.")
"""Code (INTERNAL) and message of a failed operation: no public source shows a real one."""

ME = "me@example.com"
"""Who every accepted credential belongs to: an API key's project has one identity."""


class State(StrEnum):
    """`TunedModel.State` of the Gemini Developer API."""

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The settings of a tuning; exactly one of the two learning rates is set."""

    epoch_count: int
    batch_size: int
    learning_rate: float | None = None
    learning_rate_multiplier: float | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """A grantee and its role with a tuned model."""

    id: str
    grantee_type: str
    role: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a tuning; the error is that of its operation, if FAILED."""

    state: State
    time: int
    error: Status | None = None


@dataclass(frozen=True, slots=True)
class TunedModelRecord:
    """A tuned model with all that its answers and its resource are made from."""

    name: str
    base_model: str
    create_time: int
    examples: TrigramIndex
    hyperparameters: Hyperparameters
    progression: Progression
    operation_id: str
    permissions: tuple[Permission, ...]
    display_name: str = ""
    description: str = ""
    tuned_model_source: str | None = None
    temperature: float = 1
    top_p: float = 0.95
    top_k: int = 64
    reader_project_numbers: tuple[str, ...] = ()
    fails: bool = False
    steps_by_hand: tuple[int, ...] = ()
    """When each step that `Emulator.advance` made was computed."""
    ended: Ending | None = None
    """The end that something else than the clock decided."""
    patch_time: int | None = None

    @property
    def total_steps(self) -> int:
        """Steps of the whole tuning: `ceil(examples * epochs / batch size)`.

        The rule fits every create answer that was published, for example 15 examples,
        5 epochs and batches of 2: 38 steps
        (<https://ai.google.dev/gemini-api/docs/model-tuning>, REST tutorial).
        """
        parameters = self.hyperparameters
        seen = len(self.examples) * parameters.epoch_count
        return math.ceil(seen / parameters.batch_size)

    def role_of(self, email: str) -> str | None:
        """The role that this address was given by name, if any."""
        return next((p.role for p in self.permissions if p.email == email), None)

    @property
    def shared_with_everyone(self) -> bool:
        """Whether anybody may use this model."""
        return any(p.grantee_type == "EVERYONE" for p in self.permissions)

    def natural_ending(self, time: int) -> Ending:
        """The end of this model's tuning if nobody interferes."""
        if self.fails:
            return Ending(State.FAILED, time, TUNING_FAILED)
        return Ending(State.ACTIVE, time)


@dataclass(frozen=True, slots=True)
class Training:
    """Where the tuning of one model stands at one moment."""

    record: TunedModelRecord
    completed_steps: int
    ended: Ending | None

    @property
    def state(self) -> State:
        """The state that the model has."""
        return State.CREATING if self.ended is None else self.ended.state

    @property
    def update_time(self) -> int:
        """When the resource last changed: created, ended, or patched."""
        ended = None if self.ended is None else self.ended.time
        times = (self.record.create_time, ended, self.record.patch_time)
        return max(time for time in times if time is not None)

    def epoch(self, step: int) -> int:
        """The epoch of a step: a crawl over the examples."""
        record, parameters = self.record, self.record.hyperparameters
        # The last batch may reach past the end.
        crawls = step * parameters.batch_size // len(record.examples)
        return min(crawls, parameters.epoch_count)

    def compute_time(self, step: int) -> int:
        """When a step was made, which is done."""
        record = self.record
        if step <= len(record.steps_by_hand):
            return record.steps_by_hand[step - 1]
        end = self.ended.time if self.ended is not None else None
        if record.progression.duration is None:
            return end if end is not None else record.create_time
        pace = record.progression.duration * SECOND / record.total_steps
        computed = record.create_time + int(step * pace)
        return computed if end is None else min(computed, end)

    def mean_loss(self, step: int) -> float:
        """A loss that falls and wobbles as real ones do; the same on every look.

        Real runs fall from about 11.5 to below 1, printed with eight significant digits.
        """
        wobble = zlib.crc32(f"{self.record.name}/{step}".encode()) / 0xFFFFFFFF - 0.5
        loss = 0.4 + 11.1 * math.exp(-4 * step / self.record.total_steps) * (1 + 0.3 * wobble)
        return float(f"{loss:.8g}")


def training_of(record: TunedModelRecord, now: int) -> Training:
    """Where this model's tuning stands at this time."""
    share, total, ended = (
        record.progression.share(now - record.create_time),
        record.total_steps,
        record.ended,
    )
    if ended is None and share >= 1:
        duration = record.progression.duration or 0
        ended = record.natural_ending(record.create_time + int(duration * SECOND))
    if ended is not None and ended.state is State.ACTIVE:
        return Training(record, total, ended)
    steps = max(len(record.steps_by_hand), int(share * total))
    return Training(record, max(0, min(steps, total - 1)), ended)
