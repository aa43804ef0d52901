"""`total_timeout` ends the call of each model, the last one's, too, whatever it waits for."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.exceptions import ModelTimeoutError
from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.load import dumpd
from langchain_core.rate_limiters import BaseRateLimiter, InMemoryRateLimiter
from pydantic import BaseModel, PrivateAttr

from langchain_tuned_gemini import (
    AllModelsFailedError,
    AnswerTimeoutError,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    RateLimiterTimeoutError,
)
from langchain_tuned_gemini.testing import ScriptedChatModel

LONG = 20.0
"""In seconds: what no test waits for."""


class Stalled(ScriptedChatModel):
    """A foreign model that says nothing until it is let go; its stream begins before that."""

    _let_go: threading.Event = PrivateAttr(default_factory=threading.Event)

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        self._let_go.wait(LONG)
        return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(LONG)
        return super()._generate(*args, **kwargs)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for chunk in super()._stream(*args, **kwargs):
            yield chunk
            self._let_go.wait(LONG)

    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        for chunk in super()._stream(*args, **kwargs):
            yield chunk
            await asyncio.sleep(LONG)


class StalledInThreads(Stalled):
    """The same without any asynchronous method."""

    _agenerate = BaseChatModel._agenerate
    _astream = BaseChatModel._astream


class StalledSimply(StalledInThreads):
    """The same as LangChain's `SimpleChatModel` makes itself asynchronous."""

    _agenerate = SimpleChatModel._agenerate  # type: ignore[assignment]


@pytest.fixture(params=[Stalled, StalledInThreads, StalledSimply])
def stalled(request: pytest.FixtureRequest) -> Iterator[Stalled]:
    model: Stalled = request.param(name="stalled", answers=["one two"])
    yield model
    model._let_go.set()


class City(BaseModel):
    """A city."""

    name: str


async def _read(model: Any) -> list[Any]:
    return [chunk async for chunk in model.astream("Hi")]


WAYS: dict[str, Callable[[FallbackChatModel], Any]] = {
    "invoke": lambda model: model.invoke("Hi"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("Hi")),
    "stream": lambda model: list(model.stream("Hi")),
    "astream": lambda model: asyncio.run(_read(model)),
    "batch": lambda model: model.batch(["Hi", "Ho"]),
    "structured": lambda model: model.with_structured_output(City).invoke("Hi"),
    "streaming": lambda model: model.model_copy(update={"streaming": True}).invoke("Hi"),
}

every_way = pytest.mark.parametrize("way", WAYS)


def down() -> ScriptedChatModel:
    return ScriptedChatModel(name="down", answers=[ConnectionError()])


def fallback(*models: BaseChatModel, **settings: Any) -> FallbackChatModel:
    off = {"circuit_breaker": False, "retry_budget": False, "commit": "complete"}
    return FallbackChatModel(models=models, **{**off, **settings})


@every_way
@pytest.mark.parametrize("is_only_one", [False, True])
def test_the_last_model_is_given_up_with_an_error_that_says_so(
    way: str, is_only_one: bool, stalled: Stalled
) -> None:
    models = [stalled] if is_only_one else [down(), stalled]
    stalled.cache = InMemoryCache() if is_only_one else None

    began = time.monotonic()
    with pytest.raises(AllModelsFailedError) as failed:
        WAYS[way](fallback(*models, total_timeout=0.3))

    assert time.monotonic() - began < LONG / 2
    last = failed.value.exceptions[-1]
    assert isinstance(last, AnswerTimeoutError)
    assert (last.name, last.limit, last.seconds) == ("stalled", "total_timeout", 0.3)
    assert isinstance(last, ModelTimeoutError)
    assert last.is_retryable


