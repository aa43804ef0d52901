"""A tuning job of Vertex AI: what is kept of it, and where it stands.

Records are immutable, and changed by replacing them. Names are full resource names, times are
nanoseconds since the epoch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import Status
from langchain_tuned_gemini.emulator.state.progression import SECOND, Progression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.examples import TrigramIndex

BATCH_SIZE = 8
"""Examples in a tuning step. Vertex AI does not say how many it takes: a guess."""

MOST_CHECKPOINTS = 10
"""<https://cloud.google.com/vertex-ai/generative-ai/docs/models/tuning-checkpoints>"""

CANCELLED = Status(1, "The tuning job was cancelled.")
"""The code is Google's (discovery document, `tuningJobs.cancel`), the words are not."""

FAILED = Status(13, "The tuning job failed. Please try again.")
"""Code (INTERNAL) and message of a failed job: no public source shows a real one."""

# The parts of a job's duration. Only their order is Google's.
_PENDING_UNTIL = 0.1
_PROCESSING_UNTIL = 0.2
_TUNING_UNTIL = 0.9


class JobState(StrEnum):
    """`JobState` of Vertex AI, as a TuningJob has it."""

    QUEUED = "JOB_STATE_QUEUED"
    PENDING = "JOB_STATE_PENDING"
    RUNNING = "JOB_STATE_RUNNING"
    SUCCEEDED = "JOB_STATE_SUCCEEDED"
    FAILED = "JOB_STATE_FAILED"
    CANCELLING = "JOB_STATE_CANCELLING"
    CANCELLED = "JOB_STATE_CANCELLED"
    PAUSED = "JOB_STATE_PAUSED"
    EXPIRED = "JOB_STATE_EXPIRED"
    UPDATING = "JOB_STATE_UPDATING"
    PARTIALLY_SUCCEEDED = "JOB_STATE_PARTIALLY_SUCCEEDED"


class TuningState(StrEnum):
    """`tuningJobState`: what a running job is at."""

    WAITING_FOR_QUOTA = "TUNING_JOB_STATE_WAITING_FOR_QUOTA"
    PROCESSING_DATASET = "TUNING_JOB_STATE_PROCESSING_DATASET"
    WAITING_FOR_CAPACITY = "TUNING_JOB_STATE_WAITING_FOR_CAPACITY"
    TUNING = "TUNING_JOB_STATE_TUNING"
    POST_PROCESSING = "TUNING_JOB_STATE_POST_PROCESSING"


DELIVERS = frozenset({JobState.SUCCEEDED, JobState.PARTIALLY_SUCCEEDED})
"""The states in which a job has a tuned model."""

ENDS = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})
"""The states with an `endTime`, as the reference lists them."""

