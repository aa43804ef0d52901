"""Examples written down: the formats, and what one of them can't hold. Reading: `readers/`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.readers.csv_rows import QUOTED, quoted
from langchain_tuned_gemini.dataset.readers.rows import (
    CONTENTS,
    HISTORY,
    MESSAGES,
    OUTPUT,
    SYSTEM_INSTRUCTION,
    TEXT_INPUT,
)
from langchain_tuned_gemini.errors import ParameterError

Format: TypeAlias = Literal["jsonl", "json", "csv", "vertex", "messages"]
"""How a file holds examples:

- `"jsonl"`: a line `{"text_input": ..., "output": ...}` for each, for the Developer API.
- `"json"`: an array of the same objects, as Google's Python SDK takes it.
- `"csv"`: the columns `text_input` and `output`, for spreadsheets and the SDK.
- `"vertex"`: a line `{"systemInstruction": ..., "contents": [...]}` for each, for Vertex AI.
- `"messages"`: a line `{"messages": [{"role": ..., "content": ...}, ...]}` for each, which
  LangChain's `convert_to_messages` reads.

Only `"vertex"` and `"messages"` hold conversations and system instructions.
"""

# Some programs take these for the end of a line, though JSON does not.
_LINE_ENDS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}


def check_format(format: Format) -> None:  # noqa: A002  the field's word
    """Raises a `ParameterError` for what is no format."""
    if format not in _ROWS:
        names = ", ".join(map(repr, _ROWS))
        raise ParameterError(f"A format is one of {names}, not {format!r}.")


def rows(examples: Iterable[TuningExample], format: Format) -> Iterator[dict[str, Any]]:  # noqa: A002  the field's word
    """The examples as the rows of a format; what it can't hold is left out."""
    return map(_ROWS[format], (example for example in examples if not example.messages))


def lines(examples: Sequence[TuningExample], format: Format) -> Iterator[str]:  # noqa: A002  the field's word
    r"""The examples as the text of a file, in pieces; what it can't hold is left out.

    In a CSV file, a cell that a spreadsheet would run as a formula starts with a `'`, which
    reading takes away again: one more column says where.

    Example:
        >>> list(lines([TuningExample("1", "2")], "jsonl"))
        ['{"text_input": "1", "output": "2"}\n']
    """
    written = rows(examples, format)
    match format:
        case "csv":
            return _csv_lines(written, is_quoted=any(map(_has_formula, examples)))
        case "json":
            return _array_lines(written)
        case _:
            return (f"{_json(row)}\n" for row in written)


def losses(example: TuningExample, format: Format) -> Iterator[tuple[str, str]]:  # noqa: A002  the field's word
    """Finds what a format can't hold of an example: each field, and why."""
    if example.messages:
        yield MESSAGES, "would be lost: it calls functions, and examples are written as text only."
    if format in {"vertex", "messages"}:
        return
    if example.history:
        yield HISTORY, f"would be lost: {format} holds one question and one answer."
    if example.system_instruction is not None:
        yield SYSTEM_INSTRUCTION, f"would be lost: {format} has no place for it."
    if format == "csv":
        limit = csv.field_size_limit()
        for name in (TEXT_INPUT, OUTPUT):
            if len(quoted(getattr(example, name))) > limit:
                yield name, f"is longer than the {limit:,} characters that Python's csv reads."


def _plain(example: TuningExample) -> dict[str, Any]:
    return {TEXT_INPUT: example.text_input, OUTPUT: example.output}


def _vertex(example: TuningExample) -> dict[str, Any]:
    row: dict[str, Any] = {}
    if example.system_instruction is not None:
        # Its role is ignored: see the documentation of the format, at `rows.py`.
        row["systemInstruction"] = _content("system", example.system_instruction)
    row[CONTENTS] = [_content(turn.role, turn.text) for turn in example.turns]
    return row


def _content(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text}]}


def _messages(example: TuningExample) -> dict[str, Any]:
    messages = []
    if example.system_instruction is not None:
        messages.append({"role": "system", "content": example.system_instruction})
    for turn in example.turns:
        role = "assistant" if turn.role == "model" else turn.role
        messages.append({"role": role, "content": turn.text})
    return {MESSAGES: messages}


_ROWS: Mapping[Format, Callable[[TuningExample], dict[str, Any]]] = {
    "jsonl": _plain,
    "json": _plain,
    "csv": _plain,
    "vertex": _vertex,
    "messages": _messages,
}


def _json(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False).translate(_LINE_ENDS)


def _array_lines(written: Iterator[dict[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in written:
        yield f"{before}{_json(row)}"
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _has_formula(example: TuningExample) -> bool:
    return any(text != quoted(text) for text in (example.text_input, example.output))


def _csv_lines(written: Iterator[dict[str, Any]], *, is_quoted: bool) -> Iterator[str]:
    line = io.StringIO(newline="")
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    writer.writerow([TEXT_INPUT, OUTPUT, *([QUOTED] if is_quoted else [])])
    for row in written:
        yield line.getvalue()
        line.seek(0)
        line.truncate()
        cells = {name: quoted(text) for name, text in row.items()}
        names = " ".join(name for name in cells if cells[name] != row[name])
        writer.writerow([*cells.values(), *([names] if is_quoted else [])])
    yield line.getvalue()
