"""What an answer consists of: a stream and an answer in one piece are judged alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_tuned_gemini import ContentBlockedError, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator, ModelAnswer
from tests.conftest import BASE, Deployed

QUESTION = "Where do dogs sleep?"
FROM_BASE = "In the shade."
SIGNED = {"thoughtSignature": "YWJj"}
THOUGHT = {"text": "Dogs, I think.", "thought": True}
PIXEL = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
CALL = {"functionCall": {"name": "look_up", "args": {"what": "dogs"}}}

Ask = Callable[[FallbackChatModel], AIMessage]


def invoke(model: FallbackChatModel) -> AIMessage:
    return model.invoke(QUESTION)


def stream(model: FallbackChatModel) -> AIMessage:
    return add_up(model.stream(QUESTION))


def astream(model: FallbackChatModel) -> AIMessage:
    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream(QUESTION)]

    return add_up(iter(asyncio.run(collect())))


def add_up(chunks: Iterator[AIMessageChunk]) -> AIMessage:
    total = next(chunks)
    for chunk in chunks:
        total += chunk
    return total


every_way = pytest.mark.parametrize("ask", [invoke, stream, astream])


@pytest.fixture
def deployed() -> Iterator[Deployed]:
    with Emulator() as gemini:
        yield Deployed.add(gemini, "developer", [(QUESTION, "On the sofa.")])


def answered(ask: Ask, deployed: Deployed, *parts: Any, reason: str = "STOP") -> AIMessage:
    """What comes of a tuned model that sends these parts, in one chunk where it is streamed."""
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": reason}
    usage = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}
    body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-3.5-flash"}
    robust = deployed.chat().with_few_shot_fallback(BASE, examples=[(QUESTION, FROM_BASE)])
    sent = json.dumps(body).encode()
    with deployed.emulator.fault(model=deployed.name, body=sent):
        return ask(robust)


def answered_by(message: AIMessage) -> str:
    said: str = message.response_metadata["tuned_gemini"]["answered_by"]
    return said


@every_way
@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"text": ""}],
        [{"text": " \n\t"}],
        [{"text": "", **SIGNED}],
        [{"text": "\n", **SIGNED}],
        [THOUGHT],
        [{**THOUGHT, **SIGNED}],
        [THOUGHT, {"text": "  ", **SIGNED}],
    ],
    ids=str,
)
def test_what_is_no_content_makes_way_for_the_base_model(
    ask: Ask, parts: list[Any], deployed: Deployed
) -> None:
    answer = answered(ask, deployed, *parts)

    assert (answer.text, answered_by(answer)) == (FROM_BASE, "base_fallback")
    assert answer.response_metadata["tuned_gemini"]["reason"] == "bad_output"


@every_way
@pytest.mark.parametrize(
    "parts",
    [
        [{"text": "42"}],
        [{"text": " 42", **SIGNED}],
        [THOUGHT, {"text": "42"}],
        [{"text": "\n"}, {"text": "42"}],
        [PIXEL],
        [CALL],
        [THOUGHT, {**CALL, **SIGNED}],
    ],
    ids=str,
)
def test_what_is_content_is_the_tuned_model_s_answer(
    ask: Ask, parts: list[Any], deployed: Deployed
) -> None:
    assert answered_by(answered(ask, deployed, *parts)) == "tuned"


@every_way
@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "RECITATION", "OTHER"])
def test_an_answer_in_one_chunk_is_handed_out_after_its_end_was_judged(
    ask: Ask, reason: str, deployed: Deployed
) -> None:
    answer = answered(ask, deployed, {"text": "On the"}, reason=reason)

    assert (answer.text, answered_by(answer)) == (FROM_BASE, "base_fallback")


@every_way
def test_of_a_text_that_was_withheld_at_its_end_nothing_is_handed_out(
    ask: Ask, deployed: Deployed
) -> None:
    with pytest.raises(ContentBlockedError, match="SAFETY"):
        answered(ask, deployed, {"text": "On the"}, reason="SAFETY")


@pytest.mark.parametrize("ask", [stream, astream])
def test_a_stream_that_breaks_after_its_thoughts_makes_way_for_the_base_model(
    ask: Ask, deployed: Deployed
) -> None:
    gemini, chat = deployed.emulator, deployed.chat()
    robust = chat.with_few_shot_fallback(BASE, examples=[(QUESTION, FROM_BASE)])
    said = ModelAnswer(text="On the sofa.", thoughts="Dogs, I think.")

    with gemini.script(said, model=deployed.name), gemini.fault(model=deployed.name, cut_after=1):
        answer = ask(robust)

    assert (answer.text, answered_by(answer)) == (FROM_BASE, "base_fallback")
