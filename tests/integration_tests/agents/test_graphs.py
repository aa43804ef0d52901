"""In LangGraph: nodes, subgraphs and branches that share one model object."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER, TUNED
from tests.integration_tests.agents.conftest import answered_by
from tests.states import in_both_states, state

both_ways = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
BASE = "gemini-3.5-flash"


@pytest.fixture
def robust(tuned: ChatTunedGemini) -> FallbackChatModel:
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)


def one_node(model: Any, *, is_async: bool) -> Any:
    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    async def aask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", aask if is_async else ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


def tokens(graph: Any, given: Any, *, is_async: bool, **settings: Any) -> list[Any]:
    async def collect() -> list[Any]:
        return [p async for p in graph.astream(given, stream_mode="messages", **settings)]

    if is_async:
        return asyncio.run(collect())
    return list(graph.stream(given, stream_mode="messages", **settings))


@both_ways
@in_both_states
def test_a_subgraph_streams_every_token_once(
    is_down: bool, is_async: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    outer = StateGraph(MessagesState)
    outer.add_node("inner", one_node(robust, is_async=is_async))
    outer.add_edge(START, "inner")
    given = {"messages": [HumanMessage("7")]}

    with state(gemini, is_down=is_down):
        parts = tokens(outer.compile(), given, is_async=is_async, subgraphs=True)

    assert all(place and place[0].startswith("inner:") for place, _ in parts)
    chunks = [message for _, (message, _) in parts]
    assert "".join(chunk.text for chunk in chunks) == "8"
    assert len({chunk.id for chunk in chunks}) == 1
    assert answered_by(chunks[-1]) == ("base_fallback" if is_down else "tuned")


class Numbers(TypedDict):
    """What the branches are asked, and what they have said."""

    asked: list[str]
    said: Annotated[list[tuple[str, AIMessage]], operator.add]


def fan_out(model: Any, *, is_async: bool) -> Any:
    def ask(given: dict[str, str]) -> dict[str, Any]:
        return {"said": [(given["n"], model.invoke(given["n"]))]}

    async def aask(given: dict[str, str]) -> dict[str, Any]:
        return {"said": [(given["n"], await model.ainvoke(given["n"]))]}

    graph = StateGraph(Numbers)
    graph.add_node("ask", aask if is_async else ask)
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"n": n}) for n in state["asked"]], ["ask"]
    )
    return graph.compile()


@both_ways
@in_both_states
def test_branches_side_by_side_share_one_model_and_mix_nothing_up(
    is_down: bool, is_async: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    asked = [str(n) for n in range(10, 18)]
    graph = fan_out(robust, is_async=is_async)

    with state(gemini, is_down=is_down), get_usage_metadata_callback() as usage:
        parts = tokens(graph, {"asked": asked, "said": []}, is_async=is_async)

    by_id: dict[str, str] = {}
    for chunk, _ in parts:
        by_id[chunk.id] = by_id.get(chunk.id, "") + chunk.text
    assert sorted(by_id.values()) == [str(n + 1) for n in range(10, 18)]
    (counted,) = usage.usage_metadata
    assert counted == (BASE if is_down else TUNED)


@both_ways
def test_a_branch_that_breaks_off_does_not_disturb_the_others(
    is_async: bool, tuned: ChatTunedGemini, gemini: Emulator
) -> None:
    said = "one two three four five six seven eight nine ten"
    model = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, on_broken_stream="restart")
    graph = fan_out(model, is_async=is_async)
    asked = [str(n) for n in range(4)]
    gemini.fault(model=TUNED, times=1, cut_after=2)

    with gemini.script(said):
        values = (
            [
                part
                for mode, part in graph.stream(
                    {"asked": asked, "said": []}, stream_mode=["messages", "values"]
                )
                if mode == "values"
            ]
            if not is_async
            else asyncio.run(values_of(graph, asked))
        )

    messages = [message for _, message in values[-1]["said"]]
    assert [message.text for message in messages] == [said] * 4
    by = sorted(answered_by(message) for message in messages)
    assert by == ["base_fallback", "tuned", "tuned", "tuned"]


async def values_of(graph: Any, asked: list[str]) -> list[Any]:
    modes = ["messages", "values"]
    given = {"asked": asked, "said": []}
    return [p async for mode, p in graph.astream(given, stream_mode=modes) if mode == "values"]


@in_both_states
def test_a_node_that_asks_a_human_first_is_resumed_with_the_answer(
    is_down: bool, robust: FallbackChatModel, gemini: Emulator
) -> None:
    def ask(state: MessagesState) -> dict[str, Any]:
        number = interrupt("Which number?")
        return {"messages": [robust.invoke([HumanMessage(number)])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    compiled = graph.compile(checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}

    with state(gemini, is_down=is_down):
        paused = compiled.invoke({"messages": []}, thread)
        resumed = compiled.invoke(Command(resume="7"), thread)

    assert [pause.value for pause in paused["__interrupt__"]] == ["Which number?"]
    assert resumed["messages"][-1].text == "8"
    assert answered_by(resumed["messages"][-1]) == ("base_fallback" if is_down else "tuned")
