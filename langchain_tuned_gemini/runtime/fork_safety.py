"""Things that a forked process must not share with its parent: locks, requests, connections.

A fork copies locks as they are, perhaps held, but not the threads that held them.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Renewable(Protocol):
    """Something that holds what only one process may hold."""

    def renew(self) -> None:
        """Starts anew with what belongs to this process alone."""


_known: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(thing: Renewable) -> None:
    """Renews a thing in every process that is forked from this one, while it lives."""
    _known.add(thing)


def _renew_all() -> None:
    for thing in _known:
        thing.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)


class SharedByKey(Generic[T]):
    """One thing for each key, made when it is first asked for.

    None is kept alive from here: when the last who holds it is gone, so is what it knew.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: weakref.WeakValueDictionary[str, T] = weakref.WeakValueDictionary()
        self.renew()
        renew_after_fork(self)

    def get(self, key: str) -> T:
        """The thing of a key."""
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = self._make()
            return found

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        # Re-entrant: the garbage collector may build a model at any time.
        self._lock = threading.RLock()