@every_way
def test_each_model_has_all_of_the_time(way: str) -> None:
    first, last = (Stalled(name=name, answers=["x"]) for name in ("first", "last"))

    with pytest.raises(AllModelsFailedError) as failed:
        WAYS[way](fallback(first, last, total_timeout=0.3))

    for model in (first, last):
        model._let_go.set()
    assert [(a.model, a.reason) for a in failed.value.attempts] == [
        ("first", "timeout"),
        ("last", "timeout"),
    ]
    assert all(attempt.duration_s >= 0.29 for attempt in failed.value.attempts)


@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_a_call_that_was_given_up_keeps_no_thread_of_the_event_loop(
    way: str, is_wrapped: bool
) -> None:
    model = StalledInThreads(answers=["x"])
    prompt = FewShotPrompt([("1", "2")])
    prompt.build()
    asked = FewShotChatModel(wrapped=model, prompt=prompt) if is_wrapped else model
    robust = fallback(asked, total_timeout=0.5)

    async def ask_and_go_on() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        with pytest.raises(AllModelsFailedError):
            await (robust.ainvoke("Hi") if way == "ainvoke" else _read(robust))
        await asyncio.wait_for(asyncio.to_thread(time.monotonic), LONG / 4)

    began = time.monotonic()
    asyncio.run(ask_and_go_on())
    took = time.monotonic() - began
    model._let_go.set()

    assert took < LONG / 2


def test_a_model_that_is_not_asynchronous_answers_in_a_task_as_in_a_thread() -> None:
    class NotAsync(ScriptedChatModel):
        _agenerate = BaseChatModel._agenerate
        _astream = BaseChatModel._astream

    model = fallback(NotAsync(answers=["one two"]))

    assert asyncio.run(model.ainvoke("Hi")).text == "one two"
    assert "".join(chunk.text for chunk in asyncio.run(_read(model))).split() == ["one", "two"]


def test_a_bug_that_ends_an_iteration_ends_the_call() -> None:
    class Exhausted(ScriptedChatModel):
        _agenerate = BaseChatModel._agenerate

        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            raise StopIteration("nothing left")

    for way in ("invoke", "ainvoke"):
        with pytest.raises(RuntimeError, match="nothing left"):
            WAYS[way](fallback(Exhausted(answers=["x"])))


LIMITS: list[tuple[dict[str, Any], list[float | None]]] = [
    # what the user says, what holds for three models
    ({}, [30.0, 30.0, 120.0]),
    ({"total_timeout": "auto"}, [30.0, 30.0, 120.0]),
    ({"total_timeout": 30.0}, [30.0, 30.0, 30.0]),
    ({"total_timeout": 5}, [5, 5, 5]),
    ({"total_timeout": None}, [None, None, None]),
]


@pytest.mark.parametrize(("said", "limits"), LIMITS, ids=str)
@pytest.mark.parametrize("way", ["as built", "copied", "written down"])
def test_the_last_model_has_more_time_only_where_nobody_said_how_much(
    said: dict[str, Any], limits: list[float | None], way: str
) -> None:
    model = fallback(down(), down(), down(), **said)
    if way == "copied":
        model = model.model_copy()
    if way == "written down":
        told = dumpd(model)["kwargs"].items()
        written = {name: value for name, value in told if name.endswith("_timeout")}
        model = fallback(down(), down(), down(), **written)

    assert [candidate.limits.total_timeout for candidate in model._candidates] == limits
    assert {candidate.limits.stall_timeout for candidate in model._candidates[:-1]} == {10.0}
    assert model._candidates[-1].limits.stall_timeout is None


