"""Judging answers: is it the right one, may it be used, who gave it, what did it take?

Verdicts are not kept in the journal: with other guards, or another idea of what is right, the same
answers are judged anew, and nobody is asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AIMessage

from langchain_tuned_gemini.comparison.answers import Answer, Failed
from langchain_tuned_gemini.comparison.matching import Matches, same_text
from langchain_tuned_gemini.comparison.questions import Question
from langchain_tuned_gemini.guards import FinishReason, Guard, NonEmpty, check
from langchain_tuned_gemini.provenance import METADATA_KEY

Metric: TypeAlias = Literal["exact", "guards"]
"""What counts: that the answer is the right one, or that all guards let it pass."""


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

    def as_dict(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


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

    def __call__(self, question: Question, answer: Answer) -> Result:
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
