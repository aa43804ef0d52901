"""The HTTP clients that all models of the process share, with keep-alive that keeps.

Upstream, every model object builds TLS contexts of its own (some 30 ms and 5 MB each), and its
connection pool keeps 20 connections, so that 32 calls in flight open a new connection, with a
TLS handshake, for nearly every call. Here the clients are shared, redirects are refused, since
a redirect would carry the API key to another host, and no cookie is kept.

httpx pools connections through httpcore, whose pool looks at every connection for every
request: with 64 calls in flight on an event loop that takes 8 ms of CPU a request, where this
one takes 0.6 (httpcore 1.0.9; httpcore2 2.16 takes 0.7, and 1.3 with 256). Nor do those pools
know that a connection belongs to the event loop that opened it.
"""

from __future__ import annotations

import asyncio
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, Protocol, TypeVar

import httpx

from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork
from langchain_tuned_gemini.transport.answer_body import ENCODING, MAX_ANSWER_BYTES, AnswerBody
from langchain_tuned_gemini.transport.connections import (
    AsyncConnection,
    Connection,
    IdleConnections,
    Origin,
    is_dead,
    is_idle,
)
from langchain_tuned_gemini.transport.error_in_200 import unmask, unmask_async
from langchain_tuned_gemini.transport.lost_connections import OutgoingRequest

CONNECT_TIMEOUT = 5.0
"""How long opening a connection may take, in seconds; a host that is down shows much sooner."""

SWEEP_EVERY: Final = 1.0
"""After how many seconds a call closes what has died meanwhile."""


def sync_client(
    max_answer_bytes: int = MAX_ANSWER_BYTES, connect_timeout: float = CONNECT_TIMEOUT
) -> httpx.Client:
    """The process's client for synchronous calls; closed when its last user is gone.

    Both numbers are those of `transport.access.ClientOptions`.
    """
    return _shared(_new_sync_client, max_answer_bytes, connect_timeout)


def async_client(
    max_answer_bytes: int = MAX_ANSWER_BYTES, connect_timeout: float = CONNECT_TIMEOUT
) -> httpx.AsyncClient:
    """The process's client for asynchronous calls, for any number of event loops."""
    return _shared(_new_async_client, max_answer_bytes, connect_timeout)


class _Pool(Protocol):
    """Idle connections, of threads or of an event loop."""

    def let_go(self, *, of_all: bool) -> None:
        """Closes those that have died, or all of them; from any thread."""


