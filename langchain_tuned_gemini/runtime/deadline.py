"""When a call must have ended: enforced on every read from the network, not on the silence.

httpx's timeouts are for each read: a server that sends a byte every 0.1 s kept a call with a
timeout of 1.5 s alive for 23.5 s. asyncio can end a call from outside; a thread that waits for a
socket can't be, so there the shared HTTP clients ask `remaining` before they wait.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Literal, Self

_EARLY = 0.01
"""How many seconds too early a wait may end."""

Limit = Literal["first", "stall", "total"]

_current: ContextVar[Deadline | None] = ContextVar("tuned_gemini_deadline", default=None)


class DeadlineOverError(TimeoutError):
    """Ends a wait: the deadline in force is over, and was ours, not the program's."""

    def __init__(self) -> None:
        super().__init__("the deadline of the call is over")


class Deadline:
    """A time limit that is in force inside `with` and `async with`.

    On a stream it is in force for one chunk at a time, and moves with each: the first one has
    `first`, each further one `stall`, and all of them together `total`. In between, while whoever
    reads the stream is busy with what it got, no time passes.

    Args:
        first: How long the first chunk may take, in seconds; None for ever.
        stall: How long each further chunk may take, in seconds; None for ever.
        total: How long everything may take, in seconds; None for ever.
        clock: The time in seconds.

    Attributes:
        overdue: By how many seconds it had been passed when an error ended the call; a lot of
            them says that this process stood still. Negative if the error came earlier.
        queued: For how many seconds nobody was asked: the call waited for its turn.
        is_queueing: Whether it still does, or did when it ended.
        lost: What ended connections after which a request went out again, and when.
    """

    def __init__(
        self,
        *,
        first: float | None = None,
        stall: float | None = None,
        total: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.overdue = float("-inf")
        self.queued = 0.0
        self.is_queueing = False
        self.lost: tuple[tuple[float, Exception], ...] = ()
        self._clock = clock
        self._limits = {"first": first, "stall": stall, "total": total}
        self._each: Limit = "first"
        now = clock()
        self._end = now + total if total is not None else float("inf")
        self._at = min(self._end, now + first) if first is not None else self._end
        self._left_at: float | None = None
        self._is_cancelled = False
        self._outer: Deadline | None = None
        self._interrupts: list[Callable[[], None]] = []
        self._waiting = threading.Lock()
        self._token: Token[Deadline | None] | None = None
        self._timeout: AbstractAsyncContextManager[object] | None = None

    def chunk_arrived(self) -> None:
        """Gives the next chunk its time."""
        stall = self._limits["stall"]
        self._each = "stall"
        self._at = min(self._end, self._clock() + (float("inf") if stall is None else stall))

    @property
    def limit(self) -> tuple[Limit, float]:
        """Which of the limits is in force now, and how many seconds it is."""
        kind: Limit = "total" if self._at >= self._end else self._each
        return kind, self._limits[kind] or float("inf")

    @property
    def is_over(self) -> bool:
        """Whether it had been passed when an error ended the call; clocks may be a bit early."""
        return self.overdue > -_EARLY

    def cancel(self) -> None:
        """Ends the call from another thread: the wait that it is in, and all that would follow.

        A task needs none of this: it can be cancelled.
        """
        self._is_cancelled = True
        with self._waiting:
            for interrupt in self._interrupts:
                interrupt()

    def remaining(self) -> float:
        """How many seconds are left; not above zero when it is over, infinite without a limit.

        Inside of another deadline, no more than that one leaves.
        """
        left = float("-inf") if self._is_cancelled else self._at - self._clock()
        return left if self._outer is None else min(left, self._outer.remaining())

    def _and_outer_ones(self) -> list[Deadline]:
        return [self, *(self._outer._and_outer_ones() if self._outer is not None else ())]

    def _begin_wait(self, interrupt: Callable[[], None]) -> None:
        """Says how the wait that begins is ended from another thread."""
        with self._waiting:
            self._interrupts.append(interrupt)

    def _end_wait(self, interrupt: Callable[[], None]) -> None:
        with self._waiting:
            self._interrupts.remove(interrupt)

    def __enter__(self) -> Self:
        self._go_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pause(error)

    def _go_on(self) -> None:
        """Is in force, and puts off what is left by as long as nobody has waited."""
        if self._left_at is not None:
            paused = self._clock() - self._left_at
            self._at += paused
            self._end += paused
        self._outer = _current.get()
        self._token = _current.set(self)

    def _pause(self, error: BaseException | None) -> None:
        if self._token is not None:
            _current.reset(self._token)
        self._outer = None
        self._left_at = self._clock()
        if error is not None:
            self.overdue = self._left_at - self._at

    async def __aenter__(self) -> Self:
        self._go_on()
        left = self._at - self._clock()  # an outer one cancels the task by itself
        self._timeout = asyncio.timeout(None if left == float("inf") else left)
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Ends the call with a `TimeoutError` if it took too long."""
        self._pause(error)
        if self._timeout is None:
            return None
        return await self._timeout.__aexit__(kind, error, traceback)


@contextmanager
def waiting(timeout: float | None, interrupt: Callable[[], None]) -> Iterator[float | None]:
    """Allows one wait, for the shorter of a timeout and what the deadline in force leaves.

    Args:
        timeout: How long it may be otherwise, in seconds; None for ever.
        interrupt: Ends the wait from another thread.

    Raises:
        TimeoutError: If the deadline is over.
    """
    deadline = _current.get()
    if deadline is None:
        yield timeout
        return
    # Before the time is looked at: a cancellation in between must find whom to wake.
    deadlines = deadline._and_outer_ones()  # a helper's thread may see an outer one end
    for each in deadlines:
        each._begin_wait(interrupt)
    try:
        yield _shorter(timeout, deadline)
    finally:
        for each in deadlines:
            each._end_wait(interrupt)


def sleep(seconds: float) -> None:
    """Sleeps for as long as the deadline in force allows, and until that is cancelled.

    Raises:
        DeadlineOverError: If the deadline is over before or after it.
    """
    woken = threading.Event()
    with waiting(seconds, woken.set) as left:
        woken.wait(left)
    if time_left() <= 0:
        raise DeadlineOverError


@contextmanager
def queueing() -> Iterator[None]:
    """Counts the time in this block as waiting for a turn: nobody has been asked yet."""
    deadline = _current.get() or Deadline()
    started = deadline._clock()
    deadline.is_queueing = True
    try:
        yield
        deadline.is_queueing = False
    finally:
        deadline.queued += deadline._clock() - started


def note_lost(error: Exception) -> None:
    """Tells the call whose deadline is in force of a connection that it has lost and replaced."""
    deadline = _current.get()
    if deadline is not None:
        deadline.lost += ((time.perf_counter(), error),)


def time_left() -> float:
    """How many seconds the deadline in force leaves; infinite without one.

    Example:
        >>> with Deadline(total=5.0, clock=lambda: 100.0):
        ...     time_left()
        5.0
        >>> time_left()
        inf
    """
    deadline = _current.get()
    return float("inf") if deadline is None else deadline.remaining()


def _shorter(timeout: float | None, deadline: Deadline) -> float | None:
    left = deadline.remaining()
    if left <= 0:
        raise DeadlineOverError
    if left == float("inf"):
        return timeout
    return left if timeout is None else min(timeout, left)
