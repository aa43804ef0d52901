"""Whatever stands for examples becomes examples, one at a time, all problems noted."""

from __future__ import annotations

import os
import reprlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeAlias

from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.problems import Findings, Flaw, NotKept, Places
from langchain_tuned_gemini.dataset.readers.csv_rows import csv_rows
from langchain_tuned_gemini.dataset.readers.files import (
    FileSource,
    Row,
    first_text,
    is_file,
    opened,
    why_elsewhere,
    why_unreadable,
)
from langchain_tuned_gemini.dataset.readers.function_calls import read_function_calls
from langchain_tuned_gemini.dataset.readers.json_rows import json_rows
from langchain_tuned_gemini.dataset.readers.messages import is_speaker
from langchain_tuned_gemini.dataset.readers.rows import (
    OUTPUT,
    SYSTEM_INSTRUCTION,
    TEXT_INPUT,
    read_row,
)
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.errors.problem import Place, Severity

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
_LEFT_OUT = Flaw(
    None,
    "is left out: it holds a function call, an image or the like, and an example holds text only.",
    "not-text",
    Severity.WARNING,
    is_common=True,
)


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

    `TuningDataset.of` says what the parameters are.

    Raises:
        ParameterError: If it can't stand for examples, or `columns` names a field that there
            is not.
    """
    examples: list[TuningExample] = []
    numbers = array("Q")
    not_kept: list[tuple[NotKept, ...]] = []
    alike: dict[tuple[NotKept, ...], tuple[NotKept, ...]] = {}  # most rows have the same fields
    by_line, is_left_out = True, False
    for row in _rows(source, findings, columns or {}):
        flaws: list[Flaw] = []
        example = _example(row.value, flaws)
        if example is None and _all_not_text(flaws):
            if function_calls and (example := _calling_example(row.value)):
                flaws = [flaw for flaw in flaws if flaw.severity is not Severity.ERROR]
            elif text_only:
                flaws, is_left_out = [_LEFT_OUT], True
        for flaw in dict.fromkeys(flaws):  # once for all turns that have the same field too many
            findings.note(flaw, Place(findings.source, row.line, row.item))
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


def _rows(source: Any, findings: Findings, columns: Columns) -> Iterator[Row]:
    if unknown := columns.keys() - _COLUMNS:
        raise ParameterError(
            f"columns says what a file calls {', '.join(_COLUMNS)}, not "
            f"{', '.join(map(repr, unknown))}."
        )
    if is_file(source):
        return _file_rows(source, findings, {name: columns.get(name, name) for name in _COLUMNS})
    if isinstance(source, Iterable) and not isinstance(source, bytes | Mapping):
        rows = (Row(value, number) for number, value in enumerate(source, start=1))
        return _renamed(rows, columns, findings)
    raise ParameterError(
        f"examples takes a file's path, a TuningDataset, or a list of {{{TEXT_INPUT!r}: ..., "
        f"{OUTPUT!r}: ...}}, not {reprlib.repr(source)}."
    )


def _file_rows(source: FileSource, findings: Findings, columns: Columns) -> Iterator[Row]:
    """The rows of a file; its content decides which form it has, never its name."""
    if elsewhere := why_elsewhere(source):
        findings.error("unreadable", elsewhere)
        return
    try:
        with opened(source) as opened_file:
            file, first, line = first_text(opened_file, findings)
            if first in {b"[", b"{"}:
                yield from _renamed(json_rows(file, findings, line), columns, findings)
            elif first:
                yield from csv_rows(file, findings, line, columns)
    except OSError as error:
        findings.error("unreadable", why_unreadable(error))


def _renamed(rows: Iterator[Row], columns: Columns, findings: Findings) -> Iterator[Row]:
    """The rows with our names for their fields; what had such a name already is left out."""
    ours = {theirs: name for name, theirs in columns.items()}
    if all(name == theirs for theirs, name in ours.items()):
        yield from rows
        return
    for row in rows:
        if not isinstance(row.value, Mapping):
            yield row
            continue
        fields = {}
        for name, value in row.value.items():
            if name in columns and name not in ours:
                findings.leave_out(name, line=row.line, item=row.item)
            else:
                fields[ours.get(name, name)] = value
        yield row._replace(value=fields)


def _example(value: object, flaws: list[Flaw]) -> TuningExample | None:
    if isinstance(value, TuningExample):
        return value if read_row(value.as_dict(), flaws) else None
    fields = read_row(value, flaws)
    return None if fields is None else TuningExample(*fields)


def _calling_example(value: object) -> TuningExample | None:
    if isinstance(value, TuningExample):
        return value if value.messages else None
    fields = read_function_calls(value)
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


def _all_not_text(flaws: Sequence[Flaw]) -> bool:
    """Whether nothing is wrong with a row but that it holds more than text."""
    return all(flaw.code == "not-text" for flaw in flaws if flaw.severity is Severity.ERROR)
