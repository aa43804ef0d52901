"""What a conversation must be for a Gemini model: not empty, and signed by nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)
from pydantic import Field

from langchain_tuned_gemini import FallbackChatModel, ParameterError
from langchain_tuned_gemini.chat_models.conversation import own_thoughts, require_contents
from langchain_tuned_gemini.chat_models.fallback.token_counter import PAUSE, TokenCounter
from langchain_tuned_gemini.testing import ScriptedChatModel

SYSTEM = SystemMessage("Write a poem.")
MAP = "__gemini_function_call_thought_signatures__"


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [SYSTEM],
        [SYSTEM, SYSTEM],
        [HumanMessage("")],
        [SYSTEM, HumanMessage([])],
        [ToolMessage("rain", tool_call_id="1")],
    ],
    ids=str,
)
def test_a_conversation_in_which_nothing_is_said_is_refused(messages: list[BaseMessage]) -> None:
    with pytest.raises(ParameterError, match="nothing to answer"):
        require_contents(messages)


@pytest.mark.parametrize(
    "messages",
    [
        [HumanMessage("Hi")],
        [HumanMessage(" ")],
        [SYSTEM, HumanMessage([{"type": "image_url", "image_url": {"url": "data:"}}])],
        [AIMessage("")],
        [SYSTEM, HumanMessage(""), AIMessage("Hm.")],
    ],
    ids=str,
)
def test_a_conversation_in_which_something_is_said_is_not(messages: list[BaseMessage]) -> None:
    require_contents(messages)


def written_by(metadata: dict[str, Any]) -> AIMessage:
    return AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "a"},
            {"type": "reasoning", "reasoning": "Hm.", "extras": {"signature": "b"}},
            {"type": "text", "text": "Rain.", "extras": {"signature": "c", "kept": 1}},
            {"type": "text", "text": "Snow.", "thought_signature": "d"},
            {"type": "function_call_signature", "index": 0, "signature": "e"},
            "Sun.",
        ],
        additional_kwargs={MAP: {"1": "f"}, "kept": 1},
        tool_calls=[{"name": "look", "args": {}, "id": "1"}],
        response_metadata=metadata,
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"model_name": "gemini-3.5-flash"},
        {"model_name": "tunedModels/another"},
        {"tuned_gemini": {"model": "gemini-3.5-flash"}, "model_name": "tunedModels/x"},
        {"tuned_gemini": None, "model_name": "claude"},
    ],
)
def test_the_thoughts_of_another_model_are_left_out(metadata: dict[str, Any]) -> None:
    message = written_by(metadata)
    before = message.model_copy(deep=True)

    asked, told = own_thoughts([HumanMessage("Hi"), message], "tunedModels/x")

    assert asked == HumanMessage("Hi")
    assert told.content == [
        {"type": "text", "text": "Rain.", "extras": {"kept": 1}},
        {"type": "text", "text": "Snow."},
        "Sun.",
    ]
    assert told.additional_kwargs == {"kept": 1}
    assert isinstance(told, AIMessage)
    assert told.tool_calls == message.tool_calls
    assert message == before


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"model_name": "tunedModels/x"},
        {"tuned_gemini": {"model": "tunedModels/x"}, "model_name": "gemini-3.5-flash"},
    ],
)
def test_a_models_own_thoughts_and_those_of_nobody_are_kept(metadata: dict[str, Any]) -> None:
    messages: list[BaseMessage] = [HumanMessage("Hi"), written_by(metadata)]

    assert own_thoughts(messages, "tunedModels/x") == messages


@pytest.mark.parametrize(
    ("author", "is_whole"), [("tuned", [True, False]), ("base", [False, True])]
)
def test_each_model_of_a_fallback_gets_its_own_thoughts_alone(
    author: str, is_whole: list[bool]
) -> None:
    tuned = ScriptedChatModel(name="tuned", answers=[TimeoutError()])
    base = ScriptedChatModel(name="base", answers=["42"])
    message = written_by({"tuned_gemini": {"model": author}})

    FallbackChatModel(models=[tuned, base]).invoke([HumanMessage("Hi"), message])

    shown = [model.calls[0]["messages"][1] for model in (tuned, base)]
    assert [one == message for one in shown] == is_whole


class Counting(ScriptedChatModel):
    """Counts the words of a text, or fails as it is told to."""

    failures: list[Any] = Field(default_factory=list)
    asked: list[str] = Field(default_factory=list)

    def get_num_tokens(self, text: str) -> int:
        self.asked.append(text)
        if self.failures:
            raise self.failures[0]
        return len(text.split())


def test_tokens_are_estimated_while_the_model_can_not_be_reached() -> None:
    now = [0.0]
    counter = TokenCounter(lambda: now[0])
    model = Counting(answers=["x"], failures=[ConnectionError()])
    text = "one two three four"

    estimates = [counter.count(model, text) for _ in range(3)]
    model.failures.clear()
    now[0] += PAUSE - 1
    estimates.append(counter.count(model, text))
    now[0] += 1
    counted = counter.count(model, text)

    assert set(estimates) == {9}  # 18 characters, and what a message adds
    assert counted == 4
    assert len(model.asked) == 2


@pytest.mark.parametrize("error", [ModelAuthenticationError("key"), KeyError("a bug")])
def test_a_wrong_key_and_a_bug_are_no_outage_of_the_counting(error: Exception) -> None:
    model = Counting(answers=["x"], failures=[error])

    with pytest.raises(type(error)):
        TokenCounter().count(model, "Hi")


def test_messages_are_trimmed_in_an_outage() -> None:
    counting = Counting(answers=["x"], failures=[TimeoutError()])
    model = FallbackChatModel(models=[ScriptedChatModel(answers=["x"]), counting])
    messages = [HumanMessage("word " * 100), AIMessage("b"), HumanMessage("c")]

    kept = trim_messages(messages, token_counter=model, max_tokens=60, strategy="last")

    assert kept == messages[1:]
    assert len(counting.asked) == 1
