"""Attempts as runs in a trace: a chain-type child of the model's run for each.

Chain-type, because a second LLM-type run would count the tokens twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    BaseCallbackManager,
    CallbackManager,
    CallbackManagerForChainRun,
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
from langchain_core.utils.uuid import uuid7

_HEARS_NONE = (LLMManagerMixin.on_llm_new_token, AsyncCallbackHandler.on_llm_new_token)


@dataclass(frozen=True, slots=True)
class Caller:
    """The model's own run, under which the attempts are shown.

    Attributes:
        callbacks: Who listens to it.
        run_id: Its id.
    """

    callbacks: BaseCallbackManager | BaseRunManager
    run_id: UUID

    @classmethod
    def of(cls, callbacks: Callbacks, run_id: UUID) -> Caller | None:
        """The run that LangChain will open with these callbacks; None where nobody listens."""
        if not callbacks:
            return None
        if isinstance(callbacks, list):
            callbacks = CallbackManager(handlers=callbacks, inheritable_handlers=callbacks)
        return cls(callbacks, run_id)

    def wants_tokens(self) -> bool:
        """Whether somebody shows the tokens as they come, as LangGraph does."""
        return any(map(_shows_tokens, self.callbacks.handlers))

    def start(self, name: str) -> CallbackManagerForChainRun | None:
        """Opens the run of one attempt; None where nobody listens."""
        if not self.callbacks.inheritable_handlers:
            return None
        manager = CallbackManager(**_inherited(self.callbacks), parent_run_id=self.run_id)
        return manager.on_chain_start(None, {}, name=name)

    async def astart(self, name: str) -> AsyncCallbackManagerForChainRun | None:
        """Opens the run of one attempt; None where nobody listens."""
        if not self.callbacks.inheritable_handlers:
            return None
        manager = AsyncCallbackManager(**_inherited(self.callbacks), parent_run_id=self.run_id)
        return await manager.on_chain_start(None, {}, name=name)


def _shows_tokens(handler: BaseCallbackHandler) -> bool:
    """Whether it hears each token, other than a tracer, which writes it down."""
    if isinstance(handler, _StreamingCallbackHandler):
        return True
    is_tracer = isinstance(handler, BaseTracer | AsyncBaseTracer)
    return not is_tracer and type(handler).on_llm_new_token not in _HEARS_NONE


def _inherited(callbacks: BaseCallbackManager | BaseRunManager) -> dict[str, Any]:
    """What a child run takes over from its parent; run managers have no `get_child` for LLMs."""
    return {
        "handlers": callbacks.inheritable_handlers,
        "inheritable_handlers": callbacks.inheritable_handlers,
        "tags": callbacks.inheritable_tags,
        "inheritable_tags": callbacks.inheritable_tags,
        "metadata": callbacks.inheritable_metadata,
        "inheritable_metadata": callbacks.inheritable_metadata,
    }


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
    config: RunnableConfig, manager: type[CallbackManager | AsyncCallbackManager]
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
    return Caller(callbacks, run_id)
