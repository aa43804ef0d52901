"""A round of a call: one model is asked and, while it is silent, another one beside it.

In threads, or in tasks: one flow decides whom to wait for and for how long; its two drivers only
wait.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt, LostRaceError
from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate
from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgePolicy
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.provenance import AttemptRecord
from langchain_tuned_gemini.runtime.threads import in_a_thread

logger = logging.getLogger("langchain_tuned_gemini")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hedge:
    """The model that is asked, too, while another one is silent, and when."""

    policy: HedgePolicy
    candidate: ModelCandidate
    is_streamed: bool


class Round:
    """One model's attempt, and the hedge's, if it takes long: whichever answers first has it.

    Args:
        begin: Begins a candidate's attempt in this round.
        hedge: Who may be asked, too; None for nobody.
    """

    def __init__(
        self, begin: Callable[[ModelCandidate, Round], Attempt], hedge: Hedge | None = None
    ) -> None:
        self.attempts: list[Attempt] = []
        self.winner: Attempt | None = None
        self.delay: float | None = None
        """After how many seconds of silence the hedge is begun; None for never."""
        self._begin = begin
        self._hedge = hedge
        self._claiming = threading.Lock()
        if hedge is not None:
            hedge.policy.count_call()
            self.delay = hedge.policy.delay(is_streamed=hedge.is_streamed)

    def begin_hedge(self) -> Attempt | None:
        """Begins the hedge; None where it can't be afforded."""
        if self._hedge is None or not self._hedge.policy.spend():
            return None
        self.attempts.append(self._begin(self._hedge.candidate, self))
        return self.attempts[-1]

    def claim(self, attempt: Attempt) -> None:
        """Lets an attempt answer: the first that asks.

        Raises:
            LostRaceError: Another one answers.
        """
        with self._claiming:
            if self.winner is attempt:
                return
            if self.winner is None:
                self.winner = attempt
        if self.winner is not attempt:
            attempt.abandon()
            raise LostRaceError
        if self._hedge is not None and attempt is self.attempts[0]:
            self._observe(self._hedge, attempt)
        if attempt.trace is not None:
            attempt.trace.answers()

    def end(self) -> list[Attempt]:
        """Gives up whichever attempt has not ended, unless it is the one that answers."""
        if len(self.attempts) > 1:
            hedge = self.attempts[1]
            telemetry.hedge(hedge.candidate.name, won=self.winner is hedge)
        losers = [one for one in self.attempts if one is not self.winner and one.record is None]
        for loser in losers:
            loser.abandon()
            if self._hedge is not None and loser is self.attempts[0]:
                self._observe(self._hedge, loser)
        return losers

    def records(self) -> list[AttemptRecord]:
        """The record of each attempt, seen from the one that answers."""
        records = []
        for one in self.attempts:
            if one.deadline.lost:
                records += [record for record, _ in one.lost()]
            records.append(one.record or self._as_cancelled(one))
        return records

    def hedge_report(self) -> dict[str, Any]:
        """The hedge in the provenance."""
        return {"after_s": self.delay, "won": self.winner is not self.attempts[0]}

    @staticmethod
    def _observe(hedge: Hedge, attempt: Attempt) -> None:
        hedge.policy.observe(attempt.elapsed(), is_streamed=hedge.is_streamed)

    def _as_cancelled(self, loser: Attempt) -> AttemptRecord:
        return AttemptRecord(
            model=loser.candidate.name,
            role=loser.candidate.role,
            outcome="cancelled",
            reason=Reason.SLOW.value if loser is self.attempts[0] else None,
            duration_s=loser.elapsed(),
        )


class _Call(Protocol):
    """A future of either kind, of an answer or, after a failure that ended with it, of None."""

    def exception(self) -> BaseException | None:
        """The error that it raised."""

    def result(self) -> Any:
        """The answer that it returned."""


C = TypeVar("C", bound=_Call)


def run_with_hedge(round_: Round, ask: Callable[[Attempt], T | None]) -> T | None:
    """Asks for an answer in threads.

    Args:
        round_: Whom to ask.
        ask: Carries out an attempt; returns None for one whose failure another may answer for.

    Returns:
        The answer that came first; None if there is none.
    """
    if round_.delay is None:
        return ask(round_.attempts[0])
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
        return await ask(round_.attempts[0])
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
    first = start(round_.attempts[0])
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
