"""A model that may answer a call, and what holds for it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_tuned_gemini.chat_models.fallback.held_stream import Limits
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker
from langchain_tuned_gemini.guards import Guard, whole_tool_calls
from langchain_tuned_gemini.provenance import Role


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer.

    Attributes:
        model: The model.
        name: Its name in provenance, logs and traces.
        role: Whether it is the tuned one or stands in for it.
        limits: What holds for its attempts.
        breaker: Keeps calls from it while it can't serve; None for a model that is always tried.
        retry_budget: Pays for a second try after a transient failure; None for none.
        arguments: What it is sent besides what all are: how it is asked for a schema.
        form: What its answer has to fit, for this call: one that does not makes way for the next
            model's, and is no sign that the model is unwell. By default its tool calls are whole.
        shape: What becomes of an answer that fits; None for the answer as it is.
    """

    model: BaseChatModel
    name: str
    role: Role
    limits: Limits
    breaker: CircuitBreaker | None
    retry_budget: RetryBudget | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    form: tuple[Guard, ...] = (whole_tool_calls,)
    shape: Callable[[AIMessage], AIMessage] | None = None

    def held_to_the_end(self, *, tells_refusals: bool = False) -> Self:
        """The same whose answer is judged as a whole; a refusal is none, unless it is told."""
        on_blocked = self.limits.on_blocked
        if on_blocked == "message" and not tells_refusals:
            on_blocked = "raise"
        limits = replace(self.limits, commit="complete", on_blocked=on_blocked)
        return replace(self, limits=limits)


def held_to(limits: Mapping[str, Any], candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates with other limits for one call."""
    return tuple(replace(one, limits=replace(one.limits, **limits)) for one in candidates)


def shaped(result: ChatResult, shape: Callable[[AIMessage], AIMessage]) -> ChatResult:
    """A result whose message was made into what is waited for."""
    first, *others = result.generations
    if isinstance(first.message, AIMessage):
        first = ChatGeneration(message=shape(first.message), generation_info=first.generation_info)
    return ChatResult(generations=[first, *others], llm_output=result.llm_output)
