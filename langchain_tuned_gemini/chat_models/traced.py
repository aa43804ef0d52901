"""A chat model whose `_stream` can find out below which run it is called.

langchain-core gives a run manager to `_generate`, but none to `_stream`. So the run's id is
decided beforehand here, and announced to the `_stream` inside.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
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

    def _names_its_run(self) -> bool:
        """Whether it knows only during a call what its run should say of it."""
        return True

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Streams the answer; the last chunk of a fallback model's carries the provenance."""
        if not self._names_its_run():
            return super().stream(input, config, stop=stop, **kwargs)
        return self._announced(input, ensure_config(config), stop=stop, **kwargs)

    def _announced(
        self, model_input: LanguageModelInput, config: RunnableConfig, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        caller = known_run(config, CallbackManager, self.callbacks)
        chunks = super().stream(model_input, config, **kwargs)
        with called_by(caller):
            first = next(chunks)
        yield first
        yield from chunks

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Streams the answer; the last chunk of a fallback model's carries the provenance."""
        if not self._names_its_run():
            return super().astream(input, config, stop=stop, **kwargs)
        return self._aannounced(input, ensure_config(config), stop=stop, **kwargs)

    async def _aannounced(
        self, model_input: LanguageModelInput, config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        caller = known_run(config, AsyncCallbackManager, self.callbacks)
        stream = super().astream(model_input, config, **kwargs)
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
        if not self._names_its_run():
            return super().generate(messages, stop, callbacks, run_id=run_id, **kwargs)
        run_id = run_id or uuid7()
        with called_by(self._caller(callbacks, run_id, kwargs)):
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
        if not self._names_its_run():
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)
        run_id = run_id or uuid7()
        with called_by(self._caller(callbacks, run_id, kwargs)):
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)

    def _caller(
        self, callbacks: Callbacks, run_id: UUID, options: Mapping[str, Any]
    ) -> Caller | None:
        tags, metadata = options.get("tags"), options.get("metadata")
        return Caller.of(callbacks, run_id, self.callbacks, tags=tags, metadata=metadata)
