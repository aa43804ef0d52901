"""An answer as data: what to say, and then the steps of saying it.

A handler returns a `Reply`. `delivery` turns it into the steps that the connection carries
out: send the head, send these bytes, pause, drop the line. Faults change the one or the
other, and nothing but `connection.perform` ever waits or writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

from langchain_tuned_gemini.emulator.http.wire import JsonObject, encode

JSON = "application/json; charset=UTF-8"
HTML = "text/html; charset=UTF-8"


class Framing(Enum):
    """The way in which the messages of an answer are put on the wire."""

    UNARY = "one JSON object"
    SSE = "server-sent events"
    JSON_ARRAY = "one JSON array, sent piece by piece"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is put on the wire."""

    messages: tuple[JsonObject, ...] = ()
    framing: Framing = Framing.UNARY
    status: int = 200
    content_type: str = JSON
    body: bytes | None = None
    """Sent as it is, instead of the messages."""
    headers: tuple[tuple[str, str], ...] = ()
    error: JsonObject | None = None
    """The error that ends a stream in its middle."""
    latency: float = 0
    """Seconds that a model thinks before it answers."""


@dataclass(frozen=True, slots=True)
class Head:
    """Send the status and the headers; with a length, the body has exactly so many bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds; `None` is until the client or the emulator gives up."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection in the middle, politely or with a TCP reset."""

    reset: bool = False


Step = Head | bytes | Wait | Drop
"""One step of an answer; bytes are a chunk of its body."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The steps of an answer, in the three parts that a fault may change."""

    before: tuple[Wait | Drop, ...]
    head: Head
    chunks: tuple[Step, ...]
    streamed: bool = False

    def steps(self) -> tuple[Step, ...]:
        """All steps in their order."""
        return (*self.before, self.head, *self.chunks)


def html_error(status: int, title: str, text: str) -> Reply:
    """The page of Google's front end, which answers before any API does.

    Seen for URLs that no API binds: the body of a Vertex AI 404 for a wrong location in
    github.com/FirebaseExtended/vertexai-sdk-test-data. Shortened: no styles, no logo.
    """
    page = (
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n"
        f"  <title>Error {status} ({title})!!1</title>\n"
        f"  <p><b>{status}.</b> <ins>That\N{RIGHT SINGLE QUOTATION MARK}s an error.</ins>\n"
        f"  <p>{text}  <ins>That\N{RIGHT SINGLE QUOTATION MARK}s all we know.</ins>\n"
    )
    return Reply(body=page.encode(), status=status, content_type=HTML)


def delivery(reply: Reply) -> Delivery:
    """The steps that put an answer on the wire."""
    before = (Wait(reply.latency),) if reply.latency else ()
    is_sse = reply.framing is Framing.SSE and reply.body is None
    content_type = "text/event-stream" if is_sse else reply.content_type
    headers = (("content-type", content_type), *reply.headers)
    if reply.body is None and reply.framing is not Framing.UNARY:
        chunks = _events(reply) if is_sse else _array(reply)
        return Delivery(before, Head(reply.status, headers), chunks, streamed=True)
    body = encode(reply.messages[0]) if reply.body is None else reply.body
    headers = (*headers, ("content-length", str(len(body))))
    return Delivery(before, Head(reply.status, headers), (body,))


def _events(reply: Reply) -> tuple[bytes, ...]:
    events = tuple(b"data: " + encode(message) + b"\r\n\r\n" for message in reply.messages)
    if reply.error is None:
        return events
    # An error in the middle of a stream is bare JSON, not an event (FirebaseExtended/
    # vertexai-sdk-test-data, streaming-failure-error-mid-stream.txt).
    return (*events, json.dumps(reply.error, indent=2).encode() + b"\r\n")


def _array(reply: Reply) -> tuple[bytes, ...]:
    messages = reply.messages if reply.error is None else (*reply.messages, reply.error)
    opened = tuple((b",\r\n" if i else b"[") + encode(m) for i, m in enumerate(messages))
    return (*opened, b"]") if opened else (b"[]",)
