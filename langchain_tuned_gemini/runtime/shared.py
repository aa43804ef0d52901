"""What everybody in this process shares who asks for the same key."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

T = TypeVar("T")


class SharedByKey(Generic[T]):
    """One thing for each key, made when it is first asked for.

    None is kept alive from here: when the last who holds it is gone, so is what it knew.

    Args:
        make: Makes a new one.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._known: weakref.WeakValueDictionary[str, T] = weakref.WeakValueDictionary()
        self.renew()
        renew_after_fork(self)

    def get(self, key: str) -> T:
        """That of a key."""
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = self._make()
            return found

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        # Re-entrant: the garbage collector may build a model at any time.
        self._lock = threading.RLock()
