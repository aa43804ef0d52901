"""What OpenTelemetry is told of circuits and gates, seen with its own SDK."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.circuit_breaker import (
    CircuitBreaker,
    CircuitKey,
    CircuitState,
    MemoryCircuitStore,
    Outcome,
)
from langchain_tuned_gemini.errors import (
    CircuitOpenError,
    ServiceError,
    TunedGeminiError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.services.readiness import Answer, ReadinessGate
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState
from tests.otel import Recording

STATE = "tuned_gemini.circuit.state"
TRANSITIONS = "tuned_gemini.circuit.transitions"
READINESS = "tuned_gemini.readiness.state"


class Clock:
    def __init__(self) -> None:
        self.now = 10_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def name() -> str:
    """A model of this test's own: other tests' circuits may still be alive."""
    return f"tunedModels/m{uuid4().hex[:12]}"


Make = Callable[..., CircuitBreaker]


@pytest.fixture
def make(clock: Clock, name: str) -> Make:
    def breaker(fingerprint: str = "0" * 16, **settings: Any) -> CircuitBreaker:
        settings = {"clock": clock, "chance": lambda: 0.0, **settings}
        return CircuitBreaker(CircuitKey(name, fingerprint), **settings)

    return breaker


def call(breaker: CircuitBreaker, outcome: Outcome, **details: Any) -> None:
    breaker.report(breaker.acquire(), outcome, **details)


def transitions(recorded: Recording, model: str) -> dict[tuple[str, str, str | None], int]:
    return {
        (told["from"], told["to"], told.get("reason")): value
        for told, value in recorded.points(TRANSITIONS)
        if told["model"] == model
    }


def test_an_outage_is_a_series_of_transitions(
    make: Make, clock: Clock, name: str, recorded: Recording
) -> None:
    breaker = make(store=MemoryCircuitStore())

    call(breaker, Outcome.SUCCESS)
    for _ in range(5):
        call(breaker, Outcome.FAILURE, reason="overloaded")
    for _ in range(2):
        with pytest.raises(CircuitOpenError):
            breaker.acquire()
    clock.now += 300.0
    call(breaker, Outcome.TIMEOUT, reason="timeout")
    clock.now += 300.0
    call(breaker, Outcome.SUCCESS)
    call(breaker, Outcome.SUCCESS)

    assert transitions(recorded, name) == {
        ("closed", "open", "overloaded"): 1,
        ("open", "half_open", None): 2,
        ("half_open", "open", "timeout"): 1,
        ("half_open", "closed", None): 1,
    }


def test_what_an_operator_does_is_a_transition(make: Make, name: str, recorded: Recording) -> None:
    breaker = make(store=MemoryCircuitStore())

    breaker.force_open()
    breaker.force_open()
    breaker.force_closed()
    breaker.reset()

    assert transitions(recorded, name) == {
        ("closed", "open", "forced"): 1,
        ("open", "closed", None): 1,
    }


def test_the_circuit_works_as_before_where_its_transition_is_told(make: Make) -> None:
    breaker = make(store=MemoryCircuitStore())

    call(breaker, Outcome.FATAL, reason="gone")

    assert breaker.view().state is CircuitState.OPEN
    assert breaker.view().reason == "gone"


def test_a_circuit_is_in_the_state_that_time_has_made_of_it(
    make: Make, clock: Clock, name: str, recorded: Recording
) -> None:
    breaker = make(store=MemoryCircuitStore())

    seen = [recorded.states_of(STATE, name)]
    call(breaker, Outcome.FATAL)
    seen.append(recorded.states_of(STATE, name))
    clock.now += 300.0
    seen.append(recorded.states_of(STATE, name))

    assert seen == [{"closed": 1}, {"open": 1}, {"half_open": 1}]


def test_each_state_has_its_series_also_while_nothing_is_in_it(
    make: Make, name: str, recorded: Recording
) -> None:
    breaker = make(store=MemoryCircuitStore())

    told = [point for point in recorded.points(STATE) if point[0]["model"] == name]

    assert [(attributes["state"], value) for attributes, value in told] == [
        ("closed", 1),
        ("open", 0),
        ("half_open", 0),
    ]
    assert breaker.state is CircuitState.CLOSED


def test_breakers_that_share_a_circuit_are_one_circuit(
    make: Make, name: str, recorded: Recording
) -> None:
    shared = [make(), make()]
    other_key = make("1" * 16)
    own = make(store=MemoryCircuitStore())
    call(shared[0], Outcome.FATAL)

    assert recorded.states_of(STATE, name) == {"open": 1, "closed": 2}
    assert {breaker.state for breaker in (other_key, own)} == {CircuitState.CLOSED}


class OutsideStore:
    """Keeps circuits where other processes see them, too."""

    memory = MemoryCircuitStore()

    def update(self, key: str, change: Any) -> Any:
        return self.memory.update(key, change)


def test_a_circuit_outside_the_process_is_one_for_all_who_reach_it(
    make: Make, name: str, recorded: Recording
) -> None:
    breakers = [make(store=OutsideStore()), make(store=OutsideStore())]

    call(breakers[0], Outcome.FATAL)

    assert recorded.states_of(STATE, name) == {"open": 1}


class LostStore:
    """Is out of reach."""

    def update(self, key: str, change: Any) -> Any:
        raise ConnectionError("no route to the store")


def test_a_store_out_of_reach_hides_no_other_circuit(
    make: Make, name: str, recorded: Recording
) -> None:
    lost = make("1" * 16, store=LostStore())
    breaker = make(store=MemoryCircuitStore())

    assert recorded.states_of(STATE, name) == {"closed": 1}
    assert (lost.key.name, breaker.key.name) == (name, name)


def test_a_circuit_that_nobody_holds_is_gone(make: Make, name: str, recorded: Recording) -> None:
    breaker = make()
    assert recorded.states_of(STATE, name) == {"closed": 1}

    del breaker
    gc.collect()

    assert recorded.states_of(STATE, name) == {}


def test_circuits_may_come_and_go_while_metrics_are_collected(
    make: Make, name: str, recorded: Recording
) -> None:
    stays = make(store=MemoryCircuitStore())
    is_over = threading.Event()

    def churn() -> None:
        while not is_over.is_set():
            make("1" * 16, store=MemoryCircuitStore())

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        seen = [recorded.states_of(STATE, name) for _ in range(30)]
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    assert all(states["closed"] >= 1 for states in seen)
    assert recorded.states_of(STATE, name) == {"closed": 1}
    assert stays.state is CircuitState.CLOSED


# Gates


class Service:
    """Answers what it is told to."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer = answer

    def get(self, name: Any) -> TunedModel:
        if isinstance(self.answer, Exception):
            raise self.answer
        assert self.answer
        return self.answer


