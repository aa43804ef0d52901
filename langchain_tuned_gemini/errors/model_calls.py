"""Errors about what a model was asked, and what it answered."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelError,
    ModelNotFoundError,
    ModelRefusalError,
    ModelTimeoutError,
)
from pydantic import ValidationError

from langchain_tuned_gemini.errors.root import TunedGeminiError, UserCodeError, keep_retryable

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, BaseMessage

    from langchain_tuned_gemini.provenance import AttemptRecord
    from langchain_tuned_gemini.tuned_models.base_models import Retirement


class PromptTooLongError(TunedGeminiError, ContextOverflowError):
    """A conversation that is certainly longer than the model takes, so that it was not asked.

    As a `ContextOverflowError` it tells LangChain's `SummarizationMiddleware`, where it
    summarizes with this model, to try again with less.

    Attributes:
        tokens: About how many tokens the conversation has, without any examples.
        limit: How many the model takes.
    """

    is_retryable = False

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"The conversation has about {tokens:,} tokens, and the model takes {limit:,}. No "
            "examples were added to it, and nothing was cut: shorten it, or use a base model with "
            "a larger context."
        )
        self.tokens = tokens
        self.limit = limit


class AnswerTimeoutError(TunedGeminiError, ModelTimeoutError):
    """A model did not answer, or not go on with its answer, before its deadline.

    Attributes:
        name: The model's name.
        limit: The limit that was passed, such as `total_timeout`.
        seconds: How long that was, in seconds.
        queued: For how many seconds of them the call had waited in the model's rate limiter.
    """

    def __init__(self, name: str, *, limit: str, seconds: float, queued: float) -> None:
        what = _MISSED.get(limit, "answer")
        waited = f", after {queued:.3g} s in its rate limiter" if queued >= 0.1 else ""
        super().__init__(
            f"{name} did not {what} within {seconds:g} s ({limit}){waited}. Ask again, or allow "
            f"more, if such answers take that long: {limit}=..., in seconds, or None for ever."
        )
        self.name = name
        self.limit = limit
        self.seconds = seconds
        self.queued = queued


_MISSED = {"first_token_timeout": "begin its answer", "stall_timeout": "go on with its answer"}


class RateLimiterTimeoutError(TunedGeminiError, ModelError):
    """A model was not asked: its own rate limiter let no call pass before the deadline.

    Attributes:
        name: The model's name.
        limit: The limit that was passed, such as `total_timeout`.
        seconds: How long that was, in seconds.
    """

    is_retryable = True

    def __init__(self, name: str, *, limit: str, seconds: float) -> None:
        super().__init__(
            f"{name} was not asked: its rate limiter let no call pass within {seconds:g} s "
            f"({limit}). Ask less often, let the limiter pass more, or wait longer: {limit}=..., "
            "in seconds, or None for ever."
        )
        self.name = name
        self.limit = limit
        self.seconds = seconds


class EmptyAnswerError(TunedGeminiError, ModelError):
    """A model ended its stream without a single chunk.

    Attributes:
        name: The model's name.
    """

    is_retryable = True

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} ended its stream without an answer. Ask it again.")
        self.name = name


class BrokenStreamError(TunedGeminiError, ModelError):
    """A stream broke, or was refused, after a part of it had been handed out.

    Attributes:
        name: The model's name.
        partial: The text that was handed out; it is not repeated in the error's own text.
        reason: Why it broke, as in the table of reasons.
    """

    is_retryable = True

    def __init__(self, name: str, *, partial: str, reason: str) -> None:
        super().__init__(
            f"The stream of {name} broke after {len(partial)} characters: {reason}. No other "
            "model may continue it. Ask again, or let a fallback restart it: "
            'on_broken_stream="restart", or hand out only what is complete: commit="complete".'
        )
        self.name = name
        self.partial = partial
        self.reason = reason


class AnswerRefusedError(TunedGeminiError, ModelError):
    """A model answered, and a guard refused the answer.

    Attributes:
        name: The model's name.
        guard: The guard's name.
        why: What the guard found wrong.
        answer: The answer; it is not repeated in the error's text.
    """

    is_retryable = True  # models draw lots

    def __init__(self, why: str, *, name: str, guard: str, answer: AIMessage) -> None:
        super().__init__(
            f"The guard {guard} refused the answer of {name}: {why}. Ask again, or add a "
            "fallback with with_few_shot_fallback(...)."
        )
        self.name = name
        self.guard = guard
        self.why = why
        self.answer = answer


class ContentBlockedError(TunedGeminiError, ModelRefusalError):
    """A prompt or an answer was blocked for safety, or a model refused to answer.

    Nothing of either is in the error's text.

    Attributes:
        name: The model's name.
        why: What was blocked.
        block_reason: Google's own word, such as `SAFETY`; None where a guard or another
            provider's model blocked it.
        ratings: Google's safety ratings, category to probability, where it gave any.
        raw_message: The answer, with what there is of it.
    """

    def __init__(
        self,
        why: str,
        *,
        name: str,
        block_reason: str | None,
        ratings: Mapping[str, str],
        answer: AIMessage,
    ) -> None:
        super().__init__(
            f"{name} did not answer: {why}. Change the request, or the safety settings if they "
            "are too strict for it. Another model is asked only where on_blocked says so, since "
            "that may get round a policy.",
            raw_message=answer,
        )
        self.name = name
        self.why = why
        self.block_reason = block_reason
        self.ratings = dict(ratings)


class GuardCrashedError(UserCodeError):
    """A guard raised instead of judging an answer: its own failure, never the model's.

    Attributes:
        guard: The guard's name.
    """

    def __init__(self, guard: str, cause: Exception) -> None:
        so = "it is not known whether the answer may be used"
        super().__init__(f"the guard {guard}", cause, so=so)
        self.guard = guard


class BaseModelNotFoundError(TunedGeminiError, ModelNotFoundError):
    """Vertex AI does not serve a base model where it was asked.

    Attributes:
        name: The base model's name.
        locations: Where it was asked.
        retirement: The end of the base model, if that has come.
    """

    status = 404

    def __init__(
        self, message: str, *, name: str, locations: Sequence[str], retirement: Retirement | None
    ) -> None:
        super().__init__(message)
        self.name = name
        self.locations = tuple(locations)
        self.retirement = retirement

    @classmethod
    def of(
        cls,
        name: str,
        locations: Sequence[str],
        *,
        served_in: Sequence[str],
        retirement: Retirement | None,
    ) -> Self:
        """Says where it was asked, and where it may be."""
        others = [where for where in served_in if where not in locations]
        advice = (
            f"Models of its generation are in {', '.join(served_in)} and in some regions. Check "
            "the name, and whether the project may use it, or pass another location: "
            f"fallback_location={(others or served_in)[0]!r}. (Who asks in 'global' does not know "
            "in which country the request is processed.)"
        )
        if retirement:
            advice = f"{retirement}. Name a current base model."
        told = f"{name} was not found on Vertex AI in {' or in '.join(locations)} (404). {advice}"
        return cls(told, name=name, locations=locations, retirement=retirement)


class AllModelsFailedError(TunedGeminiError, ExceptionGroup[Exception], ModelError):
    """Every model was tried and none answered; the group holds each model's error.

    Attributes:
        attempts: What happened with each model, in order.
        is_retryable: Whether any of the errors says that a retry may help.
    """

    attempts: tuple[AttemptRecord, ...]

    def __new__(cls, attempts: Sequence[AttemptRecord], errors: Sequence[Exception]) -> Self:  # noqa: D102
        told = dict.fromkeys(f"{a.model}: {a.reason} ({a.error_type})" for a in attempts)
        known = "".join(f" {one}" for one in errors if isinstance(one, BaseModelNotFoundError))
        message = f"No model could answer. {'; '.join(told)}.{known} The errors are in `exceptions`"
        self = super().__new__(cls, message, errors)
        self.attempts = tuple(attempts)
        self.is_retryable = any(getattr(e, "is_retryable", False) for e in errors)
        return self

    def __init__(self, attempts: Sequence[AttemptRecord], errors: Sequence[Exception]) -> None:
        """Keeps both, in the order in which the models were tried."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuilds the group from its attempts, and from what can be rebuilt of its errors."""
        errors = [_portable(error) for error in self.exceptions]
        return type(self), (self.attempts, errors), {"is_retryable": self.is_retryable}

    def derive(self, excs: Sequence[Exception]) -> AllModelsFailedError:  # type: ignore[override]
        """Lets `except*` split the group without losing the attempts."""
        return AllModelsFailedError.of(self.attempts, excs)

    @classmethod
    def of(
        cls, attempts: Sequence[AttemptRecord], errors: Sequence[Exception]
    ) -> AllModelsFailedError:
        """The error for a call that no model could answer."""
        match errors[-1]:
            case ContextOverflowError():
                return AllModelsOverflowError(attempts, errors)
            case ModelRefusalError():
                return AllModelsRefusedError(attempts, errors)
        return cls(attempts, errors)


