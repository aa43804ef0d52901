"""Threads for calls that nobody can interrupt: whoever waits for one may stop waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

from langchain_tuned_gemini.runtime.deadline import DeadlineOverError, wait_within_deadline

T = TypeVar("T")


class HelperThread:
    """Makes one call after another, in the context in which it was begun.

    At the end of the process nobody waits for it, unlike for an executor's thread.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        run = partial(copy_context().run, self._work)
        threading.Thread(target=run, name="tuned-gemini-helper", daemon=True).start()

    def call(self, function: Callable[[], T]) -> Future[T]:
        """Makes a call once those before it have ended."""
        outcome: Future[T] = Future()
        self._calls.put((function, outcome))
        return outcome

    def end(self) -> None:
        """Ends the thread once its calls have ended."""
        self._calls.put(None)

    def _work(self) -> None:
        for function, outcome in iter(self._calls.get, None):
            if not outcome.set_running_or_notify_cancel():
                continue
            try:
                outcome.set_result(function())
            except StopIteration as error:  # no future of asyncio's takes one
                outcome.set_exception(RuntimeError(f"a call raised {error!r}"))
            except BaseException as error:  # noqa: BLE001  # raised by whoever asks for the result
                outcome.set_exception(error)


def in_a_thread(function: Callable[[], T]) -> Future[T]:
    """Makes one call in a thread of its own."""
    thread = HelperThread()
    outcome = thread.call(function)
    thread.end()
    return outcome


async def in_a_thread_of_its_own(function: Callable[[], T]) -> T:
    """Makes a call in a thread that the end of the event loop does not wait for.

    Nor does a call that nobody waits for any more keep the loop's own few threads from others.
    """
    return await asyncio.wrap_future(in_a_thread(function))


def within_deadline(outcome: Future[T]) -> T:
    """The outcome of a call, if the deadline in force leaves it the time.

    Otherwise it goes on in its thread, unheard.

    Raises:
        DeadlineOverError: If the deadline is over first.
    """
    over = threading.Event()
    outcome.add_done_callback(lambda _: over.set())
    wait_within_deadline(over.wait, None, over.set)
    if not outcome.done():
        raise DeadlineOverError
    return outcome.result()


def stream_within_deadline(stream: Generator[T, None, None]) -> Generator[T, None, None]:
    """A stream of which each item may take as long as the deadline in force leaves."""
    thread = HelperThread()
    coming: Future[T | None] = Future()
    try:
        while True:
            coming = thread.call(partial(next, stream, None))
            if (item := within_deadline(coming)) is None:
                return
            yield item
    finally:
        closed = thread.call(stream.close)
        thread.end()
        if coming.done():  # or its thread is busy with it, for ever perhaps
            closed.result()


async def astream_in_a_thread(stream: Generator[T, None, None]) -> AsyncGenerator[T, None]:
    """A stream whose items a thread waits for, which the end of the event loop does not."""
    thread = HelperThread()
    try:
        while True:
            item = await asyncio.wrap_future(thread.call(partial(next, stream, None)))
            if item is None:
                return
            yield item
    finally:
        thread.call(stream.close)
        thread.end()
