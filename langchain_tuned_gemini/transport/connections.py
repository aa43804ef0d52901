"""Connections to one host each, and what is kept of them while no request uses them.

Those of threads keep to the deadline in force, whatever each read may take.
"""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from importlib.util import find_spec
from ssl import SSLContext
from typing import Any, Generic, Protocol, TypeVar

import httpcore
import httpx
from httpcore import SOCKET_OPTION

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.runtime.deadline import DeadlineOverError, wait_within_deadline
from langchain_tuned_gemini.runtime.error_origins import raised_by_the_program

KEEP_ALIVE = 60.0
"""How long an idle connection is kept, in seconds; Google's front ends keep it for longer."""

MAX_IDLE = 256
"""How many idle connections are kept, to all hosts together, by threads and by each event loop."""

_T = TypeVar("_T")
_LIMITS = httpx.Limits(keepalive_expiry=KEEP_ALIVE)


@cache
def tls_context() -> SSLContext:
    """The process's one TLS context; honours `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return httpx.create_ssl_context()


def proxy_for(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names, as httpx reads it; it does not look by itself here.

    Raises:
        ParameterError: What it names is no proxy.
    """
    proxies = urllib.request.getproxies()  # which leaves HTTP_PROXY out in a CGI script
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named or _is_bypassed(url, proxies.get("no", "")):
        return None
    with suppress(ValueError, httpx.InvalidURL):  # whose words may hold the password
        proxy = httpx.Proxy(named if "://" in named else f"http://{named}")
        if not proxy.url.scheme.startswith("socks") or find_spec("socksio"):
            return proxy
    name = url.scheme.upper()
    raise ParameterError(
        f"The environment's proxy for {name.lower()} can't be used. Set {name}_PROXY or ALL_PROXY "
        f"to an address such as http://proxy.example:3128 (socks5://… needs the package socksio), "
        f"or name {url.host} in NO_PROXY."
    )


def _is_bypassed(url: httpx.URL, no_proxy: str) -> bool:
    """Whether NO_PROXY, or what the system has in its place, names a host, or its port."""
    if "*" in (name.strip() for name in no_proxy.split(",")):
        return True
    host = f"[{url.host}]" if ":" in url.host else url.host
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    names = (url.host, f"{host}:{port}", f"{url.scheme}://{host}")
    return any(urllib.request.proxy_bypass(name) for name in names)


class DeadlineBackend(httpcore.SyncBackend):
    """Opens connections that keep to the deadline in force."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Opens one."""
        connect = partial(
            super().connect_tcp,
            host,
            port,
            local_address=local_address,
            socket_options=socket_options,
        )
        stream = _wait(connect, timeout, _nothing_to_wake, httpcore.ConnectTimeout)
        return _DeadlineStream(stream)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection that asks before each wait how long it may be."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = partial(self._stream.read, max_bytes)
        return _wait(read, timeout, self._hang_up, httpcore.ReadTimeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            write = partial(self._stream.write, buffer)
            _wait(write, timeout, self._hang_up, httpcore.WriteTimeout)

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        start = partial(self._stream.start_tls, ssl_context, server_hostname)
        return _DeadlineStream(_wait(start, timeout, self._hang_up, httpcore.ConnectTimeout))

    def _hang_up(self) -> None:
        """Ends a wait that another thread is in: it reads the end of the connection."""
        with suppress(OSError):  # the other side was quicker
            # Not the method of an SSL socket: that takes the TLS state from under the reader.
            socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _nothing_to_wake() -> None:
    """A connection that is being opened has no socket yet; `CONNECT_TIMEOUT` limits it."""


def _wait(
    wait: Callable[[float | None], _T],
    timeout: float | None,
    interrupt: Callable[[], None],
    kind: type[httpcore.TimeoutException],
) -> _T:
    """Waits within the deadline, whose end is httpcore's error, which httpx turns into its own.

    What a signal's handler raised in the wait is raised as it was, where httpcore took it for the
    connection's: nobody is to try again after it.
    """
    try:
        return wait_within_deadline(wait, timeout, interrupt)
    except DeadlineOverError as over:
        raise kind(str(over)) from over
    except Exception as error:
        if (own := raised_by_the_program(error)) is not None:
            raise own from None
        raise


class Connection(httpx.HTTPTransport):
    """A connection for threads, which keeps to deadlines: httpx's transport without its pool."""

    def __init__(self, url: httpx.URL) -> None:
        super().__init__(limits=_LIMITS, verify=tls_context(), proxy=proxy_for(url))
        # httpx has no public way to give its pool a network backend; httpcore's pool has one.
        self._pool._network_backend = DeadlineBackend()
        self._pool = self._pool.create_connection(_origin_of(url))  # type: ignore[assignment]


class AsyncConnection(httpx.AsyncHTTPTransport):
    """A connection of an event loop: httpx's transport without the pool in it."""

    def __init__(self, url: httpx.URL) -> None:
        super().__init__(limits=_LIMITS, verify=tls_context(), proxy=proxy_for(url))
        self._pool._network_backend = self._network = _Network()
        self._pool = self._pool.create_connection(_origin_of(url))  # type: ignore[assignment]

    async def aclose(self) -> None:
        """Closes it, whatever it is at."""
        try:
            await super().aclose()
        finally:
            if self._network.stream:
                await self._network.stream.aclose()


class _Network(httpcore.AnyIOBackend):
    """Knows what it opened: httpcore forgets it if it is cancelled in the TLS handshake."""

    stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        self.stream = await super().connect_tcp(*args, **options)
        return self.stream


def _origin_of(url: httpx.URL) -> httpcore.Origin:
    address = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )
    return address.origin


