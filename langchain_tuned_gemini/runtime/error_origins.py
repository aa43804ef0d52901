"""Where an error comes from: the network, this machine, or the program itself.

HTTP stacks wrap Python's errors. And what the program raises in the middle of a call is no model's
failure: a signal's handler raises wherever the program is, most likely in a read from the network,
whose library then takes a `TimeoutError` or an `OSError` of the program for its own.
"""

from __future__ import annotations

import errno
import inspect
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from traceback import walk_tb
from types import CodeType
from typing import Any, Final

from langchain_tuned_gemini.errors import TunedGeminiError, UserCodeError

HTTP_STACKS: Final = frozenset(
    {"google", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
"""The packages whose errors wrap those of Python's sockets; aiohttp's derive from them."""

_NETWORK: Final = HTTP_STACKS | {
    "aiohttp",
    "anyio",
    "eventlet",
    "gevent",
    "h11",
    "h2",
    "socks",
    "socksio",
    "truststore",
    "uvloop",
}
"""The packages that raise Python's own errors for what the network does."""

_WAITS: Final = frozenset(
    {
        "httpcore._backends.sync",
        "httpcore2._backends.sync",
        "queue",
        "selectors",
        "socket",
        "ssl",
        "tenacity.nap",
        "threading",
    }
)
"""The modules in which a thread waits; out of these only a signal's handler is called."""

_OURS: Final = "langchain_tuned_gemini"

_LOCAL: Final = frozenset(
    {
        errno.EADDRNOTAVAIL,  # no port is left
        errno.EMFILE,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
    }
)
"""What the system says before anything has left this machine."""

_NO_THREAD: Final = "can't start new thread"  # asyncio looks names up in threads

_ALL_ADDRESSES: Final = "All connection attempts failed"

DEEPEST: Final = 8
"""How many errors are followed: real ones are five deep, and made-up ones may be a circle."""


def is_of_a_stack(error: BaseException) -> bool:
    """Whether an HTTP stack has raised it, in the place of one of Python's, most likely."""
    return type(error).__module__.partition(".")[0] in HTTP_STACKS


def cause_of(error: BaseException) -> BaseException | None:
    """The error that another was raised from, or in the place of, if a library cuts the cause off.

    Not what the program was handling before, which was raised outside of the frames of this one.
    """
    caught = error.__context__
    if error.__cause__ is not None or caught is None or caught.__traceback__ is None:
        return error.__cause__
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return caught if caught.__traceback__.tb_frame in frames else None


def roots_of(error: BaseException) -> Iterator[BaseException]:
    """The errors that a stack's errors, which wrap each other, were made from.

    They are not followed beyond the first error that is not the stack's. anyio, which tries all
    addresses of a host, puts an `OSError` of its own around theirs.
    """
    link: BaseException | None = error
    for _ in range(DEEPEST):
        if link is None:
            return
        if is_of_a_stack(link):
            link = cause_of(link)
        elif type(link) is OSError and str(link) == _ALL_ADDRESSES:
            link = link.__cause__
        elif isinstance(link, BaseExceptionGroup):
            yield from link.exceptions
            return
        else:
            yield link
            return


def is_about_a_certificate(error: BaseException) -> bool:
    """Says whether it could not be proved who had answered."""
    return any(isinstance(root, ssl.SSLCertVerificationError) for root in roots_of(error))


def is_local(error: BaseException) -> bool:
    """Whether it was this machine that could not open a connection: of the server, it says nothing.

    Example:
        >>> is_local(OSError(errno.EMFILE, "Too many open files"))
        True
        >>> is_local(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
        False
    """
    roots = list(roots_of(error))
    return bool(roots) and all(_is_local(root) for root in roots)


def _is_local(root: BaseException) -> bool:
    if isinstance(root, socket.gaierror):  # the resolver needs a descriptor, and hides that
        return not _has_a_descriptor()
    if isinstance(root, OSError):
        return root.errno in _LOCAL
    return isinstance(root, RuntimeError) and str(root) == _NO_THREAD


def _has_a_descriptor() -> bool:
    try:
        socket.socket().close()
    except OSError:
        return False
    return True


def raised_by_the_program(error: BaseException) -> Exception | None:
    """The program's own error: this one, or the one that an HTTP library took for its own.

    Returns:
        None for an error that the network, a model, or code that was called for it has raised.
    """
    link: BaseException | None = error
    for _ in range(DEEPEST):
        if not isinstance(link, Exception):
            break
        if _is_the_programs(link):
            return link
        if not is_of_a_stack(link):
            break
        link = cause_of(link)
    return None


def passes_through(error: Exception) -> bool:
    """Says of an error whether it ends all: from a signal's handler, or LangGraph's, to pause."""
    return _comes_from_a_signal(error) or any(
        (known.__module__, known.__qualname__) == ("langgraph.errors", "GraphBubbleUp")
        for known in type(error).__mro__
    )


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives something that must be awaited.

    Example:
        >>> async def ask() -> bool: ...
        >>> is_async(partial(ask)), is_async(len)
        (True, False)
    """
    called = function.func if isinstance(function, partial) else function
    return any(
        inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one)
        for one in (called, getattr(called, "__call__", None))  # noqa: B004
    )


@contextmanager
def user_code(what: str) -> Iterator[None]:
    """Tells what the user's own code raises as its own.

    Raises:
        UserCodeError: From what it raised.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, TunedGeminiError) or passes_through(error):
            raise
        raise UserCodeError(what, error) from error


def _is_the_programs(error: Exception) -> bool:
    """Whether neither the network nor a model's code has raised it.

    Where a signal's handler is not known any more, one of Python's own errors is told by the place:
    code of the program, called out of a wait. Libraries that watch the network, or take its place,
    call it or are called by it elsewhere.
    """
    if _comes_from_a_signal(error):
        return True
    if not isinstance(error, OSError):  # and so a TimeoutError or a ConnectionError
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    raised_in = len(modules)
    while modules and _is_of_the_program(modules[-1]):
        modules.pop()
    return len(modules) < raised_in and bool(modules) and modules[-1] in _WAITS


def _is_of_the_program(module: str) -> bool:
    package = module.partition(".")[0]
    is_known = package in _NETWORK or package in sys.stdlib_module_names or package == _OURS
    return not is_known and module not in _WAITS


def _comes_from_a_signal(error: Exception) -> bool:
    known = map(signal.getsignal, signal.valid_signals())
    handlers = {_code_of(handler) for handler in known if callable(handler)}
    return any(frame.f_code in handlers for frame, _ in walk_tb(error.__traceback__))


def _code_of(handler: object) -> CodeType | None:
    """The code of a signal's handler; None for one that is no Python code."""
    while isinstance(handler, partial):
        handler = handler.func
    if callable(handler) and not (hasattr(handler, "__code__") or hasattr(handler, "__func__")):
        handler = handler.__call__  # an object's
    return getattr(getattr(handler, "__func__", handler), "__code__", None)
