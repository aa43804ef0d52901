"""CSV with named columns: read as spreadsheets write it, written so that they run no formula."""

from __future__ import annotations

import csv
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader
from itertools import chain

from langchain_tuned_gemini.dataset.problems import Findings
from langchain_tuned_gemini.dataset.readers.files import Row, decoded, numbered_lines
from langchain_tuned_gemini.dataset.readers.rows import (
    OTHER_NAMES,
    OUTPUT,
    SYSTEM_INSTRUCTION,
    TEXT_INPUT,
)

_DELIMITERS = ",;\t"
"""A semicolon is what spreadsheets write where the comma stands in numbers."""

# What makes a spreadsheet take a cell for a formula, full-width forms too:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")

QUOTED = "apostrophe_before"
"""A column that says which cells of its row got a `'` in front: only there it is taken away."""


def quoted(text: str) -> str:
    """The text of a cell, with a `'` before it if a spreadsheet would run it as a formula.

    Example:
        >>> quoted("=HYPERLINK(...)"), quoted("-3"), quoted("plain"), quoted("'tis")
        ("'=HYPERLINK(...)", "'-3", 'plain', "'tis")
    """
    return f"'{text}" if _FORMULA.match(text) else text


def csv_rows(
    file: BufferedReader, findings: Findings, first: int, columns: Mapping[str, str]
) -> Iterator[Row]:
    """Reads the rows below a header, which says how the cells are separated."""
    numbers: list[int] = []
    texts = _texts(file, findings, first, numbers)
    top = next(texts, "")
    if top.lower().startswith("sep="):  # tells Excel what separates the cells
        top, first = next(texts, ""), first + 1
    if findings.has_errors:
        return
    if (delimiter := _delimiter(top, columns)) is None:
        findings.error("syntax", _neither(top, columns), line=first, advice=OTHER_NAMES)
        return
    reader = csv.reader(chain([top], texts), delimiter=delimiter, strict=True)
    header = _names(next(reader))
    if header.count(columns[SYSTEM_INSTRUCTION]) > 1:
        message = "stands there twice: which one is meant?"
        findings.error("field", message, line=first, field=columns[SYSTEM_INSTRUCTION])
        return
    others = [name for name in dict.fromkeys(header) if name not in {*columns.values(), QUOTED}]
    for line, cells in _records(reader, numbers, findings):
        if len(cells) != len(header):
            message = f"must have {len(header)} cells, as the header has, not {len(cells)}."
            findings.error("syntax", message, line=line)
            continue
        row = dict(zip(header, cells, strict=True))
        for name in others:
            if row[name].strip():
                findings.leave_out(name or "(a column without a name)", line=line, item=None)
        yield Row(_example_row(row, columns), line)


def _example_row(row: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    example = {name: row[column] for name, column in columns.items() if column in row}
    for name in row.get(QUOTED, "").split():
        if name in example:
            example[name] = example[name].removeprefix("'")
    if not example.get(SYSTEM_INSTRUCTION):
        example.pop(SYSTEM_INSTRUCTION, None)
    return example


def _records(
    reader: Iterator[list[str]], numbers: list[int], findings: Findings
) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with its first line."""
    while True:
        numbers.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            message = f"is not CSV: {error}. Is a quote not closed, or not doubled?"
            findings.error("syntax", message, line=numbers[0])
            continue
        if any(map(str.strip, cells)):  # spreadsheets leave rows of empty cells below the last one
            yield numbers[0], cells


def _texts(
    file: BufferedReader, findings: Findings, first: int, numbers: list[int]
) -> Iterator[str]:
    """The lines of a file as text, for the csv module; adds the number of each to `numbers`."""
    for number, data in numbered_lines(file, findings, first):
        if (text := decoded(data, number, findings)) is not None:
            numbers.append(number)
            yield text


def _delimiter(top: str, columns: Mapping[str, str]) -> str | None:
    """The delimiter of a header that has the columns once; None if it has not."""
    for delimiter in _DELIMITERS:
        try:
            names = _names(next(csv.reader([top], delimiter=delimiter, strict=True), []))
        except csv.Error:  # a cell that is too long, a quote that is not closed
            continue
        if all(names.count(columns[name]) == 1 for name in (TEXT_INPUT, OUTPUT)):
            return delimiter
    return None


def _names(cells: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in cells]


def _neither(top: str, columns: Mapping[str, str]) -> str:
    return (
        f"is neither JSON nor the header of a CSV file with the columns {columns[TEXT_INPUT]!r} "
        f"and {columns[OUTPUT]!r}, each once, but {reprlib.repr(top.strip())}."
    )
