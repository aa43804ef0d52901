"""Agents on the emulator: a tuned model, a base model of either kind, and a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator, FunctionCall
from langchain_tuned_gemini.emulator.model.answers import Scripted
from tests.conftest import NEXT_NUMBER, TUNED

BASES = ["gemini-2.5-flash", "gemini-3.5-flash"]
"""A model that marks its function calls with nothing, and one that signs them and wants them
signed."""

OSLO = FunctionCall("weather", {"city": "Oslo"})
QUESTION = "Do I need an umbrella in Oslo?"
ADVICE = "Take an umbrella along."


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    """The base model's name."""
    name: str = request.param
    return name


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    """A local Gemini with an ACTIVE tuned model."""
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=NEXT_NUMBER)
        yield emulator


@pytest.fixture
def tuned(gemini: Emulator) -> ChatTunedGemini:
    """The chat model for it."""
    return ChatTunedGemini(model=TUNED, api_key="key", base_url=gemini.base_url)


@pytest.fixture
def robust(tuned: ChatTunedGemini, base: str) -> FallbackChatModel:
    """The same with a fallback to each of the bases."""
    return tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER)


@contextmanager
def scripted(
    gemini: Emulator, called: Scripted = OSLO, said: str = ADVICE, *, calls_first: bool = True
) -> Iterator[None]:
    """Models, whichever is asked, call the tool for a question, and then give advice."""
    first = called if calls_first else said
    with gemini.script(first, when="umbrella"), gemini.script(said, when="It rains in"):
        yield


Run = Callable[..., dict[str, Any]]


def invoke(agent: Any, *arguments: Any) -> dict[str, Any]:
    state: dict[str, Any] = agent.invoke(*arguments)
    return state


def ainvoke(agent: Any, *arguments: Any) -> dict[str, Any]:
    state: dict[str, Any] = asyncio.run(agent.ainvoke(*arguments))
    return state


def stream(agent: Any, *arguments: Any) -> dict[str, Any]:
    """The state in the end, where somebody listens to every token: then models stream."""
    modes = ["messages", "values"]
    *_, (_, state) = (p for p in agent.stream(*arguments, stream_mode=modes) if p[0] == "values")
    return dict(state)


def astream(agent: Any, *arguments: Any) -> dict[str, Any]:
    async def collect() -> Any:
        modes = ["messages", "values"]
        parts = [p async for p in agent.astream(*arguments, stream_mode=modes)]
        return [state for mode, state in parts if mode == "values"][-1]

    return dict(asyncio.run(collect()))


every_way = pytest.mark.parametrize("run", [invoke, ainvoke, stream, astream])


def asked(text: str = QUESTION) -> dict[str, Any]:
    """The input of an agent."""
    return {"messages": [HumanMessage(text)]}


def answered_by(message: BaseMessage) -> str:
    """Which model answered."""
    said: str = message.response_metadata["tuned_gemini"]["answered_by"]
    return said


def answers(state: dict[str, Any]) -> list[AIMessage]:
    """The answers of models in an agent's state."""
    return [message for message in state["messages"] if isinstance(message, AIMessage)]


def assert_valid(messages: list[BaseMessage]) -> None:
    """Every call has its result, right after it; nothing is empty, doubled or left over."""
    assert isinstance(messages[0], HumanMessage)
    ids = [message.id for message in messages]
    assert len(set(ids)) == len(ids)
    waiting: list[str] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            waiting.remove(message.tool_call_id)
            continue
        assert waiting == []
        if isinstance(message, AIMessage):
            waiting = [str(call["id"]) for call in message.tool_calls]
            assert waiting or message.text
            assert message.invalid_tool_calls == []
    assert waiting == []
