"""A TCP proxy that does to an answer what no HTTP server does: resets, cuts, hangs, drips, lies."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ssl import SSLContext
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"
# Lingering for zero seconds makes close(2) send RST instead of FIN.
_NO_LINGERING = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFault:
    """What happens to the bytes of an answer.

    Attributes:
        hits: Only the answers to requests whose first line has this in it; by default all.
        after: How many bytes pass; None for all of them.
        of: What they are counted from: the answer's first byte, or its body's.
        then: What happens after them: the connection is closed, or reset, or hangs.
        instead: Sent in the answer's place.
        drip: Seconds between two bytes.
    """

    hits: str = ""
    after: int | None = None
    of: Literal["answer", "body"] = "answer"
    then: Literal["close", "reset", "hang"] = "close"
    instead: bytes | None = None
    drip: float | None = None


NOTHING = LineFault()


class TcpProxy:
    """Stands between clients and an HTTP server, one request a connection.

    Example:
        ```python
        with TcpProxy(emulator.base_url) as proxy:
            model = ChatTunedGemini(model=name, api_key="k", base_url=proxy.base_url)
            with proxy.fault(hits=f"{name}:", after=10, of="body", then="reset"):
                model.invoke("7")
        ```

    Args:
        upstream: The server's address.
        tls: What to greet clients with, for `https`; the server is spoken to in plain HTTP.
    """

    def __init__(self, upstream: str, *, tls: SSLContext | None = None) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self._tls = tls
        self._fault = NOTHING
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tcp-proxy", daemon=True)
        self._port = 0
        self.hits = 0
        """How many answers a fault has hit."""
        self._conversations: set[StreamWriter] = set()
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def wait_until_idle(self, timeout: float = 5.0) -> bool:
        """Waits until no connection is open any more; says whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._conversations, timeout)

    def drop(self) -> None:
        """Closes all connections, whatever they are waiting for."""
        with self._changed:
            for writer in self._conversations:
                self._loop.call_soon_threadsafe(writer.transport.abort)

    @contextmanager
    def fault(self, **effects: Any) -> Iterator[None]:
        """Does this to answers inside the block: takes the fields of a `LineFault`."""
        self._fault = LineFault(**effects)
        try:
            yield
        finally:
            self._fault = NOTHING

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
        """Drops all connections; from now on they are refused."""
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self._port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stopped.wait()
        server.close()

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._note(writer, self._conversations.add)
        try:
            # The client may go at any time: that is what some of the faults are for.
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            writer.close()
            self._note(writer, self._conversations.discard)

    def _note(self, writer: StreamWriter, change: Callable[[StreamWriter], None]) -> None:
        with self._changed:
            change(writer)
            self._changed.notify_all()

    async def _answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(_END_OF_HEAD)
        body = await reader.readexactly(_length_of(head))
        is_hit = self._fault.hits in head.partition(b"\r\n")[0].decode()
        fault = self._fault if is_hit else NOTHING
        self.hits += fault is not NOTHING
        async for piece in _limited(self._answer_to(head, body, fault), fault):
            writer.write(piece)
            await writer.drain()
            if fault.drip is not None:
                await asyncio.sleep(fault.drip)
        if fault.after is None or fault.then == "close":
            return
        if fault.then == "hang":
            await reader.read()  # until the client gives up
            return
        line = writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        writer.transport.abort()

    async def _answer_to(self, head: bytes, body: bytes, fault: LineFault) -> AsyncIterator[bytes]:
        if fault.instead is not None:
            yield fault.instead
            return
        if fault.after == 0 and fault.of == "answer":
            return  # so the server never sees the request
        reader, writer = await asyncio.open_connection(*self._upstream)
        writer.write(_without_keep_alive(head) + body)
        try:
            while piece := await reader.read(65536):
                yield piece
        finally:
            writer.close()


async def _limited(pieces: AsyncIterator[bytes], fault: LineFault) -> AsyncIterator[bytes]:
    """So many bytes of an answer, one at a time where it drips."""
    whole = b""
    async for piece in pieces:
        sent, whole = len(whole), whole + piece
        passing = whole[sent : _end(whole, fault)]
        step = 1 if fault.drip is not None else len(passing) or 1
        for start in range(0, len(passing), step):
            yield passing[start : start + step]
        if len(passing) < len(piece):
            return


def _end(whole: bytes, fault: LineFault) -> int | None:
    """Where the bytes end that pass; None for all that have come."""
    if fault.after is None or fault.of == "answer":
        return fault.after
    head, end, _ = whole.partition(_END_OF_HEAD)
    return len(head) + len(end) + fault.after if end else None


def _length_of(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0


def _without_keep_alive(head: bytes) -> bytes:
    """A request whose answer ends with the connection, so that its end can be seen."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"connection: close", *lines[1:]])
