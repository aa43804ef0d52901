"""One call of a fallback model: which model is tried next, and who answered in the end.

The sync and the async methods of the chat model loop over the same `FallbackCall` and differ in
`await` alone:

```python
for round_ in call:
    answer = run_with_hedge(round_, ask)  # async: `await arun_with_hedge(round_, ask)`
```
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt
from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate
from langchain_tuned_gemini.chat_models.fallback.outage_log import OutageLog
from langchain_tuned_gemini.chat_models.fallback.round import Hedge, Round
from langchain_tuned_gemini.chat_models.fallback.tracing import AttemptTrace, CallTrace
from langchain_tuned_gemini.circuit_breaker import CircuitState, Permit
from langchain_tuned_gemini.errors import (
    AllModelsFailedError,
    CircuitOpenError,
    NovelInputError,
    TunedModelError,
)
from langchain_tuned_gemini.failures import Counts, Reason, sentence_in
from langchain_tuned_gemini.few_shot.novelty import Novelty
from langchain_tuned_gemini.provenance import METADATA_KEY, AttemptRecord
from langchain_tuned_gemini.telemetry import Request

logger = logging.getLogger("langchain_tuned_gemini")

_TRANSIENT = frozenset({Reason.OVERLOADED.value, Reason.CONNECTION.value})

_NO_OUTAGE = frozenset({Reason.SLOW.value, Reason.NOVEL_INPUT.value})
"""Why another model answers though the first one is well."""

_FINAL = frozenset(reason.value for reason in Reason if reason.handling.counts is Counts.FATAL)

_REFUSALS = frozenset({Reason.REJECTED.value, Reason.PERMISSION.value, Reason.NOT_READY.value})
"""What lasts until somebody changes something, so that its cause must be told."""

_QUICK = 2.0
"""After how many seconds a failure has cost too much time to try again."""

OnFallback = Callable[[dict[str, Any]], object]
"""Gets the provenance of each call that the tuned model did not answer."""


class FallbackCall:
    """The attempts of one call, in order, until one has answered."""

    def __init__(
        self,
        candidates: Sequence[ModelCandidate],
        trace: CallTrace,
        hedge: Hedge | None,
        on_fallback: OnFallback | None,
        novelty: Novelty | None,
        outages: OutageLog,
        *,
        is_streamed: bool,
    ) -> None:
        self._candidates = candidates
        self._is_streamed = is_streamed
        self._novelty = novelty
        self._outages = outages
        self._trace = trace
        self._hedge = hedge
        self._on_fallback = on_fallback
        self._records: list[AttemptRecord] = []
        self._errors: list[Exception] = []
        self._failed: list[ModelCandidate] = []
        self._tried: ModelCandidate | None = None
        self._interrupted: str | None = None
        self._before_the_answer: list[AttemptRecord] = []
        self._metadata: dict[str, Any] = {}
        self._request = Request()

    def __iter__(self) -> Iterator[Round]:
        """Yields the next round until a model has answered.

        A model has a second round if its first one failed in passing.

        Raises:
            AllModelsFailedError: After the last one has failed.
        """
        novelty = self._novelty
        try:
            for place, candidate in enumerate(self._candidates):
                if place == 0 and novelty is not None and novelty.is_novel:
                    self._skip_novel(candidate, novelty)
                    continue
                # One that was asked beside the model before it is not asked again.
                may_be_asked = not any(candidate is one for one in self._failed)
                while may_be_asked and (round_ := self._new_round(candidate)) is not None:
                    yield round_
                    self._note(round_)
                    if (winner := round_.winner) is not None and winner.error is None:
                        self._report_answer(winner)
                        return
                    may_be_asked = self._may_be_tried_again(round_)
            logger.error("No model could answer: %s", _describe(self._records))
            raise AllModelsFailedError.of(self._records, self._errors)
        finally:
            self._request.end(self._metadata.get("reason"))

    def _skip_novel(self, candidate: ModelCandidate, novelty: Novelty) -> None:
        """Does not ask the tuned model what it was taught nothing about."""
        score, threshold = novelty.score, novelty.threshold
        refusal = NovelInputError(name=candidate.name, score=score, threshold=threshold)
        self._skip(candidate, refusal, Reason.NOVEL_INPUT)

    def _new_round(self, candidate: ModelCandidate) -> Round | None:
        """The next round of a model; None if its circuit lets no call pass."""
        permit = None
        if candidate.breaker is not None:
            longest = candidate.limits.total_timeout
            try:
                permit = candidate.breaker.acquire(**({"deadline": longest} if longest else {}))
            except CircuitOpenError as refusal:
                self._skip(candidate, refusal, refusal.opened_by)
                return None
        round_ = Round(self._begin, self._hedge if candidate is self._candidates[0] else None)
        round_.attempts.append(self._begin(candidate, round_, permit))
        return round_

    def _begin(
        self, candidate: ModelCandidate, round_: Round, permit: Permit | None = None
    ) -> Attempt:
        is_heard = self._trace.is_heard or candidate.model.callbacks
        return Attempt(
            candidate,
            permit=permit,
            trace=AttemptTrace(self._trace, candidate) if is_heard else None,
            request=self._request,
            is_streamed=self._is_streamed,
            interrupted=self._interrupted,
            claim=round_.claim,
            provenance=partial(self._provenance, round_),
        )

    def _may_be_tried_again(self, round_: Round) -> bool:
        """Only after a transient failure, of a model that mostly answers, and within its budget.

        Not after a timeout or another failure that has cost its time, never once the circuit is
        open, not a second time, and not when another model was asked already.
        """
        attempt = round_.attempts[0]
        candidate, record = attempt.candidate, attempt.record
        budget, breaker = candidate.retry_budget, candidate.breaker
        is_first = self._tried is not candidate
        self._tried = candidate
        if budget is None or record is None or attempt.is_abandoned:
            return False
        return (
            record.reason in _TRANSIENT
            and len(round_.attempts) == 1
            and not attempt.stream.is_committed
            and budget.spend()
            and is_first
            and record.duration_s < _QUICK
            and (breaker is None or breaker.state is CircuitState.CLOSED)
        )

    def _skip(self, candidate: ModelCandidate, refusal: TunedModelError, reason: str) -> None:
        """Notes that a model was not asked, and why."""
        kind = type(refusal).__name__
        record = AttemptRecord(
            candidate.name, candidate.role, "skipped", reason=reason, error_type=kind
        )
        self._records.append(record)
        self._errors.append(refusal)
        self._request.skipped(record)

    def _note(self, round_: Round) -> None:
        """Keeps what went wrong in a round."""
        for attempt in round_.attempts:
            if attempt.record is None or attempt.error is None:
                continue
            self._failed.append(attempt.candidate)
            for record, error in (*attempt.lost(), (attempt.record, attempt.error)):
                self._records.append(record)
                self._errors.append(error)
            if attempt.stream.is_committed:
                self._interrupted = attempt.record.reason

    def _provenance(
        self, round_: Round, answered: Attempt, few_shot: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The record of who answered, and why: for the answer's `response_metadata`."""
        records = [*self._records, *round_.records()]
        place = next(n for n, record in enumerate(records) if record is answered.record)
        self._before_the_answer = records[:place]
        breaker = self._candidates[0].breaker
        self._metadata = {
            "answered_by": answered.candidate.role,
            "model": answered.candidate.name,
            "reason": next((r.reason for r in records[:place] if r.reason), None),
            "circuit": breaker.state.value if breaker else None,
            "few_shot": few_shot,
            "hedge": round_.hedge_report() if len(round_.attempts) > 1 else None,
            "novelty": self._novelty.as_dict() if self._novelty else None,
            "attempts": [record.as_dict() for record in records],
        }
        return {METADATA_KEY: self._metadata}

    def _report_answer(self, answered: Attempt) -> None:
        """Tells of a call that another model than the first one answered, or that it is back."""
        if answered.candidate.retry_budget is not None:
            answered.candidate.retry_budget.earn()
        first = self._candidates[0]
        if answered.candidate is first:
            if self._outages.current is not None:
                self._outages.first_answered(first.name, answered.elapsed())
            return
        before = self._before_the_answer
        reasons = [record.reason for record in before if record.reason]
        level = max((_log_level(reason) for reason in reasons), default=logging.WARNING)
        told = f"{_describe(before)}. {answered.candidate.name} answered instead"
        why = {record.reason for record in before if record.role == first.role and record.reason}
        self._report_refusals(first)
        if why <= _NO_OUTAGE:
            logger.log(level, "%s.", told)
        else:
            self._outages.another_answered(told, level, is_final=not _FINAL.isdisjoint(why))
        if self._on_fallback is not None:
            try:
                self._on_fallback(self._metadata)
            except Exception:  # a listener's bug must not cost the answer
                logger.exception("on_fallback failed; the answer is not affected")

    def _report_refusals(self, first: ModelCandidate) -> None:
        """Tells in the service's own words why the first model does not take its requests."""
        for record, error in zip(self._records, self._errors, strict=True):
            if record.role == first.role and record.reason in _REFUSALS:
                self._outages.refused(first.name, sentence_in(error))


def _describe(records: Sequence[AttemptRecord]) -> str:
    described = (_describe_one(record) for record in records if record.reason)
    return "; ".join(dict.fromkeys(described))  # a second try says the same


def _describe_one(record: AttemptRecord) -> str:
    if record.outcome == "cancelled":
        return f"{record.model} had not answered after {record.duration_s:.3g} s"
    if record.reason == Reason.NOVEL_INPUT:
        return f"{record.model} was not asked: the question is unlike its tuning set"
    status = f", HTTP {record.status}" if record.status else ""
    return f"{record.model} could not answer: {record.reason} ({record.error_type}{status})"


def _log_level(reason: str) -> int:
    """How loudly to say it; a circuit that was forced open has a reason of its own."""
    try:
        return Reason(reason).handling.log_level
    except ValueError:
        return logging.WARNING
