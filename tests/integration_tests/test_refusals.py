"""Refusals on real sockets: a tuned model alone returns them, as LangChain's chat models do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.exceptions import ModelRefusalError
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from langchain_tuned_gemini import ContentBlockedError
from tests.conftest import BASE, NEXT_NUMBER, Deployed

REFUSALS: dict[str, dict[str, Any]] = {
    "prompt": {"blocked": True},
    "safety": {"finish_reason": "SAFETY", "empty": True},
    "begun": {"finish_reason": "SAFETY"},
    "blocklist": {"finish_reason": "BLOCKLIST", "empty": True},
    "personal data": {"finish_reason": "SPII", "empty": True},
}
every_refusal = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)


class Number(BaseModel):
    number: int


def invoke(model: Any) -> Any:
    return model.invoke("7")


def ainvoke(model: Any) -> Any:
    return asyncio.run(model.ainvoke("7"))


def stream(model: Any) -> Any:
    return add_up(list(model.stream("7")))


def astream(model: Any) -> Any:
    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream("7")]

    return add_up(asyncio.run(collect()))


def add_up(chunks: list[Any]) -> Any:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


Ask = Callable[[Any], Any]
every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


def refused(message: AIMessage) -> bool:
    return any(block["type"] == "refusal" for block in message.content_blocks)


@every_refusal
@every_way
def test_a_tuned_model_alone_returns_upstreams_message(
    ask: Ask, refusal: dict[str, Any], deployed: Deployed
) -> None:
    with deployed.emulator.fault(model=deployed.name, **refusal):
        message = ask(deployed.chat())

    word = refusal.get("finish_reason")
    assert isinstance(message, AIMessage)
    assert message.response_metadata.get("finish_reason") == word
    assert refused(message) is (word != "SPII")  # LangChain has no block for that word


@every_refusal
@every_way
@pytest.mark.parametrize("method", ["text", "function_calling", "json_schema"])
def test_a_refusal_is_no_record(
    ask: Ask, refusal: dict[str, Any], method: Any, deployed: Deployed
) -> None:
    extract = deployed.chat().with_structured_output(Number, method=method)

    with (
        deployed.emulator.fault(model=deployed.name, **refusal),
        pytest.raises(ContentBlockedError) as caught,
    ):
        ask(extract)

    assert isinstance(caught.value, ModelRefusalError)
    assert caught.value.raw_message is not None


@every_refusal
def test_a_refusal_is_a_parsing_error_beside_the_raw_message(
    refusal: dict[str, Any], deployed: Deployed
) -> None:
    extract = deployed.chat().with_structured_output(Number, include_raw=True)

    with deployed.emulator.fault(model=deployed.name, **refusal):
        told: Any = extract.invoke("7")

    assert isinstance(told["raw"], AIMessage)
    assert told["parsed"] is None
    assert isinstance(told["parsing_error"], ContentBlockedError)


@every_refusal
@every_way
def test_a_fallback_hands_a_refusal_out_if_the_user_says_so(
    ask: Ask, refusal: dict[str, Any], deployed: Deployed
) -> None:
    model = deployed.chat().with_few_shot_fallback(BASE, examples=NEXT_NUMBER, on_blocked="message")

    with deployed.emulator.fault(model=deployed.name, **refusal):
        alone, message = ask(deployed.chat()), ask(model)

    assert (message.text, refused(message)) == (alone.text, refused(alone))
    assert message.response_metadata["tuned_gemini"]["answered_by"] == "tuned"


def test_a_setting_that_nobody_knows_is_refused(deployed: Deployed) -> None:
    with pytest.raises(ValueError, match="on_blocked"):
        deployed.chat().with_few_shot_fallback(BASE, examples=NEXT_NUMBER, on_blocked="ignore")
