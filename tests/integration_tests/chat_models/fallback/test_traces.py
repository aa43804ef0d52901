"""What callbacks hear of a call, and what traces say of it: on the models, and around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest
from langchain_core.callbacks import (
    BaseCallbackHandler,
    UsageMetadataCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.tools import tool
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run
from langchain_google_genai import ChatGoogleGenerativeAI
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AllModelsFailedError,
    BrokenStreamError,
    ChatTunedGemini,
    CircuitState,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
)
from langchain_tuned_gemini.chat_models.base_model import BaseModelChatModel
from langchain_tuned_gemini.chat_models.system_prompt import SystemPromptChatModel
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.middleware import TunedGeminiFallbackMiddleware
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import NEXT_NUMBER, TUNED
from tests.states import in_both_states, state

TUNED_FROM, BASE = "gemini-2.5-flash", "gemini-3.5-flash"

Way = Callable[[Any, Any], Any]
"""Asks a model with a configuration, in one of the ways in which models are asked."""


class Number(BaseModel):
    """A number."""

    value: int


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


def invoke(model: Any, config: Any) -> Any:
    return model.invoke("7", config)


def ainvoke(model: Any, config: Any) -> Any:
    return asyncio.run(model.ainvoke("7", config))


def stream(model: Any, config: Any) -> Any:
    return list(model.stream("7", config))


def astream(model: Any, config: Any) -> Any:
    async def collect() -> Any:
        return [chunk async for chunk in model.astream("7", config)]

    return asyncio.run(collect())


def batch(model: Any, config: Any) -> Any:
    return model.batch(["7"], config)


def streaming_invoke(model: Any, config: Any) -> Any:
    if "streaming" in type(model).model_fields:
        model = model.model_copy(update={"streaming": True})
    return model.invoke("7", config)


every_way = pytest.mark.parametrize(
    "ask", [invoke, ainvoke, stream, astream, batch, streaming_invoke]
)
STREAMED = {stream, astream, streaming_invoke}


class Listener(BaseCallbackHandler):
    """Writes down what it hears of models."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.tags: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.asked: list[Any] = []
        self.tokens = ""
        self.answers: list[Any] = []

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[Any]],
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.heard.append("start")
        self.asked += messages
        self.tags, self.metadata = tags or [], metadata or {}

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:
        self.tokens += chunk.text

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.heard.append("end")
        self.answers.append(response.generations[0][0])

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        self.heard.append(type(error).__name__)


class Traces(BaseTracer):
    """Keeps all runs that have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.roots.append(run)

    @property
    def call(self) -> Run:
        """The run of the last call that shows tokens."""
        return self.roots[-1]

    @property
    def attempts(self) -> list[Run]:
        """The runs of its attempts."""
        return self.call.child_runs

    def named(self) -> tuple[Any, Any]:
        """Which model the last call's run names, and which tuned one."""
        metadata = self.call.extra["metadata"]
        return metadata["ls_model_name"], metadata.get("tuned_model")


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        emulator.add_tuned_model(TUNED, examples=NEXT_NUMBER, base_model=f"models/{TUNED_FROM}")
        yield emulator


def tuned(gemini: Emulator, **settings: Any) -> ChatTunedGemini:
    return ChatTunedGemini(model=TUNED, api_key="key", base_url=gemini.base_url, **settings)


def base(gemini: Emulator, **settings: Any) -> BaseChatModel:
    return BaseModelChatModel(model=BASE, tuned=tuned(gemini), **settings)


def robust(
    gemini: Emulator, of_tuned: Any = None, of_base: Any = None, **settings: Any
) -> FallbackChatModel:
    settings = {"retry_budget": False, "circuit_breaker": False, **settings}
    return tuned(gemini, **(of_tuned or {})).with_few_shot_fallback(
        base(gemini, **(of_base or {})), examples=NEXT_NUMBER, **settings
    )


# Callbacks, tags and metadata that were set on the models


