"""Telling now, or as soon as it is safe.

A stream that was given up may be closed by the garbage collector, anywhere: also in a thread that
is just inside the SDK and holds one of its locks, which no thread can take twice. What is known
because of such a close is therefore told a little later, before the next thing that is told or
when metrics are collected.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

_waiting: deque[Callable[[], None]] = deque()


def tell(what: Callable[[], None], because_of: BaseException | None) -> None:
    """Does it at once, unless it is because a generator is being closed."""
    if isinstance(because_of, GeneratorExit):
        _waiting.append(what)
    else:
        what()


def catch_up() -> None:
    """Tells what had to wait."""
    while _waiting:
        try:
            what = _waiting.popleft()
        except IndexError:  # another thread was quicker
            return
        what()
