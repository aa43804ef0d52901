"""One call of a chat model whose tuned model is sick: what can be seen of it, and the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import AllModelsFailedError, FallbackChatModel
from langchain_tuned_gemini.circuit_breaker import CircuitState, CircuitView
from langchain_tuned_gemini.emulator import Emulator
from tests.integration_tests.fault_matrix.contract import Circuit, Contract
from tests.integration_tests.fault_matrix.leaks import places_in_error
from tests.integration_tests.fault_matrix.task import BASE_TEXT, TUNED_TEXT
from tests.integration_tests.fault_matrix.ways import Ask


class Tracer(BaseCallbackHandler):
    """Keeps all that tracers are told, above all the errors that a fallback swallows."""

    run_inline = True

    def __init__(self) -> None:
        self.told: list[object] = []
        self.swallowed: list[BaseException] = []

    def on_chat_model_start(self, *told: Any, **further: Any) -> None:
        self.told.append((told, further))

    def on_llm_end(self, *told: Any, **further: Any) -> None:
        self.told.append((told, further))

    def on_llm_error(self, error: BaseException, **further: Any) -> None:
        self.told += [error, further]

    def on_chain_end(self, *told: Any, **further: Any) -> None:
        self.told.append((told, further))

    def on_chain_error(self, error: BaseException, **further: Any) -> None:
        self.swallowed.append(error)
        self.told += [error, further]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a call leaves behind.

    Attributes:
        messages: What the caller got: one message, or the chunks of a stream, also of one that
            ended with an error.
        error: What was raised.
        swallowed: The errors of the attempts.
        asked: The models that were asked, in order, as the server saw it.
        tuned: The name of the model that was to answer.
        circuit: The circuit afterwards.
        leaks: The places where the API key shows.
    """

    messages: list[AIMessage]
    error: BaseException | None
    swallowed: list[BaseException]
    asked: list[str | None]
    tuned: str
    circuit: CircuitView
    leaks: list[str]

    @property
    def text(self) -> str:
        return "".join(message.text for message in self.messages)

    @property
    def provenance(self) -> dict[str, Any]:
        told = [m.response_metadata["tuned_gemini"] for m in self.messages if _tells(m)]
        assert len(told) == 1
        return cast("dict[str, Any]", told[0])


def _tells(message: AIMessage) -> bool:
    return "tuned_gemini" in message.response_metadata


def observe(model: FallbackChatModel, ask: Ask, gemini: Emulator, *, key: str) -> Observation:
    """Asks the model once."""
    before, tracer = len(gemini.requests), Tracer()
    messages: list[AIMessage] = []
    error: BaseException | None = None
    try:
        ask(model, messages, {"callbacks": [tracer]})
    except Exception as caught:  # noqa: BLE001  # the contract says which it must be
        error = caught
    requests = [r.model for r in gemini.requests[before:] if "enerateContent" in r.path]
    assert model.circuit is not None
    leaks = [*_leaks(tracer.told, key), *_leaks([error, *messages], key)]
    return Observation(
        messages,
        error,
        tracer.swallowed,
        requests,
        cast("Any", model.models[0]).model,
        model.circuit.view(),
        leaks,
    )


def _leaks(things: list[Any], key: str) -> Iterator[str]:
    for thing in things:
        if isinstance(thing, BaseException):
            yield from places_in_error(thing, key)
        elif key in repr(thing):
            yield f"what was told: {type(thing).__name__}"


def check(seen: Observation, contract: Contract) -> None:
    """Holds what was seen against what is promised."""
    assert seen.leaks == []
    _check_error(seen, contract)
    if contract.raises is None:
        _check_answer(seen, contract)
    _check_circuit(seen, contract)
    _check_requests(seen, contract)
    if contract.error is not None:
        assert {type(error).__name__ for error in seen.swallowed} == {contract.error}
    if contract.why is not None:
        assert {getattr(error, "why", None) for error in seen.swallowed} == {contract.why}


def _check_error(seen: Observation, contract: Contract) -> None:
    if contract.raises is None:
        if seen.error is not None:
            raise seen.error
        return
    assert type(seen.error) is contract.raises, repr(seen.error)
    assert re.search(contract.match, str(seen.error))
    assert bool(seen.text) == contract.partial
    assert TUNED_TEXT.startswith(seen.text)
    assert getattr(seen.error, "partial", seen.text) == seen.text
    if isinstance(seen.error, AllModelsFailedError):
        assert seen.error.attempts[0].reason == contract.reason
    elif contract.reason is not None:
        assert getattr(seen.error, "reason", None) == contract.reason


def _check_answer(seen: Observation, contract: Contract) -> None:
    whole = TUNED_TEXT if contract.answered_by == "tuned" else BASE_TEXT
    assert seen.text == (whole if contract.text is None else contract.text)
    said = seen.provenance
    assert (said["answered_by"], said["reason"]) == (contract.answered_by, contract.reason)
    *failed, last = said["attempts"]
    assert last["outcome"] == "ok"
    assert {(a["reason"], a["status"]) for a in failed} <= {(contract.reason, contract.status)}
    assert bool(failed) == (contract.answered_by != "tuned")


def _check_circuit(seen: Observation, contract: Contract) -> None:
    circuit = seen.circuit
    is_open = contract.circuit is Circuit.OPEN
    assert circuit.state is (CircuitState.OPEN if is_open else CircuitState.CLOSED)
    match contract.circuit:
        case Circuit.UNTOUCHED:
            assert circuit.failures == 0
        case Circuit.COUNTED:
            assert circuit.failures == _failed(seen)
        case Circuit.OPEN:
            assert circuit.reason == contract.reason
    assert (circuit.share_held_back > 0) == (contract.circuit is Circuit.THROTTLED)
    if contract.retry_after is not None:
        assert circuit.retry_after is not None
        assert contract.retry_after - 5 < circuit.retry_after <= contract.retry_after


def _failed(seen: Observation) -> int:
    """How many tries of the tuned model failed."""
    if isinstance(seen.error, AllModelsFailedError):
        return sum(attempt.role == "tuned" for attempt in seen.error.attempts)
    return 1 if seen.error else len(seen.provenance["attempts"]) - 1


def _check_requests(seen: Observation, contract: Contract) -> None:
    tuned = seen.asked.count(seen.tuned)
    others = len(seen.asked) - tuned
    if contract.asked is not None:
        assert tuned == contract.asked
    if contract.tries is not None:
        assert len(seen.swallowed) == contract.tries
    if contract.answered_by == "base_fallback":
        assert others == 1
    elif contract.raises is not AllModelsFailedError:
        assert others == 0
