"""The HTTP clients that all models of the process share: one TLS context, keep-alive that keeps.

Upstream, every model object builds TLS contexts of its own (some 30 ms and 5 MB each), and its
connection pool keeps 20 connections, so that 32 calls in flight open a new connection, with a
TLS handshake, for nearly every call. Here the clients are shared, redirects are refused, since
a redirect would carry the API key to another host, and no cookie is kept.

httpx pools connections through httpcore, whose pool looks at every connection for every
request: at 128 calls in flight it spends some 30 ms of CPU a request on that (asyncio). So each
connection gets an httpx transport of its own here, and what is ours is a stack of idle ones,
newest first.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
import weakref
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ssl import SSLContext
from typing import Generic, TypeVar

import httpx

from langchain_tuned_gemini.forks import renew_after_fork
from langchain_tuned_gemini.punctual import PunctualTransport
from langchain_tuned_gemini.soft_errors import unmask, unmask_async

CONNECT_TIMEOUT = 5.0
"""How long opening a connection may take, in seconds; a host that is down shows much sooner."""

KEEP_ALIVE = 60.0
"""How long an idle connection is kept, in seconds; Google's front ends keep it for longer."""

MAX_IDLE = 256
"""How many idle connections are kept for each host."""

_Transport = TypeVar("_Transport", httpx.HTTPTransport, httpx.AsyncHTTPTransport)
_Origin = tuple[str, str, int | None]


@cache
def tls_context() -> SSLContext:
    """The process's one TLS context; honours `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return httpx.create_ssl_context()


def sync_client() -> httpx.Client:
    """The process's client for synchronous calls; closed when its last user is gone."""
    return _shared(_sync_clients, _new_sync_client)


def async_client() -> httpx.AsyncClient:
    """The process's client for asynchronous calls, for any number of event loops."""
    return _shared(_async_clients, _new_async_client)


@dataclass(slots=True)
class _Idle(Generic[_Transport]):
    """The idle connections to each host, newest last.

    What was used last is the likeliest to be alive, and the others get to grow old and go.
    What `dict` and `deque` do here is atomic, so that threads need no lock.
    """

    stacks: dict[_Origin, deque[tuple[float, _Transport]]] = field(default_factory=dict)

    def take(self, origin: _Origin) -> _Transport | None:
        try:
            return self.stacks[origin].pop()[1]
        except (KeyError, IndexError):
            return None

    def give(self, origin: _Origin, connection: _Transport) -> list[_Transport]:
        """Keeps a connection; returns those that are to be closed in its place."""
        stack = self.stacks.setdefault(origin, deque())
        now = time.monotonic()
        stack.append((now, connection))
        surplus = []
        try:
            while len(stack) > MAX_IDLE or now - stack[0][0] > KEEP_ALIVE:
                surplus.append(stack.popleft()[1])
        except IndexError:
            pass  # another thread took the last one
        return surplus

    def drain(self) -> list[_Transport]:
        """Forgets all connections and returns them."""
        drained = [connection for stack in self.stacks.values() for _, connection in stack]
        self.stacks = {}
        return drained


