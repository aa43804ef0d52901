"""An answer in one piece that is streamed from the service: what is known sooner, and not shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import StreamingStdOutCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tracers import BaseTracer, Run

from langchain_tuned_gemini import BrokenStreamError, ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator

TUNED = "tunedModels/next-number"
NUMBERS = [(str(n), f"after {n} comes {n + 1} and then {n + 2}") for n in range(20)]


class KeepingTracer(BaseTracer):
    """Keeps the runs, as LangSmith's does."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.runs.append(run)


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=NUMBERS)
        yield emulator


def robust(gemini: Emulator, **settings: Any) -> FallbackChatModel:
    tuned = ChatTunedGemini(model=TUNED, api_key="k", base_url=gemini.base_url)
    return tuned.with_few_shot_fallback(
        "gemini-3.5-flash",
        examples=NUMBERS,
        circuit_breaker=False,
        **{"streaming": True, "total_timeout": None, **settings},
    )


async def answer(model: FallbackChatModel, path: str) -> AIMessage:
    return model.invoke("7") if path == "invoke" else await model.ainvoke("7")


def told(message: AIMessage) -> dict[str, Any]:
    return message.response_metadata["tuned_gemini"]


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
async def test_a_silent_model_is_given_up_after_the_first_tokens_time(
    gemini: Emulator, path: str
) -> None:
    model = robust(gemini, first_token_timeout=0.2)

    with gemini.fault(model=TUNED, hang=True):
        message = await answer(model, path)

    assert message.text == "after 7 comes 8 and then 9"
    assert (told(message)["answered_by"], told(message)["reason"]) == ("base_fallback", "timeout")


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"stall_after": 3}, "timeout"),
        ({"cut_after": 3}, "connection"),
        ({"error_after": 3}, "overloaded"),
        ({"end_after": 3}, "bad_output"),
    ],
)
async def test_what_breaks_in_the_middle_was_shown_to_nobody(
    gemini: Emulator, path: str, fault: dict[str, Any], reason: str
) -> None:
    model = robust(gemini, stall_timeout=0.2)

    with gemini.fault(model=TUNED, **fault):
        message = await answer(model, path)

    assert message.text == "after 7 comes 8 and then 9"
    assert told(message)["reason"] == reason


@pytest.mark.parametrize("path", ["invoke", "ainvoke"])
async def test_a_healthy_model_answers_as_without_it(gemini: Emulator, path: str) -> None:
    streamed = await answer(robust(gemini), path)
    whole = await answer(robust(gemini, streaming=None), path)

    assert streamed.text == whole.text
    assert told(streamed)["answered_by"] == told(whole)["answered_by"] == "tuned"
    assert streamed.usage_metadata == whole.usage_metadata
    calls = [request.call for request in gemini.requests if request.call.endswith("Content")]
    assert calls == ["streamGenerateContent", "generateContent"]


def test_whoever_prints_the_tokens_gets_them_as_they_come(
    gemini: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        gemini.fault(model=TUNED, cut_after=3),
        pytest.raises(BrokenStreamError, match="connection"),
    ):
        robust(gemini).invoke("7", {"callbacks": [StreamingStdOutCallbackHandler()]})

    assert capsys.readouterr().out == "after 7 comes "


def test_a_tracer_does_not_count_as_somebody_who_shows_them(gemini: Emulator) -> None:
    tracer = KeepingTracer()

    with gemini.fault(model=TUNED, cut_after=3):
        message = robust(gemini).invoke("7", {"callbacks": [tracer]})

    assert message.text == "after 7 comes 8 and then 9"
    assert [run.name for run in tracer.runs] == ["FallbackChatModel"]


def test_whoever_shows_the_tokens_gets_them_as_they_come(gemini: Emulator) -> None:
    from langgraph.graph import START, MessagesState, StateGraph

    model = robust(gemini)
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "model")

    shown = [
        chunk.text
        for chunk, _ in graph.compile().stream({"messages": ["7"]}, stream_mode="messages")
        if chunk.text
    ]

    assert "".join(shown) == "after 7 comes 8 and then 9"
    assert len(shown) > 1
