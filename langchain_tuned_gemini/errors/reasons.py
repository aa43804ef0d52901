"""The reasons why a model did not answer, and what each of them means by default.

One table says everything: the behaviour is read from it, and so is the table in the README.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a model did not answer."""

    NOT_READY = "not_ready"
    """It is still CREATING."""
    GONE = "gone"
    """It FAILED, was CANCELLED, or does not exist."""
    RETIRED = "retired"
    """It does not answer, and the model it was tuned from was retired."""
    QUOTA = "quota"
    """429: the quota is used up."""
    OVERLOADED = "overloaded"
    """5xx: the service can't serve it now."""
    TIMEOUT = "timeout"
    """It did not answer in time."""
    SLOW = "slow"
    """It had said nothing for a while, and the model that was asked beside it was quicker."""
    RATE_LIMITED = "rate_limited"
    """Its own rate limiter let no call pass in time, so that it was not asked."""
    CONNECTION = "connection"
    """The service could not be reached, or the answer broke off or was damaged on its way."""
    PERMISSION = "permission"
    """403: these credentials may not use this model."""
    REJECTED = "rejected"
    """400: this model does not take this request; another one may."""
    BAD_OUTPUT = "bad_output"
    """It sent something that is no answer."""
    NOVEL_INPUT = "novel_input"
    """The question is unlike all that the model was tuned with, so that it was not asked."""
    BLOCKED = "blocked"
    """The prompt or the answer was blocked for safety."""
    CREDENTIALS = "credentials"
    """The key, the account or a certificate is not accepted; so it would be for every model."""

    @classmethod
    def of(cls, word: str | None) -> Reason:
        """The reason that a word is; what is none says no more than that the model can't serve."""
        return cls(word) if word in set(cls) else cls.OVERLOADED

    @property
    def handling(self) -> Handling:
        """What it means by default."""
        return _HANDLING[self]

    @property
    def degrades(self) -> bool:
        """Whether another model may answer in its place."""
        return self.handling.degrades


class Counts(StrEnum):
    """What a failure tells a circuit breaker about the model, in the breaker's words."""

    FAILURE = "failure"
    """It may be down."""
    TIMEOUT = "timeout"
    """The same, but many at once may be one stall on this side, and silence is more than that."""
    FATAL = "fatal"
    """It is gone: there is no point in more calls."""
    QUOTA = "quota"
    """It is well, and wants fewer calls: for as long as the server said, if it said so."""
    NEUTRAL = "neutral"
    """Nothing: a permit to call it is given back."""


@dataclass(frozen=True, slots=True)
class Handling:
    """What a reason means by default.

    Attributes:
        seen_as: What it looks like from outside, for the documentation.
        counts: What it tells a circuit breaker.
        degrades: Whether another model may answer; otherwise the error is raised.
        speaks_of_the_model: Whether it contradicts what is remembered of the model's state.
        log_level: How loudly to say it: what nobody but the operator can mend is an ERROR.
    """

    seen_as: str
    counts: Counts
    degrades: bool = True
    speaks_of_the_model: bool = False
    log_level: int = logging.WARNING


_HANDLING: Final = {
    # A gate that knows so counts for nothing: it remembers by itself. Where the control plane says
    # ACTIVE and the model says this, nobody else would keep calls from it.
    Reason.NOT_READY: Handling(
        "the tuned model is CREATING; 400 `FAILED_PRECONDITION`",
        Counts.FAILURE,
        speaks_of_the_model=True,
    ),
    Reason.GONE: Handling(
        "the model is FAILED, CANCELLED or deleted; 404", Counts.FATAL, speaks_of_the_model=True
    ),
    Reason.RETIRED: Handling(
        "404, and its base model was retired", Counts.FATAL, speaks_of_the_model=True
    ),
    Reason.QUOTA: Handling("429", Counts.QUOTA),
    Reason.OVERLOADED: Handling("5xx, 409", Counts.FAILURE),
    Reason.TIMEOUT: Handling("no answer in time; 408", Counts.TIMEOUT),
    Reason.SLOW: Handling(
        "no word within `hedge_after`, and the next model, asked beside it, was quicker",
        Counts.NEUTRAL,
        log_level=logging.INFO,
    ),
    Reason.RATE_LIMITED: Handling(
        "the model's own rate limiter let no call pass before the deadline", Counts.NEUTRAL
    ),
    Reason.CONNECTION: Handling(
        "refused, reset, no such host, TLS, an answer cut off or damaged; 3xx, 499", Counts.FAILURE
    ),
    # Also what the service answers for a tuned model that it won't even admit is gone:
    # https://github.com/google-gemini/deprecated-generative-ai-js/issues/240
    Reason.PERMISSION: Handling(
        "403", Counts.FATAL, speaks_of_the_model=True, log_level=logging.ERROR
    ),
    Reason.REJECTED: Handling(
        "400, 413, 422, 501: a request that another model may take", Counts.NEUTRAL
    ),
    Reason.BAD_OUTPUT: Handling(
        "an empty answer, one that a guard refuses, or what is too long, not JSON or not Gemini's",
        Counts.FAILURE,
    ),
    Reason.NOVEL_INPUT: Handling(
        "a question unlike all examples of the tuning set, if `novel_input` looks for it",
        Counts.NEUTRAL,
        log_level=logging.INFO,
    ),
    Reason.BLOCKED: Handling(
        "blocked for safety, prompt or answer, or refused by the model",
        Counts.NEUTRAL,
        degrades=False,
    ),
    Reason.CREDENTIALS: Handling(
        "a wrong or expired key, 401, the API or the account disabled, a certificate that "
        "can't be trusted",
        Counts.NEUTRAL,
        degrades=False,
    ),
}

_COUNTS_IN_WORDS: Final = {
    Counts.FAILURE: "yes",
    Counts.TIMEOUT: "yes; opens it if the model was silent, and answered nobody meanwhile",
    Counts.FATAL: "opens it at once",
    Counts.QUOTA: "opens it for as long as the server says, or throttles",
    Counts.NEUTRAL: "no",
}


def failure_table() -> str:
    """The reasons as a table in Markdown, for the README.

    Example:
        >>> print(failure_table().splitlines()[-2])
        | `blocked` | blocked for safety, prompt or answer, or refused by the model | raised | no |
    """
    rows = [
        f"| `{reason}` | {handling.seen_as} | {_what_happens(handling)} "
        f"| {_COUNTS_IN_WORDS[handling.counts]} |"
        for reason, handling in _HANDLING.items()
    ]
    head = "| reason | seen as | what happens | counts for the circuit |"
    return "\n".join([head, "| --- | --- | --- | --- |", *rows])


def _what_happens(handling: Handling) -> str:
    told = "the next model answers" if handling.degrades else "raised"
    return f"{told}; logged as an error" if handling.log_level >= logging.ERROR else told
