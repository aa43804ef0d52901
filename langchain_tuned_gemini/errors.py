"""Everything that can go wrong, in one tree.

```text
TunedGeminiError
├── TunedModelNameError (ValueError)      a name that can't address a tuned model
├── ParameterError (TypeError)            a parameter nobody knows, or a value out of range
├── MissingExtraError (ImportError)       an optional dependency is not installed
├── DatasetError (ValueError)             examples that can't be used: all that is wrong, where
│   └── LossyConversionError              … or that a format can't hold as a whole
├── JournalError (ValueError)             a file that is no journal of a comparison: source, line
├── ComparisonCancelledError              a comparison was ended by its caller: done, total
├── RecordsError (ValueError)             tuned-models.toml can't be used: all that is wrong, where
├── RecordNotFoundError (LookupError)     a version or an alias that is not recorded
├── RecordsChangedError                   an alias was changed by somebody else meanwhile
├── ExampleIndexError (ValueError)        a file that should hold an example index, and is another
├── ServiceError (ModelError)             the control plane could not answer
│   ├── ServiceUnreachableError           no answer at all: refused, no such host, timed out
│   └── DeletionIncompleteError           a step of a deletion failed: done, left
├── TunedModelError (ModelError)          something about one tuned model: name, state
│   ├── TunedModelNotReadyError           it is CREATING: wait, or fall back
│   │   ├── WaitTimeoutError              … and the time allowed for waiting is over
│   │   └── WaitCancelledError            … and the waiting was cancelled
│   ├── TunedModelFailedError             FAILED or CANCELLED: it will never serve
│   ├── TunedModelNotFoundError           deleted, or never there
│   │   └── BaseModelRetiredError         … because its base model was retired: retirement
│   ├── TunedModelNotDeletableError       versions and none named, still tuning, or a mere record
│   ├── PromotionRefusedError             it does not answer, so that no alias is to point to it
│   ├── CircuitOpenError                  it was not called: its circuit is open, or quota short
│   └── NovelInputError                   it was not called: the question is unlike its tuning set
├── PromptTooLongError (ContextOverflowError)   a conversation that a model certainly can't take
├── EmptyAnswerError (ModelError)         a model ended its stream without an answer
├── BrokenStreamError (ModelError)        a stream broke after a part of it was handed out: partial
├── AnswerRefusedError (ModelError)       a model's answer that a guard refused: guard, why
├── ContentBlockedError (ModelError)      prompt or answer blocked for safety: never asked elsewhere
├── GuardCrashedError                     a guard raised: its own failure, not the model's
└── AllModelsFailedError (ExceptionGroup, ModelError)   every model was tried
    └── AllModelsOverflowError (ContextOverflowError)   … and the last one can't take as much
```

Errors about a model derive from `langchain_core.exceptions.ModelError`, so that LangChain's
retry middleware reads `is_retryable` from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from langchain_core.exceptions import ContextOverflowError, ModelError, ModelNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.messages import AIMessage

    from langchain_tuned_gemini.base_models import Retirement
    from langchain_tuned_gemini.dataset.problems import Problem
    from langchain_tuned_gemini.provenance import Attempt
    from langchain_tuned_gemini.tuned_model import TunedModel, TunedModelState

_PROBLEMS_TOLD = 10
"""How many problems of a tuning set an error's message has."""


class TunedGeminiError(Exception):
    """The root of this package's errors: `except TunedGeminiError` catches all of them.

    They can be pickled, so that they reach the caller from another process.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuilds the error from what it holds: its signature takes other things."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    kind: type[TunedGeminiError], args: tuple[Any, ...], state: dict[str, Any]
) -> TunedGeminiError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class TunedModelNameError(TunedGeminiError, ValueError):
    """A name that does not address a tuned model. Raised before any URL is built.

    Attributes:
        name: What was given.
    """

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class ParameterError(TunedGeminiError, TypeError):
    """A parameter that nobody knows, or a value that it can't take."""


class MissingExtraError(TunedGeminiError, ImportError):
    """An optional dependency is not installed.

    Attributes:
        extra: The extra that brings it.
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional dependency. Install it with: "
            f'pip install "langchain-tuned-gemini[{extra}]"'
        )
        self.extra = extra


class DatasetError(TunedGeminiError, ValueError):
    """Tuning examples that can't be used. It has everything that is wrong with them.

    Attributes:
        problems: What is wrong, each with its place; at most 1,000.
        total: How many problems there are.
        source: The file's path, or what the examples were called.
        line: The 1-based line of the first problem, if one is at fault.
        field: The field of the first problem, if one is at fault.
    """

    def __init__(self, problems: Sequence[Problem], *, total: int | None = None) -> None:
        self.problems = tuple(problems)
        self.total = len(self.problems) if total is None else total
        super().__init__(self._told())
        first = self.problems[0]
        self.source = first.source
        self.line = first.line
        self.field = first.field

    def _told(self) -> str:
        told = [str(problem) for problem in self.problems[:_PROBLEMS_TOLD]]
        if more := self.total - len(told):
            told.append(
                f"... and {more:,} more, in `problems` and in what `dataset.check` reports."
            )
        return "\n".join(told)


class LossyConversionError(DatasetError):
    """Examples that a format can't hold as a whole: `problems` has each field and example."""

    def _told(self) -> str:
        return (
            f"{super()._told()}\nTo leave that out, say lossy=True to `rows`, `lines` or `write`."
        )


