"""Guards of one's own, and the circuit that models share, on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel, OneOf
from langchain_tuned_gemini.circuit_breaker import CircuitState
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, Deployed
from tests.integration_tests.fault_matrix.clock import Clock, breaker_with

WORDS = " ".join(f"word{n}" for n in range(60))
EXAMPLES = [{"text_input": "count", "output": WORDS}]

Stream = Callable[[FallbackChatModel], list[AIMessageChunk]]


def stream(model: FallbackChatModel) -> list[AIMessageChunk]:
    return list(model.stream("count"))


def astream(model: FallbackChatModel) -> list[AIMessageChunk]:
    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream("count")]

    return asyncio.run(collect())


def invoke(model: FallbackChatModel) -> list[Any]:
    return [model.invoke("count")]


def ainvoke(model: FallbackChatModel) -> list[Any]:
    return [asyncio.run(model.ainvoke("count"))]


every_way = pytest.mark.parametrize("ask", [stream, astream, invoke, ainvoke])


@pytest.fixture
def deployed(platform: str) -> Iterator[Deployed]:
    with Emulator() as gemini:
        yield Deployed.add(gemini, platform, EXAMPLES)


@pytest.fixture
def gemini(deployed: Deployed) -> Emulator:
    return deployed.emulator


@pytest.fixture
def robust(deployed: Deployed) -> Callable[..., FallbackChatModel]:
    tuned = deployed.chat()

    def build(**settings: Any) -> FallbackChatModel:
        return tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, **settings)

    return build


def text(chunks: list[Any]) -> str:
    return "".join(chunk.text for chunk in chunks)


def said(chunks: list[Any]) -> dict[str, Any]:
    return chunks[-1].response_metadata["tuned_gemini"]


@every_way
def test_a_guards_refusal_makes_the_base_model_answer(
    ask: Stream, robust: Callable[..., FallbackChatModel], gemini: Emulator
) -> None:
    gemini.add_tuned_model("tunedModels/liar", examples=[("count", "a lie")])
    liar = ChatTunedGemini(model="tunedModels/liar", api_key="key", base_url=gemini.base_url)

    chunks = ask(
        liar.with_few_shot_fallback(
            BASE, examples=EXAMPLES, guards=[OneOf([WORDS])], commit="complete"
        )
    )

    assert text(chunks) == WORDS
    first, _ = said(chunks)["attempts"]
    assert (first["outcome"], first["reason"]) == ("rejected", "bad_output")


def test_a_model_that_is_down_is_left_alone_once_the_circuit_is_open(
    robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = robust()

    with deployed.emulator.fault(model=deployed.name, status=503):
        answers = [model.invoke("count") for _ in range(100)]

    assert calls_of(deployed) <= 6
    assert {answer.response_metadata["tuned_gemini"]["reason"] for answer in answers} == {
        "overloaded"
    }
    assert answers[-1].response_metadata["tuned_gemini"]["circuit"] == "open"


def test_a_failure_that_took_its_time_is_not_tried_again() -> None:
    """Or a model that says after half a minute that it is overloaded would cost a whole one."""
    with Emulator() as gemini:
        deployed = Deployed.add(gemini, "developer", EXAMPLES)
        model = deployed.chat().with_few_shot_fallback(BASE, examples=EXAMPLES)

        with gemini.fault(model=deployed.name, delay=2.1, status=503):
            answer = model.invoke("count")

    assert [attempt["status"] for attempt in said([answer])["attempts"]] == [503, None]


@every_way
def test_each_open_period_costs_one_probe_and_one_that_succeeds_ends_the_outage(
    ask: Stream, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    clock = Clock()
    model = robust(circuit_breaker=breaker_with(clock))
    assert model.circuit is not None

    with deployed.emulator.fault(model=deployed.name, status=503):
        for _ in range(3):
            ask(model)
        at_first = calls_of(deployed)
        for _ in range(4):
            clock.now += 300
            for _ in range(5):
                ask(model)
    during = calls_of(deployed)
    clock.now += 300
    answers = [said(ask(model)) for _ in range(2)]

    assert (at_first, during) == (5, 5 + 4)
    assert [answer["answered_by"] for answer in answers] == ["tuned", "tuned"]
    assert (calls_of(deployed) - during, model.circuit.state) == (2, CircuitState.CLOSED)


def calls_of(deployed: Deployed) -> int:
    """How many requests have reached the tuned model."""
    return sum(r.model == deployed.name and bool(r.body) for r in deployed.emulator.requests)


def test_models_that_name_the_same_tuned_model_share_its_circuit(
    robust: Callable[..., FallbackChatModel], gemini: Emulator
) -> None:
    one, other = robust(), robust()
    assert one.circuit is not None

    one.circuit.force_open()
    try:
        answer = other.invoke("count")
    finally:
        one.circuit.reset()

    assert answer.response_metadata["tuned_gemini"]["attempts"][0]["outcome"] == "skipped"
    assert [request.model for request in gemini.requests if request.body] == [f"models/{BASE}"]
