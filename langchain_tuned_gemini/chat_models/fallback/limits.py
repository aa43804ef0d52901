"""How a fallback carries out its calls: limits, guards and what a stream may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from langchain_tuned_gemini.chat_models.fallback.held_stream import Commit, HeldStream
from langchain_tuned_gemini.errors import AnswerTimeoutError, RateLimiterTimeoutError
from langchain_tuned_gemini.guards import Guard
from langchain_tuned_gemini.runtime.deadline import Deadline, Limit

OnBrokenStream = Literal["raise", "restart"]
"""What happens when a stream breaks after a part of it has been handed out."""

OnBlocked = Literal["raise", "message", "next"]
"""What happens when an answer is blocked for safety, or a model refuses to give one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every attempt of a call; `FallbackChatModel` describes each.

    Durations are in seconds; None is for ever.
    """

    first_token_timeout: float | None
    stall_timeout: float | None
    total_timeout: float | None
    commit: Commit
    on_broken_stream: OnBrokenStream
    guards: tuple[Guard, ...]
    on_blocked: OnBlocked

    def deadline_of_a_call(self) -> Deadline:
        """The limit of a call that is answered in one piece."""
        return Deadline(total=self.total_timeout)

    def new_stream(self, claim: Callable[[], None]) -> HeldStream:
        """A stream within its limits; `claim` is called when it is committed."""
        deadline = Deadline(
            first=self.first_token_timeout, stall=self.stall_timeout, total=self.total_timeout
        )
        return HeldStream(self.commit, deadline, claim)


_NAMES: Final[dict[Limit, str]] = {
    "first": "first_token_timeout",
    "stall": "stall_timeout",
    "total": "total_timeout",
}


def timeout_of(name: str, passed: Deadline) -> AnswerTimeoutError | RateLimiterTimeoutError:
    """The error of a model, by its name, whose deadline has passed."""
    kind, seconds = passed.limit
    limit = _NAMES[kind]
    if passed.is_queueing:
        return RateLimiterTimeoutError(name, limit=limit, seconds=seconds)
    return AnswerTimeoutError(name, limit=limit, seconds=seconds, queued=passed.queued)
