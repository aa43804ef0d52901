"""A chat model whose `_stream` can find out below which run it is called.

langchain-core gives a run manager to `_generate`, but none to `_stream`. So the run's id is
decided beforehand here, and announced to the `_stream` inside.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackManager,
    CallbackManager,
)
from langchain_core.callbacks.base import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    Callbacks,
    LLMManagerMixin,
)
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.tracers._streaming import _StreamingCallbackHandler
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from langchain_core.tracers.schemas import Run
from langchain_core.utils.uuid import uuid7

from langchain_tuned_gemini.chat_models.base import TunedGeminiChatModel

_HEARS_NONE = (LLMManagerMixin.on_llm_new_token, AsyncCallbackHandler.on_llm_new_token)


@dataclass(frozen=True, slots=True)
class Caller:
    """The run under which a model is called.

    Attributes:
        callbacks: Who listens to it, and hands on what a child run takes over.
        run_id: Its id.
        own: Who listens to it besides, because they were set on the model.
    """

    callbacks: BaseCallbackManager | BaseRunManager
    run_id: UUID
    own: Sequence[BaseCallbackHandler] = ()

    @classmethod
    def of(
        cls,
        callbacks: Callbacks,
        run_id: UUID,
        own: Callbacks,
        *,
        tags: list[str] | None,
        metadata: dict[str, Any] | None,
    ) -> Caller | None:
        """The run that LangChain will open with these arguments; None where nobody listens."""
        if not callbacks and not own:
            return None
        if isinstance(callbacks, BaseCallbackManager):
            manager = callbacks.copy()
        else:
            handlers = callbacks or []
            manager = CallbackManager(handlers=handlers, inheritable_handlers=handlers)
        manager.add_tags(tags or [])
        manager.add_metadata(metadata or {})
        return cls(manager, run_id, handlers_of(own))

    @property
    def handlers(self) -> list[BaseCallbackHandler]:
        """All who listen to it."""
        return [*self.callbacks.handlers, *self.own]

    def wants_tokens(self) -> bool:
        """Whether somebody shows the tokens as they come, as LangGraph does."""
        return any(map(_shows_tokens, self.handlers))


def handlers_of(callbacks: Callbacks | BaseRunManager) -> list[BaseCallbackHandler]:
    """The handlers in whatever LangChain takes for callbacks."""
    if isinstance(callbacks, BaseCallbackManager | BaseRunManager):
        return callbacks.handlers
    return callbacks or []


def _shows_tokens(handler: BaseCallbackHandler) -> bool:
    """Whether it hears each token, other than a tracer, which writes it down."""
    if isinstance(handler, _StreamingCallbackHandler):
        return True
    is_tracer = isinstance(handler, BaseTracer | AsyncBaseTracer)
    return not is_tracer and type(handler).on_llm_new_token not in _HEARS_NONE


def say(
    handlers: Iterable[BaseCallbackHandler],
    run_id: UUID,
    said: Mapping[str, Any],
    unlike: Iterable[str] = (),
) -> None:
    """Changes the metadata of a run in the tracers and event streams among some handlers."""
    for handler in handlers:
        runs = getattr(handler, "run_map", None)
        if not isinstance(runs, dict):
            continue
        run = runs.get(str(run_id)) or runs.get(run_id)
        if isinstance(run, Run):
            run.extra["metadata"] = _changed(run.extra.get("metadata"), said, unlike)
        elif isinstance(run, dict):  # that of `astream_events`
            run["metadata"] = _changed(run.get("metadata"), said, unlike)


def _changed(
    metadata: Mapping[str, Any] | None, said: Mapping[str, Any], unlike: Iterable[str]
) -> dict[str, Any]:
    """A new one: handlers may share the old one, and with other runs."""
    left_out = set(unlike)
    kept = {name: one for name, one in (metadata or {}).items() if name not in left_out}
    return {**kept, **said}


_caller: ContextVar[Caller | None] = ContextVar("tuned_gemini_caller", default=None)


@contextmanager
def called_by(caller: Caller | None) -> Iterator[None]:
    """Announces the model's own run to a `_stream` inside this block.

    langchain-core gives `_stream` no run manager, unlike `_generate`.
    """
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def current_caller(run_manager: BaseRunManager | None) -> Caller | None:
    """The model's own run: from the run manager where there is one, else as announced."""
    if run_manager is not None:
        return Caller(run_manager, run_manager.run_id)
    return _caller.get()


def known_run(
    config: RunnableConfig, manager: type[CallbackManager | AsyncCallbackManager], own: Callbacks
) -> Caller:
    """Decides the run's id beforehand, and configures its callbacks once.

    The config is changed in place, so that LangChain uses both: configuring twice would make
    two tracers, and an attempt in the second one would not find its parent in the first.
    """
    callbacks = manager.configure(
        config.get("callbacks"),
        inheritable_tags=config.get("tags"),
        inheritable_metadata=config.get("metadata"),
    )
    run_id = config.get("run_id") or uuid7()
    config.update({"callbacks": callbacks, "run_id": run_id})
    return Caller(callbacks, run_id, handlers_of(own))


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