def test_a_stream_that_its_reader_leaves_is_closed_at_once() -> None:
    closed = []

    class Watched(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from super()._stream(*args, **kwargs)
            finally:
                closed.append(threading.current_thread() is threading.main_thread())

    chunks = fallback(Watched(answers=["a b c"]), commit="first_token").stream("Hi")
    next(chunks)
    chunks.close()

    assert closed == [False]


def test_a_call_without_a_limit_runs_in_the_callers_own_thread() -> None:
    threads = []

    class Watched(ScriptedChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            threads.append(threading.current_thread())
            return super()._generate(*args, **kwargs)

    fallback(Watched(answers=["x"]), total_timeout=None).invoke("Hi")

    assert threads == [threading.current_thread()]


class Unruly(BaseRateLimiter):
    """Lets nothing pass for long, and waits even when it is told not to."""

    def acquire(self, *, blocking: bool = True) -> bool:
        threading.Event().wait(2.0)
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        await asyncio.sleep(LONG)
        return True


class Says(BaseRateLimiter):
    """Lets everything pass, and says what it is told to say: LangChain looks at no answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def acquire(self, *, blocking: bool = True) -> bool:
        return self._answer

    async def aacquire(self, *, blocking: bool = True) -> bool:
        return self._answer


CLOSED: dict[str, Callable[[], BaseRateLimiter]] = {
    "a limiter in memory": lambda: InMemoryRateLimiter(requests_per_second=0.001),
    "a limiter that waits whatever it is told": Unruly,
}


@every_way
@pytest.mark.parametrize("limiter", CLOSED)
@pytest.mark.parametrize("is_cached", [False, True])
def test_waiting_for_a_rate_limiter_ends_with_the_deadline_and_is_called_what_it_is(
    way: str, limiter: str, is_cached: bool
) -> None:
    limited = ScriptedChatModel(name="limited", answers=["x"], rate_limiter=CLOSED[limiter]())
    limited.cache = InMemoryCache() if is_cached else False

    began = time.monotonic()
    with pytest.raises(AllModelsFailedError) as failed:
        WAYS[way](fallback(down(), limited, total_timeout=0.2))

    assert time.monotonic() - began < 2.0
    assert limited.calls == []
    last = failed.value.exceptions[-1]
    assert isinstance(last, RateLimiterTimeoutError)
    assert (last.name, last.limit, last.seconds) == ("limited", "total_timeout", 0.2)
    attempt = failed.value.attempts[-1]
    assert (attempt.outcome, attempt.reason) == ("skipped", "rate_limited")


@every_way
def test_a_model_that_its_rate_limiter_keeps_is_stood_in_for_and_its_circuit_hears_of_nothing(
    way: str,
) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=0.001)
    limited = ScriptedChatModel(name="limited", answers=["x"], rate_limiter=limiter)
    base = ScriptedChatModel(name="base", answers=['{"name": "Oslo"}'])
    model = FallbackChatModel(models=[limited, base], total_timeout=0.2, retry_budget=False)

    WAYS[way](model)

    assert limited.calls == []
    assert base.calls
    assert model.circuit is not None
    assert model.circuit.state.value == "closed"


@pytest.mark.parametrize("answer", [True, None, 1], ids=str)
@every_way
def test_a_rate_limiter_that_does_not_refuse_lets_the_call_pass(way: str, answer: Any) -> None:
    model = ScriptedChatModel(answers=['{"name": "Oslo"}'], rate_limiter=Says(answer))

    WAYS[way](fallback(model, total_timeout=5.0))

    assert model.calls


def test_an_answer_from_the_cache_passes_no_rate_limiter() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=1000, check_every_n_seconds=0.001)
    model = ScriptedChatModel(answers=["one", "two"], rate_limiter=limiter, cache=InMemoryCache())
    robust = fallback(model)
    robust.invoke("Hi")
    model.rate_limiter = InMemoryRateLimiter(requests_per_second=0.001)

    assert robust.invoke("Hi").text == "one"


def test_a_timeout_tells_how_long_the_call_had_waited_for_its_turn(stalled: Stalled) -> None:
    stalled.rate_limiter = InMemoryRateLimiter(requests_per_second=8, check_every_n_seconds=0.01)

    with pytest.raises(AllModelsFailedError) as failed:
        fallback(stalled, total_timeout=0.5).invoke("Hi")

    last = failed.value.exceptions[-1]
    assert isinstance(last, AnswerTimeoutError)
    assert 0.1 < last.queued < 0.5
    assert "in its rate limiter" in str(last)