def _portable(error: Exception) -> Exception:
    """The error, or in its place what it says, if another process could not build it.

    In a pool of processes that would end the thread which takes the results, and whoever waits
    for one would wait for ever. pydantic's errors hold the whole of what they could not read.
    """
    portable = keep_retryable(error)
    try:
        pickle.loads(pickle.dumps(portable))  # noqa: S301  # what this very line has written
    except Exception:  # noqa: BLE001  # libraries' errors have constructors of any kind
        is_portable = False
    else:
        is_portable = not isinstance(error, ValidationError)
    if not is_portable:
        portable = ModelError(f"{type(error).__name__}: {error}")
        portable.is_retryable = getattr(error, "is_retryable", False)
    return portable


class AllModelsOverflowError(AllModelsFailedError, ContextOverflowError):
    """Every model was tried, and the conversation is too long for the last one.

    As a `ContextOverflowError` it tells LangChain's `SummarizationMiddleware`, where it
    summarizes with this model, to try again with less.
    """


class AllModelsRefusedError(AllModelsFailedError, ModelRefusalError):
    """Every model was tried, and the last one's answer was blocked: `on_blocked="next"`."""

    @property
    def raw_message(self) -> BaseMessage | None:  # type: ignore[override]
        """The last model's answer."""
        last = self.exceptions[-1]
        return last.raw_message if isinstance(last, ModelRefusalError) else None
