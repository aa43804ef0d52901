"""The TCP side: which connections are open, and how an answer's steps are carried out."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.replies import Drop, Head, Step, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Receive, Scope, Send


class ClientGoneError(Exception):
    """The client closed the connection, or the emulator is stopping."""


class Connections:
    """The open connections, by the client's address.

    ASGI knows no way to drop a connection, so the server notes each transport here and
    the application finds it by `scope["client"]`, which is unique while it is open.
    """

    def __init__(self) -> None:
        """None so far."""
        self.accepted = 0
        """How many were ever accepted."""
        self._open: dict[object, asyncio.Transport] = {}

    def opened(self, transport: asyncio.Transport) -> None:
        """Notes a new connection."""
        self.accepted += 1
        # asyncio does this only for sockets made with IPPROTO_TCP, and socket.create_server
        # makes none: the body of an answer would wait 40 ms for the client to acknowledge
        # its headers.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[transport.get_extra_info("peername")] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        """Forgets a connection."""
        self._open.pop(transport.get_extra_info("peername"), None)

    def drop(self, client: object, *, reset: bool) -> None:
        """Closes a connection: after what was sent, or at once with a TCP reset."""
        transport = self._open.get(client)
        if transport is None:
            return
        if not reset:
            transport.close()
            return
        # Lingering for zero seconds makes close(2) send RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def abort_all(self) -> None:
        """Closes all connections, whatever they are waiting for."""
        for transport in list(self._open.values()):
            transport.abort()


async def perform(
    steps: Iterable[Step], connections: Connections, scope: Scope, receive: Receive, send: Send
) -> None:
    """Carries out the steps of an answer; ends early where the client is gone."""
    try:
        for step in steps:
            match step:
                case Head():
                    await send(_start(step))
                case bytes():
                    await send({"type": "http.response.body", "body": step, "more_body": True})
                case Wait():
                    await pause(step.seconds, receive)
                case Drop():
                    client = scope["client"]
                    connections.drop(client and tuple(client), reset=step.reset)
                    # The server must see the end, or it reports an answer without one.
                    await pause(None, receive)
        await send({"type": "http.response.body", "body": b""})
    except ClientGoneError:
        return


async def pause(seconds: float | None, receive: Receive) -> None:
    """Waits, for ever with `None`.

    Raises:
        ClientGoneError: As soon as nobody is listening any more.
    """
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return
    raise ClientGoneError


def _start(head: Head) -> dict[str, object]:
    headers = [(name.encode(), value.encode()) for name, value in head.headers]
    return {"type": "http.response.start", "status": head.status, "headers": headers}
