"""What a candidate answered, or why it did not: what costs time and money, and so is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self, cast

from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict

from langchain_tuned_gemini.failures import Reason, classify
from langchain_tuned_gemini.secrets.redaction import without_secrets

_MOST_TOLD = 500
"""How many characters of an error are kept."""

_OF_THE_ANSWER = frozenset({Reason.BAD_OUTPUT, Reason.BLOCKED, Reason.REJECTED})


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer.

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
        """What an error of a call means.

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
class Answer:
    """What a candidate said to a question.

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
