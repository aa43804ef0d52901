"""A server that keeps connections alive, and says and does on them what a test tells it to."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

_NO_LINGERING = struct.pack("ii", 1, 0)  # makes close(2) send RST instead of FIN
_STATE = {"name": "tunedModels/t", "state": "ACTIVE", "baseModel": "models/gemini-2.5-flash"}
_TEXT = {"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}
ANSWER = json.dumps({"candidates": [_TEXT]}).encode()
EVENTS = b"data: " + ANSWER + b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        method: GET, POST, …
        path: With the query.
        host: What it was sent to, by its header.
        place: How many requests have come before it on its connection.
    """

    method: str
    path: str
    host: str
    place: int


End = Literal["close", "reset"]
Reply = bytes | End | tuple[bytes, End]
"""An answer's bytes, or how the connection ends, or some bytes and then that end."""


def http_answer(
    body: bytes, *headers: str, kind: str = "application/json", status: str = "200 OK"
) -> bytes:
    """An answer with a body, after which the connection stays open."""
    head = [f"content-type: {kind}", f"content-length: {len(body)}", *headers]
    return "\r\n".join([f"HTTP/1.1 {status}", *head, "", ""]).encode() + body


def well(asked: Asked) -> bytes:
    """What Gemini answers."""
    if asked.method == "GET":
        return http_answer(json.dumps(_STATE).encode())
    if "alt=sse" in asked.path:
        return http_answer(EVENTS, kind="text/event-stream")
    if ":countTokens" in asked.path:
        return http_answer(b'{"totalTokens": 3}')
    return http_answer(ANSWER)


class ScriptedServer:
    """Answers as `script` says; it may be changed at any time.

    Args:
        script: What to do with a request.
        address: Where to listen, on a port of the system's choice.

    Attributes:
        asked: What has been asked, in order.
        connections: How many were opened.
        open: How many are open.
    """

    def __init__(
        self, script: Callable[[Asked], Reply] = well, *, address: str = "127.0.0.1"
    ) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.connections = 0
        self._address = address
        self._writers: set[StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._listening = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="scripted-server", daemon=True)
        self.base_url = ""

    @property
    def open(self) -> int:
        return len(self._writers)

    def hang_up(self) -> None:
        """Closes all connections from this side, and waits until that is done."""
        with self._changed:
            for writer in self._writers:
                self._loop.call_soon_threadsafe(writer.close)
            self._changed.wait_for(lambda: not self._writers, 5.0)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, self._address, 0, backlog=1024)
        self.base_url = f"http://{self._address}:{server.sockets[0].getsockname()[1]}"
        self._listening.set()
        await self._stopped.wait()
        server.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        with self._changed:
            self._writers.add(writer)
        try:
            # Clients go when they like, and at the end this server does.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            writer.close()
            with self._changed:
                self._writers.discard(writer)
                self._changed.notify_all()

    async def _converse(self, reader: StreamReader, writer: StreamWriter) -> None:
        place = 0
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if length := re.search(r"content-length: (\d+)", head, re.IGNORECASE):
                await reader.readexactly(int(length[1]))
            method, path, _ = head.split(" ", 2)
            host = re.search(r"host: (\S+)", head, re.IGNORECASE)
            asked = Asked(method, path, host[1] if host else "", place)
            self.asked.append(asked)
            reply = self.script(asked)
            said, end = reply if isinstance(reply, tuple) else (reply, None)
            if isinstance(said, str):
                said, end = b"", said
            writer.write(said)
            await writer.drain()
            if end == "reset":
                line: socket.socket = writer.get_extra_info("socket")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
                writer.transport.abort()
            if end:
                return
            place += 1
