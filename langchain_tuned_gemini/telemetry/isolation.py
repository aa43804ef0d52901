"""Keeps what an application has plugged into OpenTelemetry away from the calls.

OpenTelemetry promises not to raise, but samplers, processors, exporters and readers are anybody's
code. They raise, wait for a network, hold locks, and may even call a model. So none of them runs
in a thread that makes a call: spans begin and end in threads of their own, for which a call waits
a moment at the most, and metrics are recorded by whoever collects them.
"""

from __future__ import annotations

import _thread
import itertools
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from queue import Full, SimpleQueue

from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork

_logger = logging.getLogger("langchain_tuned_gemini")

_PATIENCE = 0.1
"""How long a call waits for telemetry, in seconds; what is quick is done when the call returns."""

_MOST = 1_000
"""How many things may wait for a thread that is busy; what comes after them is lost."""

_here = threading.local()


def is_aside() -> bool:
    """Whether this thread is one that runs telemetry, so that whoever calls is plugged into it."""
    return getattr(_here, "is_aside", False)


class Harmless:
    """Ends an exception of the telemetry inside `with`, and logs it.

    In a thread that makes a call, what is no `Exception`, such as a cancellation, passes: it is
    the caller's.
    """

    def __init__(self) -> None:
        self._failures = itertools.count(1)

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if error is None or not (isinstance(error, Exception) or is_aside()):
            return False
        count = next(self._failures)
        if count & (count - 1) == 0:  # the 1st, 2nd, 4th, 8th, ...: an outage fills no disk
            _logger.warning(
                "Telemetry failed with %s, %d times so far; no call is affected. Log at DEBUG to "
                "see where.",
                type(error).__name__,
                count,
                # Its text may hold an exporter's address and headers, so only on request.
                exc_info=error if _logger.isEnabledFor(logging.DEBUG) else None,
            )
        return True


harmless = Harmless()


class Aside:
    """A thread that does one thing after the other, so that a call need not.

    All that a call does is to put something into a queue, which is safe wherever it happens: also
    in the garbage collector, which may close a stream while this thread holds any lock.

    Args:
        patience: How long a call waits for what it has put there, in seconds; while the thread
            is late, not at all.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Starts without a thread; it is made when there is something to do."""
        self._asked: SimpleQueue[tuple[Context, Callable[[], object], _thread.LockType]] = (
            SimpleQueue()
        )
        self._unstarted = threading.Lock()
        self._is_late = False

    def run(self, what: Callable[[], object]) -> None:
        """Has something done in the caller's context, and waits for it unless that takes long."""
        if self._asked.qsize() >= _MOST:
            with harmless:
                raise Full
            return
        done = threading.Lock()
        done.acquire()
        self._asked.put((copy_context(), what, done))
        if self._unstarted.acquire(blocking=False) and not self._has_started():
            return
        if not self._is_late and not is_aside():
            self._is_late = not done.acquire(timeout=self._patience)

    def _has_started(self) -> bool:
        """Starts the thread; not with `threading`, whose locks a finalizer must not wait for."""
        with harmless:
            _thread.start_new_thread(self._work, (self._asked,))
            return True
        self._unstarted.release()  # there may be room for a thread later
        return False

    def _work(
        self, asked: SimpleQueue[tuple[Context, Callable[[], object], _thread.LockType]]
    ) -> None:
        _here.is_aside = True
        while True:
            with suppress(BaseException):  # of a logging handler: there is nobody left to tell
                self._do(*asked.get())
            if asked.empty():
                self._is_late = False

    @staticmethod
    def _do(context: Context, what: Callable[[], object], done: _thread.LockType) -> None:
        try:
            with harmless:
                context.run(what)
        finally:
            done.release()


starting = Aside()
"""Begins spans: samplers and processors look at them."""

ending = Aside()
"""Ends spans: they are exported, perhaps over a network, and the next one begins all the same."""
