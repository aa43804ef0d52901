"""The same policy for agents that keep the tuned model: model and prompt are swapped below all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelFallbackMiddleware,
    ModelRequest,
    ModelRetryMiddleware,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AllModelsFailedError,
    ChatTunedGemini,
    FallbackBypassedWarning,
    ParameterError,
    TunedGeminiFallbackMiddleware,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, NEXT_NUMBER, TUNED, Deployed

ASKED = {"messages": [HumanMessage("7")]}
Run = Callable[[Any], list[Any]]


def invoke(agent: Any) -> list[Any]:
    messages: list[Any] = agent.invoke(ASKED)["messages"]
    return messages


def ainvoke(agent: Any) -> list[Any]:
    messages: list[Any] = asyncio.run(agent.ainvoke(ASKED))["messages"]
    return messages


both_ways = pytest.mark.parametrize("run", [invoke, ainvoke])


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


CALL = AIMessage("", tool_calls=[{"name": "weather", "args": {"city": "Oslo"}, "id": "1"}])


def retry(**settings: Any) -> ModelRetryMiddleware:
    return ModelRetryMiddleware(initial_delay=0, jitter=False, **settings)


def fallback(**settings: Any) -> TunedGeminiFallbackMiddleware:
    given = {"base": BASE, "examples": NEXT_NUMBER, **settings}
    return TunedGeminiFallbackMiddleware(**given)


def said(message: AIMessage) -> dict[str, Any]:
    provenance: dict[str, Any] = message.response_metadata["tuned_gemini"]
    return provenance


@pytest.fixture
def tuned(emulator: Emulator) -> ChatTunedGemini:
    return ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)


@both_ways
def test_the_base_model_answers_with_examples_while_the_tuned_one_fails(
    run: Run, platform: str
) -> None:
    with Emulator() as gemini:
        deployed = Deployed.add(gemini, platform, NEXT_NUMBER)
        agent = create_agent(deployed.chat(), middleware=[fallback()])

        healthy = run(agent)[-1]
        with gemini.fault(model=deployed.name, status=503):
            degraded = run(agent)[-1]

    assert [healthy.text, degraded.text] == ["8", "8"]
    assert said(healthy)["answered_by"] == "tuned"
    assert said(degraded)["answered_by"] == "base_fallback"
    assert said(degraded)["reason"] == "overloaded"
    assert said(degraded)["few_shot"]["examples"] == 8


@both_ways
def test_the_base_model_gets_a_system_prompt_of_its_own(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    base = ScriptedChatModel(answers=["8"])
    swap = fallback(base=base, examples=None, system_prompt="Say the number after it.")
    agent = create_agent(tuned, system_prompt="Short.", middleware=[swap])

    with emulator.fault(model=TUNED, status=503):
        run(agent)
    run(agent)

    assert [m.text for m in base.calls[0]["messages"]] == ["Say the number after it.", "7"]
    bodies = [r.body for r in emulator.requests if r.path.endswith("generateContent")]
    told = [body["systemInstruction"]["parts"][0]["text"] for body in bodies]
    assert set(told) == {"Short."}


def test_a_system_prompt_and_examples_go_together(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    base = ScriptedChatModel(answers=["8"])
    agent = create_agent(
        tuned,
        system_prompt="Short.",
        middleware=[fallback(base=base, system_prompt="Say the number after it.", k=2)],
    )

    with emulator.fault(model=TUNED, status=503):
        invoke(agent)

    system, *turns = base.calls[0]["messages"]
    assert system.text.startswith("Say the number after it.\n\n")
    assert "Short." not in system.text
    assert [message.type for message in turns] == ["human", "ai", "human", "ai", "human"]


@both_ways
def test_tools_and_history_stay_valid_when_the_base_model_takes_over(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    base = ScriptedChatModel(answers=[CALL, "Take an umbrella."])
    agent = create_agent(tuned, [weather], middleware=[fallback(base=base)])

    with emulator.fault(model=TUNED, status=503):
        question, call, told, last = run(agent)

    assert isinstance(question, HumanMessage)
    assert call.tool_calls[0]["name"] == "weather"
    assert isinstance(told, ToolMessage)
    assert last.text == "Take an umbrella."
    assert [said(message)["reason"] for message in (call, last)] == ["overloaded", "overloaded"]


class City(BaseModel):
    """A city."""

    name: str


@both_ways
def test_a_structured_response_comes_from_the_base_model(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    call = AIMessage("", tool_calls=[{"name": "City", "args": {"name": "Oslo"}, "id": "1"}])
    base = ScriptedChatModel(answers=[call])
    agent: Any = create_agent(tuned, response_format=City, middleware=[fallback(base=base)])

    with emulator.fault(model=TUNED, status=503):
        state = agent.invoke(ASKED)

    assert state["structured_response"] == City(name="Oslo")


@both_ways
def test_a_structured_response_of_a_model_that_was_tuned_to_json_is_its_text(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    agent: Any = create_agent(tuned, response_format=City, middleware=[fallback()])

    with emulator.script({"name": "Oslo"}, model=TUNED):
        *_, answer, _ = run(agent)

    assert answer.tool_calls[0]["args"] == {"name": "Oslo"}
    assert said(answer)["answered_by"] == "tuned"


# In either order with a retry


def orders(*middleware: AgentMiddleware[Any, Any, Any]) -> list[Any]:
    return [list(middleware), list(reversed(middleware))]


@both_ways
@pytest.mark.parametrize("is_first", [True, False])
def test_a_retry_before_or_after_it_costs_no_fallback(
    run: Run, is_first: bool, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    """LangChain's own fallback, before a retry, is disabled: the retry answers for the failure."""
    both = [fallback(), retry()] if is_first else [retry(), fallback()]
    agent = create_agent(tuned, middleware=both)

    with emulator.fault(model=TUNED, status=503):
        answer = run(agent)[-1]

    assert answer.text == "8"
    assert said(answer)["answered_by"] == "base_fallback"
    asked = [r for r in emulator.requests if r.model == TUNED and r.path.endswith("Content")]
    assert len(asked) == 2  # one more try after a hiccup, and none of the retry's


