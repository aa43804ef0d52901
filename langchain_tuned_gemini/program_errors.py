"""What the program itself raises in the middle of a call: none of it is a model's failure.

A signal's handler raises wherever the program is at the moment, most likely in a read from the
network, whose library then takes a `TimeoutError` or an `OSError` of the program for its own.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from traceback import walk_tb
from types import CodeType

from langchain_tuned_gemini.errors import TunedGeminiError, UserCodeError

HTTP_STACKS = frozenset(
    {"google", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3"}
)
"""The packages whose errors wrap those of Python's sockets; aiohttp's derive from them."""

_NETWORK = HTTP_STACKS | {
    "aiohttp",
    "anyio",
    "eventlet",
    "gevent",
    "h11",
    "h2",
    "socksio",
    "uvloop",
}
"""The packages that raise Python's own errors for what the network does."""

_WAITS = frozenset({"queue", "selectors", "socket", "ssl", "threading"})
"""The modules of Python in which a program waits; of these only a signal's handler is called."""

_OURS = "langchain_tuned_gemini"
_DEEPEST = 8


def raised_by_the_program(error: BaseException) -> Exception | None:
    """The program's own error: this one, or the one that an HTTP library took for its own.

    Returns:
        None for an error that the network, a model, or code that was called for it has raised.
    """
    link: BaseException | None = error
    for _ in range(_DEEPEST):
        if not isinstance(link, Exception):
            break
        if _is_the_programs(link):
            return link
        if type(link).__module__.partition(".")[0] not in HTTP_STACKS:
            break
        link = link.__cause__ or _caught(link)
    return None


def passes_through(error: Exception) -> bool:
    """Whether it ends whatever is going on: from a signal's handler, or LangGraph's, to pause."""
    return _comes_from_a_signal(error) or any(
        (known.__module__, known.__qualname__) == ("langgraph.errors", "GraphBubbleUp")
        for known in type(error).__mro__
    )


@contextmanager
def user_code(what: str) -> Iterator[None]:
    """Tells what the user's own code raises as its own.

    Args:
        what: Which code it is, such as "the query function of the few-shot prompt".

    Raises:
        UserCodeError: From what it raised.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, TunedGeminiError) or passes_through(error):
            raise
        raise UserCodeError(what, error) from error


def _caught(error: BaseException) -> BaseException | None:
    """What an error was raised in the place of, where a library cuts off the cause.

    Not what the program was handling before, which was raised outside of the frames of this one.
    """
    caught = error.__context__
    if caught is None or caught.__traceback__ is None:
        return None
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return caught if caught.__traceback__.tb_frame in frames else None


def _is_the_programs(error: Exception) -> bool:
    """Whether neither the network nor a model's code has raised it.

    Where a signal's handler is not known any more, one of Python's own errors is told by the place:
    code that is none of the network's, called out of the network's or out of a wait.
    """
    if _comes_from_a_signal(error):
        return True
    if not isinstance(error, OSError):  # and so a TimeoutError or a ConnectionError
        return False
    names = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    packages = [name.partition(".")[0] for name in names]
    while packages and packages[-1] in sys.stdlib_module_names:
        packages.pop()
    if not packages or packages[-1] in _NETWORK or packages[-1] == _OURS:
        return False
    return not (_NETWORK | _WAITS).isdisjoint(packages)


def _comes_from_a_signal(error: Exception) -> bool:
    handlers = {_code_of(signal.getsignal(number)) for number in signal.valid_signals()}
    return any(frame.f_code in handlers for frame, _ in walk_tb(error.__traceback__))


def _code_of(handler: object) -> CodeType | None:
    """The code of a signal's handler; None for one that is no Python code."""
    while isinstance(handler, partial):
        handler = handler.func
    if callable(handler) and not (hasattr(handler, "__code__") or hasattr(handler, "__func__")):
        handler = handler.__call__  # an object's
    return getattr(getattr(handler, "__func__", handler), "__code__", None)
