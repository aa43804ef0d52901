"""Calling a chat model from inside another one, below its callbacks.

A model that is called through `invoke` or `stream` inside another one counts its tokens twice
and shows each of them twice in LangGraph. So the provider contract is called (`_generate`,
`_stream` and their async twins), and what LangChain does around it is done here: streaming from
a model that can't, and, for the models of a fallback, their own cache and rate limiter.

A task can be cancelled, a thread can't. So a model that does not keep to the deadline by itself,
as the Gemini models of this package do, is called in a thread of its own there, which the caller
leaves when the deadline is over. So is one that is not asynchronous, by a task: LangChain would
call it in one of the event loop's few threads, for the end of which the loop's end waits.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, Final

from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.rate_limiters import BaseRateLimiter

from langchain_tuned_gemini.chat_models.answer_cache import CachedModel, Judge, is_cached
from langchain_tuned_gemini.runtime.deadline import queueing, time_left, wait_within_deadline
from langchain_tuned_gemini.runtime.error_origins import user_code
from langchain_tuned_gemini.runtime.threads import (
    HelperThread,
    astream_in_a_thread,
    in_a_thread,
    in_a_thread_of_its_own,
    stream_within_deadline,
    within_deadline,
)

KEEPS_DEADLINE = "keeps_deadline"
"""The attribute of a model whose calls end by themselves when the deadline in force is over."""

_SYNC: Final = frozenset({BaseChatModel._agenerate, SimpleChatModel._agenerate})
"""How LangChain calls a model that is not asynchronous."""

_PAUSE: Final = 0.1
"""How often a limiter is asked, in seconds, that does not say so, as `InMemoryRateLimiter` does."""

Messages = list[BaseMessage]
Stop = list[str] | None


def stream_from(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Iterator[ChatGenerationChunk]:
    """Streams a model; one that can't stream yields its answer as one chunk."""
    if model._should_stream(async_api=False, **{**kwargs, "stream": True}):
        return model._stream(messages, stop=stop, **kwargs)
    return _in_one_chunk(model, messages, stop, **kwargs)


