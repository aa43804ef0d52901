"""A chat model that is asked only when its state allows it."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.messages import BaseMessage
from pydantic import Field

from langchain_tuned_gemini.chat_models.arguments import checked_arguments
from langchain_tuned_gemini.chat_models.wrapper import WrappedCall, WrapperChatModel
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


@dataclass(slots=True)
class GatedCall(WrappedCall):
    """One call that a gate must let through, and that it learns from.

    An error goes on as it is, without the key that it may hold. One that speaks of the model's
    state makes the gate ask again.

    Attributes:
        gate: Decides whether the model may be called now.
    """

    gate: Gate

    def begin(self) -> None:
        """Asks the gate."""
        self.gate.check()
        self.admitted()

    async def abegin(self) -> None:
        """The same without blocking the event loop."""
        await self.gate.acheck()
        self.admitted()

    def admitted(self) -> None:
        """Called when the gate has let the call pass; what it knows by then may be of use."""

    def failed(self, error: Exception, failure: Failure | None) -> None:
        """Called when the call has failed; may raise an error that says more."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tells the gate of an error, which is raised again in any case."""
        if isinstance(error, Exception):
            failure = read_failure(keep_retryable(error))
            if failure and failure.speaks_of_the_model:
                self.gate.forget()
            self.failed(error, failure)


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

    def _calls(
        self,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,  # noqa: ARG002  # it has nothing to say there
    ) -> tuple[WrappedCall]:
        arguments = checked_arguments(arguments, self) if arguments else arguments
        return (GatedCall(self.wrapped, self._prepare(messages), arguments, self.gate),)
