"""What an error of an HTTP stack was made from, and what that says about this machine."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from traceback import walk_tb
from typing import Final

HTTP_STACKS: Final = frozenset(
    {"google", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
"""The packages whose errors wrap those of Python's sockets; aiohttp's derive from them."""

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
    """What an error was raised from, or in the place of, where a library cuts the cause off.

    Not what the program was handling before, which was raised outside of the frames of this one.
    """
    caught = error.__context__
    if error.__cause__ is not None or caught is None or caught.__traceback__ is None:
        return error.__cause__
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return caught if caught.__traceback__.tb_frame in frames else None


def roots_of(error: BaseException) -> Iterator[BaseException]:
    """What a stack's errors, which wrap each other, were made from.

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
    """Whether it could not be proved who had answered."""
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