class _Pools:
    """All pools of the process: a call looks after the others, too.

    The sockets of a host that is asked no more, or of a thread or a loop that makes no more
    calls, would stay in CLOSE_WAIT for as long as the process lives.
    """

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[int, _Pool] = weakref.WeakValueDictionary()
        self._due_at = 0.0

    def add(self, pool: _Pool) -> None:
        self._known[id(pool)] = pool

    def are_due(self) -> bool:
        """Whether to look for the dead again; true once for each `SWEEP_EVERY`."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + SWEEP_EVERY
        return True

    def let_go(self, *, of_all: bool, but: _Pool | None = None) -> None:
        for reference in self._known.valuerefs():  # a list: threads may add pools meanwhile
            pool = reference()
            if pool is not None and pool is not but:
                pool.let_go(of_all=of_all)


_pools = _Pools()


class _Transport(ABC):
    """Gives every request a connection that no other request is using."""

    def __init__(
        self, max_answer_bytes: int = MAX_ANSWER_BYTES, connect_timeout: float = CONNECT_TIMEOUT
    ) -> None:
        self._limit = max_answer_bytes
        self._connect_timeout = connect_timeout
        self.renew()
        renew_after_fork(self)

    @abstractmethod
    def renew(self) -> None:
        """Lets go of connections that belong to the parent process, without closing them."""


class _SyncTransport(_Transport, httpx.BaseTransport):
    """A transport for threads."""

    def renew(self) -> None:
        self.idle: IdleConnections[Connection] = IdleConnections()
        _pools.add(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = _prepare(request, self._connect_timeout)
        connection = self._take(origin)
        outgoing = OutgoingRequest(request, is_reused=connection is not None)
        while True:
            connection = connection or Connection(request.url)
            try:
                response = connection.handle_request(request)
                body = AnswerBody(request, response, self._limit)
                break
            except BaseException as error:  # noqa: BLE001  # raised again by retry_or_raise
                connection.close()
                if outgoing.needs_room(error):
                    _pools.let_go(of_all=True)
                outgoing.retry_or_raise(error, connection)
                connection = None
        response.stream = _SyncBody(response, body, partial(self._release, origin, connection))
        return response

    def _take(self, origin: Origin) -> Connection | None:
        while (connection := self.idle.take(origin)) and is_dead(connection):
            connection.close()
        return connection

    def _release(self, origin: Origin, connection: Connection) -> None:
        surplus = self.idle.give(origin, connection) if is_idle(connection) else connection
        if surplus:
            surplus.close()
        if _pools.are_due():
            _pools.let_go(of_all=False)

    def let_go(self, *, of_all: bool) -> None:
        for connection in self.idle.drain() if of_all else self.idle.sweep():
            connection.close()

    def close(self) -> None:
        self.let_go(of_all=True)


class _AsyncTransport(_Transport, httpx.AsyncBaseTransport):
    """A transport for asyncio: a connection belongs to the event loop that opened it."""

    def renew(self) -> None:
        # Loops run in threads of their own, so it is never walked, only copied, which is atomic.
        self.loops: dict[asyncio.AbstractEventLoop, _LoopConnections] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = _prepare(request, self._connect_timeout)
        pool = self.loops.get(asyncio.get_running_loop()) or await self._new_pool()
        connection = await pool.take(origin)
        outgoing = OutgoingRequest(request, is_reused=connection is not None)
        while True:
            connection = connection or AsyncConnection(request.url)
            try:
                response = await connection.handle_async_request(request)
                body = AnswerBody(request, response, self._limit)
                break
            except BaseException as error:  # noqa: BLE001  # raised again by retry_or_raise
                await connection.aclose()
                if outgoing.needs_room(error):
                    await pool.close(of_all=True)
                    _pools.let_go(of_all=True, but=pool)
                outgoing.retry_or_raise(error, connection)
                connection = None
        response.stream = _AsyncBody(response, body, partial(pool.release, origin, connection))
        return response

    async def _new_pool(self) -> _LoopConnections:
        """The running loop's pool; forgets those of loops that are no more."""
        for loop in self.loops.copy():
            if loop.is_closed():
                self.loops.pop(loop, None)
        loop = asyncio.get_running_loop()
        pool = self.loops[loop] = _LoopConnections(loop)
        await anext(pool.guard)  # makes the loop know it
        return pool

    def close_from_anywhere(self) -> None:
        """Closes the connections of the loops that still run; those of others are closed."""
        for pool in self.loops.copy().values():
            _run_on(pool.loop, pool.end)


