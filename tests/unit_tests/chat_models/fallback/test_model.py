"""The first model that can answer does, and the answer says which and why."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.exceptions import ModelAuthenticationError, ModelRateLimitError
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tuned_gemini import (
    AllModelsFailedError,
    BrokenStreamError,
    FallbackChatModel,
    ParameterError,
)
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.runs import RunTrees

Ask = Callable[[FallbackChatModel], AIMessage]


def invoke(model: FallbackChatModel) -> AIMessage:
    return model.invoke("Hi")


def ainvoke(model: FallbackChatModel) -> AIMessage:
    return asyncio.run(model.ainvoke("Hi"))


def stream(model: FallbackChatModel) -> AIMessage:
    return add_up(model.stream("Hi"))


def astream(model: FallbackChatModel) -> AIMessage:
    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream("Hi")]

    return add_up(iter(asyncio.run(collect())))


def add_up(chunks: Iterator[AIMessageChunk]) -> AIMessage:
    total = next(chunks)
    for chunk in chunks:
        total += chunk
    return total


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


def tuned(*answers: Any) -> ScriptedChatModel:
    return ScriptedChatModel(name="tuned", answers=answers)


def base(*answers: Any) -> ScriptedChatModel:
    return ScriptedChatModel(name="base", answers=answers or ["from the base"])


def provenance(message: AIMessage) -> dict[str, Any]:
    said = message.response_metadata["tuned_gemini"]
    for attempt in said["attempts"]:
        assert attempt.pop("duration_s") >= 0
    return said


@every_way
def test_a_model_that_can_answer_does(ask: Ask) -> None:
    stand_in = base()

    answer = ask(FallbackChatModel(models=[tuned("from the tuned one"), stand_in]))

    assert answer.text.strip() == "from the tuned one"
    assert stand_in.calls == []
    assert provenance(answer) == {
        "answered_by": "tuned",
        "model": "tuned",
        "reason": None,
        "circuit": "closed",
        "few_shot": None,
        "hedge": None,
        "novelty": None,
        "attempts": [
            {
                "model": "tuned",
                "outcome": "ok",
                "reason": None,
                "error_type": None,
                "status": None,
                "usage": {"input_tokens": 1, "output_tokens": 4, "total_tokens": 5},
            }
        ],
    }


@every_way
def test_a_failure_is_answered_by_the_next_model_which_says_so(ask: Ask) -> None:
    answer = ask(FallbackChatModel(models=[tuned(TimeoutError("too slow")), base()]))

    assert answer.text.strip() == "from the base"
    assert answer.response_metadata["model_name"] == "base"
    said = provenance(answer)
    assert (said["answered_by"], said["model"], said["reason"]) == (
        "base_fallback",
        "base",
        "timeout",
    )
    assert [(a["model"], a["outcome"], a["reason"], a["error_type"]) for a in said["attempts"]] == [
        ("tuned", "error", "timeout", "TimeoutError"),
        ("base", "ok", None, None),
    ]


@every_way
@pytest.mark.parametrize(
    "error", [ModelAuthenticationError("bad key"), TypeError("a bug")], ids=repr
)
def test_a_wrong_key_and_a_bug_are_raised_untouched(ask: Ask, error: Exception) -> None:
    stand_in = base()

    with pytest.raises(type(error)) as raised:
        ask(FallbackChatModel(models=[tuned(error), stand_in]))

    assert raised.value is error
    assert stand_in.calls == []


@every_way
def test_an_interrupt_is_never_turned_into_a_fallback(ask: Ask) -> None:
    stand_in = base()

    with pytest.raises(KeyboardInterrupt):
        ask(FallbackChatModel(models=[tuned(KeyboardInterrupt()), stand_in]))

    assert stand_in.calls == []


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_cancellation_ends_the_call_at_once(is_streamed: bool) -> None:
    has_started = asyncio.Event()

    class Hanging(ScriptedChatModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            has_started.set()
            await asyncio.Event().wait()

        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            yield await self._agenerate()

    stand_in = base()
    model = FallbackChatModel(models=[Hanging(answers=["x"]), stand_in])
    task = asyncio.ensure_future(model.ainvoke("Hi", stream=is_streamed))
    await has_started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert stand_in.calls == []


@every_way
def test_when_all_fail_one_error_holds_every_attempt(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    errors = [TimeoutError("slow"), ModelRateLimitError("out of quota")]

    with pytest.raises(AllModelsFailedError) as raised:
        ask(FallbackChatModel(models=[tuned(errors[0]), base(errors[1])]))

    assert list(raised.value.exceptions) == errors
    assert [attempt.reason for attempt in raised.value.attempts] == ["timeout", "quota"]
    assert raised.value.is_retryable
    assert "tuned: timeout" in str(raised.value)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


@every_way
def test_a_recovered_fallback_is_one_warning(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    ask(FallbackChatModel(models=[tuned(TimeoutError()), base()]))

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "tuned could not answer: timeout (TimeoutError). base answered instead."
    )


@every_way
def test_tokens_are_counted_once_and_for_the_model_that_answered(ask: Ask) -> None:
    model = FallbackChatModel(models=[tuned(TimeoutError()), base("one two three")])

    with get_usage_metadata_callback() as usage:
        answer = ask(model)

    assert usage.usage_metadata["base"]["output_tokens"] == 3
    assert "tuned" not in usage.usage_metadata
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 3


@pytest.mark.parametrize("ask", [stream, astream])
def test_a_stream_that_breaks_after_its_first_chunk_is_raised_not_glued(ask: Ask) -> None:
    stand_in = base()
    model = FallbackChatModel(models=[tuned(("half an", ConnectionResetError())), stand_in])

    with pytest.raises(BrokenStreamError, match="broke after 8 characters") as raised:
        ask(model)

    assert raised.value.partial == "half an "
    assert raised.value.reason == "connection"
    assert isinstance(raised.value.__cause__, ConnectionResetError)
    assert stand_in.calls == []


@pytest.mark.parametrize("ask", [stream, astream])
def test_a_stream_without_a_single_chunk_is_no_answer(ask: Ask) -> None:
    class Silent(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            return iter(())

        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            for nothing in ():
                yield nothing

    answer = ask(FallbackChatModel(models=[Silent(answers=[""]), base()]))

    assert answer.text.strip() == "from the base"
    assert answer.response_metadata["tuned_gemini"]["reason"] == "bad_output"


def test_the_provenance_is_on_a_streams_last_chunk_only() -> None:
    chunks = list(FallbackChatModel(models=[tuned("a b c"), base()]).stream("Hi"))

    assert ["tuned_gemini" in chunk.response_metadata for chunk in chunks] == (
        [False] * (len(chunks) - 1) + [True]
    )
    assert chunks[-1].chunk_position == "last"


def test_a_consumer_who_stops_early_ends_the_models_stream() -> None:
    ended = []

    class Watched(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from super()._stream(*args, **kwargs)
            finally:
                ended.append(True)

    chunks = FallbackChatModel(models=[Watched(answers=["a b c"]), base()]).stream("Hi")
    next(chunks)
    chunks.close()

    assert ended == [True]


def traced_invoke(model: FallbackChatModel, config: Any) -> None:
    model.invoke("Hi", config)


def traced_ainvoke(model: FallbackChatModel, config: Any) -> None:
    asyncio.run(model.ainvoke("Hi", config))


def traced_stream(model: FallbackChatModel, config: Any) -> None:
    list(model.stream("Hi", config))


def traced_astream(model: FallbackChatModel, config: Any) -> None:
    async def collect() -> None:
        async for _ in model.astream("Hi", config):
            pass

    asyncio.run(collect())


def traced_streaming_invoke(model: FallbackChatModel, config: Any) -> None:
    model.invoke("Hi", config, stream=True)


def traced_streaming_ainvoke(model: FallbackChatModel, config: Any) -> None:
    asyncio.run(model.ainvoke("Hi", config, stream=True))


@pytest.mark.parametrize(
    "ask",
    [
        traced_invoke,
        traced_ainvoke,
        traced_stream,
        traced_astream,
        traced_streaming_invoke,
        traced_streaming_ainvoke,
    ],
)
def test_each_attempt_is_a_chain_run_below_the_models_run(
    ask: Callable[[FallbackChatModel, Any], None],
) -> None:
    tracer = RunTrees()

    ask(FallbackChatModel(models=[tuned(TimeoutError()), base()]), {"callbacks": [tracer]})

    assert tracer.trees == [
        (
            "llm",
            "FallbackChatModel",
            False,
            [("chain", "tuned", True, []), ("chain", "base", False, [])],
        )
    ]


def test_a_run_id_that_the_caller_chose_is_kept() -> None:
    chosen = "0199a000-0000-7000-8000-000000000001"
    from uuid import UUID

    message = add_up(FallbackChatModel(models=[tuned("x")]).stream("Hi", {"run_id": UUID(chosen)}))

    assert message.id == f"lc_run--{chosen}"


@tool
def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"It rains in {city}."


@every_way
def test_tools_are_bound_to_whichever_model_answers(ask: Ask) -> None:
    models = [tuned(TimeoutError()), base()]

    ask(FallbackChatModel(models=models).bind_tools([weather], tool_choice="any"))  # type: ignore[arg-type]

    for model in models:
        (call,) = model.calls
        assert call["tools"][0]["function"]["name"] == "weather"
        assert call["tool_choice"] == "any"


def test_a_model_that_can_not_bind_tools_to_itself_is_named() -> None:
    class Odd(ScriptedChatModel):
        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return super().bind_tools(tools) | (lambda message: message)

    with pytest.raises(ParameterError, match=r"Odd\.bind_tools"):
        FallbackChatModel(models=[Odd(answers=["x"])]).bind_tools([weather]).invoke("Hi")


class Capital(BaseModel):
    """A capital."""

    city: str


@pytest.mark.parametrize("is_down", [False, True])
def test_structured_output_comes_from_whichever_model_answers(is_down: bool) -> None:
    call = AIMessage("", tool_calls=[{"name": "Capital", "args": {"city": "Oslo"}, "id": "1"}])
    model = FallbackChatModel(models=[tuned(TimeoutError() if is_down else call), base(call)])

    assert model.with_structured_output(Capital).invoke("Norway?") == Capital(city="Oslo")


def test_an_answer_of_the_stand_in_is_not_cached_as_the_tuned_models() -> None:
    first, second = tuned(json.JSONDecodeError("", "", 0), "from the tuned one"), base()
    model = FallbackChatModel(models=[first, second])
    set_llm_cache(InMemoryCache())
    try:
        answers = [model.invoke("Hi") for _ in range(3)]
    finally:
        set_llm_cache(None)

    assert [answer.text for answer in answers] == [
        "from the base",
        "from the tuned one",
        "from the tuned one",
    ]
    assert len(first.calls) == 2  # the third answer came from the tuned model's cache
    said = [answer.response_metadata["tuned_gemini"]["answered_by"] for answer in answers]
    assert said == ["base_fallback", "tuned", "tuned"]


class CountingLimiter(BaseRateLimiter):
    """Lets everything through and counts."""

    def __init__(self) -> None:
        self.count = 0

    def acquire(self, *, blocking: bool = True) -> bool:
        self.count += 1
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        self.count += 1
        return True


@every_way
def test_only_models_that_are_called_pass_their_rate_limiter(ask: Ask) -> None:
    limiters = [CountingLimiter(), CountingLimiter(), CountingLimiter()]
    models = [tuned(TimeoutError()), base(), base()]
    for model, limiter in zip(models, limiters, strict=True):
        model.rate_limiter = limiter

    ask(FallbackChatModel(models=models))

    assert [limiter.count for limiter in limiters] == [1, 1, 0]


def test_an_unknown_parameter_is_refused_with_the_nearest_right_name() -> None:
    with pytest.raises(ParameterError, match="Did you mean 'models'"):
        FallbackChatModel(modles=[tuned("x")])


def test_the_profile_is_that_of_the_first_model_which_has_one() -> None:
    stand_in = ScriptedChatModel(answers=["x"], profile={"max_input_tokens": 8_192})

    model = FallbackChatModel(models=[tuned("x"), stand_in])

    # Agents would choose native structured output, together with tools, too.
    assert model.profile == {"max_input_tokens": 8_192, "structured_output": False}


def test_a_batch_keeps_its_order_and_its_errors() -> None:
    class Echo(ScriptedChatModel):
        def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
            if messages[0].text == "bug":
                raise TypeError("a bug")
            return super()._generate(messages, *args, **kwargs)

    model = FallbackChatModel(models=[Echo(answers=["x"])])

    answers = model.batch(["a", "bug", "b"], return_exceptions=True)

    assert [type(answer).__name__ for answer in answers] == ["AIMessage", "TypeError", "AIMessage"]


def test_a_batch_honours_max_concurrency() -> None:
    from threading import Barrier, BrokenBarrierError

    two = Barrier(2, timeout=0.05)

    class Together(ScriptedChatModel):
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            try:
                two.wait()
            except BrokenBarrierError:
                return super()._generate(*args, **kwargs)
            raise TypeError("two calls at once")

    model = FallbackChatModel(models=[Together(answers=["x"])])

    assert len(model.batch(["a", "b"], {"max_concurrency": 1})) == 2


def test_a_call_may_name_a_model_for_the_models() -> None:
    stand_in = ScriptedChatModel(answers=["x"])
    robust = FallbackChatModel(models=[stand_in]).bind(model="another")

    robust.invoke("Hi")
    list(robust.stream("Hi"))

    assert [call["model"] for call in stand_in.calls] == ["another", "another"]


def test_a_listener_that_would_have_to_be_awaited_is_refused() -> None:
    async def listen(provenance: dict[str, Any]) -> None:
        raise AssertionError(provenance)

    with pytest.raises(ParameterError, match="on_fallback is async"):
        FallbackChatModel(models=[tuned("fine"), base()], on_fallback=listen)
