"""From CREATING to the end: at once, by hand, over time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, Progression, after, immediate, manual

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = [{"textInput": str(i), "output": str(i + 1)} for i in range(15)]
REQUEST = {
    "baseModel": "models/gemini-1.5-flash-001-tuning",
    "tuningTask": {
        "hyperparameters": {"batchSize": 2},
        "trainingData": {"examples": {"examples": ROWS}},
    },
}
NAME = "tunedModels/slow"


class Service:
    """An emulator with one model that was just created, and its views."""

    def __init__(self, gemini: Emulator, api: httpx.Client) -> None:
        self.gemini = gemini
        self.api = api
        path = "/v1beta/tunedModels?tunedModelId=slow"
        self.operation_name = api.post(path, json=REQUEST).json()["name"]

    def model(self) -> dict[str, Any]:
        return dict(self.api.get(f"/v1beta/{NAME}").json())

    def operation(self, version: str = "v1beta") -> dict[str, Any]:
        return dict(self.api.get(f"/{version}/{self.operation_name}").json())

    def answer(self) -> httpx.Response:
        body = {"contents": [{"parts": [{"text": "7"}]}]}
        return self.api.post(f"/v1beta/{NAME}:generateContent", json=body)


@contextmanager
def service(clock: Any, progression: Progression, **options: Any) -> Iterator[Service]:
    with (
        Emulator(clock=clock, progression=progression, **options) as gemini,
        httpx.Client(
            base_url=gemini.base_url, headers={"x-goog-api-key": "k"}, verify=False
        ) as api,
    ):
        yield Service(gemini, api)


def test_at_once_the_operation_is_done_at_its_first_look(clock: Any) -> None:
    with service(clock, immediate()) as s:
        operation = s.operation()

    assert operation["done"] is True
    assert operation["response"]["state"] == "ACTIVE"
    assert operation["response"]["@type"].endswith(".TunedModel")
    assert operation["metadata"]["completedPercent"] == 100


def test_over_time_snapshots_appear_one_by_one(clock: Any) -> None:
    with service(clock, after(38)) as s:
        counts = []
        for _ in range(40):
            counts.append(len(s.model()["tuningTask"].get("snapshots", [])))
            clock.now += 1

    assert counts[:4] == [0, 1, 2, 3]
    assert counts[37:] == [37, 38, 38]


def test_while_creating_nothing_is_complete(clock: Any) -> None:
    with service(clock, after(38)) as s:
        clock.now += 10
        model, operation = s.model(), s.operation()

    assert model["state"] == "CREATING"
    assert model["updateTime"] == model["createTime"]
    assert "completeTime" not in model["tuningTask"]
    assert "done" not in operation
    assert operation["metadata"]["completedSteps"] == 10
    assert operation["metadata"]["completedPercent"] == pytest.approx(26.3158)


def test_when_active_the_update_time_is_the_complete_time(clock: Any) -> None:
    with service(clock, after(38)) as s:
        clock.now += 3600
        model = s.model()

    assert model["state"] == "ACTIVE"
    assert model["updateTime"] == model["tuningTask"]["completeTime"]
    assert model["createTime"] == "2023-11-14T22:13:20.250000Z"
    assert model["updateTime"] == "2023-11-14T22:13:58.250000Z"


def test_a_snapshot_tells_step_epoch_loss_and_time(clock: Any) -> None:
    with service(clock, after(38)) as s:
        clock.now += 38
        snapshots = s.model()["tuningTask"]["snapshots"]

    assert [s["step"] for s in snapshots] == list(range(1, 39))
    assert "epoch" not in snapshots[6]
    assert snapshots[7]["epoch"] == 1
    assert snapshots[-1]["epoch"] == 5
    assert snapshots[0]["meanLoss"] > 5
    assert 0 < snapshots[-1]["meanLoss"] < 1
    assert snapshots[0]["computeTime"] == "2023-11-14T22:13:21.250000000Z"


def test_by_hand_a_model_advances_step_by_step_and_then_to_the_end(clock: Any) -> None:
    with service(clock, manual()) as s:
        clock.now += 3600
        s.gemini.advance(NAME, steps=3)
        after_three = s.operation()["metadata"]["completedSteps"]
        creating = s.model()["state"]
        s.gemini.advance(NAME)
        active = s.model()

    assert (creating, after_three) == ("CREATING", 3)
    assert active["state"] == "ACTIVE"
    assert len(active["tuningTask"]["snapshots"]) == 38
    with pytest.raises(ValueError, match="is ACTIVE"):
        s.gemini.advance(NAME)


def test_by_hand_the_last_step_makes_it_active(clock: Any) -> None:
    with service(clock, manual()) as s:
        s.gemini.advance(NAME, steps=37)
        before = s.model()["state"]
        s.gemini.advance(NAME, steps=1)

        assert (before, s.model()["state"]) == ("CREATING", "ACTIVE")


def test_advancing_goes_on_from_where_time_had_come(clock: Any) -> None:
    with service(clock, after(38)) as s:
        clock.now += 10
        s.gemini.advance(NAME, steps=5)

        assert s.operation()["metadata"]["completedSteps"] == 15


@pytest.mark.parametrize("fails", [["slow"], ["tunedModels/slow"]])
def test_a_creation_that_is_told_to_fails_in_the_end(clock: Any, fails: list[str]) -> None:
    with service(clock, after(38), fails=fails) as s:
        clock.now += 20
        before = s.model()["state"]
        clock.now += 20
        model, operation = s.model(), s.operation()

    assert (before, model["state"]) == ("CREATING", "FAILED")
    assert "completeTime" not in model["tuningTask"]
    assert "error" not in model
    assert operation["done"] is True
    assert operation["error"]["code"] == 13
    assert "response" not in operation


def test_an_operation_is_read_in_v1_too_and_listed(clock: Any) -> None:
    with service(clock, manual()) as s:
        listed = s.api.get(f"/v1/{NAME}/operations").json()

        assert s.operation("v1") == s.operation("v1beta")
        assert listed == {"operations": [s.operation()]}
        assert s.api.get(f"/v1/{NAME}/operations/other").status_code == 404


def test_a_cancelled_creation_fails_with_code_1_and_only_v1_can_cancel(clock: Any) -> None:
    with service(clock, manual()) as s:
        in_beta = s.api.post(f"/v1beta/{s.operation_name}:cancel")
        in_v1 = s.api.post(f"/v1/{s.operation_name}:cancel")

        assert (in_beta.status_code, in_v1.status_code, in_v1.json()) == (404, 200, {})
        assert s.operation()["error"]["code"] == 1
        assert s.model()["state"] == "FAILED"


def test_cancelling_what_is_done_changes_nothing(clock: Any) -> None:
    with service(clock, immediate()) as s:
        s.api.post(f"/v1/{s.operation_name}:cancel")

        assert s.model()["state"] == "ACTIVE"


def test_the_operation_of_a_deleted_model_is_gone(clock: Any) -> None:
    with service(clock, manual()) as s:
        s.api.delete(f"/v1beta/{NAME}")

        assert s.api.get(f"/v1beta/{s.operation_name}").status_code == 404


@pytest.mark.parametrize("state", ["CREATING", "FAILED"])
@pytest.mark.parametrize(
    ("status", "word"), [(400, "FAILED_PRECONDITION"), (404, "NOT_FOUND"), (500, "INTERNAL")]
)
def test_a_model_that_is_not_active_answers_as_configured(
    clock: Any, state: str, status: int, word: str
) -> None:
    name = "answer_while_creating" if state == "CREATING" else "answer_while_failed"
    with service(clock, immediate(), **{name: status}) as s:
        active = s.answer()
        s.gemini.set_state(NAME, state)
        other = s.answer()
        s.gemini.set_state(NAME, "ACTIVE")
        again = s.answer()

    assert (active.status_code, again.status_code) == (200, 200)
    assert other.status_code == status
    assert other.json()["error"]["status"] == word


@pytest.mark.parametrize(("status", "text"), [(404, "does not exist"), (403, "permission")])
def test_a_model_that_is_missing_answers_as_configured(clock: Any, status: int, text: str) -> None:
    with service(clock, immediate(), answer_when_missing=status) as s:
        s.gemini.delete_tuned_model(NAME)
        response = s.answer()

    assert response.status_code == status
    assert text in response.json()["error"]["message"]


def test_a_model_set_to_creating_starts_from_nothing(clock: Any) -> None:
    with service(clock, immediate()) as s:
        s.gemini.set_state(NAME, "CREATING")
        model = s.model()

    assert model["state"] == "CREATING"
    assert "snapshots" not in model["tuningTask"]


def test_a_progression_takes_no_negative_time() -> None:
    with pytest.raises(ValueError, match="0 or more seconds"):
        after(-1)