class _LoopConnections:
    """One event loop's connections, which are closed before the loop is.

    `asyncio.run` closes the loop's open asynchronous generators at its end, and that is the
    one moment at which its connections can be closed: later there is no loop to do it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.guard = self._closing()
        self._idle: IdleConnections[AsyncConnection] = IdleConnections()
        self._has_ended = False
        _pools.add(self)

    async def _closing(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.end()

    async def end(self) -> None:
        """Closes all connections, and from now on each that is given back."""
        self._has_ended = True
        await self.close(of_all=True)

    async def take(self, origin: Origin) -> AsyncConnection | None:
        while (connection := self._idle.take(origin)) and is_dead(connection):
            await connection.aclose()
        return connection

    async def release(self, origin: Origin, connection: AsyncConnection) -> None:
        is_kept = is_idle(connection) and not self._has_ended
        surplus = self._idle.give(origin, connection) if is_kept else connection
        if surplus:
            await surplus.aclose()
        if _pools.are_due():
            _pools.let_go(of_all=False, but=self)
            await self.close(of_all=False)

    async def close(self, *, of_all: bool) -> None:
        async with AsyncExitStack() as each:  # cancelled at one, it closes the others, too
            for connection in self._idle.drain() if of_all else self._idle.sweep():
                each.push_async_callback(connection.aclose)

    def let_go(self, *, of_all: bool) -> None:
        if self._idle:
            _run_on(self.loop, partial(self.close, of_all=of_all))


_running: set[asyncio.Task[None]] = set()
"""Tasks that nobody else keeps."""


def _run_on(loop: asyncio.AbstractEventLoop, make: Callable[[], Any]) -> None:
    """Runs a coroutine on another thread's loop, unless that has stopped.

    It is made there: a loop that ends first would leave one behind that was never awaited.
    """

    def begin() -> None:
        task = loop.create_task(make())
        _running.add(task)
        task.add_done_callback(_running.discard)

    if loop.is_running():
        with suppress(RuntimeError):  # it was closed since
            loop.call_soon_threadsafe(begin)


class _Body:
    """A response's body that gives its connection back when it is closed."""

    def __init__(
        self, response: httpx.Response, body: AnswerBody, release: Callable[[], Any]
    ) -> None:
        self._pieces: Any = response.stream
        self._body = body
        self._release: Callable[[], Any] | None = release


class _SyncBody(_Body, httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            yield self._body.feed(piece)
        yield self._body.end()

    def close(self) -> None:
        self._pieces.close()
        release, self._release = self._release, None
        if release:
            release()


class _AsyncBody(_Body, httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            yield self._body.feed(piece)
        yield self._body.end()

    async def aclose(self) -> None:
        release, self._release = self._release, None
        try:
            await self._pieces.aclose()
        finally:  # httpx closes a body once: if that is cancelled, nobody closes the connection
            if release:
                await release()


def _prepare(request: httpx.Request, connect_timeout: float) -> Origin:
    """Limits how long connecting may take, and says where the request goes.

    A password in the address is in a header by now, and httpx logs the address.
    """
    timeout = request.extensions.setdefault("timeout", {})
    if (timeout.get("connect") or connect_timeout) >= connect_timeout:
        request.extensions["timeout"] = {**timeout, "connect": connect_timeout}
    if request.url.userinfo:
        request.url = request.url.copy_with(userinfo=b"")
    url = request.url
    return url.scheme, url.host, url.port


def _new_sync_client(max_answer_bytes: int, connect_timeout: float) -> httpx.Client:
    transport = _SyncTransport(max_answer_bytes, connect_timeout)
    client = httpx.Client(transport=transport, **_client_options(unmask))
    weakref.finalize(client, transport.close)
    return client


def _new_async_client(max_answer_bytes: int, connect_timeout: float) -> httpx.AsyncClient:
    transport = _AsyncTransport(max_answer_bytes, connect_timeout)
    client = httpx.AsyncClient(transport=transport, **_client_options(unmask_async))
    weakref.finalize(client, transport.close_from_anywhere)
    return client


def _client_options(hook: Callable[[httpx.Response], Any]) -> dict[str, Any]:
    return {
        "follow_redirects": False,
        # A jar that takes nothing: models with different keys share the client.
        "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        "headers": {"accept-encoding": ENCODING},
        "event_hooks": {"response": [hook]},
    }


_Client = TypeVar("_Client", httpx.Client, httpx.AsyncClient)
_clients: weakref.WeakValueDictionary[object, Any] = weakref.WeakValueDictionary()


def _shared(new: Callable[[int, float], _Client], *limits: Any) -> _Client:
    """The living client, or a new one. Two threads may race to it: the loser uses the winner's."""
    client: _Client = _clients.get((new, *limits)) or _clients.setdefault(
        (new, *limits), new(*limits)
    )
    return client
