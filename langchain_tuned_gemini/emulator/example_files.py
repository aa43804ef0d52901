"""Training examples from a JSONL file, with errors that say where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.records import Example

if TYPE_CHECKING:
    from pathlib import Path


class ExampleFileError(ValueError):
    """A file of examples that can't be used: the message names file, line and field."""


def read_examples(path: Path) -> list[Example]:
    """Reads one `{"text_input": …, "output": …}` from each line; empty lines are skipped.

    Raises:
        ExampleFileError: The file can't be read, is not UTF-8, has no example, or a line
            is none.
    """
    return [_example(place, row) for place, row in read_rows(path)]


def read_rows(path: Path) -> list[tuple[str, dict[str, object]]]:
    """Reads an object from each line, with its place for errors; empty lines are skipped.

    Raises:
        ExampleFileError: The file can't be read, is not UTF-8, has no line, or a line is no
            object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise ExampleFileError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: not UTF-8 (byte {error.start})"
        raise ExampleFileError(msg) from error
    # Not splitlines(): a JSON string may hold a Unicode line separator.
    numbered = enumerate(text.split("\n"), start=1)
    places = ((f"{path}:{number}", line) for number, line in numbered if line.strip())
    rows = [(place, _row(place, line)) for place, line in places]
    if not rows:
        msg = f"{path}: no examples in it"
        raise ExampleFileError(msg)
    return rows


def _row(place: str, line: str) -> dict[str, object]:
    try:
        row = json.loads(line)
    except ValueError as error:
        msg = f"{place}: not JSON ({error})"
        raise ExampleFileError(msg) from error
    if not isinstance(row, dict):
        msg = f'{place}: not an object like {{"text_input": ..., "output": ...}}'
        raise ExampleFileError(msg)
    return row


def _example(place: str, row: dict[str, object]) -> Example:
    return Example(_field(place, row, "text_input"), _field(place, row, "output"))


def _field(place: str, row: dict[str, object], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value:
        msg = f"{place}: {field!r} is missing, empty or no text"
        raise ExampleFileError(msg)
    return value
