"""uvicorn on loopback, in a daemon thread: its connections, and how an answer is sent."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from uvicorn import Config, Server as UvicornServer
from uvicorn.protocols.http.h11_impl import H11Protocol

from langchain_tuned_gemini.emulator.http.replies import Drop, Head, Step, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
PORTS = range(65_536)
SERVER_NAME = "langchain-tuned-gemini-emulator"
STOP_TIMEOUT = 5.0
LAST_CALLS_TIMEOUT = 1.0


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
                    headers = [(name.encode(), value.encode()) for name, value in step.headers]
                    start = {"type": "http.response.start", "status": step.status}
                    await send({**start, "headers": headers})
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


class Server:
    """Serves an application until it is stopped; may be started again afterwards.

    Only loopback is ever bound: the emulator accepts any key and trusts its callers.
    """

    def __init__(self, app: ASGIApp, connections: Connections, port: int) -> None:
        """Nothing is opened before `start`.

        Args:
            app: The ASGI application.
            connections: Where its connections are noted.
            port: The TCP port; 0 takes a free one.

        Raises:
            ValueError: No port has this number.
        """
        if port not in PORTS:
            msg = f"a port is a number from 0 to {PORTS[-1]}, not {port}"
            raise ValueError(msg)
        self._app = app
        self._connections = connections
        self._port = port
        self._lock = Lock()
        self._running: _UvicornServer | None = None

    @property
    def port(self) -> int | None:
        """The port that is being served; `None` while stopped."""
        running = self._running
        return None if running is None else running.port

    def start(self) -> None:
        """Listens, and returns when requests are answered; does nothing if it runs.

        Raises:
            OSError: The port is taken.
        """
        with self._lock:
            if self._running is None:
                listener = _listen(self._port)
                self._running = _UvicornServer(self._app, self._connections, listener)

    def stop(self) -> None:
        """Stops at once, whatever clients are waiting for; does nothing if it is stopped."""
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end()


class _UvicornServer(UvicornServer):
    """One run: it listens in its own thread, says when it is ready, and waits without polling."""

    def __init__(self, app: ASGIApp, connections: Connections, listener: socket.socket) -> None:
        # No log configuration: that would replace the one of the host program.
        config = Config(
            app,
            http=_tracking_protocol(connections),
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            headers=[("server", SERVER_NAME)],
        )
        super().__init__(config)
        self.port: int = listener.getsockname()[1]
        self._connections = connections
        self._ended = asyncio.Event()
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = Thread(target=self._run_on, args=[listener], name=SERVER_NAME, daemon=True)
        self._thread.start()
        self._loop.result()

    def end(self) -> None:
        """Ends the run, from any other thread."""
        self._loop.result().call_soon_threadsafe(self._ended.set)
        self._thread.join(STOP_TIMEOUT)

    def _run_on(self, listener: socket.socket) -> None:
        try:
            asyncio.run(self.serve(sockets=[listener]))
        except BaseException as error:  # noqa: BLE001 (start() raises it in the caller's thread)
            if not self._loop.done():
                self._loop.set_exception(error)

    async def main_loop(self) -> None:
        """Waits for the end; uvicorn's own loop wakes up ten times a second."""
        # One tick sets the headers of every answer; they never change, without a date.
        await self.on_tick(0)
        self._loop.set_result(asyncio.get_running_loop())
        await self._ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stops at once; uvicorn's own shutdown sleeps before it looks for open calls."""
        # Aborted connections end the calls that hang. One that was just accepted is no
        # connection before its task is done, and asyncio loses it if the server closes first.
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_CALLS_TIMEOUT):
                while others := asyncio.all_tasks() - {asyncio.current_task()}:
                    self._connections.abort_all()
                    await asyncio.wait(others)
        self._connections.abort_all()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        msg = f"port {port} on {LOOPBACK} is taken: choose another one, or 0 for any free one"
        raise OSError(errno.EADDRINUSE, msg) from error


def _tracking_protocol(connections: Connections) -> type[H11Protocol]:
    """The HTTP protocol of uvicorn, noting its connections.

    h11 and not httptools, also where that is installed: faults that break the protocol
    behave the same everywhere.
    """

    class TrackingProtocol(H11Protocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # Config(access_log=False) would change the logger of the whole process.
            self.access_log = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connections.opened(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    return TrackingProtocol
