"""At home in agents and graphs: nothing else changes when the tuned model is down."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.errors import GraphInterrupt
from langgraph.graph import END, START, MessagesState, StateGraph

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, NEXT_NUMBER, Deployed


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


CALL = AIMessage(
    "", tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "1", "type": "tool_call"}]
)


@pytest.fixture
def tuned(deployed: Deployed) -> ChatTunedGemini:
    return deployed.chat()


async def test_an_agent_uses_its_tools_with_the_tuned_model_down(
    tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    base = ScriptedChatModel(answers=[CALL, "Take an umbrella.", CALL, "Take an umbrella."])
    agent = create_agent(tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER), [weather])

    with deployed.emulator.fault(model=deployed.name, status=503):
        asked = {"messages": [HumanMessage("What about Oslo?")]}
        answers = [agent.invoke(asked), await agent.ainvoke(asked)]

    for answer in answers:
        question, call, told, last = answer["messages"]
        assert isinstance(question, HumanMessage)
        assert call.tool_calls[0]["name"] == "weather"
        assert isinstance(told, ToolMessage)
        assert told.content == "It rains in Oslo."
        assert last.text == "Take an umbrella."
        assert last.response_metadata["tuned_gemini"]["reason"] == "overloaded"


def test_the_tools_reach_the_tuned_model_itself(tuned: ChatTunedGemini, deployed: Deployed) -> None:
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    robust.bind_tools([weather]).invoke("7")
    with deployed.emulator.fault(model=deployed.name, status=503):
        robust.bind_tools([weather]).invoke("7")

    generated = [request for request in deployed.emulator.requests if request.body]
    assert [request.model for request in generated] == [deployed.name] * 3 + [f"models/{BASE}"]
    for request in generated:
        (tools,) = request.body["tools"]
        assert tools["functionDeclarations"][0]["name"] == "weather"


def graph_of(model: Any) -> Any:
    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile()


@pytest.mark.parametrize("is_down", [False, True])
def test_langgraph_streams_every_token_once(
    is_down: bool, tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    with deployed.emulator.fault(model=deployed.name, status=503) if is_down else nullcontext():
        chunks = [
            message
            for message, _ in graph_of(robust).stream(
                {"messages": [HumanMessage("7")]}, stream_mode="messages"
            )
        ]

    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert "".join(chunk.text for chunk in chunks) == "8"
    assert len({chunk.id for chunk in chunks}) == 1
    answered_by = chunks[-1].response_metadata["tuned_gemini"]["answered_by"]
    assert answered_by == ("base_fallback" if is_down else "tuned")


def test_tokens_are_counted_once_in_a_graph(tuned: ChatTunedGemini, deployed: Deployed) -> None:
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    with (
        deployed.emulator.fault(model=deployed.name, status=503),
        get_usage_metadata_callback() as usage,
    ):
        state = graph_of(robust).invoke({"messages": [HumanMessage("7")]})

    answer = state["messages"][-1]
    counted = {model: tokens["total_tokens"] for model, tokens in usage.usage_metadata.items()}
    assert counted == {BASE: answer.usage_metadata["total_tokens"]}


def test_an_interrupt_of_the_graph_is_not_swallowed() -> None:
    stand_in = ScriptedChatModel(answers=["x"])
    model = FallbackChatModel(models=[ScriptedChatModel(answers=[GraphInterrupt()]), stand_in])

    with pytest.raises(GraphInterrupt):
        model.invoke("Hi")

    assert stand_in.calls == []
