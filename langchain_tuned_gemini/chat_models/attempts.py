"""One call of a fallback model: which model is tried next, and who answered in the end.

The sync and the async methods of the chat model loop over the same `Attempts` and differ in
`await` alone:

```python
for attempt in attempts:
    with attempt, attempt.deadline:  # async: `async with`
        answer = attempt.finish(...) # a failure that another model may answer for ends here
```
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_tuned_gemini.chat_models.attempt import Candidate, RunningAttempt
from langchain_tuned_gemini.chat_models.tracing import Caller
from langchain_tuned_gemini.circuit_breaker import CircuitState, Permit
from langchain_tuned_gemini.errors import AllModelsFailedError, CircuitOpenError
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.provenance import METADATA_KEY, Attempt

logger = logging.getLogger("langchain_tuned_gemini")

_HICCUPS = frozenset({Reason.OVERLOADED.value, Reason.CONNECTION.value})

OnFallback = Callable[[dict[str, Any]], object]
"""Gets the provenance of each call that the tuned model did not answer."""


class Attempts:
    """The attempts of one call, in order, until one has answered."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        caller: Caller | None,
        on_fallback: OnFallback | None = None,
    ) -> None:
        self._candidates = candidates
        self._caller = caller
        self._on_fallback = on_fallback
        self._records: list[Attempt] = []
        self._errors: list[Exception] = []
        self._interrupted: str | None = None
        self._told_in_the_answer: dict[str, Any] = {}

    def __iter__(self) -> Iterator[RunningAttempt]:
        """Yields the next model until one has answered.

        Raises:
            AllModelsFailedError: After the last one has failed.
        """
        for candidate in self._candidates:
            for attempt in self._tries(candidate):
                yield attempt
                self._note(attempt)
                if attempt.error is None:
                    self._report_recovery(attempt)
                    return
        logger.error("No model could answer: %s", self._told())
        raise AllModelsFailedError(self._records, self._errors)

    def _tries(self, candidate: Candidate) -> Iterator[RunningAttempt]:
        """One call of a model, and a second one if the first failed as hiccups do."""
        for _ in range(2):
            permit = self._permit_for(candidate)
            if candidate.breaker is not None and permit is None:
                return
            attempt = RunningAttempt(
                candidate, permit, self._caller, self._interrupted, self._provenance
            )
            yield attempt
            if not self._may_be_tried_again(attempt):
                return

    @staticmethod
    def _may_be_tried_again(attempt: RunningAttempt) -> bool:
        """Only after a hiccup, of a model that mostly answers, and within its budget.

        Not after a timeout, which has cost its time, and never once the circuit is open.
        """
        candidate = attempt.candidate
        if candidate.retry_budget is None:
            return False
        if attempt.error is None:
            candidate.retry_budget.earn()
            return False
        is_hiccup = attempt.record is not None and attempt.record.reason in _HICCUPS
        is_closed = candidate.breaker is None or candidate.breaker.state is CircuitState.CLOSED
        return (
            is_hiccup
            and not attempt.stream.is_committed
            and candidate.retry_budget.spend()
            and is_closed
        )

    def _permit_for(self, candidate: Candidate) -> Permit | None:
        """Asks the circuit; a refusal is an attempt that was skipped."""
        if candidate.breaker is None:
            return None
        try:
            longest = candidate.rules.total_timeout
            return candidate.breaker.acquire(**({"deadline": longest} if longest else {}))
        except CircuitOpenError as refusal:
            record = Attempt(
                candidate.name,
                candidate.role,
                "skipped",
                reason=refusal.reason,
                error_type=type(refusal).__name__,
            )
            self._records.append(record)
            self._errors.append(refusal)
            return None

    def _note(self, attempt: RunningAttempt) -> None:
        """Keeps what happened with a model, unless `_provenance` has noted it already."""
        if attempt.record is None or attempt.error is None:
            return
        self._records.append(attempt.record)
        self._errors.append(attempt.error)
        if attempt.stream.is_committed:
            self._interrupted = attempt.record.reason

    def _provenance(self, answer: Attempt, few_shot: dict[str, Any] | None) -> dict[str, Any]:
        """Who answered, and why: for the answer's `response_metadata`."""
        self._records.append(answer)
        breaker = self._candidates[0].breaker
        self._told_in_the_answer = {
            "answered_by": answer.role,
            "model": answer.model,
            "reason": next((r.reason for r in self._records if r.reason), None),
            "circuit": breaker.state.value if breaker else None,
            "few_shot": few_shot,
            "attempts": [record.as_dict() for record in self._records],
        }
        return {METADATA_KEY: self._told_in_the_answer}

    def _report_recovery(self, answered: RunningAttempt) -> None:
        """Tells of a call that another model than the first one answered: once."""
        if answered.candidate is self._candidates[0]:
            return
        reasons = [record.reason for record in self._records if record.reason]
        level = max((_log_level(reason) for reason in reasons), default=logging.WARNING)
        logger.log(level, "%s. %s answered instead.", self._told(), answered.candidate.name)
        if self._on_fallback is not None:
            try:
                self._on_fallback(self._told_in_the_answer)
            except Exception:  # a listener's bug must not cost the answer
                logger.exception("on_fallback failed; the answer is not affected")

    def _told(self) -> str:
        told = (
            f"{record.model} could not answer: {record.reason} ({record.error_type}"
            + (f", HTTP {record.status})" if record.status else ")")
            for record in self._records
            if record.reason
        )
        return "; ".join(dict.fromkeys(told))  # a second try says the same


def _log_level(reason: str) -> int:
    """How loudly to say it; a circuit that was forced open has a reason of its own."""
    try:
        return Reason(reason).handling.log_level
    except ValueError:
        return logging.WARNING
