"""What was counted, until somebody collects metrics.

A call only notes what happened, which neither waits nor calls anybody, and is safe in the garbage
collector, too. Where nobody collects, what is kept does not grow: equal things are counted.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

K = TypeVar("K", bound=Hashable)

_MANY = 256
"""How many notes are kept one by one, before equal ones are counted."""


class Deferred(Generic[K]):
    """Notes what happens, and tells how often it did."""

    def __init__(self) -> None:
        self._noted: deque[K] = deque()
        self._counts: Counter[K] = Counter()
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._counting = threading.Lock()

    def note(self, what: K) -> None:
        """Notes it; counts are left to another thread that is at it."""
        self._noted.append(what)
        if len(self._noted) >= _MANY and self._counting.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._counting.release()

    def take(self) -> Counter[K]:
        """What was noted since the last time, and how often."""
        with self._counting:
            self._count()
            counts, self._counts = self._counts, Counter()
        return counts

    def _count(self) -> None:
        for _ in range(len(self._noted)):
            self._counts[self._noted.popleft()] += 1
