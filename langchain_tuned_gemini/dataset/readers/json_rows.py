"""Rows of JSON: one on each line, one after the other, or in an array, never read as a whole."""

from __future__ import annotations

import codecs
import json
import re
import reprlib
from collections import Counter
from collections.abc import Iterator
from io import BufferedReader
from json import JSONDecodeError

from langchain_tuned_gemini.dataset.problems import Findings
from langchain_tuned_gemini.dataset.readers.files import (
    CHUNK,
    MAX_LINE,
    Row,
    decoded,
    numbered_lines,
)

_BLANK = " \t\r\n"
_LISTS = (
    rb"training_examples|trainingExamples|examples|training_data|trainingData|tuning_task|"
    rb"tuningTask|data|rows|items|train"
)
_WRAPPED = re.compile(rb'(?:\{\s*"(?:' + _LISTS + rb')"\s*:\s*)+(?=\[\s*[\[{])')
"""An array inside of an object, as in `{"examples": {"examples": [...]}}`, which the API takes.
The object is then all that the file holds."""

_ONE_LINE = 'Each example is one line: {"text_input": "...", "output": "..."}.'
_SHOWN = 20  # bytes before one that is no text
_LONGEST_TOKEN = 12
"""Characters: an escaped emoji. What is cut off there may still become right."""


def json_rows(file: BufferedReader, findings: Findings, first: int) -> Iterator[Row]:
    """Reads the rows of a file at its first `[` or `{`, in whichever of these ways they stand."""
    head, decoder = file.peek(CHUNK), _Decoder()
    wrapped = None if _goes_on(head) else _WRAPPED.match(head)
    if head.startswith(b"[") or wrapped:
        before = file.read(wrapped.end()) if wrapped else b""
        window = _Window(file, first + before.count(b"\n"), decoder)
        rows = _before_error(window, _items(window, before.count(b"{"), findings), findings)
    elif _is_spread(head):
        window = _Window(file, first, decoder)
        rows = _before_error(window, _values(window), findings)
    else:
        rows = _lines(file, findings, first, decoder)
    for row in rows:
        if decoder.twice:
            for field in dict.fromkeys(decoder.twice):
                message = "stands there twice: which one is meant?"
                findings.error("field", message, line=row.line, item=row.item, field=field)
            decoder.twice.clear()
        else:
            yield row


class _Decoder(json.JSONDecoder):
    """Parses JSON.

    Attributes:
        twice: The keys that stood twice in an object, in what was parsed since this was empty.
    """

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=self._object)
        self.twice: list[str] = []

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            times = Counter(name for name, _ in pairs)
            self.twice += [name for name in fields if times[name] > 1]
        return fields


def _goes_on(head: bytes) -> bool:
    """Whether another object follows the first one: then that is a row, and not the whole file."""
    text = head.decode(errors="replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return text[end:].lstrip(f"{_BLANK},").startswith("{")


def _is_spread(head: bytes) -> bool:
    """Whether rows stand on several lines: the first one goes on, and the second is none."""
    first, newline, rest = head.partition(b"\n")
    second = rest.lstrip().partition(b"\n")[0]
    if not newline or not second:
        return False
    error = _syntax_error(first)
    goes_on = isinstance(error, JSONDecodeError) and error.pos >= len(error.doc.rstrip())
    return goes_on and _syntax_error(second) is not None


def _syntax_error(text: bytes) -> ValueError | RecursionError | None:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return error
    return None


def _lines(
    file: BufferedReader, findings: Findings, first: int, decoder: _Decoder
) -> Iterator[Row]:
    """Reads JSONL: each line is a row, blank ones are skipped."""
    for number, data in numbered_lines(file, findings, first):
        text = decoded(data, number, findings) if data.strip() else None
        if text is None:
            continue
        try:
            value = decoder.decode(text)
        except (ValueError, RecursionError) as error:
            decoder.twice.clear()
            findings.error("syntax", f"{_why(error)}. {_ONE_LINE}", line=number)
        else:
            yield Row(value, number)


def _before_error(window: _Window, rows: Iterator[Row], findings: Findings) -> Iterator[Row]:
    """The rows up to the first place that is not JSON, which is noted."""
    try:
        yield from rows
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


def _values(window: _Window) -> Iterator[Row]:
    """Gives the values that stand one after the other, with or without a comma in between."""
    while window.next():
        line = window.line
        yield Row(window.value(), line)
        if window.next() == ",":
            window.take()


def _items(window: _Window, depth: int, findings: Findings) -> Iterator[Row]:
    """Gives the items of an array that is in so many objects; notes what else is in them."""
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
    for _ in range(depth):
        while window.next() == ",":
            window.take()
            window.next()
            line, field = window.line, str(window.value())
            window.take()  # the colon
            window.next()
            window.value()
            findings.leave_out(field, line=line, item=None)
        if window.next() != "}":
            raise JSONDecodeError("Expecting ',' delimiter", window.text, window.at)
        window.take()
    if window.next():
        raise JSONDecodeError("Extra data", window.text, window.at)


class _TooLongError(Exception):
    """A value does not end where every example would have ended."""


class _Window:
    """The part of a file's text that is being parsed.

    Attributes:
        text: The text that was read and may still be needed.
        at: The position in it.
        line: The 1-based line of that position.
        ended: Whether the file was read to its end.
    """

    def __init__(self, file: BufferedReader, line: int, decoder: json.JSONDecoder) -> None:
        self.text = ""
        self.at = 0
        self.line = line
        self.ended = False
        self._file = file
        self._json = decoder
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
        """Parses the value that starts here, and goes past it."""
        while True:
            try:
                value, end = self._json.raw_decode(self.text, self.at)
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
