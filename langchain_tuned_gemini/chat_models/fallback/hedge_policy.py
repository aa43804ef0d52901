"""When a second model is asked beside a slow one, and whether that is affordable.

Most calls are quick and a few take many times as long. Asking a second model after a while and
taking whichever answers first cuts those off, for a few more calls: "The Tail at Scale",
https://research.google/pubs/the-tail-at-scale/. What keeps it from doubling the load when every
call is slow is a budget: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, insort
from collections import deque
from typing import Literal

from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

HedgeAfter = float | Literal["p95"]
"""After how many seconds a second model is asked, or after as long as 95 % of calls take."""

CALLS_PER_HEDGE = 20
"""How many calls it takes to pay for one hedge: at most 5 % more load."""

_MOST_SAVED = 10 * CALLS_PER_HEDGE
"""Quiet times may save up for ten hedges: for a burst, not for an outage."""

_WINDOW = 200
_LEAST_SAMPLES = 20
"""Below, one call in twenty is no call at all."""


class HedgePolicy:
    """Says after how long a call gets a hedge, and sees to it that few calls do.

    It begins with nothing saved: of the first n calls at most n / 20 are hedged, for every n.
    Safe with threads, event loops and forks; nothing here waits.

    Args:
        after: How many seconds a model may be silent before the next one is asked, too; or
            `"p95"`, the time within which 95 of 100 of its last 200 calls answered. That is
            known after 20 calls; until then none is hedged.

    Example:
        >>> policy = HedgePolicy(after=0.5)
        >>> policy.delay(is_streamed=False) is None  # no call has paid for it yet
        True
        >>> for _ in range(20):
        ...     policy.count_call()
        >>> policy.delay(is_streamed=False)
        0.5
        >>> policy.spend(), policy.spend()
        (True, False)
    """

    def __init__(self, after: HedgeAfter) -> None:
        self._after = after
        self._saved = 0
        self._durations = {False: _Durations(), True: _Durations()}
        self.renew()
        renew_after_fork(self)

    def count_call(self) -> None:
        """Counts a call that may be hedged: it pays for a part of a hedge."""
        with self._lock:
            self._saved = min(self._saved + 1, _MOST_SAVED)

    def delay(self, *, is_streamed: bool) -> float | None:
        """After how many seconds the call that begins now gets a hedge; None for never."""
        with self._lock:
            if self._saved < CALLS_PER_HEDGE:
                return None
            return self._durations[is_streamed].p95() if self._after == "p95" else self._after

    def spend(self) -> bool:
        """Takes what a hedge costs, and says whether it was there."""
        with self._lock:
            if self._saved < CALLS_PER_HEDGE:
                return False
            self._saved -= CALLS_PER_HEDGE
            return True

    def observe(self, seconds: float, *, is_streamed: bool) -> None:
        """Notes how long the model took to its answer, or on a stream to its first content.

        For a call that was given up because its hedge was quicker, that is how long it was
        waited for: without those, the slow calls would be missing from the percentile.
        """
        with self._lock:
            self._durations[is_streamed].add(seconds)

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        # Re-entrant: the garbage collector may close a stream, and time it, at any time.
        self._lock = threading.RLock()


class _Durations:
    """The last durations, in order of time and in order of length."""

    def __init__(self) -> None:
        self._by_time: deque[float] = deque()
        self._by_length: list[float] = []

    def add(self, seconds: float) -> None:
        self._by_time.append(seconds)
        insort(self._by_length, seconds)
        if len(self._by_time) > _WINDOW:
            del self._by_length[bisect_left(self._by_length, self._by_time.popleft())]

    def p95(self) -> float | None:
        count = len(self._by_length)
        return self._by_length[math.ceil(count * 0.95) - 1] if count >= _LEAST_SAMPLES else None