@every_way
@in_both_states
def test_handlers_set_on_the_models_hear_what_these_do(
    ask: Way, is_down: bool, gemini: Emulator
) -> None:
    on_tuned, on_base = Listener(), Listener()
    model = robust(gemini, {"callbacks": [on_tuned]}, {"callbacks": [on_base]})

    with state(gemini, is_down=is_down):
        ask(model, {})

    assert on_tuned.heard == (["start", "GoogleAPIError"] if is_down else ["start", "end"])
    assert on_base.heard == (["start", "end"] if is_down else [])
    heard = on_base if is_down else on_tuned
    assert heard.answers[0].text == "8"
    assert heard.answers[0].message.usage_metadata
    assert heard.answers[0].message.response_metadata["model_name"] == (BASE if is_down else TUNED)
    assert heard.tokens == ("8" if ask in STREAMED else "")
    assert [message.text for message in heard.asked[0]] == ["7"]


@every_way
@in_both_states
def test_tags_and_metadata_of_a_model_are_on_its_runs(
    ask: Way, is_down: bool, gemini: Emulator
) -> None:
    on_tuned, on_base, around = Listener(), Listener(), Traces()
    model = robust(
        gemini,
        {"callbacks": [on_tuned], "tags": ["dear"], "metadata": {"team": "ours"}},
        {"callbacks": [on_base], "tags": ["cheap"], "metadata": {"team": "theirs"}},
    )
    config = {"callbacks": [around], "tags": ["app"], "metadata": {"user": "me"}}

    with state(gemini, is_down=is_down):
        ask(model, config)

    said = [(run.tags, run.extra["metadata"]["team"]) for run in around.attempts]
    assert said == [(["app", "dear"], "ours"), (["app", "cheap"], "theirs")][: 1 + is_down]
    heard, team = (on_base, "theirs") if is_down else (on_tuned, "ours")
    assert heard.tags == ["app", "cheap" if is_down else "dear"]
    assert (heard.metadata["team"], heard.metadata["user"]) == (team, "me")


WRAPPERS: dict[str, Callable[[BaseChatModel], BaseChatModel]] = {
    "few-shot": lambda model: FewShotChatModel(wrapped=model, prompt=FewShotPrompt(NEXT_NUMBER)),
    "system prompt": lambda model: SystemPromptChatModel(wrapped=model, system_prompt="Count."),
    "both": lambda model: SystemPromptChatModel(
        wrapped=WRAPPERS["few-shot"](model), system_prompt="Count."
    ),
}


@every_way
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_by_itself_is_heard_as_the_model_in_it_would_be(
    ask: Way, wrapper: str, gemini: Emulator
) -> None:
    listener, another = Listener(), Listener()
    model = base(gemini, callbacks=[listener], tags=["cheap"], metadata={"team": "theirs"})
    wrapped = WRAPPERS[wrapper](model)
    wrapped.callbacks = [*wrapped.callbacks, another]  # type: ignore[misc]  # a list

    ask(wrapped, {})

    for one in (listener, another):
        assert one.heard == ["start", "end"]
        assert (one.tags, one.metadata["team"]) == (["cheap"], "theirs")


def test_a_handler_that_is_set_twice_hears_once(gemini: Emulator) -> None:
    listener = Listener()
    inner = base(gemini, callbacks=[listener])

    wrapped = FewShotChatModel(
        wrapped=inner, prompt=FewShotPrompt(NEXT_NUMBER), callbacks=[listener]
    )
    wrapped.invoke("7")

    assert listener.heard == ["start", "end"]


@in_both_states
def test_models_that_answer_in_a_schema_or_have_tools_are_heard(
    is_down: bool, gemini: Emulator
) -> None:
    heard = []
    for prepare in (
        lambda model: model.bind_tools([weather]),
        lambda model: model.with_structured_output(Number, include_raw=True),
    ):
        on_tuned, on_base = Listener(), Listener()
        model = robust(gemini, {"callbacks": [on_tuned]}, {"callbacks": [on_base]})
        with state(gemini, is_down=is_down):
            for ask in (invoke, ainvoke, stream, astream):
                ask(prepare(model), {})
        heard.append((on_tuned.heard.count("start"), on_base.heard.count("end")))

    assert heard[0] == (4, 4 if is_down else 0)
    assert heard[1] == (4, 4)  # "8" is no object, so the base model is asked


