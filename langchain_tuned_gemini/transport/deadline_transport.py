"""Connections for threads that keep to the deadline in force, whatever each read may take."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from ssl import SSLContext
from typing import Any, TypeVar

import httpcore
from httpcore import SOCKET_OPTION

from langchain_tuned_gemini.runtime.deadline import DeadlineOverError, wait_within_deadline
from langchain_tuned_gemini.runtime.program_errors import raised_by_the_program

T = TypeVar("T")


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
    wait: Callable[[float | None], T],
    timeout: float | None,
    interrupt: Callable[[], None],
    kind: type[httpcore.TimeoutException],
) -> T:
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
