"""Answers, and what they are worth: is it the right one, may it be used, what did it take?

An answer costs time and money, and so is kept. Its verdict is not: with other guards, or another
idea of what is right, the same answers are judged anew, and nobody is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, TypeAlias, cast

from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict

from langchain_tuned_gemini.comparison.matching import Matches, same_text
from langchain_tuned_gemini.comparison.questions import Question
from langchain_tuned_gemini.failures import Reason, classify
from langchain_tuned_gemini.guards import FinishReason, Guard, NonEmpty, check
from langchain_tuned_gemini.provenance import METADATA_KEY
from langchain_tuned_gemini.secrets.redaction import without_secrets

Metric: TypeAlias = Literal["exact", "guards"]
"""What counts: that the answer is the right one, or that all guards let it pass."""

_MOST_TOLD = 500
"""How many characters of an error are kept."""

_OF_THE_ANSWER = frozenset({Reason.BAD_OUTPUT, Reason.BLOCKED, Reason.REJECTED})


@dataclass(frozen=True, slots=True)
class Failed:
    """The reason why there is no answer.

    Attributes:
        reason: What kind of failure it was, as in the table of reasons.
        error_type: The error's class.
        text: What the error said, without secrets; at most 500 characters.
    """

    reason: str
    error_type: str
    text: str

    @classmethod
    def of(cls, error: BaseException) -> Self | None:
        """The meaning of an error of a call.

        Returns:
            None for an error that ends the comparison: a bug, a cancellation, or credentials
            that no other question would be answered with, either.
        """
        failure = classify(error)
        if failure is None or failure.reason is Reason.CREDENTIALS:
            return None
        text = without_secrets(str(error))[:_MOST_TOLD]
        return cls(failure.reason.value, type(error).__name__, text)

    @property
    def is_the_services(self) -> bool:
        """Whether the model was not there to answer; else it was, and could not."""
        return self.reason not in _OF_THE_ANSWER


@dataclass(frozen=True, slots=True)
class CandidateAnswer:
    """The answer of a candidate to a question, or why there is none.

    Attributes:
        candidate: The candidate's name.
        version: The candidate's version.
        question: The question's key.
        duration_s: How long it took, in seconds.
        message: The answer; None where there is none.
        failure: Why there is none.
    """

    candidate: str
    version: str
    question: str
    duration_s: float
    message: AIMessage | None = None
    failure: Failed | None = None

    def as_dict(self) -> dict[str, Any]:
        """The answer as plain data, which `from_dict` reads."""
        return {
            "candidate": self.candidate,
            "version": self.version,
            "question": self.question,
            "duration_s": self.duration_s,
            "message": message_to_dict(self.message) if self.message else None,
            "failure": asdict(self.failure) if self.failure else None,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Reads what `as_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: If it is nothing of the kind.
        """
        message = fields["message"] and messages_from_dict([fields["message"]])[0]
        failure = fields["failure"] and Failed(**fields["failure"])
        if not (isinstance(message, AIMessage) or failure):
            raise ValueError("neither an answer nor a failure")
        return cls(
            candidate=str(fields["candidate"]),
            version=str(fields["version"]),
            question=str(fields["question"]),
            duration_s=float(fields["duration_s"]),
            message=cast("AIMessage | None", message),
            failure=failure,
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one call of one model.

    Attributes:
        model: The model's name.
        input_tokens: The prompt's tokens.
        output_tokens: The answer's tokens, those of thinking included.
    """

    model: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Result:
    """One question, one candidate.

    Attributes:
        question: The question's key.
        text: What it answered; empty where it did not.
        exact: Whether that is the right answer.
        refusal: What a guard has against it; None where none has anything, or there is nothing.
        duration_s: How long it took, in seconds.
        answered_by: The name of the model that answered; empty where none did.
        fell_back: Why the first model of a fallback did not answer; None where it did.
        usage: The tokens of each call that was made, also those of answers that were refused.
        failure: Why there is no answer; None where there is one.
    """

    question: str
    text: str
    exact: bool
    refusal: str | None
    duration_s: float
    answered_by: str
    fell_back: str | None
    usage: tuple[Usage, ...]
    failure: Failed | None

    def passes(self, metric: Metric) -> bool:
        """Whether the answer passes."""
        return self.exact if metric == "exact" else self.failure is None and self.refusal is None

    @property
    def is_missing(self) -> bool:
        """Whether the service kept the candidate from answering; that says nothing of it."""
        return self.failure is not None and self.failure.is_the_services


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges answers.

    Attributes:
        guards: Checks of an answer (see `as_guards`), besides those that it is there, whole,
            and not blocked.
        matches: When an answer is the right one.
    """

    guards: tuple[Guard, ...] = ()
    matches: Matches = same_text

    def __call__(self, question: Question, answer: CandidateAnswer) -> Result:
        """Judges one answer.

        Raises:
            GuardCrashedError: If a guard raises.
        """
        message = answer.message
        if message is None:
            return Result(
                question.key, "", False, None, answer.duration_s, "", None, (), answer.failure
            )
        guards: tuple[Guard, ...] = (NonEmpty(), FinishReason(), *self.guards)
        refusal = check(guards, message)
        told = message.response_metadata
        provenance = told.get(METADATA_KEY) or {}
        return Result(
            question=question.key,
            text=message.text,
            exact=any(self.matches(message.text, right) for right in question.expected),
            refusal=f"{refusal.guard}: {refusal.why}" if refusal else None,
            duration_s=answer.duration_s,
            answered_by=str(provenance.get("model") or told.get("model_name") or answer.candidate),
            fell_back=provenance.get("reason"),
            usage=tuple(_usage(message, provenance, answer.candidate)),
            failure=None,
        )


def _usage(message: AIMessage, provenance: Mapping[str, Any], candidate: str) -> Iterator[Usage]:
    """The tokens of all that was asked; of a fallback that may be more than one model."""
    attempts = [(a["model"], a["usage"]) for a in provenance.get("attempts", ()) if a.get("usage")]
    if not attempts and message.usage_metadata:
        model = str(message.response_metadata.get("model_name") or candidate)
        attempts = [(model, message.usage_metadata)]
    for model, usage in attempts:
        yield Usage(str(model), int(usage["input_tokens"]), int(usage["output_tokens"]))
