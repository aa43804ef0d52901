"""Whatever stands for examples becomes examples, one at a time, all problems noted."""

from __future__ import annotations

import os
import reprlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.places import Places
from langchain_tuned_gemini.dataset.problems import Findings, NotKept
from langchain_tuned_gemini.dataset.readers.files import file_rows, is_file, renamed
from langchain_tuned_gemini.dataset.readers.function_calls import read_function_calls
from langchain_tuned_gemini.dataset.readers.lines import Row
from langchain_tuned_gemini.dataset.readers.messages import is_speaker
from langchain_tuned_gemini.dataset.readers.rows import (
    OUTPUT,
    SYSTEM_INSTRUCTION,
    TEXT_INPUT,
    read_row,
)
from langchain_tuned_gemini.dataset.turns import Flaw
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.errors.problem import Problem, Severity

Examples: TypeAlias = (
    str
    | os.PathLike[str]
    | IO[str]
    | IO[bytes]
    | Iterable[Mapping[str, object] | TuningExample | Sequence[object]]
)
"""What stands for a tuning set: a file's path, an open file, a `TuningDataset`, or the examples
themselves: `TuningExample`s, mappings as a file's rows have them, pairs of two texts, or lists
of LangChain messages."""

Columns: TypeAlias = Mapping[str, str]
"""What a file, or a row, calls the fields: `{"text_input": "question", "output": "answer"}`."""

_COLUMNS = (TEXT_INPUT, OUTPUT, SYSTEM_INSTRUCTION)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The examples that could be read.

    Attributes:
        examples: The examples.
        places: The place of each.
        not_kept: The fields that each does not hold; nothing where all hold all of theirs.
    """

    examples: tuple[TuningExample, ...]
    places: Places
    not_kept: tuple[tuple[NotKept, ...], ...]


def gather(
    source: object,
    findings: Findings,
    columns: Columns | None = None,
    *,
    text_only: bool = False,
    function_calls: bool = False,
) -> Gathered:
    """Reads all examples that can be read; what is wrong with the others is noted.

    Args:
        source: What stands for examples; see `Examples`.
        findings: Where to add what is wrong.
        columns: What the rows call the fields, where they have other names.
        text_only: Whether rows that hold more than text are left out instead of being errors.
        function_calls: Whether examples may call functions.

    Raises:
        ParameterError: If it can't stand for examples, or `columns` names a field that there
            is not.
    """
    examples: list[TuningExample] = []
    numbers = array("Q")
    not_kept: list[tuple[NotKept, ...]] = []
    alike: dict[tuple[NotKept, ...], tuple[NotKept, ...]] = {}  # most rows have the same fields
    by_line, is_left_out = True, False
    for row in _rows(source, findings, columns):
        flaws: list[Flaw] = []
        example = _example(row.value, flaws)
        if example is None and _all_not_text(flaws):
            if function_calls and (example := read_function_calls(row.value)):
                flaws = [flaw for flaw in flaws if flaw.severity is not Severity.ERROR]
            elif text_only:
                flaws, is_left_out = [_LEFT_OUT], True
        for flaw in dict.fromkeys(flaws):  # once for all turns that have the same field too many
            _note(flaw, row, findings)
        fields = findings.take_not_kept()
        if example is not None:
            examples.append(example)
            numbers.append(row.item or row.line)
            not_kept.append(alike.setdefault(fields, fields))
            by_line = row.item is None
    if not findings.has_errors:
        _check_whole(examples, findings, is_left_out=is_left_out)
    places = Places.of_one(findings.source, numbers, by_line=by_line)
    return Gathered(tuple(examples), places, tuple(not_kept) if any(not_kept) else ())


def _rows(source: Any, findings: Findings, columns: Columns | None) -> Iterator[Row]:
    columns = columns or {}
    if unknown := columns.keys() - _COLUMNS:
        raise ParameterError(
            f"columns says what a file calls {', '.join(_COLUMNS)}, not "
            f"{', '.join(map(repr, unknown))}."
        )
    if is_file(source):
        return file_rows(source, findings, {name: columns.get(name, name) for name in _COLUMNS})
    if isinstance(source, Iterable) and not isinstance(source, bytes | Mapping):
        rows = (Row(value, number) for number, value in enumerate(source, start=1))
        return renamed(rows, columns, findings)
    raise ParameterError(
        f"examples takes a file's path, a TuningDataset, or a list of {{{TEXT_INPUT!r}: ..., "
        f"{OUTPUT!r}: ...}}, not {reprlib.repr(source)}."
    )


def _example(value: object, flaws: list[Flaw]) -> TuningExample | None:
    if isinstance(value, TuningExample):
        return value if read_row(value.as_dict(), flaws) else None
    fields = read_row(value, flaws)
    return None if fields is None else TuningExample(*fields)


def _check_whole(
    examples: Sequence[TuningExample], findings: Findings, *, is_left_out: bool
) -> None:
    """Notes what is wrong with a set whose rows are all right, or left out."""
    if is_left_out and not examples:
        findings.error("not-text", "has no example that holds text only. At least one is needed.")
    elif not examples:
        findings.error("unreadable", "has no examples. At least one is needed.")
    elif len(examples) > 1 and all(is_speaker(example.text_input) for example in examples):
        message = (
            "is a conversation: a side and what it says in each row. A row holds a question and "
            "its answer, or a whole conversation."
        )
        findings.error("shape", message)


_LEFT_OUT = Flaw(
    None,
    "is left out: it holds a function call, an image or the like, and an example holds text only.",
    "not-text",
    Severity.WARNING,
    is_common=True,
)


def _all_not_text(flaws: Sequence[Flaw]) -> bool:
    """Whether nothing is wrong with a row but that it holds more than text."""
    return all(flaw.code == "not-text" for flaw in flaws if flaw.severity is Severity.ERROR)


def _note(flaw: Flaw, row: Row, findings: Findings) -> None:
    problem = Problem(
        flaw.code,
        flaw.message,
        findings.source,
        row.line,
        row.item,
        flaw.field,
        flaw.severity,
        flaw.advice,
    )
    if flaw.is_common or flaw.code == "not-kept":
        findings.common(problem)
    else:
        findings.add(problem)
