"""A chat model whose `_stream` can find out below which run it is called.

langchain-core gives a run manager to `_generate`, but none to `_stream`. So the run's id is
decided beforehand here, and announced to the `_stream` inside.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.callbacks.base import Callbacks
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.utils.uuid import uuid7

from langchain_tuned_gemini.chat_models.base import TunedGeminiChatModel
from langchain_tuned_gemini.chat_models.tracing import Caller, called_by, known_run


class TracedChatModel(TunedGeminiChatModel):
    """Announces its own run to its `_stream`, whichever way it is called."""

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Streams the answer; its last chunk carries the provenance."""
        config = ensure_config(config)
        caller = known_run(config, CallbackManager)
        chunks = super().stream(input, config, stop=stop, **kwargs)
        with called_by(caller):
            first = next(chunks)
        yield first
        yield from chunks

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Streams the answer; its last chunk carries the provenance."""
        config = ensure_config(config)
        caller = known_run(config, AsyncCallbackManager)
        stream = super().astream(input, config, stop=stop, **kwargs)
        async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", stream)) as chunks:
            with called_by(caller):
                first = await anext(chunks)
            yield first
            async for chunk in chunks:
                yield chunk

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answers each list of messages; `invoke` and `batch` end up here."""
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id)):
            return super().generate(messages, stop, callbacks, run_id=run_id, **kwargs)

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answers each list of messages; `ainvoke` and `abatch` end up here."""
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id)):
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)
