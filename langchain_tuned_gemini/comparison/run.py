"""Asking the candidates: what is left to ask is decided once; threads or tasks ask it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.runnables.config import ContextThreadPoolExecutor

from langchain_tuned_gemini.comparison.candidates import (
    Candidate,
    Candidates,
    as_candidates,
    tuned_from,
)
from langchain_tuned_gemini.comparison.comparison import Comparison
from langchain_tuned_gemini.comparison.journal import Journal
from langchain_tuned_gemini.comparison.matching import Matches, same_text
from langchain_tuned_gemini.comparison.questions import Question, questions_of
from langchain_tuned_gemini.comparison.scoring import CandidateAnswer, Failed, Judge, Metric
from langchain_tuned_gemini.dataset import Examples, TuningDataset
from langchain_tuned_gemini.errors import ComparisonCancelledError, ParameterError
from langchain_tuned_gemini.guards import Guard, as_guards
from langchain_tuned_gemini.prices import PriceTable

MAX_CONCURRENCY = 8
"""How many questions are asked at once when the caller does not say: quotas are per minute."""


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """The progress of a comparison.

    Attributes:
        done: How many answers are there, failures included.
        total: How many there will be: questions times candidates.
        reused: How many of them the journal had.
        failed: How many questions were not answered.
        answer: The newest one; None at the beginning.
    """

    done: int
    total: int
    reused: int
    failed: int
    answer: CandidateAnswer | None = None


OnProgress: TypeAlias = Callable[[ComparisonProgress], object]


def compare(
    candidates: Candidates,
    data: Examples,
    *,
    guards: Iterable[Guard] = (),
    matches: Matches = same_text,
    metric: Metric = "exact",
    prices: PriceTable | None = None,
    journal: str | os.PathLike[str] | None = None,
    max_concurrency: int = MAX_CONCURRENCY,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Asks candidates the questions of a test set, and compares what they answer.

    All candidates are asked a question before the next one is, in turns, so that a service that
    is slow for a while is slow for all of them. Use questions that no candidate was tuned with.

    Args:
        candidates: Models by their names, or `Candidate`s; the first one is the baseline.
        data: The test set: what `TuningDataset.of` takes. Where several examples ask the same,
            each of their outputs is right.
        guards: What an answer must pass, besides that it is there, whole, and not blocked.
        matches: When an answer is the right one; by default when it is the same text. There are
            `same_json` and `SameSQL` too; a function of your own may run queries and compare
            what they find.
        metric: By what candidates are compared: `"exact"` or `"guards"`.
        prices: What tokens cost.
        journal: A file that keeps each answer at once. With it, an interrupted comparison goes
            on where it was, failures are asked again, and what has changed is noticed.
        max_concurrency: How many questions are asked at once.
        on_progress: Called at the start and after each answer, by one thread at a time.
        cancel: Ends the comparison once it is set; calls that run are awaited, and kept.
        clock: The time in seconds.

    Returns:
        The results of all candidates for all questions.

    Raises:
        ComparisonCancelledError: `cancel` was set.
        DatasetError: The test set can't be used.
        GuardCrashedError: A guard raised.
        JournalError: The journal is another file.
        ParameterError: There is nothing to compare, or a parameter is out of range.
        Exception: What a model raised that is no failure of a model, such as a bug or wrong
            credentials. What was answered until then is in the journal.

    Example:
        >>> from langchain_tuned_gemini.testing import ScriptedChatModel
        >>> v1, v2 = ScriptedChatModel(answers=["4", "5"]), ScriptedChatModel(answers=["4", "6"])
        >>> test = [("2 + 2", "4"), ("3 + 3", "6")]
        >>> outcome = compare({"v1": v1, "v2": v2}, test, max_concurrency=1)
        >>> [figures.exact.value for figures in outcome.figures]
        [0.5, 1.0]
    """
    judge = Judge(as_guards(guards), matches)
    run = _Run(candidates, data, journal, max_concurrency, on_progress, clock)
    with run.journal, ContextThreadPoolExecutor(max_workers=max_concurrency) as threads:

        def ask(task: _Task) -> None:
            if cancel is not None and cancel.is_set():
                raise ComparisonCancelledError(done=run.done, total=run.total)
            with run.asking(task) as keep:
                keep(task.candidate.model.invoke(task.question.messages))

        for _ in threads.map(ask, run.tasks):  # when it is left early, it cancels the others
            pass
    return run.outcome(judge, metric, prices)


