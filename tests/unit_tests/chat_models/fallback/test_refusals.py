"""What becomes of a refusal: raised, handed out as it is, or asked elsewhere, as the user said."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.exceptions import ModelRefusalError
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AllModelsRefusedError,
    BrokenStreamError,
    ContentBlockedError,
    FallbackChatModel,
)
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.guards import Refusal
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.unit_tests.chat_models.fallback.test_model import Ask, base, every_way, provenance, tuned

GEMINI = {"model_provider": "google_genai", "model_name": "tuned"}
SAFETY = {**GEMINI, "finish_reason": "SAFETY"}


class Dog(BaseModel):
    name: str


REFUSALS = {
    "an answer of Gemini": AIMessage("", response_metadata=SAFETY),
    "an answer of Gemini begun": AIMessage("half an", response_metadata=SAFETY),
    "a prompt of Gemini": AIMessage(
        "", response_metadata={**GEMINI, "prompt_feedback": {"block_reason": "OTHER"}}
    ),
    "OpenAI": AIMessage(
        "", additional_kwargs={"refusal": "No."}, response_metadata={"model_provider": "openai"}
    ),
    "Anthropic": AIMessage(
        "", response_metadata={"model_provider": "anthropic", "stop_reason": "refusal"}
    ),
}
every_refusal = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS.keys())


def has_refusal_block(message: AIMessage) -> bool:
    return any(block["type"] == "refusal" for block in message.content_blocks)


@every_refusal
@every_way
def test_a_refusal_is_raised_and_asked_nowhere_else(ask: Ask, refusal: AIMessage) -> None:
    stand_in = base()

    with pytest.raises(ContentBlockedError) as caught:
        ask(FallbackChatModel(models=[tuned(refusal), stand_in]))

    assert isinstance(caught.value, ModelRefusalError)
    assert isinstance(caught.value.raw_message, AIMessage)
    assert has_refusal_block(caught.value.raw_message)
    assert not caught.value.is_retryable
    assert not stand_in.calls


@every_refusal
@every_way
def test_a_refusal_is_handed_out_as_it_is_if_the_user_says_so(ask: Ask, refusal: AIMessage) -> None:
    model = FallbackChatModel(models=[tuned(refusal), base()], on_blocked="message")

    message = ask(model)

    assert has_refusal_block(message)
    assert message.text.strip() == refusal.text
    said = provenance(message)
    assert said["answered_by"] == "tuned"
    assert said["reason"] is None
    assert [(a["outcome"], a["reason"]) for a in said["attempts"]] == [("rejected", "blocked")]
    assert model.circuit is not None
    assert model.circuit.view().outcomes == 0


@every_refusal
@pytest.mark.parametrize("ask", every_way.args[1][:2])
def test_the_next_model_is_asked_if_the_user_says_so(ask: Ask, refusal: AIMessage) -> None:
    message = ask(FallbackChatModel(models=[tuned(refusal), base()], on_blocked="next"))

    assert message.text == "from the base"
    assert provenance(message)["reason"] == "blocked"


@pytest.mark.parametrize("ask", every_way.args[1][2:])
def test_a_stream_that_ends_with_a_refusal_is_broken_where_the_next_model_may_answer(
    ask: Ask,
) -> None:
    begun = REFUSALS["an answer of Gemini begun"]

    with pytest.raises(BrokenStreamError, match="blocked"):
        ask(FallbackChatModel(models=[tuned(begun), base()], on_blocked="next"))


@every_way
def test_when_the_last_model_refuses_as_well_the_error_is_a_refusal(ask: Ask) -> None:
    refused = REFUSALS["OpenAI"]
    model = FallbackChatModel(models=[tuned(TimeoutError()), base(refused)], on_blocked="next")

    with pytest.raises(AllModelsRefusedError) as caught:
        ask(model)

    assert isinstance(caught.value, ModelRefusalError)
    assert caught.value.raw_message is not None
    assert [attempt.reason for attempt in caught.value.attempts] == ["timeout", "blocked"]


@every_way
def test_what_a_model_below_refused_is_asked_nowhere_else(ask: Ask) -> None:
    refused = REFUSALS["OpenAI"]
    below = FallbackChatModel(models=[tuned(TimeoutError()), base(refused)], on_blocked="next")
    stand_in = base()

    with pytest.raises(AllModelsRefusedError):
        ask(FallbackChatModel(models=[below, stand_in]))

    assert not stand_in.calls


@every_way
def test_what_a_guard_blocks_is_never_handed_out(ask: Ask) -> None:
    def polite(message: AIMessage) -> Any:
        return Refusal("rude", Reason.BLOCKED) if "rude" in message.text else None

    model = FallbackChatModel(
        models=[tuned("something rude"), base()],
        guards=[polite],
        on_blocked="message",
        commit="complete",
    )

    with pytest.raises(ContentBlockedError, match="rude"):
        ask(model)


@every_refusal
@pytest.mark.parametrize("on_blocked", ["raise", "message"])
def test_no_refusal_becomes_a_record(on_blocked: Any, refusal: AIMessage) -> None:
    model = FallbackChatModel(models=[Asked(answers=[refusal]), base()], on_blocked=on_blocked)
    extract = model.with_structured_output(Dog)

    with pytest.raises(ContentBlockedError):
        extract.invoke("Hi")
    with pytest.raises(ContentBlockedError):
        list(extract.stream("Hi"))


@every_refusal
def test_a_refusal_is_the_parsing_error_where_the_raw_message_is_wanted(
    refusal: AIMessage,
) -> None:
    model = FallbackChatModel(models=[Asked(answers=[refusal])], on_blocked="message")

    told: Any = model.with_structured_output(Dog, include_raw=True).invoke("Hi")

    assert has_refusal_block(told["raw"])
    assert told["parsed"] is None
    assert isinstance(told["parsing_error"], ModelRefusalError)


class Asked(ScriptedChatModel):
    """Answers in a schema by its text."""

    def with_structured_output(self, schema: Any, *, include_raw: bool = False, **_: Any) -> Any:
        return self.bind(schema=schema)
