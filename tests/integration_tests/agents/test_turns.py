"""The tuned model may fail at any turn of an agent's loop: the history stays valid."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tuned_gemini import BrokenStreamError, ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator, FunctionCall
from tests.conftest import NEXT_NUMBER, TUNED
from tests.integration_tests.agents.conftest import (
    ADVICE,
    OSLO,
    Run,
    answered_by,
    answers,
    asked,
    assert_valid,
    astream,
    every_way,
    scripted,
    stream,
    weather,
)

FAILURES = {
    "overloaded": {"status": 503},
    "quota": {"status": 429, "retry_delay": 1},
    "empty": {"empty": True},
    "rejected": {"status": 400},
}


@every_way
def test_a_healthy_tuned_model_does_it_all(
    run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    with scripted(gemini):
        state = run(create_agent(robust, [weather]), asked())

    assert_valid(state["messages"])
    assert [answered_by(message) for message in answers(state)] == ["tuned", "tuned"]
    assert state["messages"][-1].text == ADVICE


@every_way
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("turn", [1, 2])
def test_it_may_fail_at_any_turn(
    turn: int, failure: dict[str, Any], run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent = create_agent(robust, [weather])
    gemini.fault(model=TUNED, nth=turn, times=2, **failure)  # also the quick second try

    with scripted(gemini):
        state = run(agent, asked())

    assert_valid(state["messages"])
    assert state["messages"][-1].text == ADVICE
    by = [answered_by(message) for message in answers(state)]
    assert by[turn - 1] == "base_fallback"
    assert state["messages"][2].content == "It rains in Oslo."


@every_way
def test_a_conversation_goes_on_after_an_outage(
    run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    """What the other model said, with its calls, is taken by each of them as history."""
    agent = create_agent(robust, [weather], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}

    with scripted(gemini):
        run(agent, asked(), thread)
    with gemini.fault(model=TUNED, status=503), scripted(gemini):
        during = run(agent, asked(), thread)
    assert robust.circuit is not None
    robust.circuit.reset()
    with scripted(gemini):
        after = run(agent, asked(), thread)

    assert_valid(after["messages"])
    assert len(during["messages"]) == 8
    by = [answered_by(message) for message in answers(after)]
    assert by == ["tuned"] * 2 + ["base_fallback"] * 2 + ["tuned"] * 2


LONG = "It rains all day long in Oslo, so take an umbrella along, and a coat as well."
streaming = pytest.mark.parametrize("run", [stream, astream])


@streaming
@pytest.mark.parametrize("turn", [1, 2])
def test_a_stream_that_breaks_is_raised_and_leaves_no_half_answer_behind(
    turn: int, run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    agent = create_agent(robust, [weather], checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    fault = gemini.fault(model=TUNED, nth=turn, cut_after=3)

    with (
        scripted(gemini, said=LONG, calls_first=turn == 2),
        pytest.raises(BrokenStreamError) as raised,
    ):
        run(agent, asked(), thread)

    assert LONG.startswith(raised.value.partial.strip())
    kept = agent.get_state(thread).values["messages"]
    assert [message.type for message in kept] == ["human", "ai", "tool"][: 2 * turn - 1]
    fault.remove()
    with scripted(gemini, said=LONG, calls_first=turn == 2):
        state = run(agent, None, thread)  # the run goes on where it was
    assert_valid(state["messages"])
    assert state["messages"][-1].text == LONG


@streaming
@pytest.mark.parametrize("settings", [{"on_broken_stream": "restart"}, {"commit": "complete"}])
@pytest.mark.parametrize("turn", [1, 2])
def test_a_stream_that_breaks_may_be_answered_anew(
    turn: int,
    settings: dict[str, Any],
    run: Run,
    tuned: ChatTunedGemini,
    base: str,
    gemini: Emulator,
) -> None:
    model = tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER, **settings)
    agent = create_agent(model, [weather], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    gemini.fault(model=TUNED, nth=turn, times=2, cut_after=3)

    with scripted(gemini, said=LONG, calls_first=turn == 2):
        state = run(agent, asked(), thread)

    assert_valid(state["messages"])
    assert state["messages"][-1].text == LONG
    assert answered_by(state["messages"][-1]) == "base_fallback"


@every_way
def test_calls_at_once_each_have_their_result(
    run: Run, robust: FallbackChatModel, gemini: Emulator
) -> None:
    both = [OSLO, FunctionCall("weather", {"city": "Bergen"})]
    gemini.fault(model=TUNED, nth=2, times=2, status=503)

    with scripted(gemini, both):
        state = run(create_agent(robust, [weather]), asked())

    assert_valid(state["messages"])
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "tool", "ai"]
    assert [answered_by(message) for message in answers(state)] == ["tuned", "base_fallback"]


def test_the_examples_are_those_for_the_question_also_after_a_tool_call(
    robust: FallbackChatModel, gemini: Emulator
) -> None:
    with gemini.fault(model=TUNED, status=503), gemini.script(OSLO, "8"):
        state = create_agent(robust, [weather]).invoke(asked("7"))

    shown = [
        message.response_metadata["tuned_gemini"]["few_shot"]["examples"]
        for message in answers(state)
    ]
    assert shown == [8, 8]
    *_, last = [r.body for r in gemini.requests if r.model and "flash" in r.model]
    texts = [part.get("text") for turn in last["contents"] for part in turn["parts"]]
    assert texts.index("7") < len(texts) - 2  # the example for it stands before the question
