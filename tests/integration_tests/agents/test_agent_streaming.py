"""What an agent streams: every token once, updates, what tools say; healthy and degraded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from langgraph.config import get_stream_writer

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER, TUNED
from tests.integration_tests.agents.conftest import ADVICE, answered_by, asked, scripted, weather
from tests.states import in_both_states, state


@tool
def slow_weather(city: str) -> str:
    """Tell the weather in a city, and what is done for it."""
    get_stream_writer()({"looking up": city})
    return f"It rains in {city}."


def parts_of(agent: Any, modes: list[str], *, is_async: bool) -> list[tuple[str, Any]]:
    async def collect() -> list[tuple[str, Any]]:
        return [part async for part in agent.astream(asked(), stream_mode=modes)]

    if is_async:
        return asyncio.run(collect())
    return list(agent.stream(asked(), stream_mode=modes))


both_ways = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@both_ways
@in_both_states
def test_all_modes_at_once(
    is_down: bool, is_async: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    slow_weather.name = "weather"
    agent = create_agent(robust, [slow_weather])

    with state(gemini, is_down=is_down), scripted(gemini):
        parts = parts_of(agent, ["messages", "updates", "custom"], is_async=is_async)

    chunks = [message for mode, (message, _) in of(parts, "messages") if message.type != "tool"]
    text = "".join(chunk.text for chunk in chunks)
    updates = [name for _, update in of(parts, "updates") for name in update]
    assert text == ADVICE
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 2  # the call, and the answer
    assert updates == ["model", "tools", "model"]
    assert [said for _, said in of(parts, "custom")] == [{"looking up": "Oslo"}]
    last = of(parts, "updates")[-1][1]["model"]["messages"][-1]
    assert answered_by(last) == ("base_fallback" if is_down else "tuned")


def of(parts: list[tuple[str, Any]], mode: str) -> list[tuple[str, Any]]:
    return [part for part in parts if part[0] == mode]


@both_ways
@in_both_states
def test_the_third_version_of_events(
    is_down: bool, is_async: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent: Any = create_agent(robust, [weather])

    async def collect() -> tuple[list[str], dict[str, Any]]:
        stream = await agent.astream_events(asked(), version="v3")
        texts = [await message.text async for message in stream.messages]
        return texts, await stream.output()

    with state(gemini, is_down=is_down), scripted(gemini):
        if is_async:
            texts, end = asyncio.run(collect())
        else:
            stream = agent.stream_events(asked(), version="v3")
            texts = [str(message.text) for message in stream.messages]
            end = stream.output

    assert [text for text in texts if text] == [ADVICE]
    assert answered_by(end["messages"][-1]) == ("base_fallback" if is_down else "tuned")


LONG = "It rains all day long in Oslo, so take an umbrella along, and a coat as well."


@both_ways
def test_a_restart_is_marked_in_the_tokens_and_is_not_in_the_history(
    is_async: bool, tuned: ChatTunedGemini, base: str, gemini: Emulator
) -> None:
    model = tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER, on_broken_stream="restart")
    gemini.fault(model=TUNED, nth=2, cut_after=3)

    with scripted(gemini, said=LONG):
        parts = parts_of(create_agent(model, [weather]), ["messages", "updates"], is_async=is_async)

    chunks = [m for _, (m, about) in of(parts, "messages") if about["langgraph_step"] == 3]
    (mark,) = [n for n, chunk in enumerate(chunks) if is_restart(chunk)]
    before, after = chunks[:mark], chunks[mark:]
    assert 0 < len("".join(chunk.text for chunk in before)) < len(LONG)
    assert "".join(chunk.text for chunk in after) == LONG
    history = of(parts, "updates")[-1][1]["model"]["messages"]
    assert [message.text for message in history] == [LONG]


def is_restart(chunk: Any) -> bool:
    return bool(chunk.response_metadata.get("tuned_gemini", {}).get("restarted"))


@both_ways
def test_a_stream_that_is_held_back_until_it_is_complete_shows_no_token_of_a_broken_one(
    is_async: bool, tuned: ChatTunedGemini, base: str, gemini: Emulator
) -> None:
    model = tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER, commit="complete")
    gemini.fault(model=TUNED, nth=2, times=2, cut_after=3)

    with scripted(gemini, said=LONG):
        parts = parts_of(create_agent(model, [weather]), ["messages"], is_async=is_async)

    texts = [message.text for _, (message, _) in of(parts, "messages") if message.type != "tool"]
    assert "".join(texts) == LONG
