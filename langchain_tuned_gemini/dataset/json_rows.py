"""Rows of JSON: one on each line, or all in one array, which is never read as a whole."""

from __future__ import annotations

import codecs
import json
import reprlib
from collections.abc import Iterator
from io import BufferedReader
from json import JSONDecodeError

from langchain_tuned_gemini.dataset.lines import (
    CHUNK,
    MAX_LINE,
    Row,
    decoded,
    numbered_lines,
)
from langchain_tuned_gemini.dataset.problems import Findings

_DECODER = json.JSONDecoder()
_BLANK = " \t\r\n"
_ONE_LINE = 'Each example is one line: {"text_input": "...", "output": "..."}.'
_SHOWN = 20  # bytes before one that is no text
_LONGEST_TOKEN = 12
"""Characters: an escaped emoji. What is cut off there may still become right."""


def json_lines(file: BufferedReader, findings: Findings, first: int) -> Iterator[Row]:
    """Reads JSONL: each line is a row, blank ones are skipped.

    Args:
        file: A file, at the start of a line.
        findings: Where to add what is wrong.
        first: The number of the first line.
    """
    for number, data in numbered_lines(file, findings, first):
        text = decoded(data, number, findings) if data.strip() else None
        if text is None:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            findings.error("syntax", f"{_why(error)}. {_ONE_LINE}", line=number)
        else:
            yield Row(value, number)


def array_rows(file: BufferedReader, findings: Findings, first: int) -> Iterator[Row]:
    """Reads a JSON array, item by item; it ends at the first place that is not JSON.

    Args:
        file: A file, at its `[`.
        findings: Where to add what is wrong.
        first: The number of the first line.
    """
    window = _Window(file, first)
    try:
        yield from _items(window)
    except _TooLongError:
        message = f"starts an example of more than {MAX_LINE:,} characters. Is a quote missing?"
        findings.error("too-long", message, line=window.line)
    except UnicodeDecodeError as error:
        line = window.line_of(len(window.text)) + error.object.count(b"\n", 0, error.start)
        findings.error("encoding", _not_utf8(error), line=line)
    except JSONDecodeError as error:
        there = reprlib.repr(error.doc[error.pos :]) if error.pos < len(error.doc) else "the end"
        message = f"is not JSON: {error.msg} at {there}."
        findings.error("syntax", message, line=window.line_of(error.pos))
    except (ValueError, RecursionError) as error:
        findings.error("syntax", f"{_why(error)}.", line=window.line)


class _TooLongError(Exception):
    """An item of an array does not end where every example would have ended."""


def _items(window: _Window) -> Iterator[Row]:
    """Gives the items of an array.

    Raises:
        JSONDecodeError: Where it is not JSON.
        _TooLongError: Where an item has no end in sight.
    """
    window.take()
    item = 0
    while window.next() != "]" or item:
        item += 1
        line = window.line
        yield Row(window.value(), line, item)
        if window.next() != ",":
            break
        window.take()
    if window.next() != "]":
        raise JSONDecodeError("Expecting ',' delimiter", window.text, window.at)
    window.take()
    if window.next():
        raise JSONDecodeError("Extra data", window.text, window.at)


class _Window:
    """The part of a file's text that is being parsed.

    Attributes:
        text: The text that was read and may still be needed.
        at: The position in it.
        line: The 1-based line of that position.
        ended: Whether the file was read to its end.
    """

    def __init__(self, file: BufferedReader, line: int) -> None:
        self.text = ""
        self.at = 0
        self.line = line
        self.ended = False
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def next(self) -> str:
        """The next character that is not blank, or nothing at the end."""
        while True:
            rest = self.at
            while rest < len(self.text) and self.text[rest] in _BLANK:
                rest += 1
            self._move(rest)
            if rest < len(self.text):
                return self.text[rest]
            if self.ended:
                return ""
            self._grow()

    def take(self) -> None:
        """Goes past the next character that is not blank."""
        self.next()
        self._move(self.at + 1)

    def value(self) -> object:
        """Parses the value that starts here, and goes past it.

        Raises:
            JSONDecodeError: If there is none.
            _TooLongError: If it has no end in sight.
        """
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except JSONDecodeError as error:
                if self.ended or not _is_cut(error):
                    raise
                if len(self.text) - self.at > MAX_LINE:
                    raise _TooLongError from error
            else:
                # A number at the very end may have more digits.
                if end < len(self.text) or self.ended:
                    self._move(end)
                    return value
            self._grow()

    def line_of(self, position: int) -> int:
        """The line of a position in the text."""
        return self.line + self.text.count("\n", self.at, position)

    def _move(self, position: int) -> None:
        self.line = self.line_of(position)
        self.at = position

    def _grow(self) -> None:
        """Reads on: as much as there is, so that a long value is not tried too often."""
        self.text, self.at = self.text[self.at :], 0
        data = self._file.read(max(CHUNK, len(self.text)))
        self.ended = not data
        self.text += self._decoder.decode(data, final=self.ended)


def _not_utf8(error: UnicodeDecodeError) -> str:
    before = error.object[: error.start][-_SHOWN:].decode(errors="replace")
    byte = f"0x{error.object[error.start]:02X}"
    return f"is not UTF-8: after {before!r} comes the byte {byte}. Save the file as UTF-8."


def _is_cut(error: JSONDecodeError) -> bool:
    """Whether what comes next may make it right."""
    is_last = error.pos + _LONGEST_TOKEN >= len(error.doc)
    return is_last or error.msg.startswith("Unterminated string")


def _why(error: ValueError | RecursionError) -> str:
    match error:
        case JSONDecodeError():
            return f"is not JSON: {error.msg} at column {error.colno}"
        case RecursionError():
            return "is not JSON: it is nested too deeply"
        case _:
            return "is not JSON: a number has too many digits"
