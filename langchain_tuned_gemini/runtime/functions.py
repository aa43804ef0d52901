"""What can be told of a function before it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any


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
