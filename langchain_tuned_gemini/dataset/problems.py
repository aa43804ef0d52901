"""Flaws of a row, and all problems that were found in a tuning set, each with its place."""

from __future__ import annotations

import re
import reprlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

from langchain_tuned_gemini.errors import Advice, DatasetError
from langchain_tuned_gemini.errors.problem import Code, Place, Problem, Severity, advice_of
from langchain_tuned_gemini.errors.root import NO_ADVICE, followed_by

_MOST = 1_000
"""How many errors, and how many warnings, are kept; more are counted. A file with a wrong
column has as many problems as rows."""

NOT_KEPT = "is not kept: an example holds text only."

NotKept: TypeAlias = tuple[str, str]
"""A field that an example does not hold, and why."""

_NUMBER = re.compile(r"\[\d+\]")
_MAY_BE_EMPTY = (str, list, dict, tuple)
"""Types of values that hold nothing where they are empty; that of an array would be no bool."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a row; whoever reads the file knows where the row is.

    Attributes:
        field: The field at fault, if one is.
        message: What is wrong, as the end of a sentence.
        code: What kind of problem it is.
        severity: Whether the row can be used.
        is_common: Whether many rows are likely to have it, so that it is told once.
        advice: What to do, where that is not a part of the message.
    """

    field: str | None
    message: str
    code: Code = "field"
    severity: Severity = Severity.ERROR
    is_common: bool = False
    advice: Advice = NO_ADVICE

    def at(self, place: Place) -> Problem:
        """The same as a problem of the row at that place."""
        return Problem(self.code, self.message, *place, self.field, self.severity, self.advice)


def has_errors(flaws: Iterable[Flaw]) -> bool:
    """Whether a row can't be used."""
    return any(flaw.severity is Severity.ERROR for flaw in flaws)


def leave_out(
    row: Mapping[Any, Any], known: Collection[str | None], prefix: str, flaws: list[Flaw]
) -> None:
    """Tells of the fields that an example does not hold; those without a value are nothing."""
    for name, value in row.items():
        is_nothing = value is None or (isinstance(value, _MAY_BE_EMPTY) and not value)
        if name not in known and not is_nothing:
            # Without the turn's number: one warning for the field, not one for each turn.
            field = _NUMBER.sub("", f"{prefix}{name}")
            flaws.append(Flaw(field, NOT_KEPT, "not-kept", Severity.WARNING))


def joined(texts: Sequence[object], pieces: Sequence[object], field: str, flaws: list[Flaw]) -> str:
    """The texts put together; where one is no text, its piece is a flaw."""
    known = [text for text in texts if isinstance(text, str)]
    for number, (text, piece) in enumerate(zip(texts, pieces, strict=True)):
        if not isinstance(text, str):
            held = map(repr, piece) if isinstance(piece, Mapping) else [reprlib.repr(piece)]
            message = f"holds {', '.join(held) or 'nothing'}. Text is all that an example can hold."
            flaws.append(Flaw(f"{field}[{number}]", message, "not-text"))
    whole = "".join(known)
    if len(known) == len(texts):
        check_text(whole, field, flaws)
    return whole


def check_text(text: object, field: str, flaws: list[Flaw]) -> None:
    """Checks that a field holds text that JSON, CSV and a model can take."""
    if not isinstance(text, str):
        flaws.append(Flaw(field, f"must be text, not {reprlib.repr(text)}."))
    elif not text.strip():
        flaws.append(Flaw(field, "is empty. Every example needs both a question and an answer."))
    elif "\0" in text:
        message = f"has a NUL character at position {text.index(chr(0))}. Remove it."
        flaws.append(Flaw(field, message, "encoding"))
    elif not text.isascii():
        _check_characters(text, field, flaws)


def _check_characters(text: str, field: str, flaws: list[Flaw]) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"has half a character (a lone surrogate) at position {error.start}. Remove it."
        flaws.append(Flaw(field, message, "encoding"))
    if (position := text.find("\ufffd")) >= 0:
        message = (
            f"has a replacement character (U+FFFD) at position {position}: the text was damaged "
            "when it was read in a wrong encoding."
        )
        flaws.append(Flaw(field, message, "encoding", Severity.WARNING))


@dataclass(frozen=True, slots=True)
class Report:
    """The problems that a check found.

    Attributes:
        source: What was checked.
        examples: How many examples can be used.
        problems: The problems in the order of their lines; the first 1,000 errors and the
            first 1,000 warnings.
        errors: How many errors there are. With any, the examples can't be used.
        warnings: How many warnings there are.
    """

    source: str
    examples: int
    problems: tuple[Problem, ...] = ()
    errors: int = 0
    warnings: int = 0

    @property
    def ok(self) -> bool:
        """Whether there are no errors; there may be warnings."""
        return self.errors == 0

    def raise_for_errors(self) -> None:
        """Raises if there are errors.

        Raises:
            DatasetError: With every error that the report has.
        """
        if not self.ok:
            errors = [found for found in self.problems if found.severity is Severity.ERROR]
            raise DatasetError(errors, total=self.errors)

    @property
    def advice(self) -> Advice:
        """Says what to do, where the problems don't say it themselves."""
        return advice_of(self.problems)

    @property
    def message(self) -> str:
        """One line for each problem, and one that counts them."""
        lines = [f"{problem.severity}: {problem}" for problem in self.problems]
        if missing := self.errors + self.warnings - len(lines):
            lines.append(f"... and {missing:,} more problems.")
        summary = ", ".join(
            f"{number:,} {word}{'' if number == 1 else 's'}"
            for number, word in (
                (self.examples, "example"),
                (self.errors, "error"),
                (self.warnings, "warning"),
            )
        )
        return "\n".join([*lines, f"{self.source}: {summary}"])

    @property
    def for_command_line(self) -> str:
        """The text for whoever uses `tuned-gemini`."""
        return followed_by(self.message, self.advice.for_command_line)

    def __str__(self) -> str:
        return followed_by(self.message, self.advice.in_python)


