"""One model's round in a call, and the hedge beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt, Candidate
from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgePolicy
from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.provenance import AttemptRecord


@dataclass(frozen=True, slots=True)
class Hedge:
    """Who is asked, too, while a model is silent, and when."""

    policy: HedgePolicy
    candidate: Candidate
    is_streamed: bool


class Round:
    """One model's round, and the hedge's, if it takes long: whichever answers first has it.

    Args:
        begin: Begins a candidate's attempt in this round.
        hedge: Who may be asked, too; None for nobody.
    """

    def __init__(self, begin: Callable[[Candidate, Round], Attempt], hedge: Hedge | None) -> None:
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

    @property
    def first(self) -> Attempt:
        """The attempt of the model whose round it is."""
        return self.attempts[0]

    @property
    def is_answered(self) -> bool:
        """Whether a model has answered, and its answer did not break off."""
        return self.winner is not None and self.winner.error is None

    def begin_hedge(self) -> Attempt | None:
        """Begins the hedge; None where it can't be afforded."""
        if self._hedge is None or not self._hedge.policy.spend():
            return None
        self.attempts.append(self._begin(self._hedge.candidate, self))
        return self.attempts[-1]

    def claim(self, attempt: Attempt) -> bool:
        """Whether this attempt is the one to answer: the first that asks is."""
        with self._claiming:
            if self.winner is not None:
                return self.winner is attempt
            self.winner = attempt
        if attempt is self.first:
            self._observe(attempt)
        return True

    def end(self) -> list[Attempt]:
        """Gives up whichever attempt has not ended, unless it is the one that answers."""
        if len(self.attempts) > 1:
            hedge = self.attempts[1]
            telemetry.hedge(hedge.candidate.name, won=self.winner is hedge)
        losers = [one for one in self.attempts if one is not self.winner and one.record is None]
        for loser in losers:
            loser.abandon()
            if loser is self.first:
                self._observe(loser)
        return losers

    def records(self) -> list[AttemptRecord]:
        """What has come of each attempt, seen from the one that answers."""
        return [
            record
            for one in self.attempts
            for record in (*(lost for lost, _ in one.lost()), one.record or self._as_cancelled(one))
        ]

    def told(self) -> dict[str, Any] | None:
        """What the provenance says of the hedge; None where there was none."""
        if len(self.attempts) == 1:
            return None
        return {"after_s": self.delay, "won": self.winner is not self.first}

    def _observe(self, attempt: Attempt) -> None:
        if self._hedge is not None:
            is_streamed = self._hedge.is_streamed
            self._hedge.policy.observe(attempt.elapsed(), is_streamed=is_streamed)

    def _as_cancelled(self, loser: Attempt) -> AttemptRecord:
        return AttemptRecord(
            model=loser.candidate.name,
            role=loser.candidate.role,
            outcome="cancelled",
            reason=Reason.SLOW.value if loser is self.first else None,
            duration_s=loser.elapsed(),
        )
