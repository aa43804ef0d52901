"""Calling a chat model from inside another one, below its callbacks.

A model that is called through `invoke` or `stream` inside another one counts its tokens twice
and shows each of them twice in LangGraph. So the provider contract is called (`_generate`,
`_stream` and their async twins), and what LangChain does around it is done here: streaming from
a model that can't, and, for the models of a fallback, their own cache and rate limiter.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

Messages = list[BaseMessage]
Stop = list[str] | None


def stream_from(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Generator[ChatGenerationChunk, None, None]:
    """Streams a model; one that can't stream yields its answer as one chunk."""
    if model._should_stream(async_api=False, **{**kwargs, "stream": True}):
        yield from model._stream(messages, stop=stop, **kwargs)
    else:
        yield _as_chunk(model._generate(messages, stop=stop, **kwargs))


async def astream_from(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> AsyncGenerator[ChatGenerationChunk, None]:
    """Streams a model; one that can't stream yields its answer as one chunk."""
    if model._should_stream(async_api=True, **{**kwargs, "stream": True}):
        async for chunk in model._astream(messages, stop=stop, **kwargs):
            yield chunk
    else:
        yield _as_chunk(await model._agenerate(messages, stop=stop, **kwargs))


def generate_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> ChatResult:
    """Calls a model with its own cache and rate limiter."""
    if _has_cache_or_limiter(model):
        return _copy(model._generate_with_cache(messages, stop=stop, **kwargs))
    return model._generate(messages, stop=stop, **kwargs)


async def agenerate_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> ChatResult:
    """Calls a model with its own cache and rate limiter."""
    if _has_cache_or_limiter(model):
        return _copy(await model._agenerate_with_cache(messages, stop=stop, **kwargs))
    return await model._agenerate(messages, stop=stop, **kwargs)


def stream_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> Generator[ChatGenerationChunk, None, None]:
    """Streams a model with its own rate limiter; LangChain caches no streams."""
    if model.rate_limiter:
        model.rate_limiter.acquire(blocking=True)
    return stream_from(model, messages, stop, **kwargs)


async def astream_with(
    model: BaseChatModel, messages: Messages, stop: Stop, /, **kwargs: Any
) -> AsyncGenerator[ChatGenerationChunk, None]:
    """Streams a model with its own rate limiter; LangChain caches no streams."""
    if model.rate_limiter:
        await model.rate_limiter.aacquire(blocking=True)
    return astream_from(model, messages, stop, **kwargs)


def _has_cache_or_limiter(model: BaseChatModel) -> bool:
    """Whether a call needs more than `_generate`; going the long way costs 3 % of a call."""
    is_cached = model.cache is not False and (model.cache or get_llm_cache() is not None)
    return bool(is_cached or model.rate_limiter)


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
