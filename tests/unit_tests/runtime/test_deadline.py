"""Deadlines end calls; no chunk, no byte and no event loop puts them off."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.runtime.deadline import (
    Deadline,
    queueing,
    time_left,
    wait_within_deadline,
)


def seconds_left(timeout: float | None) -> float | None:
    """How long a wait that begins now may be."""
    return wait_within_deadline(lambda left: left, timeout, lambda: None)


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_limits_there_is_no_deadline() -> None:
    assert Deadline().remaining() == math.inf
    with Deadline():
        assert seconds_left(None) is None
        assert seconds_left(3.0) == 3.0


def test_outside_of_its_block_a_deadline_is_not_in_force() -> None:
    with Deadline(total=1.0, clock=Clock()):
        assert seconds_left(None) == 1.0

    assert seconds_left(None) is None


def test_the_shorter_of_timeout_and_deadline_counts() -> None:
    with Deadline(total=2.0, clock=Clock()):
        assert seconds_left(3.0) == 2.0
        assert seconds_left(1.0) == 1.0


def test_when_it_is_over_nothing_is_waited_for() -> None:
    clock = Clock()
    with Deadline(total=2.0, clock=clock), pytest.raises(TimeoutError):
        clock.now += 2.0
        seconds_left(None)


@pytest.mark.parametrize("is_async", [False, True])
async def test_while_a_reader_is_busy_with_a_chunk_no_time_passes(is_async: bool) -> None:
    clock = Clock()
    deadline = Deadline(first=2.0, stall=3.0, total=6.0, clock=clock)
    left = []

    for _ in range(4):
        if is_async:
            async with deadline:
                left.append(deadline.remaining())
                clock.now += 1.0
        else:
            with deadline:
                left.append(deadline.remaining())
                clock.now += 1.0
        clock.now += 1000.0  # of the reader

    assert left == [2.0, 3.0, 3.0, 3.0]
    with deadline:
        assert deadline.remaining() == 2.0  # of all of them together


def test_one_that_was_cancelled_while_its_reader_was_busy_stays_so() -> None:
    deadline = Deadline(stall=3.0, clock=Clock())
    with deadline:
        pass
    deadline.cancel()

    with deadline, pytest.raises(TimeoutError):
        seconds_left(None)


@pytest.mark.parametrize("is_async", [False, True])
async def test_it_says_by_how_much_it_was_passed_when_an_error_ended_the_call(
    is_async: bool,
) -> None:
    clock = Clock()
    deadline = Deadline(total=2.0, clock=clock)
    assert deadline.overdue == -math.inf

    with pytest.raises(ValueError, match="late"):  # one of two blocks
        if is_async:
            async with deadline:
                clock.now += 5.0
                raise ValueError("late")
        with deadline:
            clock.now += 5.0
            raise ValueError("late")

    assert deadline.overdue == 3.0


async def test_in_a_task_a_deadline_is_in_force() -> None:
    async with Deadline(total=2.0, clock=Clock()):
        async with Deadline(total=5.0, clock=Clock()):
            assert time_left() == 2.0
        assert time_left() == 2.0
    assert time_left() == math.inf


@pytest.mark.parametrize("inner", [None, 5.0])
def test_an_inner_deadline_leaves_no_more_than_the_outer_one(inner: float | None) -> None:
    with Deadline(total=2.0, clock=Clock()), Deadline(total=inner, clock=Clock()):
        assert seconds_left(None) == 2.0


@pytest.mark.parametrize("is_inner", [False, True])
def test_a_cancellation_wakes_whoever_waits_and_nobody_waits_after_it(is_inner: bool) -> None:
    outer, woken = Deadline(), []
    with outer, Deadline() as inner:
        one = inner if is_inner else outer
        wait_within_deadline(lambda _: None, None, lambda: woken.append("first"))
        wait_within_deadline(lambda _: one.cancel(), None, lambda: woken.append("second"))
        with pytest.raises(TimeoutError):
            seconds_left(None)

    assert woken == ["second"]


def test_all_that_wait_are_woken() -> None:
    deadline, woken = Deadline(), []

    def help_out(_: float | None) -> None:
        wait_within_deadline(lambda _: deadline.cancel(), None, lambda: woken.append("its helper"))

    with deadline:
        wait_within_deadline(help_out, None, lambda: woken.append("the caller"))

    assert woken == ["the caller", "its helper"]


def test_it_says_which_limit_is_in_force() -> None:
    clock = Clock()
    deadline = Deadline(first=2.0, stall=3.0, total=6.0, clock=clock)
    limits = []

    for _ in range(3):
        with deadline:
            limits.append(deadline.limit)
            clock.now += 2.0

    assert limits == [("first", 2.0), ("stall", 3.0), ("total", 6.0)]


def test_it_knows_how_long_nobody_was_asked() -> None:
    clock = Clock()
    with Deadline(total=9.0, clock=clock) as deadline:
        with queueing():
            clock.now += 2.0
        assert (deadline.queued, deadline.is_queueing) == (2.0, False)
        with pytest.raises(TimeoutError), queueing():
            clock.now += 3.0
            raise TimeoutError

    assert (deadline.queued, deadline.is_queueing) == (5.0, True)


def test_no_chunk_brings_a_cancelled_call_back() -> None:
    deadline = Deadline(stall=5.0)
    deadline.cancel()
    with deadline:
        pass

    assert deadline.remaining() == -math.inf


def test_an_inner_deadline_gives_way_to_the_outer_one_afterwards() -> None:
    clock = Clock()
    with Deadline(total=9.0, clock=clock):
        with Deadline(total=2.0, clock=clock):
            assert seconds_left(None) == 2.0
        assert seconds_left(None) == 9.0


seconds = st.none() | st.floats(0.001, 1000)


@given(first=seconds, stall=seconds, total=seconds, gaps=st.lists(st.floats(0, 500), max_size=20))
def test_no_chunk_moves_the_deadline_past_the_total(
    first: float | None, stall: float | None, total: float | None, gaps: list[float]
) -> None:
    clock = Clock()
    deadline = Deadline(first=first, stall=stall, total=total, clock=clock)
    end = 100.0 + (math.inf if total is None else total)

    assert deadline.remaining() <= (math.inf if first is None else first) + 1e-9
    for gap in gaps:
        with deadline:
            clock.now += gap
        assert clock.now + deadline.remaining() <= end + 1e-6
        assert deadline.remaining() <= (math.inf if stall is None else stall) + 1e-9


async def test_on_an_event_loop_it_ends_whatever_is_awaited() -> None:
    with pytest.raises(TimeoutError):
        async with Deadline(total=0.01):
            await asyncio.Event().wait()


async def test_a_cancellation_is_not_taken_for_its_end() -> None:
    async def wait() -> None:
        async with Deadline(total=60.0):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
