"""Whether a failed call may be tried again: only while most calls succeed.

A retry helps against a transient failure. When a service is down, retries double the load that
keeps it down, and no caller is better off. So successes pay for retries, as gRPC has it:
https://github.com/grpc/proposal/blob/master/A6-client-retries.md#throttling-retry-attempts-and-hedged-rpcs
"""

from __future__ import annotations

import threading

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

_MILLI = 1000
"""Tokens are counted in thousandths, as gRPC does: a tenth is not exact as a float."""


class RetryBudget:
    """A bucket of tokens: a failure takes one, a success gives a part of one back.

    A retry is allowed while more than half of the tokens are there. With the defaults, a full
    bucket pays for the retries of 4 failures in a row; then it takes ten successes to make up
    for each failure. Safe with threads, event loops and forks; nothing here waits.

    Args:
        tokens: How many the bucket holds, and has at first; above 0, at most 1000.
        per_success: How much of a token a success gives back; above 0, three decimals count.

    Raises:
        ParameterError: A number is out of its range.

    Example:
        >>> budget = RetryBudget()
        >>> [budget.spend() for failure in range(5)]
        [True, True, True, True, False]
        >>> budget.earn()
        >>> budget.tokens
        5.1
    """

    def __init__(self, tokens: float = 10.0, per_success: float = 0.1) -> None:
        self._most = round(tokens * _MILLI)
        self._gain = round(per_success * _MILLI)
        if not (0 < self._most <= 1000 * _MILLI and self._gain > 0):
            raise ParameterError(
                f"RetryBudget({tokens=}, {per_success=}) is out of range: it holds more than 0 "
                "and at most 1000 tokens, and a success gives at least 0.001 back."
            )
        self._left = self._most
        self.renew()
        renew_after_fork(self)

    @property
    def tokens(self) -> float:
        """How many are there."""
        return self._left / _MILLI

    def earn(self) -> None:
        """Counts a call that succeeded."""
        with self._lock:
            self._left = min(self._left + self._gain, self._most)

    def spend(self) -> bool:
        """Counts a call that failed, and says whether it may be tried again.

        The retry is a call of its own: its outcome is counted, too.
        """
        with self._lock:
            self._left = max(self._left - _MILLI, 0)
            return 2 * self._left > self._most

    def renew(self) -> None:
        """Starts with a lock that nobody holds, in a process that was just forked."""
        # Re-entrant: the garbage collector may close a stream, and count it, at any time.
        self._lock = threading.RLock()