class _Wired(Protocol):
    """Either kind of connection."""

    _pool: Any


_Connection = TypeVar("_Connection", bound=_Wired)
Origin = tuple[str, str, int | None]


def is_idle(connection: _Wired) -> bool:
    """Says whether a connection may take another request: the last answer was read to its end."""
    return bool(connection._pool.is_idle())


def is_dead(connection: _Wired) -> bool:
    """Says whether a connection is too old, or the server has closed it."""
    return bool(connection._pool.is_closed() or connection._pool.has_expired())


class IdleConnections(Generic[_Connection]):
    """The connections that wait for a request, to every host.

    The newest goes out first: it is the likeliest to be alive, and the others grow old and go.
    Threads may share it. One thread may come in twice, since the garbage collector closes the
    clients wherever it likes: so the lock lets it, and `drain` replaces what it empties.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._stacks: dict[Origin, deque[tuple[float, _Connection]]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return sum(map(len, self._stacks.values()))

    def take(self, origin: Origin) -> _Connection | None:
        """The connection to a host that was used last; it may be dead."""
        with self._lock:
            stack = self._stacks.get(origin)
            return None if stack is None else self._removed(origin, stack.pop)

    def give(self, origin: Origin, connection: _Connection) -> _Connection | None:
        """Keeps a connection; returns the oldest one of all if there are too many now."""
        with self._lock:
            stacks = self._stacks
            stacks.setdefault(origin, deque()).append((self._clock(), connection))
            if sum(map(len, stacks.values())) <= MAX_IDLE:
                return None
            oldest = min(stacks, key=lambda one: stacks[one][0][0])
            return self._removed(oldest, stacks[oldest].popleft)

    def sweep(self) -> list[_Connection]:
        """Forgets those that are dead, and returns them to be closed."""
        dead = []
        with self._lock:
            alive: dict[Origin, deque[tuple[float, _Connection]]] = {}
            for origin, stack in self._stacks.items():
                for entry in stack:
                    if is_dead(entry[1]):
                        dead.append(entry[1])
                    else:
                        alive.setdefault(origin, deque()).append(entry)
            self._stacks = alive
        return dead

    def drain(self) -> list[_Connection]:
        """Forgets all of them, and returns them to be closed."""
        with self._lock:
            stacks, self._stacks = self._stacks, {}
        return [connection for stack in stacks.values() for _, connection in stack]

    def _removed(self, origin: Origin, pop: Callable[[], tuple[float, _Connection]]) -> _Connection:
        _, connection = pop()
        if not self._stacks.get(origin):
            self._stacks.pop(origin, None)
        return connection
