"""Waiting for a model's rate limiter, no longer than the deadline of the call allows."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

from langchain_core.rate_limiters import BaseRateLimiter

from langchain_tuned_gemini.runtime.deadline import queueing, wait_within_deadline
from langchain_tuned_gemini.runtime.error_origins import user_code
from langchain_tuned_gemini.runtime.threads import HelperThread, within_deadline

_PAUSE = 0.1
"""How often a limiter is asked, in seconds, that does not say so, as `InMemoryRateLimiter` does."""


class WithinDeadline(BaseRateLimiter):
    """A rate limiter that is waited for no longer than the deadline in force leaves.

    In a thread it is asked again and again, without blocking: a wait inside of it could not be
    ended, and would take its turn in the end, for nobody.

    Raises:
        TimeoutError: If the deadline is over first; the deadline knows that nobody was asked.
        UserCodeError: If the limiter raises.
    """

    def __init__(self, limiter: BaseRateLimiter) -> None:
        self._limiter = limiter

    def acquire(self, *, blocking: bool = True) -> bool:
        """Waits for a turn."""
        pause = getattr(self._limiter, "check_every_n_seconds", _PAUSE)
        woken = threading.Event()
        thread = HelperThread()  # a limiter may wait though it was told not to
        try:
            with queueing():
                # LangChain looks at no answer: one that gives none has let the call pass.
                while within_deadline(thread.call(self._try)) is False:
                    if not blocking:
                        return False
                    wait_within_deadline(woken.wait, pause, woken.set)
            return True
        finally:
            thread.end()

    def _told_as_its_own(self) -> AbstractContextManager[None]:
        return user_code(f"the rate limiter {type(self._limiter).__name__}")

    def _try(self) -> bool:
        with self._told_as_its_own():
            return self._limiter.acquire(blocking=False)

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Waits for a turn; a task that waits can be cancelled."""
        with queueing(), self._told_as_its_own():
            return await self._limiter.aacquire(blocking=blocking)
