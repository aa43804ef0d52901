"""Asking the model whose round it is, and its hedge beside it: in threads, or in tasks.

One flow decides whom to wait for and for how long; the two drivers below it only wait.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Generator
from functools import partial
from typing import Any, Protocol, TypeVar

from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt
from langchain_tuned_gemini.chat_models.fallback.round import Round
from langchain_tuned_gemini.runtime.threads import in_a_thread

logger = logging.getLogger("langchain_tuned_gemini")

T = TypeVar("T")


class _Call(Protocol):
    """A future of either kind, of an answer or, after a failure that ended with it, of None."""

    def exception(self) -> BaseException | None:
        """What it raised."""

    def result(self) -> Any:
        """What it returned."""


C = TypeVar("C", bound=_Call)


def run_with_hedge(round_: Round, ask: Callable[[Attempt], T | None]) -> T | None:
    """Asks for an answer in threads.

    Args:
        round_: Whose round it is.
        ask: Carries out an attempt; returns None for one whose failure another may answer for.

    Returns:
        The answer that came first; None if there is none.
    """
    if round_.delay is None:
        return ask(round_.first)
    flow = _race(round_, lambda attempt: in_a_thread(partial(ask, attempt)))
    try:
        calls, timeout = next(flow)
        while True:
            done, _ = concurrent.futures.wait(calls, timeout, concurrent.futures.FIRST_COMPLETED)
            calls, timeout = flow.send(done)
    except StopIteration as over:
        call: concurrent.futures.Future[T | None] = over.value
        return call.result()
    finally:
        round_.end()


async def arun_with_hedge(
    round_: Round, ask: Callable[[Attempt], Coroutine[Any, Any, T | None]]
) -> T | None:
    """Asks for an answer in tasks; see `run_with_hedge`."""
    if round_.delay is None:
        return await ask(round_.first)
    tasks: list[asyncio.Task[T | None]] = []

    def start(attempt: Attempt) -> asyncio.Task[T | None]:
        tasks.append(asyncio.create_task(ask(attempt)))
        return tasks[-1]

    flow = _race(round_, start)
    try:
        calls, timeout = next(flow)
        while True:
            done, _ = await asyncio.wait(
                calls, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            calls, timeout = flow.send(done)
    except StopIteration as over:
        call: asyncio.Task[T | None] = over.value
        return call.result()
    finally:
        round_.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def first_chunk(stream: Generator[T, None, None]) -> tuple[T, Generator[T, None, None]] | None:
    """Waits for a stream's first item; None if it ends without one."""
    for first in stream:
        return first, stream
    return None


async def afirst_chunk(stream: AsyncGenerator[T, None]) -> tuple[T, AsyncGenerator[T, None]] | None:
    """Waits for a stream's first item; None if it ends without one."""
    async for first in stream:
        return first, stream
    return None


def _race(
    round_: Round, start: Callable[[Attempt], C]
) -> Generator[tuple[list[C], float | None], Collection[C], C]:
    """Yields whom to wait for and for how long; returns the call whose outcome counts.

    What the first call raises is raised at once. What the hedge raises must not cost an answer
    that would have come without it: it is kept until the first call has none.
    """
    first = start(round_.first)
    running = [first]
    done = yield running, round_.delay
    if not done and (hedge := round_.begin_hedge()):
        running.append(start(hedge))
    kept: C | None = None
    while running:
        done = yield running, None
        for call in [call for call in running if call in done]:
            running.remove(call)
            has_failed = call.exception() is not None
            if has_failed and call is not first:
                kept = call
            elif has_failed or call.result() is not None:
                if kept is not None:
                    error = kept.exception()
                    logger.error("A hedge failed; the answer is not affected", exc_info=error)
                return call
    return kept or first
