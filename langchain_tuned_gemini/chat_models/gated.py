"""A chat model that is asked only when its state allows it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import Field

from langchain_tuned_gemini.chat_models.arguments import check_arguments, in_geminis_words
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
from langchain_tuned_gemini.errors.root import keep_retryable
from langchain_tuned_gemini.failures import Failure, read_failure


@runtime_checkable
class Gate(Protocol):
    """Whether a model may be called now; `ReadinessGate` is the one that asks Google."""

    def check(self) -> None:
        """Returns, or raises a `TunedModelError` that says why the model can't serve."""

    async def acheck(self) -> None:
        """The same without blocking the event loop."""

    def forget(self) -> None:
        """Drops what is remembered: a call has shown that it may be wrong."""


class GatedChatModel(WrapperChatModel):
    """Asks a gate first, and the model only when the gate lets it through.

    Raises:
        ParameterError: An argument of the call is none that a model takes.
        TunedModelNotReadyError: The model is still CREATING.
        TunedModelFailedError: It FAILED or was CANCELLED.
        TunedModelNotFoundError: It does not exist.
    """

    gate: Gate = Field(exclude=True, repr=False)
    """Decides whether the model may be called now."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """False: a gate asks a service, which can't be written down."""
        return False

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        check_arguments(kwargs, self)
        kwargs = in_geminis_words(kwargs, self)
        with self._telling_the_gate():
            self.gate.check()
            self._admitted(run_manager)
            return super()._generate(messages, stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        check_arguments(kwargs, self)
        kwargs = in_geminis_words(kwargs, self)
        with self._telling_the_gate():
            await self.gate.acheck()
            self._admitted(run_manager)
            return await super()._agenerate(messages, stop, run_manager, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        check_arguments(kwargs, self)
        kwargs = in_geminis_words(kwargs, self)
        with self._telling_the_gate():
            self.gate.check()
            self._admitted(run_manager)
            yield from super()._stream(messages, stop, run_manager, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        check_arguments(kwargs, self)
        kwargs = in_geminis_words(kwargs, self)
        with self._telling_the_gate():
            await self.gate.acheck()
            self._admitted(run_manager)
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                yield chunk

    def _admitted(self, run_manager: BaseRunManager | None) -> None:
        """Called when the gate has let a call pass; what it knows by then may be of use."""

    @contextmanager
    def _telling_the_gate(self) -> Iterator[None]:
        """Makes the gate ask again after an error that speaks of the model's state.

        The error goes on as it is, without the key that it may hold.
        """
        try:
            yield
        except Exception as error:  # raised again in any case
            self._failed(error, read_failure(keep_retryable(error)))
            raise

    def _failed(self, error: Exception, failure: Failure | None) -> None:  # noqa: ARG002
        """Told of each error, and of what it means, on its way out."""
        if failure and failure.speaks_of_the_model:
            self.gate.forget()
