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

from langchain_tuned_gemini.errors.model_states import BASE_MODEL_INSTEAD
from langchain_tuned_gemini.errors.reasons import Reason
from langchain_tuned_gemini.errors.root import (
    Advice,
    TunedGeminiError,
    UserCodeError,
    followed_by,
    keep_retryable,
)

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

    reason = Reason.REJECTED
    is_retryable = False

    def __init__(self, tokens: int, limit: int) -> None:
        super().__init__(
            f"The conversation has about {tokens:,} tokens, and the model takes {limit:,}. No "
            "examples were added to it, and nothing was cut.",
            advice="Shorten it, or use a base model with a larger context.",
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

    reason = Reason.TIMEOUT

    def __init__(self, name: str, *, limit: str, seconds: float, queued: float) -> None:
        what = _MISSED.get(limit, "answer")
        waited = f", after {queued:.3g} s in its rate limiter" if queued >= 0.1 else ""
        super().__init__(
            f"{name} did not {what} within {seconds:g} s ({limit}){waited}.",
            advice=Advice(
                f"Ask again, or allow more, if such answers take that long: {limit}=..., in "
                "seconds, or None for ever.",
                f"Ask again, or {BASE_MODEL_INSTEAD.for_command_line}",
            ),
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

    reason = Reason.RATE_LIMITED
    is_local = True
    is_retryable = True

    def __init__(self, name: str, *, limit: str, seconds: float) -> None:
        super().__init__(
            f"{name} was not asked: its rate limiter let no call pass within {seconds:g} s "
            f"({limit}).",
            advice=Advice(
                "Ask less often, let the limiter pass more, or wait longer: "
                f"{limit}=..., in seconds, or None for ever.",
                "Ask less often.",
            ),
        )
        self.name = name
        self.limit = limit
        self.seconds = seconds


class EmptyAnswerError(TunedGeminiError, ModelError):
    """A model ended its stream without a single chunk.

    Attributes:
        name: The model's name.
    """

    reason = Reason.BAD_OUTPUT
    is_retryable = True

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} ended its stream without an answer.", advice="Ask it again.")
        self.name = name


class BrokenStreamError(TunedGeminiError, ModelError):
    """A stream broke, or was refused, after a part of it had been handed out.

    Attributes:
        name: The model's name.
        partial: The text that was handed out; it is not repeated in the error's own text.
    """

    is_retryable = True

    def __init__(self, name: str, *, partial: str, reason: Reason) -> None:
        super().__init__(
            f"The stream of {name} broke after {len(partial)} characters: {reason}. No other "
            "model may continue it.",
            advice=Advice(
                "Ask again, or let a fallback restart it: "
                'on_broken_stream="restart", or hand out only what is complete: commit="complete".',
                "Ask again.",
            ),
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

    reason = Reason.BAD_OUTPUT
    is_retryable = True  # models draw lots

    def __init__(self, why: str, *, name: str, guard: str, answer: AIMessage) -> None:
        super().__init__(
            f"The guard {guard} refused the answer of {name}: {why}.",
            advice=Advice("Ask again, or", "Ask again, or").plus(BASE_MODEL_INSTEAD),
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

    reason = Reason.BLOCKED

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
            f"{name} did not answer: {why}.",
            advice=Advice(
                "Change the request, or the safety settings if they are too strict for it. Another "
                "model is asked only where on_blocked says so, since that may get round a policy.",
                "Change the question.",
            ),
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
        self,
        name: str,
        locations: Sequence[str],
        *,
        served_in: Sequence[str],
        retirement: Retirement | None,
    ) -> None:
        where = next((one for one in served_in if one not in locations), served_in[0])
        message = f"{name} was not found on Vertex AI in {' or in '.join(locations)} (404)."
        if retirement:
            super().__init__(f"{message} {retirement}.", advice="Name a current base model.")
        else:
            others = "Check the name, and whether the project may use it, or pass another location:"
            beware = (
                "(Who asks in 'global' does not know in which country the request is processed.)"
            )
            super().__init__(
                f"{message} Models of its generation are in {', '.join(served_in)} and in some "
                "regions.",
                advice=Advice(
                    f"{others} fallback_location={where!r}. {beware}",
                    f"{others} --fallback-location {where}. {beware}",
                ),
            )
        self.name = name
        self.locations = tuple(locations)
        self.retirement = retirement
        self.reason = Reason.RETIRED if retirement else Reason.GONE


class AllModelsFailedError(TunedGeminiError, ExceptionGroup[Exception], ModelError):
    """Every model was tried and none answered; the group holds each model's error.

    Attributes:
        attempts: What happened with each model, in order.
        is_retryable: Whether any of the errors says that a retry may help.
    """

    attempts: tuple[AttemptRecord, ...]

    def __new__(cls, attempts: Sequence[AttemptRecord], errors: Sequence[Exception]) -> Self:  # noqa: D102
        told = dict.fromkeys(f"{a.model}: {a.reason} ({a.error_type})" for a in attempts)
        known = [one for one in errors if isinstance(one, BaseModelNotFoundError)]
        message = " ".join(
            [f"No model could answer. {'; '.join(told)}.", *(one.message for one in known)]
        )
        advice = Advice()
        for one in known:
            advice = advice.plus(one.advice)
        advice = advice.plus(Advice(in_python="The errors are in `exceptions`"))
        self = super().__new__(cls, followed_by(message, advice.in_python), errors)
        self.message, self.advice = message, advice
        self.attempts = tuple(attempts)
        self.reason = cls.reason or Reason.of(attempts[0].reason)
        self.status = None if cls.reason else attempts[0].status
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

    reason = Reason.BLOCKED

    @property
    def raw_message(self) -> BaseMessage | None:  # type: ignore[override]
        """The last model's answer."""
        last = self.exceptions[-1]
        return last.raw_message if isinstance(last, ModelRefusalError) else None
