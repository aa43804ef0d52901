"""The questions of a test set, each with the answers that are right."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from langchain_core.messages import BaseMessage

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.dataset.checks import question_of
from langchain_tuned_gemini.runtime.visible_text import folded_text


@dataclass(frozen=True, slots=True)
class Question:
    """One question, asked of every candidate.

    Attributes:
        key: Names what is asked, whatever answers are right: a hash of 16 characters.
        example: The example that asks it.
        expected: The answers that are right: the outputs of all examples that ask it.
    """

    key: str
    example: TuningExample
    expected: tuple[str, ...]

    @property
    def messages(self) -> list[BaseMessage]:
        """The turns before the answer, which a candidate is asked."""
        return self.example.as_messages()[:-1]


def in_common(examples: Iterable[TuningExample], others: Iterable[TuningExample]) -> int:
    """How many questions are asked by examples of both sets, whatever their case and white space.

    Example:
        >>> one, other = TuningExample("What is 2 + 2?", "4"), TuningExample("what is 2 + 2? ", "4")
        >>> in_common([one], [other])
        1
    """
    known = {question_of(other, folded_text) for other in others}
    return sum(
        question_of(question.example, folded_text) in known for question in questions_of(examples)
    )


def questions_of(examples: Iterable[TuningExample]) -> tuple[Question, ...]:
    """The questions of a test set, in its order, each once.

    Examples that ask the same and answer otherwise are one question with several right answers.

    Example:
        >>> pairs = [("2 + 2", "4"), ("1 + 1", "2"), ("2 + 2", "four"), ("2 + 2", "4")]
        >>> asked = questions_of(TuningExample(*pair) for pair in pairs)
        >>> [question.expected for question in asked]
        [('4', 'four'), ('2',)]
    """
    asked: dict[Hashable, Question] = {}
    for example in examples:
        question = question_of(example)
        if (known := asked.get(question)) is None:
            key = sha256(replace(example, output="").canonical()).hexdigest()[:16]
            known = Question(key, example, ())
        if example.output not in known.expected:
            known = replace(known, expected=(*known.expected, example.output))
        asked[question] = known
    return tuple(asked.values())
