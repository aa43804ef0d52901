"""Asking the candidates: what is left to ask is decided once; threads or tasks ask it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeAlias

from langchain_core.messages import AIMessage
from langchain_core.runnables.config import ContextThreadPoolExecutor

from langchain_tuned_gemini.comparison.answers import Answer, Failed
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
from langchain_tuned_gemini.comparison.scoring import Judge, Metric
from langchain_tuned_gemini.dataset import Examples, TuningDataset
from langchain_tuned_gemini.errors import ComparisonCancelledError, ParameterError
from langchain_tuned_gemini.guards import Guard, as_guards
from langchain_tuned_gemini.prices import PriceTable

MAX_CONCURRENCY = 8
"""How many questions are asked at once when the caller does not say: quotas are per minute."""


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """How far a comparison is.

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
    answer: Answer | None = None


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
    run = _Run.of(candidates, data, journal, max_concurrency, on_progress, clock)
    with run.journal, ContextThreadPoolExecutor(max_workers=max_concurrency) as threads:

        def ask(task: _Task) -> None:
            if cancel is not None and cancel.is_set():
                raise run.cancelled()
            with run.asking(task) as asking:
                asking.message = task.candidate.model.invoke(task.question.messages)

        for _ in threads.map(ask, run.tasks):  # when it is left early, it cancels the others
            pass
    return run.outcome(Judge(as_guards(guards), matches), metric, prices)


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
    run = _Run.of(candidates, data, journal, max_concurrency, on_progress, clock)
    tasks = iter(run.tasks)

    async def ask() -> None:
        for task in tasks:
            with run.asking(task) as asking:
                asking.message = await task.candidate.model.ainvoke(task.question.messages)

    with run.journal:
        workers = [asyncio.ensure_future(ask()) for _ in range(max_concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return run.outcome(Judge(as_guards(guards), matches), metric, prices)


@dataclass(frozen=True, slots=True)
class _Task:
    """A question that is to be asked of a candidate."""

    candidate: Candidate
    question: Question


@dataclass(slots=True)
class _Run:
    """What was answered, and what is left to ask. Threads may share it."""

    candidates: tuple[Candidate, ...]
    dataset: TuningDataset
    questions: tuple[Question, ...]
    journal: Journal
    on_progress: OnProgress | None
    clock: Callable[[], float]
    tasks: Sequence[_Task] = ()
    reused: int = 0
    _failed: int = 0
    _answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls,
        candidates: Candidates,
        data: Examples,
        journal: str | os.PathLike[str] | None,
        max_concurrency: int,
        on_progress: OnProgress | None,
        clock: Callable[[], float],
    ) -> Self:
        """Reads the test set and the journal, and says how much is left."""
        if max_concurrency < 1:
            raise ParameterError(f"max_concurrency={max_concurrency!r} must be 1 or more.")
        known = as_candidates(candidates)
        dataset = TuningDataset.of(data)
        questions = questions_of(dataset)
        run = cls(known, dataset, questions, Journal(journal), on_progress, clock)
        run.journal.warn_of_changes(known)
        run._plan()
        run._tell()
        return run

    def _plan(self) -> None:
        """Takes over what the journal has; the rest is asked, each candidate first in its turn."""
        known = {c.name: self.journal.answers_of(c) for c in self.candidates}
        tasks = []
        for place, question in enumerate(self.questions):
            first = place % len(self.candidates)
            for candidate in (*self.candidates[first:], *self.candidates[:first]):
                if answer := known[candidate.name].get(question.key):
                    self._answers[candidate.name, question.key] = answer
                else:
                    tasks.append(_Task(candidate, question))
        self.tasks = tasks
        self.reused = len(self._answers)

    def asking(self, task: _Task) -> _Asking:
        """Measures a call, and keeps what comes of it."""
        return _Asking(self, task)

    def add(self, answer: Answer) -> None:
        """Keeps an answer."""
        with self._lock:
            self.journal.add(answer)
            self._answers[answer.candidate, answer.question] = answer
            self._failed += answer.failure is not None
            self._tell(answer)

    def _tell(self, newest: Answer | None = None) -> None:
        if self.on_progress:
            total = len(self.candidates) * len(self.questions)
            done = len(self._answers)
            self.on_progress(ComparisonProgress(done, total, self.reused, self._failed, newest))

    def cancelled(self) -> ComparisonCancelledError:
        """The error that ends it."""
        return ComparisonCancelledError(
            done=len(self._answers), total=len(self.candidates) * len(self.questions)
        )

    def outcome(self, judge: Judge, metric: Metric, prices: PriceTable | None) -> Comparison:
        """Judges all answers."""
        return Comparison(
            source=self.dataset.source,
            data_hash=self.dataset.content_hash(),
            questions=self.questions,
            versions={candidate.name: candidate.version for candidate in self.candidates},
            results={
                candidate.name: tuple(
                    judge(question, self._answers[candidate.name, question.key])
                    for question in self.questions
                )
                for candidate in self.candidates
            },
            metric=metric,
            prices=prices,
            ended=datetime.now(UTC),
            tuned={candidate.name: tuned_from(candidate) for candidate in self.candidates},
        )


class _Asking:
    """One call: its time, and what comes of it."""

    def __init__(self, run: _Run, task: _Task) -> None:
        self._run = run
        self._task = task
        self._started = 0.0
        self.message: AIMessage | None = None

    def __enter__(self) -> Self:
        self._started = self._run.clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Keeps the answer, or a failure of the model; everything else goes on its way."""
        failure = Failed.of(error) if error is not None else None
        if error is not None and failure is None:
            return False
        candidate, took = self._task.candidate, self._run.clock() - self._started
        key = self._task.question.key
        self._run.add(Answer(candidate.name, candidate.version, key, took, self.message, failure))
        return True
