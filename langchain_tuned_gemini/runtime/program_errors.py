"""What the program itself raises in the middle of a call: none of it is a model's failure.

A signal's handler raises wherever the program is at the moment, most likely in a read from the
network, whose library then takes a `TimeoutError` or an `OSError` of the program for its own.
"""

from __future__ import annotations

import inspect
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from traceback import walk_tb
from types import CodeType
from typing import Any

from langchain_tuned_gemini.errors import TunedGeminiError, UserCodeError
from langchain_tuned_gemini.runtime.causes import DEEPEST, HTTP_STACKS, cause_of, is_of_a_stack

_NETWORK = HTTP_STACKS | {
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

_WAITS = frozenset(
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

_OURS = "langchain_tuned_gemini"


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
    """Whether it ends whatever is going on: from a signal's handler, or LangGraph's, to pause."""
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
