"""The run under which a model is called: who listens to it, and what it says of the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
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
from langchain_core.runnables import RunnableConfig
from langchain_core.tracers._streaming import _StreamingCallbackHandler
from langchain_core.tracers.base import AsyncBaseTracer, BaseTracer
from langchain_core.tracers.schemas import Run
from langchain_core.utils.uuid import uuid7

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
        options: Mapping[str, Any],
    ) -> Caller | None:
        """The run that LangChain will open with these options; None where nobody listens."""
        if not callbacks and not own:
            return None
        if isinstance(callbacks, BaseCallbackManager):
            manager = callbacks.copy()
        else:
            handlers = callbacks or []
            manager = CallbackManager(handlers=handlers, inheritable_handlers=handlers)
        manager.add_tags(options.get("tags") or [])
        manager.add_metadata(options.get("metadata") or {})
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
    """True for one that hears each token, but for a tracer, which writes it down."""
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


announced: ContextVar[Caller | None] = ContextVar("tuned_gemini_caller", default=None)
"""The run of the model whose `_stream` is called; None where nobody listens."""


@contextmanager
def called_by(caller: Caller | None) -> Iterator[None]:
    """Announces the model's own run to a `_stream` inside this block.

    langchain-core gives `_stream` no run manager, unlike `_generate`.
    """
    token = announced.set(caller)
    try:
        yield
    finally:
        announced.reset(token)


def current_caller(run_manager: BaseRunManager | None) -> Caller | None:
    """The model's own run: from the run manager where there is one, else as announced."""
    if run_manager is not None:
        return Caller(run_manager, run_manager.run_id)
    return announced.get()


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
