"""What traces show of a call: a run for each attempt, and who answered in the model's own run.

An attempt is a chain-type child of the fallback model's run. A second LLM-type run would count the
tokens twice, so that only those hear one who hear nothing else of the call: the handlers that were
set on the model that is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForChainRun,
    CallbackManager,
    CallbackManagerForChainRun,
)
from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.tracers import LangChainTracer

from langchain_tuned_gemini.chat_models.caller import Caller, current_caller, handlers_of, say
from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate
from langchain_tuned_gemini.chat_models.fallback.model_run import ModelRun
from langchain_tuned_gemini.few_shot import question_of


@dataclass(frozen=True, slots=True)
class CallTrace:
    """A call of a fallback model, as traces see it.

    Attributes:
        caller: The model's own run; None where it is not known.
        is_heard: Whether anybody listens to it.
        model: The fallback model.
        models: Those that may answer.
        messages: What they are asked.
        shows_prompts: Whether a trace shows all that a model was sent, examples and all.
        within: The attempt of another fallback model that this call is a part of.
    """

    caller: Caller | None
    is_heard: bool
    model: BaseChatModel
    models: Sequence[BaseChatModel]
    messages: list[BaseMessage]
    shows_prompts: bool
    within: AttemptTrace | None

    def answered(self, said: Mapping[str, Any]) -> None:
        """Has the run that shows the tokens say which model used them."""
        if self.caller is None:
            return
        mine = self.model.metadata or {}  # what the user says of it goes before
        new = {name: one for name, one in said.items() if name not in mine}
        old = {name for model in self.models for name in model._get_ls_params()}
        say(self.caller.handlers, self.caller.run_id, new, old - mine.keys())
        if self.within is not None:
            self.within.answered = said

    def heard_by(self, model: BaseChatModel) -> list[BaseCallbackHandler]:
        """The handlers that were set on one of the models, and hear nothing of this call else."""
        if not model.callbacks:
            return []
        others = self.caller.handlers if self.caller else []
        is_on_langsmith = any(isinstance(one, LangChainTracer) for one in others)
        return [
            one
            for one in handlers_of(model.callbacks)
            if not any(one is other for other in others)
            and not (is_on_langsmith and isinstance(one, LangChainTracer))
        ]


class AttemptTrace:
    """An attempt, as traces see it: the run of its own, and its model's own callbacks.

    By default a run shows the question, which examples were shown by their numbers, and a hash of
    the prompt: examples are tuning data, and a trace may leave the house.

    Args:
        call: The call that it is a part of.
        candidate: The model that is asked.
    """

    def __init__(self, call: CallTrace, candidate: ModelCandidate) -> None:
        self.answered: Mapping[str, Any] | None = None
        """The names of the model that answered within this one, if that is a fallback, too."""
        self._call = call
        self._model = candidate.model
        self._name = candidate.name
        self._sent: Sequence[BaseMessage] = call.messages
        self._few_shot: Mapping[str, Any] | None = None
        self._run: CallbackManagerForChainRun | None = None
        self._arun: AsyncCallbackManagerForChainRun | None = None
        self._settings: dict[str, Any] = {}
        caller = call.caller
        self.is_shown = caller is not None and bool(caller.callbacks.inheritable_handlers)
        """Whether it has a run of its own."""
        self.is_heard = caller is not None and bool(caller.handlers)
        """Whether anybody hears of the call."""

    def start(self) -> None:
        """Opens the run, if anybody listens."""
        if self.is_shown:
            manager = CallbackManager(**self._new_settings())
            self._run = manager.on_chain_start(None, self._question(), name=self._name)

    async def astart(self) -> None:
        """Opens the run, if anybody listens."""
        if self.is_shown:
            manager = AsyncCallbackManager(**self._new_settings())
            self._arun = await manager.on_chain_start(None, self._question(), name=self._name)

    def end(self, error: BaseException | None) -> None:
        """Ends the run."""
        if (run := self._run) is not None:
            shown = self._shown_by(run.run_id)
            if error is None:
                run.on_chain_end({}, inputs=shown)
            else:
                run.on_chain_error(error, inputs=shown)

    async def aend(self, error: BaseException | None) -> None:
        """Ends the run."""
        if (run := self._arun) is not None:
            shown = self._shown_by(run.run_id)
            if error is None:
                await run.on_chain_end({}, inputs=shown)
            else:
                await run.on_chain_error(error, inputs=shown)

    def answers(self) -> None:
        """Says in the run of the call that it is this model which answers."""
        if self.is_heard:
            self._call.answered(self._of_langsmith())

    def of_model(
        self, model: BaseChatModel, messages: list[BaseMessage], stop: list[str] | None,
        arguments: Mapping[str, Any],
    ) -> ModelRun | None:  # fmt: skip
        """The run for the callbacks that were set on the model; None where there are none."""
        handlers = self._call.heard_by(model)
        if not handlers:
            return None
        settings = {
            **(self._settings or self._new_settings()),
            "handlers": handlers,
            "inheritable_handlers": [],
            "parent_run_id": self._run_id(),
        }
        return ModelRun(settings, model, messages, stop, arguments)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Inside, models below this one can tell what they were sent."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def note(self, sent: Sequence[BaseMessage], few_shot: Mapping[str, Any] | None = None) -> None:
        """Notes what the model was sent in place of the messages of the call."""
        self._sent = sent
        self._few_shot = few_shot or self._few_shot

    def _new_settings(self) -> dict[str, Any]:
        """The settings that a child run takes over from its parent, and those of its model.

        Run managers of LLMs have no `get_child`.
        """
        caller = self._call.caller
        parent = caller.callbacks if caller else CallbackManager(handlers=[])
        of_another = self._call.model._get_ls_params()  # the first model, whichever this one is
        metadata = {k: v for k, v in parent.inheritable_metadata.items() if k not in of_another}
        self._settings = {
            "handlers": parent.inheritable_handlers,
            "inheritable_handlers": parent.inheritable_handlers,
            "parent_run_id": caller.run_id if caller else None,
            "tags": [*parent.inheritable_tags, *(self._model.tags or [])],
            "inheritable_tags": parent.inheritable_tags,
            "metadata": {**metadata, **self._metadata()},
            "inheritable_metadata": parent.inheritable_metadata,
        }
        return self._settings

    def _of_langsmith(self) -> Mapping[str, Any]:
        """The names and parameters of the model that answers, by which a run is priced."""
        return self.answered or self._model._get_ls_params()

    def _metadata(self) -> dict[str, Any]:
        """The names of the model, and what the user has set on it, which goes before."""
        return {**self._of_langsmith(), **(self._model.metadata or {})}

    def _run_id(self) -> UUID | None:
        run = self._run or self._arun
        if run is not None:
            return run.run_id
        return self._call.caller.run_id if self._call.caller else None

    def _question(self) -> dict[str, Any]:
        return {"question": question_of(self._call.messages)}

    def _shown_by(self, run_id: UUID) -> dict[str, Any]:
        """The prompt as a run shows it, which is told who answers: its base is known by now."""
        say(self._settings["handlers"], run_id, self._metadata())
        shown = {**self._question(), "prompt_sha256": _hash(self._sent)}
        if self._few_shot is not None:
            shown["few_shot"] = dict(self._few_shot)
        if self._call.shows_prompts:
            shown["prompt"] = list(self._sent)
        return shown


_current: ContextVar[AttemptTrace | None] = ContextVar("tuned_gemini_attempt", default=None)


def current_attempt() -> AttemptTrace | None:
    """The attempt within which this is called; None outside of any that a trace shows."""
    return _current.get()


def name_run(model: BaseChatModel, run_manager: BaseRunManager | None) -> None:
    """Has the run under which a model is called say what the model has found out about itself.

    An attempt does so by itself, for the run of a call that another model may yet answer.
    """
    caller = current_caller(run_manager)
    if caller is None or current_attempt() is not None:
        return
    mine = model.metadata or {}
    said = {k: v for k, v in model._get_ls_params().items() if k not in mine}
    say(caller.handlers, caller.run_id, said)


def _hash(messages: Sequence[BaseMessage]) -> str:
    """Tells prompts apart by what they say, whatever ids their messages have."""
    said = [
        [
            message.type,
            message.content,
            getattr(message, "tool_calls", None),
            getattr(message, "tool_call_id", None),
        ]
        for message in messages
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