async def acompare(
    candidates: Candidates,
    data: Examples,
    *,
    guards: Iterable[Guard] = (),
    matches: Matches = same_text,
    metric: Metric = "exact",
    prices: PriceTable | None = None,
    journal: str | os.PathLike[str] | None = None,
    max_concurrency: int = MAX_CONCURRENCY,
    on_progress: OnProgress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Asks and compares without blocking the event loop.

    As `compare`; to end it early, cancel the task. The journal is written in between.
    """
    judge = Judge(as_guards(guards), matches)
    run = _Run(candidates, data, journal, max_concurrency, on_progress, clock)
    tasks = iter(run.tasks)

    async def ask() -> None:
        for task in tasks:
            with run.asking(task) as keep:
                keep(await task.candidate.model.ainvoke(task.question.messages))

    with run.journal:
        workers = [asyncio.ensure_future(ask()) for _ in range(max_concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return run.outcome(judge, metric, prices)


class _Task(NamedTuple):
    """A question that is to be asked of a candidate."""

    candidate: Candidate
    question: Question


class _Run:
    """The answers so far, and what is left to ask. Threads may share it."""

    def __init__(
        self,
        candidates: Candidates,
        data: Examples,
        journal: str | os.PathLike[str] | None,
        max_concurrency: int,
        on_progress: OnProgress | None,
        clock: Callable[[], float],
    ) -> None:
        if max_concurrency < 1:
            raise ParameterError(f"max_concurrency={max_concurrency!r} must be 1 or more.")
        self._candidates = as_candidates(candidates)
        self._dataset = TuningDataset.of(data)
        self._questions = questions_of(self._dataset)
        self._on_progress = on_progress
        self._clock = clock
        self._answers: dict[tuple[str, str], CandidateAnswer] = {}
        self._failed = 0
        self._lock = threading.Lock()
        self.journal = Journal(journal)
        self.journal.warn_of_changes(self._candidates)
        self.tasks = list(self._left())
        self.total = len(self._candidates) * len(self._questions)
        self._reused = self.done
        self._report(None)

    @property
    def done(self) -> int:
        """The number of answers so far."""
        return len(self._answers)

    def _left(self) -> Iterator[_Task]:
        """Takes over what the journal has; the rest is asked, each candidate first in its turn."""
        known = {c.name: self.journal.answers_of(c) for c in self._candidates}
        for place, question in enumerate(self._questions):
            first = place % len(self._candidates)
            for candidate in (*self._candidates[first:], *self._candidates[:first]):
                if answer := known[candidate.name].get(question.key):
                    self._answers[candidate.name, question.key] = answer
                else:
                    yield _Task(candidate, question)

    @contextmanager
    def asking(self, task: _Task) -> Iterator[Callable[[AIMessage], None]]:
        """Measures a call, and keeps the answer, or a failure of the model; other errors pass."""
        messages: list[AIMessage] = []
        failure = None
        started = self._clock()
        try:
            yield messages.append
        except BaseException as error:
            failure = Failed.of(error)
            if failure is None:
                raise
        took = self._clock() - started
        (name, version), key = (task.candidate.name, task.candidate.version), task.question.key
        answer = CandidateAnswer(
            name, version, key, took, messages[0] if messages else None, failure
        )
        with self._lock:
            self.journal.add(answer)
            self._answers[name, key] = answer
            self._failed += failure is not None
            self._report(answer)

    def _report(self, newest: CandidateAnswer | None) -> None:
        if self._on_progress:
            progress = ComparisonProgress(self.done, self.total, self._reused, self._failed, newest)
            self._on_progress(progress)

    def outcome(self, judge: Judge, metric: Metric, prices: PriceTable | None) -> Comparison:
        """Judges all answers."""
        results = {
            candidate.name: tuple(
                judge(question, self._answers[candidate.name, question.key])
                for question in self._questions
            )
            for candidate in self._candidates
        }
        return Comparison(
            source=self._dataset.source,
            data_hash=self._dataset.content_hash(),
            questions=self._questions,
            versions={candidate.name: candidate.version for candidate in self._candidates},
            results=results,
            metric=metric,
            prices=prices,
            ended=datetime.now(UTC),
            tuned={candidate.name: tuned_from(candidate) for candidate in self._candidates},
        )