@both_ways
@pytest.mark.parametrize("is_first", [True, False])
def test_a_retry_tries_again_when_no_model_could_answer(
    run: Run, is_first: bool, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    swap = fallback(base=ScriptedChatModel(answers=[TimeoutError(), "8"]))
    both = [swap, retry()] if is_first else [retry(), swap]
    agent = create_agent(tuned, middleware=both)

    with emulator.fault(model=TUNED, status=503):
        answer = run(agent)[-1]

    assert answer.text == "8"
    assert said(answer)["answered_by"] == "base_fallback"


@both_ways
def test_it_says_so_when_a_retry_after_it_answers_for_the_failure(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    swap = fallback(base=ScriptedChatModel(answers=[TimeoutError()]))
    agent = create_agent(tuned, middleware=[swap, retry(max_retries=0)])

    with (
        emulator.fault(model=TUNED, status=503),
        pytest.warns(FallbackBypassedWarning, match="be the last one"),
    ):
        answer = run(agent)[-1]

    assert answer.text.startswith("Model call failed after 1 attempt")


@both_ways
def test_without_a_retry_the_error_holds_every_attempt(
    run: Run, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    agent = create_agent(
        tuned, middleware=[fallback(base=ScriptedChatModel(answers=[TimeoutError()]))]
    )

    with emulator.fault(model=TUNED, status=503), pytest.raises(AllModelsFailedError) as raised:
        run(agent)

    assert [attempt.reason for attempt in raised.value.attempts] == [
        "overloaded", "overloaded", "timeout",
    ]  # fmt: skip


# What would disable it


class Chosen(AgentMiddleware[Any, Any, Any]):
    """Chooses another model for each call, as middleware for routing does."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def wrap_model_call(self, request: ModelRequest[Any], handler: Any) -> Any:
        return handler(request.override(model=self.model))

    async def awrap_model_call(self, request: ModelRequest[Any], handler: Any) -> Any:
        return await handler(request.override(model=self.model))


@both_ways
@pytest.mark.parametrize(
    ("is_first", "advice"), [(True, "be the last one"), (False, "a ScriptedChatModel")]
)
def test_it_says_so_when_another_middleware_puts_a_model_in_place(
    run: Run, is_first: bool, advice: str, tuned: ChatTunedGemini
) -> None:
    other = Chosen(ScriptedChatModel(answers=["from another model"]))
    both = [fallback(), other] if is_first else [other, fallback()]

    with pytest.warns(FallbackBypassedWarning, match=advice):
        answer = run(create_agent(tuned, middleware=both))[-1]

    assert answer.text == "from another model"


@both_ways
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.filterwarnings("ignore::langchain_tuned_gemini.middleware.FallbackBypassedWarning")
def test_langchains_fallback_before_or_after_it_is_the_last_resort(
    run: Run, is_first: bool, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    swap = fallback(base=ScriptedChatModel(answers=[TimeoutError()]))
    last = ModelFallbackMiddleware(ScriptedChatModel(answers=["the last resort"]))
    both = [swap, last] if is_first else [last, swap]

    with emulator.fault(model=TUNED, status=503):
        answer = run(create_agent(tuned, middleware=both))[-1]

    assert answer.text == "the last resort"


def test_a_model_that_falls_back_already_needs_no_middleware(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    robust = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    with pytest.warns(FallbackBypassedWarning, match="a FallbackChatModel"):
        answer = invoke(create_agent(robust, middleware=[fallback()]))[-1]

    assert said(answer)["answered_by"] == "tuned"


def test_one_middleware_serves_several_models_and_remembers_each(emulator: Emulator) -> None:
    emulator.add_tuned_model("tunedModels/other", examples=[("7", "seven")])
    swap = fallback()
    first, other = (
        ChatTunedGemini(model=name, api_key="key", base_url=emulator.base_url)
        for name in (TUNED, "tunedModels/other")
    )
    agents = [create_agent(model, middleware=[swap]) for model in (first, other)]

    answers = [invoke(agent)[-1].text for agent in (*agents, *agents)]

    assert answers == ["8", "seven", "8", "seven"]
    assert len(swap._robust) == 2


# How it streams


def tokens(agent: Any) -> Iterator[Any]:
    for message, _ in agent.stream(ASKED, stream_mode="messages"):
        if message.type == "AIMessageChunk":
            yield message


@pytest.mark.parametrize("is_down", [False, True])
def test_every_token_is_streamed_once(
    is_down: bool, tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    agent = create_agent(tuned, middleware=[fallback()])
    if is_down:
        emulator.fault(model=TUNED, status=503)

    chunks = list(tokens(agent))

    assert "".join(chunk.text for chunk in chunks) == "8"
    assert len({chunk.id for chunk in chunks}) == 1


# Mistakes


def test_a_base_model_that_is_asked_as_the_tuned_one_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"examples=.*system_prompt="):
        TunedGeminiFallbackMiddleware(BASE)


def test_a_misspelt_setting_is_refused_at_once() -> None:
    with pytest.raises(ParameterError, match="Did you mean 'total_timeout'"):
        fallback(total_timout=3)


def test_without_langchain_everything_else_is_there_and_it_says_what_to_install() -> None:
    code = (
        "import sys\n"
        "sys.modules['langchain'] = sys.modules['langchain.agents.middleware'] = None\n"
        "from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel\n"
        "from langchain_tuned_gemini import TunedGeminiFallbackMiddleware\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "MissingExtraError: TunedGeminiFallbackMiddleware needs" in done.stderr
    assert 'pip install "langchain-tuned-gemini[agents]"' in done.stderr
