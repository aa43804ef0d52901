"""Tests of your own application, with no key and no network; pytest runs them by this file's name.

The first part is an application as it runs in production. The fixture `gemini_emulator`, which
pytest finds by itself, leads it to an emulator; each test says what its models know and do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import FunctionCall

if TYPE_CHECKING:
    from langchain_tuned_gemini import FallbackChatModel
    from langchain_tuned_gemini.emulator import Emulator

MODEL = "tunedModels/sql-expert-v1"
TRAIN = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"
QUESTION = "How many electric bikes do we have?"


# Your application


def sql_expert() -> FallbackChatModel:
    """The tuned model; it must write queries that read, or the base model answers."""
    return ChatTunedGemini(model=MODEL).with_few_shot_fallback(
        "gemini-3.5-flash",
        examples=TRAIN,
        guards=[lambda answer: bool(answer.tool_calls) or answer.text.startswith("SELECT")],
    )


def run_query(sql: str) -> str:
    """Runs a query on the database of the bike rental."""
    return f"7 rows for {sql}"


def ask_agent(question: str) -> list[AIMessage]:
    """What the models say while they look it up in the database."""
    agent = create_agent(sql_expert(), [run_query])
    messages = agent.invoke({"messages": [HumanMessage(question)]})["messages"]
    return [message for message in messages if isinstance(message, AIMessage)]


# Its tests


@pytest.fixture
def gemini(gemini_emulator: Emulator) -> Emulator:
    """The emulator with the tuned model in it, which has learnt what it was tuned on."""
    gemini_emulator.add_tuned_model(MODEL, examples=TRAIN)
    return gemini_emulator


def answered_by(message: AIMessage) -> str:
    """Which of the models gave an answer."""
    model: str = message.response_metadata["tuned_gemini"]["model"]
    return model


def test_the_tuned_model_answers(gemini: Emulator) -> None:
    """Nothing is arranged: it has learnt the answer, and is asked for no more than that."""
    answer = sql_expert().invoke(QUESTION)

    assert answer.text == "SELECT COUNT(*) AS bikes FROM bikes AS b WHERE b.kind = 'electric';"
    assert answered_by(answer) == MODEL
    assert [request.call for request in gemini.requests] == ["get", "generateContent"]


@pytest.mark.parametrize("status", [404, 429, 503])
def test_an_outage_changes_nothing_but_who_answers(gemini: Emulator, status: int) -> None:
    """A fault: the base model answers by the examples in its prompt."""
    expected = sql_expert().invoke(QUESTION).text

    with gemini.fault(model=MODEL, status=status):
        answer = sql_expert().invoke(QUESTION)

    assert (answer.text, answered_by(answer)) == (expected, "gemini-3.5-flash")


def test_a_query_that_deletes_is_never_handed_out(gemini: Emulator) -> None:
    """A script: the tuned model says what it never should."""
    with gemini.script("DELETE FROM bikes;", model=MODEL) as script:
        answer = sql_expert().invoke(QUESTION)

    assert script.hits == 1
    assert answer.text.startswith("SELECT")
    assert answered_by(answer) == "gemini-3.5-flash"


def test_the_agent_goes_on_when_the_quota_ends_on_its_way(gemini: Emulator) -> None:
    """Both: the tuned model calls the tool, and the base model has to read the result."""
    look_up = FunctionCall("run_query", {"sql": "SELECT COUNT(*) FROM bikes"})
    gemini.script(look_up, "SELECT and you shall find: 7.")

    with gemini.fault(model=MODEL, nth=2, status=429):
        asked, told = ask_agent(QUESTION)

    assert asked.tool_calls[0]["args"] == {"sql": "SELECT COUNT(*) FROM bikes"}
    assert told.text == "SELECT and you shall find: 7."
    assert [answered_by(asked), answered_by(told)] == [MODEL, "gemini-3.5-flash"]