@in_both_states
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_models_in_an_agent_are_heard_and_its_tokens_come_once(
    is_async: bool, is_down: bool, gemini: Emulator
) -> None:
    from langchain.agents import create_agent

    on_tuned, on_base = Listener(), Listener()
    middleware = TunedGeminiFallbackMiddleware(
        base(gemini, callbacks=[on_base]), examples=NEXT_NUMBER
    )
    agent = create_agent(tuned(gemini, callbacks=[on_tuned]), middleware=[middleware])
    asked = {"messages": [HumanMessage("7")]}

    async def collect() -> Any:
        return [part async for part in agent.astream(asked, stream_mode="messages")]

    with state(gemini, is_down=is_down), get_usage_metadata_callback() as usage:
        parts = (
            asyncio.run(collect())
            if is_async
            else list(agent.stream(asked, stream_mode="messages"))
        )

    assert "".join(message.text for message, _ in parts) == "8"
    assert (on_base if is_down else on_tuned).tokens == "8"
    (counted,) = usage.usage_metadata.values()
    answers = (on_base if is_down else on_tuned).answers
    assert counted["total_tokens"] == answers[0].message.usage_metadata["total_tokens"]


@every_way
@in_both_states
def test_tokens_are_counted_once_by_whoever_counts(
    ask: Way, is_down: bool, gemini: Emulator
) -> None:
    everywhere, on_base = UsageMetadataCallbackHandler(), UsageMetadataCallbackHandler()
    model = robust(gemini, {"callbacks": [everywhere]}, {"callbacks": [everywhere, on_base]})

    with state(gemini, is_down=is_down), get_usage_metadata_callback() as around:
        ask(model, {"callbacks": [everywhere]})

    assert everywhere.usage_metadata == around.usage_metadata
    assert on_base.usage_metadata == (around.usage_metadata if is_down else {})


def test_a_graph_streams_each_token_once_though_models_have_handlers(gemini: Emulator) -> None:
    on_base = Listener()
    model = robust(gemini, None, {"callbacks": [on_base]})
    graph = StateGraph(MessagesState)
    graph.add_node("ask", lambda given: {"messages": [model.invoke(given["messages"])]})
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)

    with state(gemini, is_down=True):
        asked = {"messages": [HumanMessage("7")]}
        parts = list(graph.compile().stream(asked, stream_mode="messages"))

    assert "".join(message.text for message, _ in parts) == on_base.tokens == "8"  # type: ignore[union-attr,misc]  # of a mode


async def test_an_async_handler_is_awaited(gemini: Emulator) -> None:
    from langchain_core.callbacks import AsyncCallbackHandler

    heard = []

    class Async(AsyncCallbackHandler):
        async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            heard.append("start")

        async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            await asyncio.sleep(0)
            heard.append("end")

    await robust(gemini, {"callbacks": [Async()]}).ainvoke("7")
    async for _ in robust(gemini, {"callbacks": [Async()]}).astream("7"):
        pass

    assert heard == ["start", "end"] * 2


@pytest.mark.parametrize("ask", [stream, astream])
def test_a_stream_that_breaks_is_an_error_after_what_was_said(ask: Way) -> None:
    listener = Listener()
    first = ScriptedChatModel(
        name="tuned", answers=[("half an", ConnectionResetError())], callbacks=[listener]
    )

    with pytest.raises(BrokenStreamError):
        ask(FallbackChatModel(models=[first, ScriptedChatModel(answers=["8"])]), {})

    assert listener.heard == ["start", "ConnectionResetError"]
    assert listener.tokens.strip() == "half an"


def test_upstreams_own_model_is_heard(gemini: Emulator) -> None:
    listener = Listener()
    upstream = ChatGoogleGenerativeAI(
        model=BASE,
        api_key="key",
        base_url=gemini.base_url,
        max_retries=1,
        callbacks=[listener],
    )
    model = tuned(gemini).with_few_shot_fallback(upstream, examples=NEXT_NUMBER)

    with state(gemini, is_down=True):
        invoke(model, {})
        stream(model, {})

    assert listener.heard == ["start", "end"] * 2
    assert listener.tokens == "8"


