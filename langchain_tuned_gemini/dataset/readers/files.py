"""Files of examples: any stream becomes rows, one at a time, each with its place.

The content decides the format, never the file's name.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TypeAlias, cast

from langchain_tuned_gemini.dataset.problems import Findings
from langchain_tuned_gemini.dataset.readers.csv_rows import csv_rows
from langchain_tuned_gemini.dataset.readers.json_rows import json_rows
from langchain_tuned_gemini.dataset.readers.lines import CHUNK, Row

FileSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A file's path, or an open file: binary or text, seekable or not."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")

_BINARY = {
    b"\x1f\x8b": "is compressed with gzip. Unpack it first: gunzip FILE.",
    b"PK\x03\x04": (
        "is a zip archive, as Excel's .xlsx files are. Unpack it, or save the sheet as CSV (UTF-8)."
    ),
    b"\xd0\xcf\x11\xe0": "is an old Excel file (.xls). Save the sheet as CSV (UTF-8).",
    b"PAR1": "is a Parquet file. Convert it first: pandas.read_parquet(FILE)"
    '.to_json("train.jsonl", orient="records", lines=True).',
    b"ARROW1": "is an Arrow file. Convert it to JSONL or CSV first.",
    b"BZh": "is compressed with bzip2. Unpack it first: bunzip2 FILE.",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd. Unpack it first: unzstd FILE.",
    b"\xfd7zXZ": "is compressed with xz. Unpack it first: unxz FILE.",
}
"""What files that hold no text begin with, and what to do about them."""

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://", re.IGNORECASE)


def is_file(source: object) -> bool:
    """Whether it is a path or an open file."""
    if isinstance(source, str | os.PathLike):
        return True
    return hasattr(source, "read") and not isinstance(source, Sequence)  # not a dataset


def name_of(source: object) -> str:
    """What the examples are called: a file's path, or `"examples"` where there is none."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "examples"


def file_rows(source: FileSource, findings: Findings, columns: Mapping[str, str]) -> Iterator[Row]:
    """Reads the rows of a file; what can't be read as a row is left out and noted.

    Args:
        source: A path or an open file, which is read to its end and stays open.
        findings: Where to add what is wrong.
        columns: What the file calls `text_input`, `output` and `system_instruction`.
    """
    if isinstance(source, str) and (address := _ADDRESS.match(source)):
        findings.error("unreadable", _elsewhere(source, address["scheme"].lower()))
        return
    try:
        with _opened(source) as file:
            yield from _rows(file, findings, columns)
    except OSError as error:
        findings.error("unreadable", f"{_why(error)} Check the path.")


def _elsewhere(uri: str, scheme: str) -> str:
    if scheme == "gs":
        return (
            "is in Cloud Storage, and examples are read from local files. Copy it first: "
            f"gcloud storage cp {uri} ."
        )
    return "is an address, and examples are read from local files. Download it first."


def _rows(file: io.BufferedReader, findings: Findings, columns: Mapping[str, str]) -> Iterator[Row]:
    head = file.peek(len(max(_BINARY, key=len)))
    if binary := next((told for magic, told in _BINARY.items() if head.startswith(magic)), None):
        findings.error("shape", binary)
        return
    if file.peek(2).startswith(_OTHER_MARKS):
        message = "starts as UTF-16 or UTF-32 does, not as UTF-8. Save the file as UTF-8."
        findings.error("encoding", message, line=1)
        return
    if file.peek(3).startswith(_BYTE_ORDER_MARK):
        file.read(len(_BYTE_ORDER_MARK))
        message = "starts with a byte order mark, which others may refuse. Save it without one."
        findings.warning("encoding", message, line=1)
    file = _with_line_feeds(file)
    first, line = _skip_blanks(file)
    if first in {b"[", b"{"}:
        yield from renamed(json_rows(file, findings, line), columns, findings)
    elif first:
        yield from csv_rows(file, findings, line, columns)


def _with_line_feeds(file: io.BufferedReader) -> io.BufferedReader:
    """The file, whose lines may end as those of old Macs do: with a CR alone."""
    head = file.peek(1)
    if b"\r" not in head[:-1] or b"\n" in head:  # after the last one, a line feed may come
        return file
    return io.BufferedReader(_LineFeeds(file), CHUNK)


class _LineFeeds(io.RawIOBase):
    """A file with line feeds in the place of carriage returns."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)


def renamed(rows: Iterator[Row], columns: Mapping[str, str], findings: Findings) -> Iterator[Row]:
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


def _skip_blanks(file: io.BufferedReader) -> tuple[bytes, int]:
    """The first byte that is not blank, and its line; nothing at the end of the file."""
    line = 1
    while chunk := file.peek(1):
        blanks = chunk[: len(chunk) - len(chunk.lstrip())]
        file.read(len(blanks))
        line += blanks.count(b"\n")
        if len(blanks) < len(chunk):
            return chunk[len(blanks) :][:1], line
    return b"", line


@contextmanager
def _opened(source: FileSource) -> Iterator[io.BufferedReader]:
    if isinstance(source, str | os.PathLike):
        file: io.BufferedReader = io.BufferedReader(io.FileIO(source), CHUNK)
        with file:
            yield file
        return
    raw = cast("io.RawIOBase", _Bytes(source))
    buffered: io.BufferedReader = io.BufferedReader(raw, CHUNK)
    try:
        yield buffered
    finally:
        buffered.detach()  # or it would close the user's file


class _Bytes(io.RawIOBase):
    """The bytes of any file that can be read, those of a text file in UTF-8."""

    def __init__(self, file: IO[str] | IO[bytes]) -> None:
        self._file = file
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        # The form of the rows is told by what is there at first, which must not come in pieces.
        while len(self._left) < len(buffer) and (data := self._file.read(len(buffer))):
            # What can't be encoded is told where the line is decoded.
            self._left += data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file."
        case IsADirectoryError():
            return "is a directory, not a file of examples."
        case _:
            return f"can't be read: {error.strerror or error}."
