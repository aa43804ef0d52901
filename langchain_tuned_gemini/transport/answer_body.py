"""The body of an answer: unpacked within a limit, and streams in the form that upstream reads.

httpx unpacks whatever comes: 290 kB of gzip became 1.8 GB. And google-genai reads a stream as
Google writes it, `data: {…}` and empty lines, where gateways also send what else the format has.
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

from __future__ import annotations

import re
import zlib
from typing import Any, Final

import httpx

from langchain_tuned_gemini.errors import AnswerTooLongError

MAX_ANSWER_BYTES: Final = 64 * 2**20
"""How many bytes an answer may have, unpacked: several times the largest picture of Gemini's."""

ENCODING: Final = "gzip"
"""What may be sent packed, and how; zlib can be told how much to unpack, the others can't."""

_DATA, _DONE, _BYTE_ORDER_MARK = b"data: ", b"[DONE]", b"\xef\xbb\xbf"
_WHOLE_EVENTS: Final = re.compile(rb"(?:data: \{[^\r\n]*(?:\r\n\r\n|\n\n))+")
_UNREAD: Final = (b":", b"event:", b"id:", b"retry:")
_UNREAD_ALONE: Final = (b"data", b"event", b"id", b"retry")


class AnswerBody:
    """A body that comes in pieces; takes the head's word for how they are packed.

    Args:
        request: What was asked for: a stream or not.
        response: Its head; loses the header after which httpx would unpack.
        limit: How many bytes the body may have, unpacked.

    Raises:
        httpx.DecodingError: It is not packed as it says, or in a way that was not asked for.
        AnswerTooLongError: It has more bytes.
    """

    def __init__(self, request: httpx.Request, response: httpx.Response, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._unpacking = _unpacking(response.headers.pop("content-encoding", ""))
        is_stream = response.status_code == 200 and request.url.params.get("alt") == "sse"
        self._events = Events() if is_stream else None

    def feed(self, piece: bytes) -> bytes:
        """Takes a piece in, and returns what is ready by now."""
        if self._unpacking is not None:
            try:
                piece = self._unpacking.decompress(piece, self._left + 1)
            except zlib.error as error:
                raise httpx.DecodingError(str(error)) from error
        self._left -= len(piece)
        if self._left < 0:
            raise AnswerTooLongError(self._limit)
        events = self._events
        if events is None or (events.is_between and _WHOLE_EVENTS.fullmatch(piece)):
            return piece  # as nearly always
        return events.feed(piece)

    def end(self) -> bytes:
        """Returns the rest."""
        return b"" if self._events is None else self._events.end()


def _unpacking(encoding: str) -> Any:
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        case _:
            raise httpx.DecodingError(f"it is packed as {encoding!r}, which nobody asked for")


class Events:
    r"""Rewrites a stream of events, line by line: only data stays, and begins with `data: `.

    Example:
        >>> Events().feed(b": still there\nevent: message\nid: 7\ndata:{}\n\ndata: [DONE]\n\n")
        b'data: {}\n\n\n'
    """

    def __init__(self) -> None:
        self._begun: list[bytes] = []
        self._after_cr = False
        self.is_between = True
        """Whether the next piece begins a line."""

    def feed(self, piece: bytes) -> bytes:
        """The lines that have come to their end."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]  # the line ended before it
        self._after_cr = piece.endswith(b"\r")
        if b"\n" not in piece and b"\r" not in piece:
            self._begun.append(piece)
            self.is_between = False
            return b""
        lines = b"".join([*self._begun, piece]).splitlines(keepends=True)
        self._begun = [] if lines[-1].endswith((b"\n", b"\r")) else [lines.pop()]
        self.is_between = not self._begun and not self._after_cr
        return b"".join(map(_as_google_writes, lines))

    def end(self) -> bytes:
        """The line that had no end."""
        return _as_google_writes(b"".join(self._begun))


def _as_google_writes(line: bytes) -> bytes:
    if line.startswith(_DATA):
        return b"" if line[len(_DATA) :].strip() in {b"", _DONE} else line
    if line.startswith(_BYTE_ORDER_MARK):
        return _as_google_writes(line.removeprefix(_BYTE_ORDER_MARK))
    if line.startswith(b"data:"):
        return _as_google_writes(_DATA + line[len(b"data:") :])
    is_unread = line.startswith(_UNREAD) or line.rstrip() in _UNREAD_ALONE
    return b"" if is_unread else line
