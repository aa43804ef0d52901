"""A tuned model as the control plane describes it: immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class TunedModelState(StrEnum):
    """Whether a tuned model can serve, whatever word the platform has for it.

    State is not availability: an ACTIVE model may still be overloaded or out of quota.
    """

    CREATING = "CREATING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def parse(cls, raw: str) -> TunedModelState:
        """Maps the platform's own word; one never seen before is `UNKNOWN`.

        Knows the Developer API's `TunedModel.State`, and Vertex AI's `JobState`, of which
        google-genai's own `has_ended` and everybody's "while PENDING or RUNNING" leave some
        out. A job that is PAUSED, UPDATING or CANCELLING has not ended: it may go on, or even
        succeed.
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/JobState

        Example:
            >>> TunedModelState.parse("JOB_STATE_EXPIRED")
            <TunedModelState.FAILED: 'FAILED'>
        """
        return _STATES.get(raw, cls.UNKNOWN)

    @property
    def is_terminal(self) -> bool:
        """Whether the state will not change by itself."""
        return self in {TunedModelState.ACTIVE, TunedModelState.FAILED, TunedModelState.CANCELLED}


_STATES = {
    "CREATING": TunedModelState.CREATING,
    "ACTIVE": TunedModelState.ACTIVE,
    "FAILED": TunedModelState.FAILED,
    "JOB_STATE_UNSPECIFIED": TunedModelState.UNKNOWN,
    "JOB_STATE_QUEUED": TunedModelState.CREATING,
    "JOB_STATE_PENDING": TunedModelState.CREATING,
    "JOB_STATE_RUNNING": TunedModelState.CREATING,
    "JOB_STATE_UPDATING": TunedModelState.CREATING,
    "JOB_STATE_PAUSED": TunedModelState.CREATING,
    "JOB_STATE_CANCELLING": TunedModelState.CREATING,
    "JOB_STATE_SUCCEEDED": TunedModelState.ACTIVE,
    "JOB_STATE_PARTIALLY_SUCCEEDED": TunedModelState.ACTIVE,
    "JOB_STATE_FAILED": TunedModelState.FAILED,
    "JOB_STATE_EXPIRED": TunedModelState.FAILED,
    "JOB_STATE_CANCELLED": TunedModelState.CANCELLED,
}


_SAYS_NO_MORE = frozenset(
    {"JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED"}
)


@dataclass(frozen=True, slots=True)
class TuningSnapshot:
    """How far the tuning was after one step.

    Attributes:
        step: The step, from 1.
        epoch: The epoch, from 0.
        mean_loss: The mean loss of the step's batch.
    """

    step: int
    epoch: int
    mean_loss: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state of the model that was kept on the way; each has an endpoint of its own.

    Attributes:
        id: Its id, for example `"2"`.
        epoch: After which epoch; None where the service does not tell.
        step: After which step; None where the service does not tell.
        endpoint: The endpoint that answers with it; empty where it has none.
    """

    id: str
    epoch: int | None = None
    step: int | None = None
    endpoint: str = ""


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A tuned model as it was when the control plane described it.

    Attributes:
        name: The full name, for example `tunedModels/sql-expert-v1`, as it was asked for.
        state: Whether it can serve.
        raw_state: The platform's own word for the state.
        detail: What it is doing while it is CREATING, in the platform's own word, for example
            `TUNING_JOB_STATE_WAITING_FOR_QUOTA`; empty where the platform does not tell.
        endpoint: What answers for it: on the Developer API itself, on Vertex AI an endpoint;
            empty as long as nothing does.
        model: Its name in Vertex AI's model registry, with the version: `…/models/M@3`; empty
            where there is none, or it is not told.
        base_model: The model it was tuned from, for example
            `models/gemini-1.5-flash-001-tuning`; empty where the service does not tell.
        display_name: The name for people; empty where there is none or it is not told.
        create_time: When it was created (UTC).
        update_time: When it last changed (UTC).
        snapshots: The tuning's progress, oldest first; empty where the service does not tell.
        total_steps: How many steps the tuning takes; None where it is not known.
        completed_steps: How many steps are done; None where the service does not tell.
        completed_epochs: How many epochs are done; None where the service does not tell.
        checkpoints: States that were kept on the way, oldest first; the last one answers at
            `endpoint`, unless another one was made the default.
        error: Why tuning failed, in the platform's words; None where it gives no reason.
        error_code: The kind of that reason, a `google.rpc.Code`: 8 for quota; None where it gives
            none.
        hyperparameters: What it was tuned with, in the platform's own names.
    """

    name: str
    state: TunedModelState
    raw_state: str
    detail: str = ""
    endpoint: str = ""
    model: str = ""
    base_model: str = ""
    display_name: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None
    snapshots: tuple[TuningSnapshot, ...] = ()
    total_steps: int | None = None
    completed_steps: int | None = None
    completed_epochs: int | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    error: str | None = None
    error_code: int | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state_text(self) -> str:
        """Its state for people: one word for both platforms, then the platform's if that says more.

        Example:
            >>> TunedModel("x", TunedModelState.CREATING, "JOB_STATE_PAUSED").state_text
            'CREATING (JOB_STATE_PAUSED)'
        """
        if self.state is TunedModelState.UNKNOWN:
            return self.raw_state
        if self.raw_state in _SAYS_NO_MORE or self.raw_state == self.state:
            return self.state
        return f"{self.state} ({self.raw_state})"

    @property
    def progress(self) -> float | None:
        """How much of the tuning is done, from 0.0 to 1.0; None where it is not known."""
        if self.state is TunedModelState.ACTIVE:
            return 1.0
        done = self.completed_steps
        if done is None and self.snapshots:
            done = self.snapshots[-1].step
        epochs = self.hyperparameters.get("epochCount")
        if done is None and self.completed_epochs is not None and epochs:
            return min(self.completed_epochs / float(epochs), 1.0)
        return min((done or 0) / self.total_steps, 1.0) if self.total_steps else None

    @property
    def doing(self) -> str:
        """The detail in words, for a sentence; empty where there is none.

        Example:
            >>> TunedModel(
            ...     "projects/p/locations/us-central1/tuningJobs/1",
            ...     TunedModelState.CREATING,
            ...     "JOB_STATE_RUNNING",
            ...     detail="TUNING_JOB_STATE_WAITING_FOR_QUOTA",
            ... ).doing
            'waiting for quota'
        """
        return self.detail.removeprefix("TUNING_JOB_STATE_").replace("_", " ").lower()

    @property
    def loss(self) -> float | None:
        """The newest snapshot's mean loss; None where there is none."""
        return self.snapshots[-1].mean_loss if self.snapshots else None
