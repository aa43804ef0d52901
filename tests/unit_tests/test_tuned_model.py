"""What a tuned model's values say."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini import TunedModel, TunedModelState, TuningSnapshot


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ("CREATING", TunedModelState.CREATING),
        ("ACTIVE", TunedModelState.ACTIVE),
        ("FAILED", TunedModelState.FAILED),
        ("STATE_UNSPECIFIED", TunedModelState.UNKNOWN),
        ("JOB_STATE_RUNNING", TunedModelState.CREATING),
        ("JOB_STATE_SUCCEEDED", TunedModelState.ACTIVE),
        ("JOB_STATE_CANCELLED", TunedModelState.CANCELLED),
        ("A_STATE_OF_NEXT_YEAR", TunedModelState.UNKNOWN),
    ],
)
def test_every_word_of_the_platform_has_a_state(raw: str, state: TunedModelState) -> None:
    assert TunedModelState.parse(raw) is state


def test_only_states_that_change_by_themselves_are_waited_for() -> None:
    waited_for = {state for state in TunedModelState if not state.is_terminal}

    assert waited_for == {TunedModelState.CREATING, TunedModelState.UNKNOWN}


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
