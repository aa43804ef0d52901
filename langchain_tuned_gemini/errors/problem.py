"""What is wrong with a tuning set: each problem with its file, line and field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple, TypeAlias

from langchain_tuned_gemini.errors.root import NO_ADVICE, Advice


class Place(NamedTuple):
    """Where something stands.

    Attributes:
        source: The file's path, or what the examples were called.
        line: The 1-based line of the file (of examples in memory, their number); None for the
            whole.
        item: The 1-based number of the example, where lines don't tell examples apart.
    """

    source: str
    line: int | None = None
    item: int | None = None

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return place if self.item is None else f"{place}: example {self.item}"


class Severity(StrEnum):
    """Whether a tuning set can be used in spite of a problem."""

    ERROR = "error"
    WARNING = "warning"


Code: TypeAlias = Literal[
    "unreadable",  # no such file, no examples
    "encoding",  # not UTF-8, a byte order mark, NUL, damaged characters
    "too-long",  # a line without end
    "syntax",  # not JSON, not CSV
    "shape",  # no rows of examples at all: an archive, a preference set, single messages
    "field",  # missing, empty, twice
    "not-text",  # a function call, an image: an example holds text only
    "turns",  # a conversation that teaches no answer
    "not-kept",  # a field that an example does not hold
    "duplicate",
    "contradiction",
    "label-typo",
    "limit",  # more than the platform takes
    "loss",  # what another format can't hold
]
"""What kind of problem it is, for programs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    Attributes:
        code: What kind of problem it is.
        message: What is wrong and what to do, as the end of a sentence.
        source: The file's path, or what the examples were called.
        line: The 1-based line of the file (of examples in memory, their number), if one is at
            fault; an example that stands on several lines counts by its first.
        item: The example's 1-based number, where lines don't tell examples apart, as in a JSON
            array.
        field: The field at fault, if one is, such as `output` or `contents[1].role`.
        severity: Whether it keeps the examples from being used.
        advice: What to do, where that is not a part of the message.
    """

    code: Code
    message: str
    source: str
    line: int | None = None
    item: int | None = None
    field: str | None = None
    severity: Severity = Severity.ERROR
    advice: Advice = NO_ADVICE

    @property
    def place(self) -> Place:
        """Where it is, without the field."""
        return Place(self.source, self.line, self.item)

    def __str__(self) -> str:
        where = f"{self.place}: " if self.field is None else f"{self.place}: field {self.field!r}: "
        return f"{where}{self.message}"


def advice_of(problems: Iterable[Problem]) -> Advice:
    """What to do about problems; what fits many of them is said once."""
    advice = NO_ADVICE
    for one in dict.fromkeys(problem.advice for problem in problems):
        advice = advice.plus(one)
    return advice