def at_once(run: Callable[[], None]) -> None:
    run()


@pytest.fixture
def gate(name: str) -> tuple[Service, ReadinessGate]:
    service = Service()
    return service, ReadinessGate(service, name, in_background=at_once)  # type: ignore[arg-type]  # all that a gate asks for


def ask(service: Service, gate: ReadinessGate, answer: Answer) -> None:
    service.answer = answer
    gate.forget()
    try:
        gate.check()
    except TunedGeminiError:
        return


def test_a_gate_that_has_not_asked_yet_knows_no_state(
    gate: tuple[Service, ReadinessGate], name: str, recorded: Recording
) -> None:
    assert recorded.states_of(READINESS, name) == {"unknown": 1}


@pytest.mark.parametrize("state", TunedModelState)
def test_the_state_that_a_gate_has_seen_is_told(
    state: TunedModelState, gate: tuple[Service, ReadinessGate], name: str, recorded: Recording
) -> None:
    ask(*gate, TunedModel(name, state, raw_state=state.value))

    assert recorded.states_of(READINESS, name) == {state.value.lower(): 1}


def test_a_deleted_model_is_not_found(
    gate: tuple[Service, ReadinessGate], name: str, recorded: Recording
) -> None:
    ask(*gate, TunedModelNotFoundError.of(name))

    assert recorded.states_of(READINESS, name) == {"not_found": 1}


def test_a_control_plane_that_fails_leaves_the_state_unknown(
    gate: tuple[Service, ReadinessGate], name: str, recorded: Recording
) -> None:
    ask(*gate, ServiceError("503", status=503))

    assert recorded.states_of(READINESS, name) == {"unknown": 1}


def test_gates_of_several_models_objects_are_several(name: str, recorded: Recording) -> None:
    gates = [ReadinessGate(Service(), name) for _ in range(3)]  # type: ignore[arg-type]  # as above

    assert recorded.states_of(READINESS, name) == {"unknown": len(gates)}


def test_every_state_that_there_is_has_a_series() -> None:
    assert set(telemetry.circuits.states) == {state.value for state in CircuitState}
    assert set(telemetry.gates.states) == {
        "not_found",
        *(state.value.lower() for state in TunedModelState),
    }
