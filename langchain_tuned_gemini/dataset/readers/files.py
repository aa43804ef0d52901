"""Any file or stream, opened as lines of UTF-8, none longer than a limit."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from typing import IO, NamedTuple, TypeAlias, cast

from langchain_tuned_gemini.dataset.problems import Findings

FileSource: TypeAlias = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A file's path, or an open file: binary or text, seekable or not."""

MAX_LINE = 4_000_000
"""Bytes. One example never needs more: the Developer API takes no more than 4 MB of training
data altogether (https://discuss.ai.google.dev/t/3774), and Vertex AI no more than 131,072
tokens in an example, some 0.5 MB."""

CHUNK = 65_536
"""Bytes that are read at once."""

_MAX_SKIPPED = 64_000_000
"""Bytes. After a longer line the rest of the file is not looked at."""

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
"""The first bytes of files that hold no text, and what to do about them."""

_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+)://", re.IGNORECASE)


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


def is_file(source: object) -> bool:
    """Whether examples stand in a file: a path, or an open one."""
    if isinstance(source, str | os.PathLike):
        return True
    return hasattr(source, "read") and not isinstance(source, Sequence)  # not a dataset


def name_of(source: object) -> str:
    """The name of what holds examples: a file's path, or `"examples"` where there is none."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "examples"


@contextmanager
def opened(source: FileSource) -> Iterator[BufferedReader]:
    """Opens a path; an open file is read to its end and stays open.

    Raises:
        OSError: If it can't be read.
    """
    if isinstance(source, str | os.PathLike):
        file: BufferedReader = BufferedReader(io.FileIO(source), CHUNK)
        with file:
            yield file
        return
    buffered: BufferedReader = BufferedReader(cast("io.RawIOBase", _Bytes(source)), CHUNK)
    try:
        yield buffered
    finally:
        buffered.detach()  # or it would close the user's file


def first_text(file: BufferedReader, findings: Findings) -> tuple[BufferedReader, bytes, int]:
    """Goes to the first byte that is not blank.

    Returns:
        The file to go on with, that byte, and its line. The byte is empty at the end of the file,
        and where it holds no text, which is noted.
    """
    head = file.peek(len(max(_BINARY, key=len)))
    if binary := next((why for magic, why in _BINARY.items() if head.startswith(magic)), None):
        findings.error("shape", binary)
        return file, b"", 1
    if head.startswith(_OTHER_MARKS):
        message = "starts as UTF-16 or UTF-32 does, not as UTF-8. Save the file as UTF-8."
        findings.error("encoding", message, line=1)
        return file, b"", 1
    if head.startswith(_BYTE_ORDER_MARK):
        file.read(len(_BYTE_ORDER_MARK))
        message = "starts with a byte order mark, which others may refuse. Save it without one."
        findings.warning("encoding", message, line=1)
    head = file.peek(1)
    # Lines may end as those of old Macs do. After the last CR, a line feed may come.
    if b"\r" in head[:-1] and b"\n" not in head:
        file = BufferedReader(_LineFeeds(file), CHUNK)
    line = 1
    while chunk := file.peek(1):
        blanks = chunk[: len(chunk) - len(chunk.lstrip())]
        file.read(len(blanks))
        line += blanks.count(b"\n")
        if len(blanks) < len(chunk):
            return file, chunk[len(blanks) :][:1], line
    return file, b"", line


def numbered_lines(
    file: BufferedReader, findings: Findings, first: int
) -> Iterator[tuple[int, bytes]]:
    """The lines from the one with that number on; one that is too long is left out and noted."""
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
        rest = (file.readline(CHUNK) for _ in range(_MAX_SKIPPED // CHUNK))
        if not any(not data or data.endswith(b"\n") for data in rest):
            return


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


def why_elsewhere(source: FileSource) -> str | None:
    """Why a path is none of a local file; None for one that may be."""
    if not isinstance(source, str) or not (address := _ADDRESS.match(source)):
        return None
    if address["scheme"].lower() == "gs":
        return (
            "is in Cloud Storage, and examples are read from local files. Copy it first: "
            f"gcloud storage cp {source} ."
        )
    return "is an address, and examples are read from local files. Download it first."


def why_unreadable(error: OSError) -> str:
    """Why a file can't be read."""
    match error:
        case FileNotFoundError():
            return "there is no such file. Check the path."
        case IsADirectoryError():
            return "is a directory, not a file of examples. Check the path."
        case _:
            return f"can't be read: {error.strerror or error}. Check the path."


class _LineFeeds(io.RawIOBase):
    """A file with line feeds in the place of carriage returns."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)


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
