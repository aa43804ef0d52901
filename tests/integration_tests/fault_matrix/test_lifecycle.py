"""Rows 50 to 52: a tuned model that is not there yet, ends, goes, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.circuit_breaker import CircuitState
from langchain_tuned_gemini.emulator import Emulator
from tests.integration_tests.fault_matrix.clock import Clock, breaker_with
from tests.integration_tests.fault_matrix.contract import Circuit, answered, degraded
from tests.integration_tests.fault_matrix.experiment import Observation, check, observe
from tests.integration_tests.fault_matrix.stacks import OURS, Lab
from tests.integration_tests.fault_matrix.task import (
    BASE_TEXT,
    QUESTION,
    TRAINING_SET,
    TUNED,
    TUNED_TEXT,
)
from tests.integration_tests.fault_matrix.ways import Ask, answer, every_way

DEVIATIONS = {
    50: "A state that is no longer fresh is asked for again without jitter: the gate belongs to "
    "one process and has one request in the air, whoever calls.",
    51: "The cooldown after a 404 is that of any failure, 30 s at first, not the cap of 300 s: the "
    "gate stands before every probe and asks for the state once a minute, so that a model that is "
    "gone costs no call, and one that comes back is used within a minute.",
    52: "States are not told apart by createTime: after an answer that speaks of the model the "
    "state is asked for anew, and wait_until_active() closes the circuit at once.",
}
"""Where the product does not do what the row says, and why."""


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    """One for each test, since the tests change what is there."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=TRAINING_SET)
        yield gemini


def states_asked(gemini: Emulator) -> int:
    return sum(request.method == "GET" for request in gemini.requests)


def calls(gemini: Emulator) -> list[Any]:
    """The calls of the tuned model."""
    return [r for r in gemini.requests if r.model == TUNED and "enerateContent" in r.path]


def attempts(seen: Observation) -> list[tuple[str, str | None]]:
    return [(a["outcome"], a["reason"]) for a in seen.provenance["attempts"]]


@every_way
@pytest.mark.parametrize(("state", "reason"), [("CREATING", "not_ready"), ("FAILED", "gone")])
def test_row_50_a_model_that_can_not_serve_is_not_called(
    ask: Ask, state: str, reason: str, gemini: Emulator, lab: Lab
) -> None:
    gemini.set_state(TUNED, state)
    model = lab.robust(OURS, gemini.base_url)

    for _ in range(3):
        seen = observe(model, ask, gemini, key=lab.key)

        check(seen, degraded(reason, asked=0))
        assert attempts(seen) == [("skipped", reason), ("ok", None)]
    assert states_asked(gemini) == 1


@every_way
def test_row_50_a_model_that_fails_in_traffic_is_no_longer_called(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)
    check(observe(model, ask, gemini, key=lab.key), answered())

    gemini.set_state(TUNED, "FAILED")

    # That the service calls this a failed precondition is the emulator's guess.
    seen = observe(model, ask, gemini, key=lab.key)
    check(seen, degraded("not_ready", 400, circuit=Circuit.COUNTED))
    assert model.circuit is not None
    model.circuit.reset()
    check(observe(model, ask, gemini, key=lab.key), degraded("gone", asked=0))


@every_way
def test_row_50_a_model_that_becomes_active_is_used_without_a_new_start(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    gemini.set_state(TUNED, "CREATING")
    model = lab.robust(OURS, gemini.base_url)
    check(observe(model, ask, gemini, key=lab.key), degraded("not_ready", asked=0))

    gemini.set_state(TUNED, "ACTIVE")
    tuned_of(model).wait_until_active(timeout=5)

    check(observe(model, ask, gemini, key=lab.key), answered())


def tuned_of(model: FallbackChatModel) -> ChatTunedGemini:
    tuned = model.models[0]
    assert isinstance(tuned, ChatTunedGemini)
    return tuned


def test_row_51_an_answer_in_flight_is_delivered_though_the_model_is_deleted(
    gemini: Emulator, lab: Lab
) -> None:
    chunks = lab.robust(OURS, gemini.base_url).stream(QUESTION)
    first = next(chunks)

    gemini.delete_tuned_model(TUNED)

    assert first.text + "".join(chunk.text for chunk in chunks) == TUNED_TEXT


@every_way
def test_row_51_a_model_that_was_deleted_costs_one_call_and_no_storm_of_probes(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    clock = Clock()
    model = lab.robust(OURS, gemini.base_url, circuit_breaker=breaker_with(clock))
    answer(ask, model)
    gemini.delete_tuned_model(TUNED)
    before, asked = len(calls(gemini)), states_asked(gemini)

    gone = observe(model, ask, gemini, key=lab.key)
    for _ in range(5):  # while the circuit is open
        answer(ask, model)
    clock.now += 400
    for _ in range(5):  # and when its cooldown is over
        again = observe(model, ask, gemini, key=lab.key)

    check(gone, degraded("gone", 404, circuit=Circuit.OPEN))
    assert again.text == BASE_TEXT
    assert attempts(again) == [("skipped", "gone"), ("ok", None)]
    assert len(calls(gemini)) - before == 1
    assert states_asked(gemini) - asked == 1


@every_way
def test_row_52_a_model_that_was_created_anew_is_found_by_the_next_probe(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    clock = Clock()
    model = lab.robust(OURS, gemini.base_url, circuit_breaker=breaker_with(clock))
    answer(ask, model)
    gemini.delete_tuned_model(TUNED)
    gone = observe(model, ask, gemini, key=lab.key)

    gemini.add_tuned_model(TUNED, examples=TRAINING_SET)
    clock.now += 400

    check(gone, degraded("gone", 404, circuit=Circuit.OPEN))
    check(observe(model, ask, gemini, key=lab.key), answered())


@every_way
def test_row_52_waiting_for_a_model_that_was_created_anew_closes_its_circuit(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)
    answer(ask, model)
    gemini.delete_tuned_model(TUNED)
    check(observe(model, ask, gemini, key=lab.key), degraded("gone", 404, circuit=Circuit.OPEN))
    check(
        observe(model, ask, gemini, key=lab.key),
        degraded("gone", asked=0, circuit=Circuit.OPEN),
    )

    gemini.add_tuned_model(TUNED, examples=TRAINING_SET)
    tuned_of(model).wait_until_active(timeout=5)

    check(observe(model, ask, gemini, key=lab.key), answered())
    assert model.circuit is not None
    assert model.circuit.state is CircuitState.CLOSED