class Findings:
    """Collects problems while examples are read; a `Report` in the making."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._kept: dict[Severity, list[Problem]] = {severity: [] for severity in Severity}
        self._count = dict.fromkeys(Severity, 0)
        self._rows: Counter[Flaw] = Counter()
        self._first: dict[Flaw, Place] = {}
        self._not_kept: list[NotKept] = []

    def add(self, problem: Problem) -> None:
        """Adds a problem."""
        self._count[problem.severity] += 1
        if len(self._kept[problem.severity]) < _MOST:
            self._kept[problem.severity].append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Adds problems."""
        for problem in problems:
            self.add(problem)

    def error(
        self,
        code: Code,
        message: str,
        *,
        line: int | None = None,
        item: int | None = None,
        field: str | None = None,
        advice: Advice = NO_ADVICE,
    ) -> None:
        """Adds an error."""
        self.add(Problem(code, message, self.source, line, item, field, advice=advice))

    def warning(self, code: Code, message: str, *, line: int | None = None) -> None:
        """Adds a warning."""
        self.add(Problem(code, message, self.source, line, severity=Severity.WARNING))

    def note(self, flaw: Flaw, place: Place) -> None:
        """Adds what is wrong with a row; what many rows may have is told once."""
        if not (flaw.is_common or flaw.code == "not-kept"):
            self.add(flaw.at(place))
            return
        if flaw.code == "not-kept" and flaw.field is not None:
            self._not_kept.append((flaw.field, flaw.message))
        if flaw in self._rows or len(self._rows) < _MOST:
            self._rows[flaw] += 1
            self._first.setdefault(flaw, place)

    def leave_out(self, field: str, *, line: int | None, item: int | None) -> None:
        """Notes that a field is not kept: one warning for all the rows that have it."""
        flaw = Flaw(field, NOT_KEPT, "not-kept", Severity.WARNING)
        self.note(flaw, Place(self.source, line, item))

    def take_not_kept(self) -> tuple[NotKept, ...]:
        """The fields that were noted as not kept since this was called last."""
        not_kept = tuple(self._not_kept)
        self._not_kept.clear()
        return not_kept

    @property
    def has_errors(self) -> bool:
        """Whether there are errors."""
        return self._count[Severity.ERROR] > 0 or has_errors(self._rows)

    def report(self, examples: int) -> Report:
        """All that was found, where so many examples can be used."""
        for flaw, rows in self._rows.items():
            problem = flaw.at(self._first[flaw])
            if rows > 1:
                problem = replace(problem, message=f"{flaw.message} {rows:,} rows have it.")
            self.add(problem)
        self._rows.clear()
        problems = [problem for kept in self._kept.values() for problem in kept]
        order = {source: n for n, source in enumerate(dict.fromkeys(p.source for p in problems))}
        problems.sort(key=lambda p: (order[p.source], p.line or 0, p.item or 0))
        return Report(
            self.source,
            examples,
            tuple(problems),
            errors=self._count[Severity.ERROR],
            warnings=self._count[Severity.WARNING],
        )


@dataclass(frozen=True, slots=True)
class Places:
    """The place of each of some examples.

    Attributes:
        sources: Where they come from, and whether that has lines.
        source_of: The number of each one's source.
        numbers: The line of each, or its number.
    """

    sources: tuple[tuple[str, bool], ...]
    source_of: array[int]
    numbers: array[int]

    @classmethod
    def of_one(cls, source: str, numbers: array[int], *, by_line: bool) -> Self:
        """The places of examples that come from one source."""
        return cls(((source, by_line),), array("H", bytes(2 * len(numbers))), numbers)

    def __getitem__(self, index: int) -> Place:
        source, by_line = self.sources[self.source_of[index]]
        number = self.numbers[index]
        return Place(source, line=number) if by_line else Place(source, item=number)

    def take(self, indices: Iterable[int]) -> Places:
        """The places of some of the examples."""
        chosen = array("Q", indices)
        return Places(
            self.sources,
            array("H", map(self.source_of.__getitem__, chosen)),
            array("Q", map(self.numbers.__getitem__, chosen)),
        )

    def __add__(self, other: Places) -> Places:
        shift = len(self.sources)
        return Places(
            self.sources + other.sources,
            self.source_of + array("H", (number + shift for number in other.source_of)),
            self.numbers + other.numbers,
        )
