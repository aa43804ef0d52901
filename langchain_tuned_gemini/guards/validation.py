"""Asking guards about an answer, and the errors that their verdicts become."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.errors import (
    AnswerRefusedError,
    ContentBlockedError,
    GuardCrashedError,
    ParameterError,
)
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.guards.gemini import block_of, block_reason, safety_ratings
from langchain_tuned_gemini.guards.results import Guard, Refusal
from langchain_tuned_gemini.runtime.error_origins import is_async, passes_through


def as_guards(guards: Iterable[Guard]) -> tuple[Guard, ...]:
    """The guards of a chat model, looked at when it is built and not when it answers.

    Raises:
        ParameterError: For one that can't be called, or has to be awaited.
    """
    checked = tuple(guards)
    for guard in checked:
        if not callable(guard) or isinstance(guard, type):
            raise ParameterError(
                f"{guard!r} is no guard: pass something that takes the answer, such as "
                "NonEmpty() or a function."
            )
        if is_async(guard):
            raise ParameterError(
                f"The guard {_name_of(guard)} is async, but guards compute and don't wait: make "
                "it a plain function, and ask other services in a step of their own."
            )
    return checked


def check(
    guards: Sequence[Guard], message: AIMessage, *, is_counted: bool = True
) -> Refusal | None:
    """Asks the guards in turn until one refuses the answer.

    An answer that was blocked for safety is refused before any guard is asked: to the others
    it is just an empty one, for which another model may answer.

    Args:
        guards: Those of `as_guards`.
        message: The whole answer: of a stream, the sum of its chunks. See `answer_of`.
        is_counted: Whether a refusal is: not of an answer that is judged a second time.

    Returns:
        The first refusal; None for an answer that may be used.

    Raises:
        GuardCrashedError: If a guard raises, or returns something that is no verdict.

    Example:
        >>> from langchain_tuned_gemini.guards import NonEmpty, OneOf
        >>> check([NonEmpty(), OneOf(["yes", "no"])], AIMessage("perhaps")).guard
        'OneOf'
    """
    refusal, name = block_of(message), "FinishReason"
    for guard in () if refusal else guards:
        if refusal := _ask(guard, message):
            name = _name_of(guard)
            break
    if refusal is None:
        return None
    if is_counted:
        telemetry.guard_failed(name, refusal.reason.value)
    return replace(refusal, guard=name)


def as_error(
    refusal: Refusal, message: AIMessage, *, name: str
) -> AnswerRefusedError | ContentBlockedError:
    """The error that a refusal of a model's answer is for whoever waits for it."""
    if refusal.reason is Reason.BLOCKED:
        return ContentBlockedError(
            refusal.why,
            name=name,
            block_reason=block_reason(message),
            ratings=safety_ratings(message),
            answer=message,
        )
    return AnswerRefusedError(refusal.why, name=name, guard=refusal.guard, answer=message)


def answer_of(generation: ChatGeneration, llm_output: Mapping[str, Any] | None = None) -> AIMessage:
    """The message that `invoke` would return, with all that the provider said about it.

    Below `invoke` the finish reason stands in the generation and the prompt's feedback in the
    result (`BaseChatModel._generate_with_cache` brings them together). Streams have no
    `llm_output`.
    """
    metadata = {
        **(llm_output or {}),
        **(generation.generation_info or {}),
        **generation.message.response_metadata,
    }
    return cast("AIMessage", generation.message.model_copy(update={"response_metadata": metadata}))


def _ask(guard: Guard, message: AIMessage) -> Refusal | None:
    try:
        verdict = guard(message)
        return None if verdict is None or verdict is True else _as_refusal(verdict)
    # Foreign code: whatever it raises is its own failure, and must not look like the model's.
    except Exception as error:
        if passes_through(error):
            raise
        telemetry.guard_failed(_name_of(guard), "crashed")
        raise GuardCrashedError(_name_of(guard), error) from error


def _as_refusal(verdict: object) -> Refusal:
    match verdict:
        case False | "":
            return Refusal("the guard does not say why")
        case str():
            return Refusal(verdict)
        case Refusal():
            return verdict
    if inspect.iscoroutine(verdict):
        verdict.close()  # or Python warns that nobody awaited it
    raise TypeError(
        f"a guard returns None, a bool, a str or a Refusal, not {type(verdict).__name__}"
    )


def _name_of(guard: Guard) -> str:
    function = guard.func if isinstance(guard, partial) else guard
    return str(getattr(function, "__name__", type(function).__name__))
