"""Streams and deadlines, on real sockets: nothing is glued, nothing waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_tuned_gemini import (
    BrokenStreamError,
    ChatTunedGemini,
    ContentBlockedError,
    FallbackChatModel,
    OneOf,
)
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, Deployed

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


streamed = pytest.mark.parametrize("ask", [stream, astream])
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


# What breaks a stream after it has begun, and the reason that it is given.
BROKEN = {
    "cut": ({"cut_after": 3}, "connection"),
    "an end without a finish reason": ({"end_after": 3}, "bad_output"),
    "an error frame": ({"error_after": 3}, "overloaded"),
    "a stall": ({"stall_after": 3}, "timeout"),
}


@streamed
@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_breaks_raises_with_the_text_so_far(
    ask: Stream, fault: str, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    effect, reason = BROKEN[fault]
    with (
        deployed.emulator.fault(model=deployed.name, **effect),
        pytest.raises(BrokenStreamError) as raised,
    ):
        ask(robust(stall_timeout=0.2))

    assert raised.value.reason == reason
    assert raised.value.partial
    assert WORDS.startswith(raised.value.partial.strip())
    assert [request.model for request in deployed.emulator.requests if request.body] == [
        deployed.name
    ]


@streamed
@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_breaks_may_be_restarted_after_a_mark(
    ask: Stream, fault: str, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    effect, reason = BROKEN[fault]

    with deployed.emulator.fault(model=deployed.name, **effect):
        chunks = ask(robust(stall_timeout=0.2, on_broken_stream="restart"))

    marks = [
        place
        for place, chunk in enumerate(chunks)
        if chunk.response_metadata.get("tuned_gemini", {}).get("restarted")
    ]
    assert len(marks) == 1
    assert WORDS.startswith(text(chunks[: marks[0]]).strip())
    assert text(chunks[marks[0] :]) == WORDS
    assert said(chunks)["reason"] == reason


@streamed
@pytest.mark.parametrize("fault", BROKEN)
def test_a_stream_that_is_handed_out_complete_never_shows_a_failure(
    ask: Stream, fault: str, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    effect, reason = BROKEN[fault]

    with deployed.emulator.fault(model=deployed.name, **effect):
        chunks = ask(robust(stall_timeout=0.2, commit="complete"))

    assert text(chunks) == WORDS
    assert (said(chunks)["answered_by"], said(chunks)["reason"]) == ("base_fallback", reason)


# What is no answer, though upstream returns it as one.
SICK = {
    "empty": {"empty": True},
    "no candidates": {"no_candidates": True},
    "malformed": {"malformed": True},
    "recitation": {"finish_reason": "RECITATION", "empty": True},
    "a malformed call": {"finish_reason": "MALFORMED_FUNCTION_CALL", "empty": True},
    "MAX_TOKENS without text": {"finish_reason": "MAX_TOKENS", "empty": True},
}


@every_way
@pytest.mark.parametrize("fault", SICK)
def test_an_answer_that_is_none_is_answered_by_the_base_model(
    ask: Stream, fault: str, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, **SICK[fault]):
        chunks = ask(robust(commit="complete"))

    assert text(chunks) == WORDS
    assert said(chunks)["answered_by"] == "base_fallback"
    assert said(chunks)["reason"] in {"bad_output", "connection"}


@every_way
def test_what_is_blocked_is_raised_and_asked_nowhere_else(
    ask: Stream, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    with (
        deployed.emulator.fault(model=deployed.name, blocked=True),
        pytest.raises(ContentBlockedError) as raised,
    ):
        ask(robust())

    assert raised.value.block_reason == "SAFETY"
    assert [request.model for request in deployed.emulator.requests if request.body] == [
        deployed.name
    ]


@every_way
def test_what_is_blocked_may_be_asked_elsewhere_if_the_user_says_so(
    ask: Stream, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, blocked=True):
        chunks = ask(robust(answer_blocked=True))

    assert text(chunks) == WORDS
    assert said(chunks)["reason"] == "blocked"


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


# A server that is silent, or says a byte now and then, and the limit that ends the wait.
SLOW = {
    "silent": ({"hang": True}, {"first_token_timeout": 0.3, "total_timeout": 0.3}),
    "dripping": ({"drip": 0.02}, {"first_token_timeout": 0.3, "total_timeout": 0.3}),
}


@every_way
@pytest.mark.parametrize("fault", SLOW)
def test_a_deadline_is_kept_whatever_trickles_in(
    ask: Stream, fault: str, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    effect, limits = SLOW[fault]
    model = robust(commit="complete", **limits)

    with deployed.emulator.fault(model=deployed.name, **effect):
        chunks = ask(model)

    assert text(chunks) == WORDS
    first, *_ = said(chunks)["attempts"]
    assert first["reason"] == "timeout"
    assert 0.3 <= first["duration_s"] < 3  # all that drips takes 12 s and more


@streamed
def test_a_stream_may_take_its_time_as_long_as_it_goes_on(
    ask: Stream, robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, delay=0.3):
        chunks = ask(robust(first_token_timeout=5.0, stall_timeout=0.2))

    assert said(chunks)["answered_by"] == "tuned"


async def test_a_cancelled_call_leaves_nothing_behind(
    robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = robust()
    before = asyncio.all_tasks()

    with deployed.emulator.fault(model=deployed.name, hang=True):
        for call in (model.ainvoke("count"), anext(model.astream("count"))):
            task = asyncio.ensure_future(call)
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    # google-genai makes a task for each client that the garbage collector finds.
    left = [t for t in asyncio.all_tasks() - before if "google/genai/client.py" not in repr(t)]
    assert left == []
    assert model.circuit is not None
    assert model.circuit.view().failures == 0


def test_a_model_that_is_down_is_left_alone_once_the_circuit_is_open(
    robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = robust()

    with deployed.emulator.fault(model=deployed.name, status=503):
        answers = [model.invoke("count") for _ in range(100)]

    asked = [
        request
        for request in deployed.emulator.requests
        if request.model == deployed.name and request.body
    ]
    assert len(asked) <= 6
    assert {answer.response_metadata["tuned_gemini"]["reason"] for answer in answers} == {
        "overloaded"
    }
    assert answers[-1].response_metadata["tuned_gemini"]["circuit"] == "open"


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


def test_a_listener_gets_the_provenance_and_can_not_cost_the_answer(
    robust: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    told: list[dict[str, Any]] = []

    def listen(provenance: dict[str, Any]) -> None:
        told.append(provenance)
        raise RuntimeError("a bug in the listener")

    model = robust(on_fallback=listen)
    model.invoke("count")
    with deployed.emulator.fault(model=deployed.name, status=429):
        answer = model.invoke("count")

    assert answer.text == WORDS
    assert [provenance["reason"] for provenance in told] == ["quota"]