def astream_from(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> AsyncIterator[ChatGenerationChunk]:
    """Streams a model; one that can't stream yields its answer as one chunk."""
    if not model._should_stream(async_api=True, **{**kwargs, "stream": True}):
        return _ain_one_chunk(model, messages, stop, **kwargs)
    if type(model)._astream is BaseChatModel._astream:
        return astream_in_a_thread(_streamed(model, messages, stop, **_in_sync(kwargs)))
    return model._astream(messages, stop=stop, **kwargs)


def _streamed(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Generator[ChatGenerationChunk, None, None]:
    """The same stream, which does nothing before it is read, and can be closed."""
    yield from stream_from(model, messages, stop, **kwargs)


def _in_one_chunk(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Iterator[ChatGenerationChunk]:
    yield _as_chunk(model._generate(messages, stop=stop, **kwargs))


async def _ain_one_chunk(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> AsyncIterator[ChatGenerationChunk]:
    yield _as_chunk(await agenerate_from(model, messages, stop, **kwargs))


def close(stream: Any) -> None:
    """Closes a stream; one of another package may be no generator."""
    if hasattr(stream, "close"):
        stream.close()


async def aclose(stream: Any) -> None:
    """Closes a stream; one of another package may be no generator."""
    if hasattr(stream, "aclose"):
        await stream.aclose()


async def agenerate_from(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> ChatResult:
    """Asks a model; one that is not asynchronous in a thread of its own."""
    if type(model)._agenerate in _SYNC:
        ask = partial(model._generate, messages, stop=stop, **_in_sync(kwargs))
        return await in_a_thread_of_its_own(ask)
    return await model._agenerate(messages, stop=stop, **kwargs)


def generate_with(
    model: BaseChatModel, messages: Messages, stop: Stop, judge: Judge, /, **kwargs: Any
) -> ChatResult:
    """Calls a model with its own cache and rate limiter, within the deadline in force."""
    if not is_cached(model):
        if model.rate_limiter:
            WithinDeadline(model.rate_limiter).acquire()
        if _needs_no_thread(model):
            return model._generate(messages, stop=stop, **kwargs)
        return within_deadline(in_a_thread(partial(model._generate, messages, stop=stop, **kwargs)))
    asked: Any = _Uncached(model, stop, kwargs, judge)
    generate = partial(BaseChatModel._generate_with_cache, asked, messages, stop=stop, **kwargs)
    is_quick = _needs_no_thread(model)
    return _copy(generate() if is_quick else within_deadline(in_a_thread(generate)))


async def agenerate_with(
    model: BaseChatModel, messages: Messages, stop: Stop, judge: Judge, /, **kwargs: Any
) -> ChatResult:
    """Calls a model with its own cache and rate limiter."""
    if not is_cached(model):
        if model.rate_limiter:
            await WithinDeadline(model.rate_limiter).aacquire()
        return await agenerate_from(model, messages, stop, **kwargs)
    generate = BaseChatModel._agenerate_with_cache
    asked: Any = _Uncached(model, stop, kwargs, judge)
    return _copy(await generate(asked, messages, stop=stop, **kwargs))


def stream_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Iterator[ChatGenerationChunk]:
    """Streams a model with its own rate limiter; LangChain caches no streams."""
    if model.rate_limiter:
        WithinDeadline(model.rate_limiter).acquire()
    if _needs_no_thread(model):
        return stream_from(model, messages, stop, **kwargs)
    return stream_within_deadline(_streamed(model, messages, stop, **kwargs))


async def astream_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> AsyncIterator[ChatGenerationChunk]:
    """Streams a model with its own rate limiter; LangChain caches no streams."""
    if model.rate_limiter:
        await WithinDeadline(model.rate_limiter).aacquire()
    return astream_from(model, messages, stop, **kwargs)


def _needs_no_thread(model: BaseChatModel) -> bool:
    """Whether a thread may wait for a model itself: that ends when the deadline is over."""
    return bool(getattr(model, KEEPS_DEADLINE, False)) or time_left() == float("inf")


class _Uncached(CachedModel):
    """A model that is asked where its cache has no answer, within the deadline in force."""

    def __init__(
        self, model: BaseChatModel, stop: Stop, arguments: dict[str, Any], judge: Judge
    ) -> None:
        super().__init__(model, stop, arguments, judge)
        self.rate_limiter = WithinDeadline(model.rate_limiter) if model.rate_limiter else None

    async def _agenerate(
        self,
        messages: Messages,
        stop: Stop = None,
        run_manager: None = None,  # noqa: ARG002  # LangChain looks whether it is taken
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from(self._model, messages, stop, **kwargs)


def _in_sync(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call for a model's synchronous method."""
    manager = arguments.get("run_manager")
    return {**arguments, "run_manager": manager.get_sync()} if manager else arguments


def _copy(result: ChatResult) -> ChatResult:
    """The same answers with metadata of their own: the cache holds the originals."""
    generations = [
        generation.model_copy(
            update={
                "message": generation.message.model_copy(
                    update={"response_metadata": dict(generation.message.response_metadata)}
                )
            }
        )
        for generation in result.generations
    ]
    return ChatResult(generations=generations, llm_output=result.llm_output)


def _as_chunk(result: ChatResult) -> ChatGenerationChunk:
    generation = result.generations[0]
    message = AIMessageChunk(**generation.message.model_dump(exclude={"type"}))
    return ChatGenerationChunk(message=message, generation_info=generation.generation_info)


class WithinDeadline(BaseRateLimiter):
    """A rate limiter that is waited for no longer than the deadline in force leaves.

    In a thread it is asked again and again, without blocking: a wait inside of it could not be
    ended, and would take its turn in the end, for nobody.

    Raises:
        TimeoutError: If the deadline is over first; the deadline knows that nobody was asked.
        UserCodeError: If the limiter raises.
    """

    def __init__(self, limiter: BaseRateLimiter) -> None:
        self._limiter = limiter

    def acquire(self, *, blocking: bool = True) -> bool:
        """Waits for a turn."""
        pause = getattr(self._limiter, "check_every_n_seconds", _PAUSE)
        woken = threading.Event()
        thread = HelperThread()  # a limiter may wait though it was told not to
        try:
            with queueing():
                # LangChain looks at no answer: one that gives none has let the call pass.
                while within_deadline(thread.call(self._try)) is False:
                    if not blocking:
                        return False
                    wait_within_deadline(woken.wait, pause, woken.set)
            return True
        finally:
            thread.end()

    def _as_user_code(self) -> AbstractContextManager[None]:
        return user_code(f"the rate limiter {type(self._limiter).__name__}")

    def _try(self) -> bool:
        with self._as_user_code():
            return self._limiter.acquire(blocking=False)

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Waits for a turn; a task that waits can be cancelled."""
        with queueing(), self._as_user_code():
            return await self._limiter.aacquire(blocking=blocking)