class _SyncTransport(httpx.BaseTransport):
    """Gives every request a connection that no other request is using."""

    def __init__(self) -> None:
        self.idle: _Idle[httpx.HTTPTransport] = _Idle()
        renew_after_fork(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        origin = _prepare(request)
        connection = self.idle.take(origin) or PunctualTransport(
            verify=tls_context(), limits=_ONE, proxy=_proxy_for(request.url)
        )
        try:
            response = connection.handle_request(request)
        except BaseException:
            connection.close()
            raise
        response.stream = _SyncBody(response, lambda: self._release(origin, connection))
        return response

    def _release(self, origin: _Origin, connection: httpx.HTTPTransport) -> None:
        for surplus in self.idle.give(origin, connection):
            surplus.close()

    def renew(self) -> None:
        """Lets go of connections that belong to the parent process, without closing them."""
        self.idle = _Idle()

    def close(self) -> None:
        for connection in self.idle.drain():
            connection.close()


class _AsyncTransport(httpx.AsyncBaseTransport):
    """The same for asyncio: a connection belongs to the event loop that opened it."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Lets go of connections that belong to the parent process, without closing them."""
        self.loops: dict[asyncio.AbstractEventLoop, _LoopConnections] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = _prepare(request)
        idle = (await self._connections()).idle
        connection = idle.take(origin) or httpx.AsyncHTTPTransport(
            verify=tls_context(), limits=_ONE, proxy=_proxy_for(request.url)
        )
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise

        async def release() -> None:
            for surplus in idle.give(origin, connection):
                await surplus.aclose()

        response.stream = _AsyncBody(response, release)
        return response

    async def _connections(self) -> _LoopConnections:
        """The running loop's connections."""
        loop = asyncio.get_running_loop()
        if loop not in self.loops:
            for closed in [known for known in self.loops if known.is_closed()]:
                del self.loops[closed]
            self.loops[loop] = await _LoopConnections.of_the_running_loop()
        return self.loops[loop]

    def close_from_anywhere(self) -> None:
        """Closes the connections of the loops that still run; those of others are closed."""
        for loop, connections in self.loops.items():
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(connections.guard.aclose(), loop)


@dataclass(slots=True)
class _LoopConnections:
    """One event loop's connections, which are closed before the loop is.

    `asyncio.run` closes the loop's open asynchronous generators at its end, and that is the
    one moment at which its connections can be closed: later there is no loop to do it.
    """

    idle: _Idle[httpx.AsyncHTTPTransport]
    guard: AsyncGenerator[None, None]

    @classmethod
    async def of_the_running_loop(cls) -> _LoopConnections:
        idle: _Idle[httpx.AsyncHTTPTransport] = _Idle()
        guard = _closing(idle)
        await anext(guard)  # makes the loop know it
        return cls(idle, guard)


async def _closing(idle: _Idle[httpx.AsyncHTTPTransport]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for connection in idle.drain():
            await connection.aclose()


class _SyncBody(httpx.SyncByteStream):
    """A response's body that gives its connection back when it is closed."""

    def __init__(self, response: httpx.Response, release: Callable[[], None]) -> None:
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise TypeError(response.stream)
        self._body = response.stream
        self._release: Callable[[], None] | None = release

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        self._body.close()
        release, self._release = self._release, None
        if release:
            release()


class _AsyncBody(httpx.AsyncByteStream):
    """The same for asyncio."""

    def __init__(self, response: httpx.Response, release: Callable[[], object]) -> None:
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise TypeError(response.stream)
        self._body = response.stream
        self._release: Callable[[], object] | None = release

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._body.__aiter__()

    async def aclose(self) -> None:
        await self._body.aclose()
        release, self._release = self._release, None
        if release:
            await release()  # type: ignore[misc]


_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE)


def _prepare(request: httpx.Request) -> _Origin:
    """Limits how long connecting may take, and says where the request goes.

    A password in the address is in a header by now, and httpx logs the address.
    """
    timeout = request.extensions.setdefault("timeout", {})
    if (timeout.get("connect") or CONNECT_TIMEOUT) >= CONNECT_TIMEOUT:
        request.extensions["timeout"] = {**timeout, "connect": CONNECT_TIMEOUT}
    if request.url.userinfo:
        request.url = request.url.copy_with(userinfo=b"")
    url = request.url
    return url.scheme, url.host, url.port


def _proxy_for(url: httpx.URL) -> str | None:
    """The proxy that the environment names; httpx does not look when it is given a transport."""
    if urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(url.scheme) or proxies.get("all")


def _new_sync_client() -> httpx.Client:
    transport = _SyncTransport()
    client = httpx.Client(
        transport=transport,
        follow_redirects=False,
        cookies=_no_cookies(),
        event_hooks={"response": [unmask]},
    )
    weakref.finalize(client, transport.close)
    return client


def _new_async_client() -> httpx.AsyncClient:
    transport = _AsyncTransport()
    client = httpx.AsyncClient(
        transport=transport,
        follow_redirects=False,
        cookies=_no_cookies(),
        event_hooks={"response": [unmask_async]},
    )
    weakref.finalize(client, transport.close_from_anywhere)
    return client


def _no_cookies() -> CookieJar:
    """A jar that takes nothing: models with different keys share the client."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


_Client = TypeVar("_Client", httpx.Client, httpx.AsyncClient)
_sync_clients: weakref.WeakValueDictionary[str, httpx.Client] = weakref.WeakValueDictionary()
_async_clients: weakref.WeakValueDictionary[str, httpx.AsyncClient] = weakref.WeakValueDictionary()


def _shared(
    clients: weakref.WeakValueDictionary[str, _Client], new: Callable[[], _Client]
) -> _Client:
    """The living client, or a new one. Two threads may race to it: the loser uses the winner's."""
    return clients.get("shared") or clients.setdefault("shared", new())
