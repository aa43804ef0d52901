"""What was found wrong with a tuning set, collected and told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from langchain_tuned_gemini.errors import Advice, DatasetError
from langchain_tuned_gemini.errors.problem import Code, Problem, Severity, advice_of
from langchain_tuned_gemini.errors.root import NO_ADVICE, followed_by

_MOST = 1_000
"""How many errors, and how many warnings, are kept; more are counted. A file with a wrong
column has as many problems as rows."""


NOT_KEPT = "is not kept: an example holds text only."

NotKept: TypeAlias = tuple[str, str]
"""A field that an example does not hold, and why."""

_Cause: TypeAlias = tuple[Code, str, str | None, Severity, Advice]
"""What many rows may have in common: kind, message, field, severity and advice."""


def in_rows(message: str, rows: int) -> str:
    """What many rows have in common, told once."""
    return message if rows == 1 else f"{message} {rows:,} rows have it."


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

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
        """What to do, where the problems don't say it themselves."""
        return advice_of(self.problems)

    @property
    def message(self) -> str:
        """One line for each problem, and one that counts them."""
        told = [f"{problem.severity}: {problem}" for problem in self.problems]
        if missing := self.errors + self.warnings - len(told):
            told.append(f"... and {missing:,} more problems.")
        summary = ", ".join(
            f"{number:,} {word}{'' if number == 1 else 's'}"
            for number, word in (
                (self.examples, "example"),
                (self.errors, "error"),
                (self.warnings, "warning"),
            )
        )
        return "\n".join([*told, f"{self.source}: {summary}"])

    @property
    def for_command_line(self) -> str:
        """Its text for whoever uses `tuned-gemini`."""
        return followed_by(self.message, self.advice.for_command_line)

    def __str__(self) -> str:
        return followed_by(self.message, self.advice.in_python)


class Findings:
    """Collects problems while examples are read; a `Report` in the making."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._kept: dict[Severity, list[Problem]] = {severity: [] for severity in Severity}
        self._count = dict.fromkeys(Severity, 0)
        self._common: dict[_Cause, tuple[int | None, int | None, int]] = {}
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

    def common(self, problem: Problem) -> None:
        """Adds a problem that many rows may have: told once, with how many have it."""
        if problem.code == "not-kept" and problem.field is not None:
            self._not_kept.append((problem.field, problem.message))
        cause = (problem.code, problem.message, problem.field, problem.severity, problem.advice)
        if cause in self._common or len(self._common) < _MOST:
            line, item, rows = self._common.get(cause, (problem.line, problem.item, 0))
            self._common[cause] = line, item, rows + 1

    def leave_out(self, field: str, *, line: int | None, item: int | None) -> None:
        """Notes that a field is not kept: one warning for all the rows that have it."""
        self.common(Problem("not-kept", NOT_KEPT, self.source, line, item, field, Severity.WARNING))

    def take_not_kept(self) -> tuple[NotKept, ...]:
        """The fields that were noted as not kept since this was called last."""
        not_kept = tuple(self._not_kept)
        self._not_kept.clear()
        return not_kept

    @property
    def has_errors(self) -> bool:
        """Whether there are errors."""
        return self._count[Severity.ERROR] > 0 or any(
            severity is Severity.ERROR for *_, severity, _ in self._common
        )

    def report(self, examples: int) -> Report:
        """What was found.

        Args:
            examples: How many examples can be used.
        """
        for cause, (line, item, rows) in self._common.items():
            code, message, field, severity, advice = cause
            message = in_rows(message, rows)
            self.add(Problem(code, message, self.source, line, item, field, severity, advice))
        self._common = {}
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
