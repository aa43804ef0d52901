"""What a tuned model's values say."""

from __future__ import annotations

from typing import Any

import pytest
from google.genai.types import JobState

from langchain_tuned_gemini import TunedModel, TunedModelState, TuningSnapshot

CREATING, ACTIVE, FAILED, CANCELLED, UNKNOWN = TunedModelState

DEVELOPER_STATES = {
    "CREATING": CREATING,
    "ACTIVE": ACTIVE,
    "FAILED": FAILED,
    "STATE_UNSPECIFIED": UNKNOWN,
}
VERTEX_STATES = {
    "JOB_STATE_UNSPECIFIED": UNKNOWN,
    "JOB_STATE_QUEUED": CREATING,
    "JOB_STATE_PENDING": CREATING,
    "JOB_STATE_RUNNING": CREATING,
    "JOB_STATE_SUCCEEDED": ACTIVE,
    "JOB_STATE_FAILED": FAILED,
    "JOB_STATE_CANCELLING": CREATING,
    "JOB_STATE_CANCELLED": CANCELLED,
    "JOB_STATE_PAUSED": CREATING,
    "JOB_STATE_EXPIRED": FAILED,
    "JOB_STATE_UPDATING": CREATING,
    "JOB_STATE_PARTIALLY_SUCCEEDED": ACTIVE,
}


@pytest.mark.parametrize(
    ("raw", "state"),
    [*DEVELOPER_STATES.items(), *VERTEX_STATES.items(), ("A_STATE_OF_NEXT_YEAR", UNKNOWN)],
)
def test_every_word_of_the_platform_has_a_state(raw: str, state: TunedModelState) -> None:
    assert TunedModelState.parse(raw) is state


def test_every_job_state_that_google_knows_is_mapped() -> None:
    assert {state.value for state in JobState} == set(VERTEX_STATES)


def test_only_states_that_change_by_themselves_are_waited_for() -> None:
    waited_for = {state for state in TunedModelState if not state.is_terminal}

    assert waited_for == {CREATING, UNKNOWN}


def test_progress_and_loss_come_from_the_newest_snapshot() -> None:
    snapshots = (TuningSnapshot(1, 0, 3.5), TuningSnapshot(2, 0, 1.25))
    model = TunedModel(
        "tunedModels/x",
        TunedModelState.CREATING,
        "CREATING",
        snapshots=snapshots,
        total_steps=8,
    )

    assert (model.progress, model.loss) == (0.25, 1.25)


def test_progress_is_unknown_where_the_service_does_not_tell() -> None:
    model = TunedModel("tunedModels/x", TunedModelState.CREATING, "CREATING")

    assert (model.progress, model.loss) == (None, None)


def job(**told: Any) -> TunedModel:
    name = "projects/acme/locations/us-central1/tuningJobs/1"
    return TunedModel(name, told.pop("state", CREATING), "JOB_STATE_RUNNING", **told)


@pytest.mark.parametrize(
    ("model", "progress"),
    [
        (job(completed_steps=30, total_steps=120), 0.25),
        (job(completed_steps=130, total_steps=120), 1.0),
        (job(completed_steps=0, completed_epochs=2, total_steps=120), 0.0),
        (job(completed_epochs=1, hyperparameters={"epochCount": 4}), 0.25),
        (job(completed_epochs=1, hyperparameters={"epochCount": 4}, total_steps=120), 0.25),
        (job(completed_epochs=5, hyperparameters={"epochCount": 4}), 1.0),
        (job(completed_epochs=1), None),
        (job(total_steps=120), 0.0),
        (job(state=ACTIVE), 1.0),
    ],
)
def test_a_tuning_job_counts_steps_or_epochs(model: TunedModel, progress: float | None) -> None:
    assert model.progress == progress


def test_what_a_tuning_job_is_at_is_told_in_words() -> None:
    assert job(detail="TUNING_JOB_STATE_PROCESSING_DATASET").doing == "processing dataset"
    assert job().doing == ""


def test_a_state_is_told_in_one_word_and_in_the_platforms_own_where_that_says_more():
    def told(raw: str) -> str:
        return TunedModel("x", TunedModelState.parse(raw), raw).state_text

    assert [told(raw) for raw in ("CREATING", "JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED")] == [
        "CREATING",
        "CREATING",
        "ACTIVE",
    ]
    assert told("JOB_STATE_CANCELLING") == "CREATING (JOB_STATE_CANCELLING)"
    assert told("JOB_STATE_EXPIRED") == "FAILED (JOB_STATE_EXPIRED)"
    assert told("JOB_STATE_OF_TOMORROW") == "JOB_STATE_OF_TOMORROW"