class JournalError(TunedGeminiError, ValueError):
    """A file that was to keep the answers of a comparison, and holds something else.

    Attributes:
        source: The file's path.
        line: The 1-based number of the line that is none of a journal's.
    """

    def __init__(self, source: str, line: int) -> None:
        super().__init__(
            f"{source}:{line}: is no line of a comparison's journal, so nothing was written to it. "
            "Choose another file, or delete this one to begin anew."
        )
        self.source = source
        self.line = line


class ComparisonCancelledError(TunedGeminiError):
    """A comparison was ended by whoever asked for it.

    Attributes:
        done: How many answers there are.
        total: How many there would have been.
    """

    def __init__(self, *, done: int, total: int) -> None:
        super().__init__(
            f"The comparison was cancelled after {done:,} of {total:,} answers. With the same "
            "journal it goes on from there; without one it begins anew."
        )
        self.done = done
        self.total = total


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """One thing that is wrong with the records.

    Attributes:
        line: The 1-based line; None for the whole file, or its end.
        message: What is wrong, and what to do.
    """

    line: int | None
    message: str


class RecordsError(TunedGeminiError, ValueError):
    """The records of tuned models can't be used. It has everything that is wrong with them.

    Attributes:
        path: The file.
        problems: What is wrong, each with its line.
    """

    def __init__(self, path: Path, problems: Sequence[RecordProblem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        told = (
            f"{path}:{problem.line}: {problem.message}"
            if problem.line
            else f"{path}: {problem.message}"
            for problem in self.problems
        )
        super().__init__("\n".join(told))


class RecordNotFoundError(TunedGeminiError, LookupError):
    """A version or an alias that is not recorded.

    Attributes:
        name: What was asked for.
        path: The file.
    """

    def __init__(self, message: str, *, name: str, path: Path) -> None:
        super().__init__(message)
        self.name = name
        self.path = path

    @classmethod
    def of(cls, name: str, path: Path, *, what: str, known: Sequence[str]) -> Self:
        """Says what is recorded instead."""
        there = f"its {what} are: {', '.join(known)}" if known else f"it has no {what}"
        return cls(f"{name} is not in {path}; {there}.", name=name, path=path)


class RecordsChangedError(TunedGeminiError):
    """An alias was changed by somebody else between a look at it and a change of it.

    Attributes:
        alias: The alias.
        seen: The version that it had pointed to; empty for none.
        found: The version that it points to now; empty for none.
    """

    def __init__(self, alias: str, *, seen: str, found: str) -> None:
        super().__init__(
            f"{alias} was {seen or 'not there'} a moment ago and is {found or 'not there'} now: "
            "somebody else has changed it. Nothing was changed; look at it and decide again."
        )
        self.alias = alias
        self.seen = seen
        self.found = found


class ExampleIndexError(TunedGeminiError, ValueError):
    """A file that should hold an index of examples, and is something else.

    Attributes:
        path: The file.
    """

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class ServiceError(TunedGeminiError, ModelError):
    """The control plane, which knows the states of tuned models, could not answer.

    Attributes:
        status: The HTTP status, where there was an answer.
        is_retryable: Whether asking again may help: no answer at all, 408, 429 and 5xx.
    """

    def __init__(
        self, message: str, *, status: int | None = None, is_retryable: bool | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        if is_retryable is None:
            is_retryable = status in {408, 429} or (status is not None and status >= 500)
        self.is_retryable = is_retryable


class ServiceUnreachableError(ServiceError):
    """The control plane gave no answer at all: refused, no such host, timed out.

    Attributes:
        address: Where the service was looked for.
    """

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"Can't reach {address}: {reason}. Check the address and the network, or the "
            "emulator if you use one.",
            is_retryable=True,
        )
        self.address = address


class DeletionIncompleteError(ServiceError):
    """A step of a deletion failed. Delete again: what is done stays done.

    Attributes:
        name: What was to be deleted.
        done: The names of what is deleted.
        left: The names of what is still there, or may be.
    """

    def __init__(
        self, cause: ServiceError, *, name: str, done: Sequence[str], left: Sequence[str]
    ) -> None:
        gone = f"Deleted: {', '.join(done)}. " if done else ""
        super().__init__(
            f"Deleting {name} stopped in the middle. {cause} {gone}Left: {', '.join(left)}. Once "
            "the cause is mended, delete it again: it goes on from there.",
            status=cause.status,
            is_retryable=cause.is_retryable,
        )
        self.name = name
        self.done = tuple(done)
        self.left = tuple(left)


class TunedModelError(TunedGeminiError, ModelError):
    """Something about one tuned model.

    Attributes:
        name: The tuned model's full name.
        state: The state it was last seen in, if one is known.
    """

    def __init__(self, message: str, *, name: str, state: TunedModelState | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.state = state


class TunedModelNotReadyError(TunedModelError):
    """The tuned model is still CREATING: it can't serve yet, but it will."""

    is_retryable = True

    @classmethod
    def of(cls, model: TunedModel) -> Self:
        """Says that this model can't serve yet, and what to do."""
        doing = f" ({model.doing})" if model.doing else ""
        return cls(
            f"The tuned model {model.name} is {model.raw_state}{doing}, so it can't answer yet. "
            "Call wait_until_active() first, or add a fallback with "
            "with_few_shot_fallback(...).",
            name=model.name,
            state=model.state,
        )


class WaitTimeoutError(TunedModelNotReadyError, TimeoutError):
    """The tuned model was still CREATING when the time allowed for waiting was over.

    Attributes:
        waited: How long was waited, in seconds.
    """

    def __init__(
        self, message: str, *, name: str, state: TunedModelState | None, waited: float
    ) -> None:
        super().__init__(message, name=name, state=state)
        self.waited = waited


class WaitCancelledError(TunedModelNotReadyError):
    """The wait for a tuned model was ended by whoever asked for it.

    Attributes:
        waited: How long was waited, in seconds.
    """

    def __init__(
        self, message: str, *, name: str, state: TunedModelState | None, waited: float
    ) -> None:
        super().__init__(message, name=name, state=state)
        self.waited = waited


class TunedModelFailedError(TunedModelError):
    """Tuning ended without a model: FAILED or CANCELLED. Waiting does not help.

    Attributes:
        reason: The platform's own reason; the Developer API gives none.
    """

    def __init__(
        self,
        message: str,
        *,
        name: str,
        state: TunedModelState | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message, name=name, state=state)
        self.reason = reason

    @classmethod
    def of(cls, model: TunedModel) -> Self:
        """Says that this model will never serve, why, and what to do."""
        reason = model.error or "the platform gives no reason"
        return cls(
            f"The tuned model {model.name} is {model.raw_state}: {reason}. It will never "
            "answer: check its training data, tune it again, and delete this one to free quota.",
            name=model.name,
            state=model.state,
            reason=model.error,
        )


class TunedModelNotFoundError(TunedModelError, ModelNotFoundError):
    """The tuned model does not exist: it was deleted, or it was never there."""

    @classmethod
    def of(cls, name: str) -> Self:
        """Says that this model is not there, and what to do."""
        return cls(
            f"The tuned model {name} does not exist. It was deleted, the name is wrong, or "
            "this key's project does not own it: list the tuned models that it can see.",
            name=name,
        )


class BaseModelRetiredError(TunedModelNotFoundError):
    """The tuned model does not answer any more, since the model it was tuned from was retired.

    Attributes:
        retirement: Which base model, where, since when, and Google's page that says so.
        status: The HTTP status of the answer, where there was one.
    """

    def __init__(
        self, message: str, *, name: str, retirement: Retirement, status: int | None = None
    ) -> None:
        super().__init__(message, name=name)
        self.retirement = retirement
        self.status = status

    @classmethod
    def because(cls, name: str, retirement: Retirement, *, status: int | None) -> Self:
        """Says which base model is gone, and what to do."""
        return cls(
            f"The tuned model {name} does not answer, and its base model is gone: {retirement}. "
            "Tune it again on a current base model: on Vertex AI, tuningJobs:rebaseTunedModel "
            "does that.",
            name=name,
            retirement=retirement,
            status=status,
        )


class TunedModelNotDeletableError(TunedModelError):
    """There is nothing that could be deleted, or it is not clear what.

    Attributes:
        is_gone: Whether nothing is left but a tuning job's record, which stays for ever.
    """

    def __init__(
        self,
        message: str,
        *,
        name: str,
        state: TunedModelState | None = None,
        is_gone: bool = False,
    ) -> None:
        super().__init__(message, name=name, state=state)
        self.is_gone = is_gone


class PromotionRefusedError(TunedModelError):
    """A version does not answer, so an alias was not changed to point to it.

    Attributes:
        alias: The alias, which points to what it did before.
    """

    def __init__(
        self, message: str, *, alias: str, name: str, state: TunedModelState | None = None
    ) -> None:
        super().__init__(message, name=name, state=state)
        self.alias = alias


class CircuitOpenError(TunedModelError):
    """The model was not called, because its circuit is open or its quota short.

    Attributes:
        reason: What opened the circuit; `"quota"` also for a call that was held back while the
            circuit is closed, `"forced"` for a circuit that somebody forced open.
        retry_after: Seconds until the model is tried again, at the latest; 0 for a call that
            was held back; None for a circuit that was forced open.
    """

    is_retryable = True

    def __init__(self, message: str, *, name: str, reason: str, retry_after: float | None) -> None:
        super().__init__(message, name=name)
        self.reason = reason
        self.retry_after = retry_after


class NovelInputError(TunedModelError):
    """The tuned model was not called: the question is unlike all that it was tuned with.

    Attributes:
        reason: `"novel_input"`.
        score: How like the tuning set the question is, from 0 to 1.
        threshold: Below which score a question is novel.
    """

    reason = "novel_input"

    def __init__(self, *, name: str, score: float, threshold: float) -> None:
        super().__init__(
            f"{name} was not asked: the question is unlike its tuning set ({score:.3f}, where "
            f"{threshold:.3f} is the least). Add examples of such questions and tune it again, or "
            "lower the threshold of NovelInput.",
            name=name,
        )
        self.score = score
        self.threshold = threshold


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


class ContentBlockedError(TunedGeminiError, ModelError):
    """A prompt or an answer was blocked for safety.

    Nothing of either is in the error's text.

    Attributes:
        name: The model's name.
        why: What was blocked.
        block_reason: Google's own word, such as `SAFETY`; None where a guard blocked it.
        ratings: Google's safety ratings, category to probability, where it gave any.
    """

    def __init__(
        self, why: str, *, name: str, block_reason: str | None, ratings: Mapping[str, str]
    ) -> None:
        super().__init__(
            f"{name} did not answer: {why}. No other model is asked, which would get round the "
            "policy: change the request, or the safety settings if they are too strict for it."
        )
        self.name = name
        self.why = why
        self.block_reason = block_reason
        self.ratings = dict(ratings)


class GuardCrashedError(TunedGeminiError):
    """A guard raised instead of judging an answer: its own failure, never the model's.

    Attributes:
        guard: The guard's name.
    """

    def __init__(self, guard: str, cause: Exception) -> None:
        # Without the cause's text, which may repeat the answer.
        super().__init__(
            f"The guard {guard} crashed with {type(cause).__name__}, so it is not known whether "
            "the answer may be used. See the cause, and correct the guard."
        )
        self.guard = guard


class AllModelsFailedError(TunedGeminiError, ExceptionGroup[Exception], ModelError):
    """Every model was tried and none answered; the group holds each model's error.

    Attributes:
        attempts: What happened with each model, in order.
        is_retryable: Whether any of the errors says that a retry may help.
    """

    attempts: tuple[Attempt, ...]

    def __new__(cls, attempts: Sequence[Attempt], errors: Sequence[Exception]) -> Self:  # noqa: D102
        told = dict.fromkeys(f"{a.model}: {a.reason} ({a.error_type})" for a in attempts)
        message = f"No model could answer. {'; '.join(told)}. The errors are in `exceptions`"
        self = super().__new__(cls, message, errors)
        self.attempts = tuple(attempts)
        self.is_retryable = any(getattr(e, "is_retryable", False) for e in errors)
        return self

    def __init__(self, attempts: Sequence[Attempt], errors: Sequence[Exception]) -> None:
        """Keeps both, in the order in which the models were tried."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuilds the group from its attempts and errors."""
        return type(self), (self.attempts, self.exceptions)

    def derive(self, excs: Sequence[Exception]) -> AllModelsFailedError:  # type: ignore[override]
        """Lets `except*` split the group without losing the attempts."""
        return AllModelsFailedError.of(self.attempts, excs)

    @classmethod
    def of(cls, attempts: Sequence[Attempt], errors: Sequence[Exception]) -> AllModelsFailedError:
        """The error for a call that no model could answer."""
        kind = AllModelsOverflowError if isinstance(errors[-1], ContextOverflowError) else cls
        return kind(attempts, errors)


class AllModelsOverflowError(AllModelsFailedError, ContextOverflowError):
    """Every model was tried, and the conversation is too long for the last one.

    As a `ContextOverflowError` it tells LangChain's `SummarizationMiddleware`, where it
    summarizes with this model, to try again with less.
    """
