"""What Vertex AI's side of the emulator remembers: immutable records, replaced to change.

Names are full resource names. Times are nanoseconds since the epoch, as in the records of
the Developer API.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
    from langchain_tuned_gemini.emulator.progression import Progression

BATCH_SIZE = 8
"""Examples in a tuning step. Vertex AI does not say how many it takes: a guess."""

MOST_CHECKPOINTS = 10
"""<https://cloud.google.com/vertex-ai/generative-ai/docs/models/tuning-checkpoints>"""


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


class Error(NamedTuple):
    """Code and message of a `google.rpc.Status`."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A state that a job was put into, by hand or by a cancellation.

    Attributes:
        state: The state.
        time: Since when.
        started: When the job had begun to run, if it had.
        completed_steps: How many steps it had made.
        tuning: What it is at, if it is RUNNING.
        error: Why it FAILED or was CANCELLED.
        cancels: Whether it is CANCELLING because somebody asked for it, and will end.
    """

    state: JobState
    time: int
    started: int | None
    completed_steps: int
    tuning: TuningState | None = None
    error: Error | None = None
    cancels: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The tuned model that a job goes on from (continuous tuning)."""

    tuned_model_name: str
    """As the request had it."""
    model: str
    base_model: str
    display_name: str
    checkpoint_id: str
    examples: ExampleIndex


@dataclass(frozen=True, slots=True)
class TuningJobRecord:
    """A tuning job, with all that its resource and its tuned model are made from."""

    name: str
    base_model: str
    """`gemini-2.5-flash`, without a prefix."""
    create_time: int
    progression: Progression
    examples: ExampleIndex
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
    source: Source | None = None
    fails: Error | None = None
    steps_by_hand: int = 0
    standing: Standing | None = None
    version: int | None = None
    """That of the tuned model, once the job has delivered it."""

    @property
    def total_steps(self) -> int:
        """Steps of the whole tuning."""
        return math.ceil(len(self.examples) / BATCH_SIZE) * self.epochs

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """One after each epoch, or ten spread evenly, the last of all after the last epoch."""
        count = len(self.endpoint_ids)
        epochs = [math.ceil(number * self.epochs / count) for number in range(1, count + 1)]
        return tuple(
            Checkpoint(str(number), epoch, epoch * self.total_steps // self.epochs)
            for number, epoch in enumerate(epochs, start=1)
        )


def checkpoint_count(epochs: int, *, last_only: bool) -> int:
    """How many checkpoints a job of so many epochs has."""
    return 1 if last_only else min(epochs, MOST_CHECKPOINTS)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was learnt up to a step."""

    id: str
    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model in the registry."""

    name: str
    version: int
    job: str
    base_model: str
    examples: ExampleIndex
    create_time: int
    display_name: str = ""
    description: str = ""
    version_description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    default_checkpoint_id: str = ""
    update_time: int = 0

    @property
    def full_name(self) -> str:
        """With its version, `projects/…/models/15@1`."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version of a model that is deployed to an endpoint."""

    id: str
    model: str
    version: int
    checkpoint_id: str
    display_name: str
    create_time: int


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """An endpoint and what is deployed to it."""

    name: str
    display_name: str
    create_time: int
    update_time: int
    labels: Mapping[str, str]
    deployed: tuple[Deployment, ...]


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """A long-running operation that undeploys or deletes something."""

    name: str
    kind: str
    """The type of its metadata: `DeleteOperationMetadata`, `UndeployModelOperationMetadata`."""
    create_time: int
    due: int
    """When it takes effect and is done."""
    target: str
    """The endpoint, model or version that it takes away, or undeploys from."""
    deployment: str = ""
    done: bool = False