@pytest.mark.parametrize("when", ["on_chain_start", "on_chain_end", "on_chain_error"])
@pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])
def test_a_handler_that_insists_on_raising_is_heard_and_the_circuit_goes_on(
    ask: Way, when: str
) -> None:
    class Raising(BaseCallbackHandler):
        raise_error = True

    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    setattr(Raising, when, fail)
    first = ScriptedChatModel(name="tuned", answers=[ConnectionError()] * 9)
    if when == "on_chain_end":
        first = ScriptedChatModel(name="tuned", answers=["fine"] * 9)
    model = FallbackChatModel(
        models=[first, ScriptedChatModel(name="base", answers=["8"] * 9)], retry_budget=False
    )
    assert model.circuit

    for _ in range(6):
        with pytest.raises(ZeroDivisionError):
            ask(model, {"callbacks": [Raising()]})

    assert model.circuit.state is CircuitState.CLOSED
    assert model.circuit.acquire()


# The model that used the tokens


@every_way
def test_the_run_with_the_tokens_names_who_used_them_from_the_first_call_on(
    ask: Way, gemini: Emulator
) -> None:
    around, model, seen = Traces(), robust(gemini), []

    for is_down in (False, False, True, True, False):
        with state(gemini, is_down=is_down):
            ask(model, {"callbacks": [around]})
        seen.append(around.named())

    answered, stood_in = (TUNED_FROM, TUNED), (BASE, None)
    assert seen == [answered, answered, stood_in, stood_in, answered]


@every_way
def test_in_an_outage_at_the_first_call_each_run_names_its_own_model(
    ask: Way, gemini: Emulator
) -> None:
    around, model = Traces(), robust(gemini)

    with state(gemini, is_down=True):
        ask(model, {"callbacks": [around]})

    assert around.named() == (BASE, None)
    names = [run.extra["metadata"]["ls_model_name"] for run in around.attempts]
    assert names == [TUNED_FROM, BASE]


@every_way
def test_a_tuned_model_by_itself_is_named_at_its_first_call(ask: Way, gemini: Emulator) -> None:
    for wrapped in (
        tuned(gemini),
        FewShotChatModel(wrapped=tuned(gemini), prompt=FewShotPrompt(NEXT_NUMBER)),
    ):
        around = Traces()

        ask(wrapped, {"callbacks": [around]})

        assert around.named() == (TUNED_FROM, TUNED)


@every_way
def test_tracers_set_on_the_fallback_model_itself_are_told_of_each_attempt(
    ask: Way, gemini: Emulator
) -> None:
    own = Traces()
    model = robust(gemini)
    model.callbacks = [own]

    with state(gemini, is_down=True):
        ask(model, {})

    assert own.named() == (BASE, None)


@every_way
def test_a_tracer_set_on_the_tuned_model_names_its_base_at_the_first_call(
    ask: Way, gemini: Emulator
) -> None:
    own = Traces()

    ask(robust(gemini, {"callbacks": [own]}), {})

    assert own.named() == (TUNED_FROM, TUNED)
    assert own.call.run_type in {"llm", "chat_model"}


def test_a_name_that_the_user_has_given_stays(gemini: Emulator) -> None:
    around = Traces()
    model = robust(gemini, metadata={"ls_model_name": "our price"})

    with state(gemini, is_down=True):
        model.invoke("7", {"callbacks": [around]})

    assert around.named() == ("our price", None)


def test_a_fallback_within_a_fallback_is_named_by_whoever_answered(gemini: Emulator) -> None:
    around = Traces()
    model = FallbackChatModel(models=[robust(gemini), ScriptedChatModel(answers=["last"])])

    with state(gemini, is_down=True):
        for ask in (invoke, ainvoke, stream, astream):
            ask(model, {"callbacks": [around]})
            assert around.named() == (BASE, None)


