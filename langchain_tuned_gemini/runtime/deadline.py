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
from typing import Literal, Self, TypeVar

_EARLY = 0.01
"""How many seconds too early a wait may end."""

Limit = Literal["first", "stall", "total"]

T = TypeVar("T")

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

    def __enter__(self) -> Self:
        """Is in force, and puts off what is left by as long as nobody has waited."""
        if self._left_at is not None:
            paused = self._clock() - self._left_at
            self._at += paused
            self._end += paused
        self._outer = _current.get()
        self._token = _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Is in force no more; unless an error ends it, the next chunk gets its time."""
        if self._token is not None:
            _current.reset(self._token)
        self._outer = None
        now = self._left_at = self._clock()
        if error is not None:
            self.overdue = now - self._at
            return
        stall = self._limits["stall"]
        self._each = "stall"
        self._at = self._end if stall is None else min(self._end, now + stall)

    async def __aenter__(self) -> Self:
        self.__enter__()
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
        self.__exit__(kind, error, traceback)
        if self._timeout is None:
            return None
        return await self._timeout.__aexit__(kind, error, traceback)


def wait_within_deadline(
    wait: Callable[[float | None], T], timeout: float | None, interrupt: Callable[[], None]
) -> T:
    """Waits once, for the shorter of a timeout and what the deadline in force leaves.

    Args:
        wait: Waits for so many seconds at the most; None for ever.
        timeout: How long it may be otherwise, in seconds; None for ever.
        interrupt: Ends the wait from another thread.

    Raises:
        DeadlineOverError: If the deadline is over before it.
    """
    deadline = _current.get()
    if deadline is None:
        return wait(timeout)
    # Before the time is looked at: a cancellation in between must find whom to wake. A helper's
    # thread may see an outer deadline end.
    in_force: list[Deadline] = []
    each: Deadline | None = deadline
    left = float("inf")
    while each is not None:
        in_force.append(each)
        with each._waiting:
            each._interrupts.append(interrupt)
        left = float("-inf") if each._is_cancelled else min(left, each._at - each._clock())
        each = each._outer
    try:
        if left <= 0:
            raise DeadlineOverError
        is_longer = left == float("inf") or (timeout is not None and timeout <= left)
        return wait(timeout if is_longer else left)
    finally:
        for each in in_force:
            with each._waiting:
                each._interrupts.remove(interrupt)


def sleep(seconds: float) -> None:
    """Sleeps for as long as the deadline in force allows, and until that is cancelled.

    Raises:
        DeadlineOverError: If the deadline is over before or after it.
    """
    woken = threading.Event()
    wait_within_deadline(woken.wait, seconds, woken.set)
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