OVER = ENDS | DELIVERS
"""The states that a job does not leave by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a job stands.

    Attributes:
        state: The state.
        time: Since when.
        started: When the job began to run, if it did.
        completed_steps: How many tuning steps are done.
        tuning: What it is at, while it is RUNNING.
        error: Why it FAILED or was CANCELLED.
        cancels: Whether it is CANCELLING because somebody asked for it, and will end.
    """

    state: JobState
    time: int
    started: int | None = None
    completed_steps: int = 0
    tuning: TuningState | None = None
    error: Status | None = None
    cancels: bool = False

    def cancelled(self, time: int) -> Standing:
        """The end of a cancellation."""
        state = JobState.CANCELLED
        return replace(self, state=state, time=time, error=CANCELLED, cancels=False)


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """The state of a model after a step."""

    id: str
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class TuningJobRecord:
    """A tuning job, with all that its resource and its tuned model are made from."""

    name: str
    base_model: str
    """`gemini-2.5-flash`, without a prefix."""
    create_time: int
    progression: Progression
    examples: TrigramIndex
    training_uri: str
    endpoint_ids: tuple[str, ...]
    """One for each checkpoint, in their order."""
    model_id: str
    validation_uri: str = ""
    display_name: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    asked: JsonObject = field(default_factory=dict)
    """The hyperparameters of the request, which is all that a PENDING job shows."""
    epochs: int = 1
    learning_rate_multiplier: float = 1
    adapter_size: str = "ADAPTER_SIZE_FOUR"
    last_checkpoint_only: bool = False
    source: JsonObject | None = None
    """`preTunedModel`: the tuned model that it goes on from (continuous tuning)."""
    fails: Status | None = None
    steps_by_hand: int = 0
    standing: Standing | None = None
    """Where something else than the clock has put it."""
    version: int | None = None
    """That of the tuned model, once the job has delivered it."""

    @property
    def parent(self) -> str:
        """`projects/P/locations/L`."""
        return self.name.rpartition("/tuningJobs/")[0]

    @property
    def model(self) -> str:
        """The model that it makes a version of."""
        return f"{self.parent}/models/{self.model_id}"

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints that its checkpoints have, or will have."""
        return tuple(f"{self.parent}/endpoints/{endpoint_id}" for endpoint_id in self.endpoint_ids)

    @property
    def total_steps(self) -> int:
        """Steps of the whole tuning."""
        return math.ceil(len(self.examples) / BATCH_SIZE) * self.epochs

    @property
    def checkpoints(self) -> tuple[CheckpointRecord, ...]:
        """One after each epoch, or ten spread evenly, the last of all after the last epoch."""
        count = len(self.endpoint_ids)
        epochs = [math.ceil(number * self.epochs / count) for number in range(1, count + 1)]
        return tuple(
            CheckpointRecord(str(number), epoch, epoch * self.total_steps // self.epochs)
            for number, epoch in enumerate(epochs, start=1)
        )

    def put_into(
        self,
        before: Standing,
        state: JobState,
        time: int,
        *,
        tuning: TuningState | None = None,
        error: Status | None = None,
    ) -> Standing:
        """Where it stands after somebody has put it into a state, after what it has done before."""
        started, steps = before.started, before.completed_steps
        match state:
            case JobState.QUEUED | JobState.PENDING:
                return Standing(state, time, None, 0, tuning, error)
            case JobState.CANCELLING | JobState.CANCELLED | JobState.EXPIRED:
                return Standing(state, time, started, steps, tuning, error)
            case JobState.SUCCEEDED | JobState.PARTIALLY_SUCCEEDED:
                steps = self.total_steps
            case _:
                steps = min(steps, max(self.total_steps - 1, 0))
        return Standing(state, time, time if started is None else started, steps, tuning, error)


def checkpoint_count(epochs: int, *, last_only: bool) -> int:
    """The number of checkpoints of a job of so many epochs."""
    return 1 if last_only else min(epochs, MOST_CHECKPOINTS)


def standing_of(job: TuningJobRecord, now: int, cancellation: int) -> Standing:
    """Where a job stands now, if a cancellation takes so many nanoseconds."""
    standing = job.standing
    if standing is not None:
        end = standing.time + cancellation
        return standing.cancelled(end) if standing.cancels and now >= end else standing
    clocked = _clocked(job, now)
    if clocked.state in ENDS or job.steps_by_hand <= clocked.completed_steps:
        return clocked
    # Steps that were made by hand, if those are more.
    started = clocked.started or job.create_time
    return Standing(JobState.RUNNING, started, started, job.steps_by_hand, TuningState.TUNING)


def _clocked(job: TuningJobRecord, now: int) -> Standing:
    """Where the clock has brought a job."""
    duration = job.progression.duration or 0
    share = job.progression.share(now - job.create_time)
    start = job.create_time + int(_PENDING_UNTIL * duration * SECOND)
    end = job.create_time + int(duration * SECOND)
    if share >= 1 and job.fails is not None:
        return Standing(JobState.FAILED, end, start, error=job.fails)
    if share >= 1:
        return Standing(JobState.SUCCEEDED, end, start, job.total_steps)
    if share < _PENDING_UNTIL:
        return Standing(JobState.PENDING, job.create_time)
    done = (share - _PROCESSING_UNTIL) / (_TUNING_UNTIL - _PROCESSING_UNTIL)
    steps = int(max(0.0, min(1.0, done)) * job.total_steps)
    if share < _PROCESSING_UNTIL:
        tuning = TuningState.PROCESSING_DATASET
    else:
        tuning = TuningState.TUNING if share < _TUNING_UNTIL else TuningState.POST_PROCESSING
    return Standing(JobState.RUNNING, start, start, steps, tuning)
