"""A model that may answer a call, and what holds for it there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, Self, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, Generation
from langchain_core.runnables import RunnableBinding

from langchain_tuned_gemini.chat_models.arguments import TUNED_ONLY, in_geminis_words
from langchain_tuned_gemini.chat_models.conversation import own_thoughts
from langchain_tuned_gemini.chat_models.fallback.held_stream import Limits
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.guards import Guard, whole_tool_calls
from langchain_tuned_gemini.guards.validation import answer_of, check
from langchain_tuned_gemini.provenance import Role

_OF_ONE_MODEL = ("cached_content", "model")
"""Arguments of a call that name what another model has not: they are the first one's."""

WHOLE_TOOL_CALLS: Final[tuple[Guard, ...]] = (whole_tool_calls,)


@runtime_checkable
class HasCircuit(Protocol):
    """A model that says whose health its circuit is about."""

    @property
    def circuit_key(self) -> CircuitKey:
        """The same for all models that call the same tuned model with the same key."""


def model_name_of(model: BaseChatModel) -> str:
    """What a model is called in provenance, logs and traces."""
    params = model._get_ls_params()
    # A tuned model is priced, and so traced, by its base.
    name: Any = params.get("tuned_model") or params.get("ls_model_name")
    return str(name or type(model).__name__)


@dataclass(frozen=True, slots=True)
class ModelCandidate:
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
    form: tuple[Guard, ...] = WHOLE_TOOL_CALLS
    shape: Callable[[AIMessage], AIMessage] | None = None

    def takes(self, generations: Sequence[Generation]) -> bool:
        """Whether all guards take an answer, so that a cache may keep it, or give it again."""
        first = generations[0]
        if not isinstance(first, ChatGeneration):
            return False
        guards = (*self.limits.guards, *self.form)
        return check(guards, answer_of(first), is_counted=False) is None

    def held_to_the_end(self, *, tells_refusals: bool = False) -> Self:
        """The same whose answer is judged as a whole; a refusal is none, unless it is told."""
        on_blocked = self.limits.on_blocked
        if on_blocked == "message" and not tells_refusals:
            on_blocked = "raise"
        limits = replace(self.limits, commit="complete", on_blocked=on_blocked)
        return replace(self, limits=limits)


def held_to(
    limits: Mapping[str, Any], candidates: Sequence[ModelCandidate]
) -> tuple[ModelCandidate, ...]:
    """The candidates with other limits for one call."""
    return tuple(replace(one, limits=replace(one.limits, **limits)) for one in candidates)


def shaped(result: ChatResult, shape: Callable[[AIMessage], AIMessage]) -> ChatResult:
    """A result whose message was made into what is waited for."""
    first, *others = result.generations
    if isinstance(first.message, AIMessage):
        first = ChatGeneration(message=shape(first.message), generation_info=first.generation_info)
    return ChatResult(generations=[first, *others], llm_output=result.llm_output)


def asked_of(
    candidate: ModelCandidate, messages: list[BaseMessage], arguments: Mapping[str, Any]
) -> tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]:
    """A model, what it is told of a conversation, and its call arguments.

    Neutral tools are turned into its provider's form, and other models' thoughts left out.

    Raises:
        ParameterError: If there are tools and the model does not take them, or does not bind
            them to itself, or for a `tuned_only` that holds no arguments.
    """
    model, told = candidate.model, own_thoughts(messages, candidate.name)
    if not arguments:
        return model, told, dict(candidate.arguments)
    rest = in_geminis_words(_own(candidate, arguments), model)
    tools = rest.pop("tools", None)
    if not tools:
        return model, told, {**rest, **candidate.arguments}
    choice = {"tool_choice": rest.pop("tool_choice")} if "tool_choice" in rest else {}
    try:
        binding = model.bind_tools(tools, **choice)
    except (NotImplementedError, ValueError) as error:
        raise ParameterError(
            f"{candidate.name}, a {type(model).__name__}, does not take these tools: "
            f"{type(error).__name__}. Offer tools that all models of a FallbackChatModel take."
        ) from error
    if not isinstance(binding, RunnableBinding) or not isinstance(binding.bound, BaseChatModel):
        raise ParameterError(
            f"{type(model).__name__}.bind_tools() makes a {type(binding).__name__}, not a model "
            "with tools, so it can't be one of the models of a FallbackChatModel that has tools."
        )
    return binding.bound, told, {**rest, **binding.kwargs, **candidate.arguments}


def _own(candidate: ModelCandidate, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call without those that are another model's."""
    rest = dict(arguments)
    tuned_only = rest.pop(TUNED_ONLY, None) or {}
    if not isinstance(tuned_only, Mapping):
        raise ParameterError(
            f"{TUNED_ONLY} holds arguments for the first model alone, such as "
            f'{TUNED_ONLY}={{"labels": {{"team": "sql"}}}}, not a {type(tuned_only).__name__}.'
        )
    if rest.get("model") == candidate.name:
        del rest["model"]  # it is asked all the same
    if candidate.role == "tuned":
        return {**rest, **tuned_only}
    return {name: value for name, value in rest.items() if name not in _OF_ONE_MODEL}
