"""In what other people build: the model stays a chat model, and says who answered."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.load import dumpd, dumps, load
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableParallel
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AllModelsFailedError,
    ChatTunedGemini,
    FallbackChatModel,
    FewShotChatModel,
    ParameterError,
)
from langchain_tuned_gemini.chat_models.base_model import BaseModelChatModel
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, NEXT_NUMBER, TUNED, Deployed
from tests.runs import RunTrees
from tests.states import in_both_states, state


class Number(BaseModel):
    """A number."""

    value: int


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


@pytest.fixture
def robust(emulator: Emulator) -> FallbackChatModel:
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)


def answered_by(message: AIMessage) -> str:
    said: str = message.response_metadata["tuned_gemini"]["answered_by"]
    return said


def expected(*, is_down: bool) -> str:
    return "base_fallback" if is_down else "tuned"


# Fallbacks and retries


@in_both_states
async def test_within_langchains_fallbacks_it_answers_first(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    never = ScriptedChatModel(answers=["never asked"])
    model = robust.with_fallbacks([never])

    with state(emulator, is_down=is_down):
        answers = [
            model.invoke("7"),
            await model.ainvoke("7"),
            *model.batch(["7"]),
            sum_of(model.stream("7")),
        ]

    assert [answer.text for answer in answers] == ["8"] * 4
    assert {answered_by(answer) for answer in answers} == {expected(is_down=is_down)}
    assert never.calls == []


def test_when_it_fails_langchains_fallback_answers(emulator: Emulator) -> None:
    tuned = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)
    failing = FallbackChatModel(models=[tuned, ScriptedChatModel(answers=[TimeoutError()])])
    last = ScriptedChatModel(answers=["the last resort"])

    with emulator.fault(model=TUNED, status=503):
        assert failing.with_fallbacks([last]).invoke("7").text == "the last resort"


def test_langchains_fallbacks_hand_on_tools_and_schemas(robust: FallbackChatModel) -> None:
    """They look at the return types at run time: langchain-core's own can't be resolved."""
    call = AIMessage("", tool_calls=[{"name": "Number", "args": {"value": 8}, "id": "1"}])
    model: Any = FallbackChatModel(models=[ScriptedChatModel(answers=[call])]).with_fallbacks(
        [robust]
    )

    assert model.with_structured_output(Number).invoke("7") == Number(value=8)
    assert model.bind_tools([weather]).invoke("7").tool_calls


def test_a_retry_around_it_tries_again_when_no_model_could_answer(caplog: Any) -> None:
    model = FallbackChatModel(
        models=[
            ScriptedChatModel(name="tuned", answers=[TimeoutError()]),
            ScriptedChatModel(name="base", answers=[TimeoutError(), "at last"]),
        ]
    )
    retrying = model.with_retry(
        retry_if_exception_type=(AllModelsFailedError,),
        stop_after_attempt=2,
        wait_exponential_jitter=False,
    )

    assert retrying.invoke("7").text == "at last"


# Binding and configuring


@in_both_states
def test_what_is_bound_reaches_whichever_model_answers(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    with state(emulator, is_down=is_down):
        robust.bind(stop=["!"], temperature=0.25).invoke("7")

    asked = [r.body for r in emulator.requests if r.path.endswith("generateContent")]
    assert len(asked) == (3 if is_down else 1)  # one more try, and the base model
    for body in asked:
        assert body["generationConfig"]["stopSequences"] == ["!"]
        assert body["generationConfig"]["temperature"] == 0.25


def test_it_is_an_alternative_that_a_call_can_choose(robust: FallbackChatModel) -> None:
    cheap = ScriptedChatModel(answers=["no idea"])
    model = cheap.configurable_alternatives(
        ConfigurableField(id="model"), default_key="cheap", tuned=robust
    )
    chain = ChatPromptTemplate.from_template("{n}") | model | StrOutputParser()

    assert chain.invoke({"n": "7"}) == "no idea"
    assert chain.with_config(configurable={"model": "tuned"}).invoke({"n": "7"}) == "8"


def test_its_settings_can_be_configured_for_a_call() -> None:
    models = [
        ScriptedChatModel(name="tuned", answers=[("half", ConnectionResetError())]),
        ScriptedChatModel(name="base", answers=["whole"]),
    ]
    model: Any = FallbackChatModel(models=models).configurable_fields(
        commit=ConfigurableField(id="commit")
    )

    careful = model.with_config(configurable={"commit": "complete"})

    assert sum_of(careful.stream("7")).text.strip() == "whole"


# Side by side


@in_both_states
async def test_branches_side_by_side_share_one_model(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    asked = {str(n): (lambda _, n=n: str(n)) | robust | StrOutputParser() for n in range(8)}
    branches: Any = RunnableParallel(asked)

    with state(emulator, is_down=is_down):
        answers = [branches.invoke({}), await branches.ainvoke({})]

    assert answers == [{str(n): str(n + 1) for n in range(8)}] * 2


@in_both_states
async def test_a_batch_keeps_its_order(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    questions = [str(n) for n in range(30)]

    with state(emulator, is_down=is_down):
        answers = [
            robust.batch(list(questions), {"max_concurrency": 4}),
            await robust.abatch(list(questions), {"max_concurrency": 4}),
        ]
        completed = dict(robust.batch_as_completed(list(questions)))

    for answer in answers:
        assert [message.text for message in answer] == [str(n + 1) for n in range(30)]
    assert {n: str(message.text) for n, message in completed.items()} == {
        n: str(n + 1) for n in range(30)
    }


@in_both_states
def test_event_loops_that_come_and_go_are_served(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    async def ask() -> list[str]:
        answers = await asyncio.gather(*(robust.ainvoke("7") for _ in range(4)))
        streamed = [chunk.text async for chunk in robust.astream("7")]
        return [*(answer.text for answer in answers), "".join(streamed)]

    with state(emulator, is_down=is_down):
        assert [asyncio.run(ask()) for _ in range(5)] == [["8"] * 5] * 5


@in_both_states
def test_threads_share_one_model(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    with state(emulator, is_down=is_down), ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(robust.invoke, [str(n % 30) for n in range(64)]))

    assert [answer.text for answer in answers] == [str(n % 30 + 1) for n in range(64)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@in_both_states
def test_a_forked_process_falls_back_by_itself(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    robust.invoke("7")

    with state(emulator, is_down=is_down):
        child = os.fork()
        if child == 0:
            said = robust.invoke("7")
            os._exit(
                0 if said.text == "8" and answered_by(said) == expected(is_down=is_down) else 1
            )
        _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert robust.invoke("7").text == "8"


# Events, traces, costs


@in_both_states
async def test_every_token_is_one_event(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    chain = ChatPromptTemplate.from_template("{n}") | robust | StrOutputParser()

    with state(emulator, is_down=is_down):
        events = [event async for event in chain.astream_events({"n": "7"}, version="v2")]

    tokens = [e["data"]["chunk"] for e in events if e["event"] == "on_chat_model_stream"]
    (ended,) = [e["data"]["output"] for e in events if e["event"] == "on_chat_model_end"]
    assert "".join(chunk.text for chunk in tokens) == ended.text == "8"
    assert answered_by(ended) == expected(is_down=is_down)
    attempts = [e["name"] for e in events if e["event"] == "on_chain_start"]
    assert attempts[-1] == (BASE if is_down else TUNED)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@in_both_states
async def test_the_third_version_of_events_has_every_token_once_and_every_attempt(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    tracer, asynchronous = RunTrees(), RunTrees()

    with state(emulator, is_down=is_down):
        stream = robust.stream_events("7", {"callbacks": [tracer]}, version="v3")
        text = "".join(stream.text)
        later: Any = await robust.astream_events("7", {"callbacks": [asynchronous]}, version="v3")
        outputs = [stream.output, await later.output]
    # LangChain ends an asynchronous run in a task of its own.
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    assert text == "8"
    for output in outputs:
        assert output.text == "8"
        assert answered_by(output) == expected(is_down=is_down)
    failed = [("chain", TUNED, True, [])] * 2 if is_down else []
    answered = ("chain", BASE if is_down else TUNED, False, [])
    for seen in (tracer, asynchronous):
        assert seen.trees == [("llm", "FallbackChatModel", False, [*failed, answered])]


@in_both_states
def test_a_trace_of_a_chain_shows_each_attempt_below_the_models_run(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    tracer = RunTrees()
    chain = ChatPromptTemplate.from_template("{n}") | robust | StrOutputParser()

    with state(emulator, is_down=is_down):
        chain.invoke({"n": "7"}, {"callbacks": [tracer], "run_name": "next number"})

    failed = [("chain", TUNED, True, [])] * 2 if is_down else []
    answered = ("chain", BASE if is_down else TUNED, False, [])
    assert tracer.trees == [
        (
            "chain",
            "next number",
            False,
            [
                ("prompt", "ChatPromptTemplate", False, []),
                ("llm", "FallbackChatModel", False, [*failed, answered]),
                ("parser", "StrOutputParser", False, []),
            ],
        )
    ]


@in_both_states
async def test_tokens_are_counted_once_for_the_model_that_answered(
    is_down: bool, robust: FallbackChatModel, emulator: Emulator
) -> None:
    with state(emulator, is_down=is_down), get_usage_metadata_callback() as usage:
        answers = [robust.invoke("7"), await robust.ainvoke("7"), *robust.batch(["7"])]

    (name,) = usage.usage_metadata
    assert name == (BASE if is_down else TUNED)
    counted = sum(
        answer.usage_metadata["total_tokens"] for answer in answers if answer.usage_metadata
    )
    assert usage.usage_metadata[name]["total_tokens"] == counted


@pytest.fixture
def cache() -> Iterator[InMemoryCache]:
    kept = InMemoryCache()
    set_llm_cache(kept)
    yield kept
    set_llm_cache(None)


def test_an_answer_of_the_base_model_is_never_kept_as_the_tuned_models(
    cache: InMemoryCache, robust: FallbackChatModel, emulator: Emulator
) -> None:
    with emulator.fault(model=TUNED, status=503):
        during = robust.invoke("7")
    asked = len(emulator.requests)

    after = [robust.invoke("7"), robust.invoke("7")]

    assert answered_by(during) == "base_fallback"
    assert [answered_by(answer) for answer in after] == ["tuned", "tuned"]
    assert len(emulator.requests) == asked + 1  # the second one was kept


# Written down


SECRET = "a-secret-key"


@pytest.fixture
def secretive(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> FallbackChatModel:
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    tuned = ChatTunedGemini(model=TUNED, api_key=SECRET, base_url=emulator.base_url)
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, commit="complete")


@in_both_states
def test_an_unpickled_model_answers_and_falls_back_like_the_original(
    is_down: bool, secretive: FallbackChatModel, emulator: Emulator
) -> None:
    secretive.invoke("7")  # what is remembered of calls stays behind
    written = pickle.dumps(secretive)

    twin = pickle.loads(written)

    assert SECRET.encode() not in written
    assert twin.commit == "complete"
    with state(emulator, is_down=is_down):
        answer = twin.invoke("7")
    assert answer.text == "8"
    assert answered_by(answer) == expected(is_down=is_down)
    base = [r for r in emulator.requests if r.model == f"models/{BASE}"]
    assert len(base) == is_down


@in_both_states
def test_on_vertex_ai_a_model_is_unpickled_with_its_place(
    is_down: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", SECRET)
    with Emulator() as gemini:
        deployed = Deployed.add(gemini, "vertex", NEXT_NUMBER)
        model = deployed.chat(api_key=SECRET).with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
        written = pickle.dumps(model)
        if is_down:
            gemini.fault(model=deployed.name, status=503)

        answer = pickle.loads(written).invoke("7")

    assert SECRET.encode() not in written
    assert answer.text == "8"
    assert answered_by(answer) == expected(is_down=is_down)


def test_a_pickle_that_goes_round_stays_the_same(secretive: FallbackChatModel) -> None:
    twin = pickle.loads(pickle.dumps(secretive))

    assert pickle.loads(pickle.dumps(twin)).invoke("7").text == "8"
    assert twin.models[1].wrapped.tuned is twin.models[0]
    assert twin.circuit.key == secretive.circuit.key  # type: ignore[union-attr]


LEFT_BEHIND = {
    "the key": ({"api_key": SECRET}, "lacks its API key. Set GOOGLE_API_KEY"),
    "the password": (
        {"api_key": SECRET, "base_url": "http://me:s3cret-word@127.0.0.1:1"},
        r"lacks the password of base_url='http://\[hidden\]@127.0.0.1:1'",
    ),
}
left_behind = pytest.mark.parametrize(("given", "told"), LEFT_BEHIND.values(), ids=LEFT_BEHIND)
names_of_both_platforms = pytest.mark.parametrize(
    "name", [TUNED, "projects/acme-prod/locations/us-central1/endpoints/42"]
)
USES: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke("7"),
    "stream": lambda model: list(model.stream("7")),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("7")),
    "the base model": lambda model: getattr(model, "models", [model])[-1].invoke("7"),
    "its tokens": lambda model: getattr(model, "models", [model])[-1].get_num_tokens("7"),
    "its state": lambda model: getattr(model, "models", [model])[0].wait_until_active(timeout=1),
}


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("has_fallback", [True, False])
@names_of_both_platforms
@left_behind
def test_what_a_pickle_leaves_behind_is_missed_at_the_first_call_and_not_before(
    given: dict[str, str], told: str, name: str, has_fallback: bool, use: Callable[[Any], object]
) -> None:
    model: Any = ChatTunedGemini(model=name, base_model=BASE, **given)
    if has_fallback:
        model = model.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
    twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(model))))

    with pytest.raises(ParameterError, match=told):
        use(twin)

    assert "s3cret-word" not in f"{pickle.dumps(model)!r}{model!r}{dumps(model)}"


@pytest.mark.parametrize("has_fallback", [True, False])
def test_a_key_that_can_not_be_sent_where_it_is_unpickled_is_told_at_the_first_call(
    has_fallback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = ChatTunedGemini(model=TUNED, api_key=SECRET)
    if has_fallback:
        model = model.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)
    monkeypatch.setenv("GOOGLE_API_KEY", "copied\u200bfrom-a-page")

    twin = pickle.loads(pickle.dumps(model))

    with pytest.raises(ParameterError, match="no HTTP header can hold"):
        twin.invoke("7")


@pytest.mark.usefixtures("no_environment")
def test_a_worker_of_a_pool_says_what_its_model_lacks() -> None:
    """One that can't build what it is sent would be started again for ever."""
    model = ChatTunedGemini(model=TUNED, api_key=SECRET)

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.apply_async(methodcaller("invoke", "7"), (model,))
        with pytest.raises(ParameterError, match="lacks its API key"):
            answer.get(timeout=60)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_model_that_is_loaded_without_its_password_says_so() -> None:
    model = ChatTunedGemini(
        model=TUNED, api_key=SECRET, base_url="http://me:s3cret-word@127.0.0.1:1"
    )

    with pytest.raises(ParameterError, match="has lost its password"):
        load(
            dumpd(model),
            secrets_map={"GOOGLE_API_KEY": SECRET},
            allowed_objects=[ChatTunedGemini],
            valid_namespaces=["langchain_tuned_gemini"],
        )


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_a_fallback_model_is_loaded_by_naming_what_may_be_loaded(
    secretive: FallbackChatModel, emulator: Emulator
) -> None:
    tuned = secretive.models[0]
    model = FallbackChatModel(models=[tuned, tuned], total_timeout=5.0)

    twin = load(
        dumpd(model),
        allowed_objects=[FallbackChatModel, ChatTunedGemini],
        valid_namespaces=["langchain_tuned_gemini"],
        secrets_map={"GOOGLE_API_KEY": SECRET},
    )

    assert twin.invoke("7").text == "8"
    assert twin.total_timeout == 5.0
    assert SECRET not in str(dumpd(model))


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_without_being_named_nothing_is_loaded(secretive: FallbackChatModel) -> None:
    with pytest.raises(ValueError, match="not allowed"):
        load(dumpd(secretive), allowed_objects="core")


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_examples_are_not_written_into_json_so_that_loading_them_is_refused(
    secretive: FallbackChatModel,
) -> None:
    """What can be loaded stands in every trace: a tuning set is too much for that."""
    kinds = [FallbackChatModel, FewShotChatModel, BaseModelChatModel, ChatTunedGemini]

    with pytest.raises(NotImplementedError, match="FewShotPrompt"):
        load(
            dumpd(secretive),
            allowed_objects=kinds,
            valid_namespaces=["langchain_tuned_gemini"],
            secrets_map={"GOOGLE_API_KEY": SECRET},
        )
    assert str(NEXT_NUMBER[30]) not in str(dumpd(secretive))


def sum_of(chunks: Iterator[Any]) -> AIMessageChunk:
    total: AIMessageChunk = next(chunks)
    for chunk in chunks:
        total += chunk
    return total
