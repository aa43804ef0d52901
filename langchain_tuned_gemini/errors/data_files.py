"""Errors about files: tuning sets, journals of comparisons, records, indexes of examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from langchain_tuned_gemini.errors.problem import advice_of
from langchain_tuned_gemini.errors.root import Advice, TunedGeminiError

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_tuned_gemini.errors.problem import Problem

_PROBLEMS_TOLD = 10
"""How many problems of a tuning set an error's message has."""


class DatasetError(TunedGeminiError, ValueError):
    """Tuning examples that can't be used. It has everything that is wrong with them.

    Attributes:
        problems: What is wrong, each with its place; at most 1,000.
        total: How many problems there are.
        source: The file's path, or what the examples were called.
        line: The 1-based line of the first problem, if one is at fault.
        field: The field of the first problem, if one is at fault.
    """

    _advice = Advice()

    def __init__(self, problems: Sequence[Problem], *, total: int | None = None) -> None:
        self.problems = tuple(problems)
        self.total = len(self.problems) if total is None else total
        shown = [str(problem) for problem in self.problems[:_PROBLEMS_TOLD]]
        advice = advice_of(self.problems)
        if more := self.total - len(shown):
            advice = advice.plus(
                Advice(
                    f"... and {more:,} more, in `problems` and in what `dataset.check` reports.",
                    f"... and {more:,} more: tuned-gemini data check.",
                )
            )
        super().__init__("\n".join(shown), advice=advice.plus(self._advice))
        first = self.problems[0]
        self.source = first.source
        self.line = first.line
        self.field = first.field


class LossyConversionError(DatasetError):
    """Examples that a format can't hold as a whole: `problems` has each field and example."""

    _advice = Advice(
        "To leave that out, say lossy=True to `rows`, `lines` or `write`.",
        "To leave that out, add --lossy.",
    )


class JournalError(TunedGeminiError, ValueError):
    """A file that was to keep the answers of a comparison, and holds something else.

    Attributes:
        source: The file's path.
        line: The 1-based number of the line that is none of a journal's.
    """

    def __init__(self, source: str, line: int) -> None:
        super().__init__(
            f"{source}:{line}: is no line of a comparison's journal, so nothing was written to it.",
            advice="Choose another file, or delete this one to begin anew.",
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
            f"The comparison was cancelled after {done:,} of {total:,} answers.",
            advice="With the same journal it goes on from there; without one it begins anew.",
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


_WHERE = (
    "Say where it is, in TUNED_MODELS or with {}, or go to its directory. The first promotion "
    "makes one."
)


class RecordNotFoundError(TunedGeminiError, LookupError):
    """A version or an alias that is not recorded.

    Attributes:
        name: What was asked for.
        path: The file.
    """

    def __init__(self, message: str, *, name: str, path: Path, advice: Advice | str = "") -> None:
        super().__init__(message, advice=advice)
        self.name = name
        self.path = path

    @classmethod
    def of(cls, name: str, path: Path, *, what: str, known: Sequence[str]) -> Self:
        """Says what is recorded instead, or that there is no such file."""
        if not path.exists():
            return cls(
                f"{name} is not recorded: there is no file {path.absolute()}.",
                advice=Advice(_WHERE.format("records=..."), _WHERE.format("--records")),
                name=name,
                path=path,
            )
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
            "somebody else has changed it. Nothing was changed.",
            advice="Look at it and decide again.",
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