@in_both_states
async def test_events_name_who_used_the_tokens(is_down: bool, gemini: Emulator) -> None:
    model = robust(gemini)

    with state(gemini, is_down=is_down):
        events = [event async for event in model.astream_events("7", version="v2")]

    (end,) = [event for event in events if event["event"] == "on_chat_model_end"]
    assert end["metadata"]["ls_model_name"] == (BASE if is_down else TUNED_FROM)


@pytest.mark.parametrize("ask", [stream, astream])
def test_after_a_restart_the_run_names_the_model_that_answered(ask: Way, gemini: Emulator) -> None:
    around = Traces()
    broken = ScriptedChatModel(name="broken", answers=[("half an", ConnectionResetError())])
    model = FallbackChatModel(models=[broken, tuned(gemini)], on_broken_stream="restart")

    ask(model, {"callbacks": [around]})

    assert around.named() == (TUNED_FROM, TUNED)


# What a trace shows of the prompt


def dumped(run: Run) -> str:
    return json.dumps(
        [run.inputs, run.outputs, run.extra["metadata"], *map(dumped, run.child_runs)], default=str
    )


WORDS = [{"text_input": f"Ask {n} confidentially", "output": f"Say {n}"} for n in range(20)]


@every_way
@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "failed"])
def test_a_trace_shows_the_question_the_rows_and_a_hash_and_no_example(
    ask: Way, is_answered: bool, gemini: Emulator
) -> None:
    around = Traces()
    model = tuned(gemini).with_few_shot_fallback(
        base(gemini), examples=WORDS, k=3, retry_budget=False
    )

    with state(gemini, is_down=True):
        if not is_answered:
            gemini.fault(model=BASE, status=503)
        with nullcontext() if is_answered else pytest.raises(AllModelsFailedError):
            ask(model, {"callbacks": [around]})

    assert "confidentially" not in dumped(around.call)
    failed, told = [run.inputs for run in around.attempts]
    assert failed["question"] == told["question"] == "7"
    assert told["few_shot"]["examples"] == 3
    rows = told["few_shot"]["rows"]
    assert len(set(rows)) == 3
    assert 8 in rows  # the row that has a 7, counted from 1
    assert failed["prompt_sha256"] != told["prompt_sha256"]
    assert len(told["prompt_sha256"]) == 64
    assert "few_shot" not in failed


@every_way
def test_the_whole_prompt_is_shown_on_demand(ask: Way, gemini: Emulator) -> None:
    around = Traces()
    model = tuned(gemini, system_instruction="Count.").with_few_shot_fallback(
        base(gemini), examples=WORDS, k=3, retry_budget=False, trace_prompts=True
    )

    with state(gemini, is_down=True):
        ask(model, {"callbacks": [around]})

    of_tuned, of_base = [run.inputs["prompt"] for run in around.attempts]
    assert [message.type for message in of_tuned] == ["system", "human"]
    assert of_tuned[0].text == "Count."
    assert [message.type for message in of_base] == ["system", *["human", "ai"] * 3, "human"]
    assert of_base[-1].text == "7"
    assert of_base[0].text.startswith("Count.")


def test_the_same_prompt_has_the_same_hash_and_another_one_another(gemini: Emulator) -> None:
    around, model, hashes = Traces(), robust(gemini), []

    with state(gemini, is_down=True):
        for asked in (
            [HumanMessage("7", id="a")],
            [HumanMessage("7", id="b")],
            [HumanMessage("8")],
        ):
            model.invoke(asked, {"callbacks": [around]})
            hashes.append([run.inputs["prompt_sha256"] for run in around.attempts])

    assert hashes[0] == hashes[1]
    assert not set(hashes[0]) & set(hashes[2])


def test_what_hears_a_model_sees_none_of_the_examples(gemini: Emulator) -> None:
    own = Traces()
    model = tuned(gemini).with_few_shot_fallback(base(gemini, callbacks=[own]), examples=WORDS, k=3)

    with state(gemini, is_down=True):
        model.invoke("7")

    assert "confidentially" not in dumped(own.call)
