"""The lines of a file, none longer than a limit, and its text: UTF-8 or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import NamedTuple

from langchain_tuned_gemini.dataset.problems import Findings

MAX_LINE = 4_000_000
"""Bytes. One example never needs more: the Developer API takes no more than 4 MB of training
data altogether (https://discuss.ai.google.dev/t/3774), and Vertex AI no more than 131,072
tokens in an example, some 0.5 MB."""

CHUNK = 65_536
"""Bytes that are read at once."""

_MAX_SKIPPED = 64_000_000
"""Bytes. After a longer line the rest of the file is not looked at."""


class Row(NamedTuple):
    """One row of a file.

    Attributes:
        value: What stands there, as JSON has it.
        line: Its 1-based line, the first one if it has several.
        item: Its 1-based number, where lines don't tell rows apart.
    """

    value: object
    line: int
    item: int | None = None


def numbered_lines(
    file: BufferedReader, findings: Findings, first: int
) -> Iterator[tuple[int, bytes]]:
    """Gives the lines with their numbers; one that is too long is left out.

    Args:
        file: A file, at the start of a line.
        findings: Where to add what is wrong.
        first: The number of the first line.
    """
    lines = iter(lambda: file.readline(MAX_LINE + 1), b"")
    for number, data in enumerate(lines, start=first):
        if len(data) <= MAX_LINE or data.endswith(b"\n"):
            yield number, data
            continue
        findings.error(
            "too-long",
            f"is longer than {MAX_LINE:,} bytes, more than Gemini takes altogether. Is this a "
            "file of examples, one on each line?",
            line=number,
        )
        if not _skip_line(file):
            return


def _skip_line(file: BufferedReader) -> bool:
    """Goes to the end of the line; False if that is too far away."""
    for _ in range(_MAX_SKIPPED // CHUNK):
        data = file.readline(CHUNK)
        if not data or data.endswith(b"\n"):
            return True
    return False


def decoded(data: bytes, line: int, findings: Findings) -> str | None:
    """The text of a line, or None where it is none."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1} of the line is 0x{data[error.start]:02X}"
        findings.error("encoding", f"is not UTF-8: {byte}. Save the file as UTF-8.", line=line)
        return None
    if "\0" in text:
        findings.error(
            "encoding",
            f"has a NUL character at position {text.index(chr(0))}. Was the file cut off in a "
            "crash, or saved as UTF-16? Save it as UTF-8.",
            line=line,
        )
        return None
    if text.startswith("\ufeff"):
        message = "starts with a byte order mark in the middle of the file. Remove it."
        findings.warning("encoding", message, line=line)
        return text[1:]
    return text
