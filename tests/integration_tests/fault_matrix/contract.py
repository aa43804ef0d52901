"""The rows of the matrix: a fault, and what a caller is promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest

from langchain_tuned_gemini import AllModelsFailedError, BrokenStreamError
from tests.integration_tests.fault_matrix.stacks import ALL, PLAIN
from tests.integration_tests.fault_matrix.ways import STREAMED, Ask


class Circuit(Enum):
    """What a call leaves behind in the circuit of the model that failed."""

    UNTOUCHED = "it said nothing about the model"
    COUNTED = "each request that failed was counted"
    OPEN = "no more calls"
    THROTTLED = "quota is short, and nobody knows for how long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What is promised for a call whose tuned model fails in a certain way.

    Attributes:
        answered_by: Who answers; None where an error is raised.
        reason: Why the tuned model did not, as the answer or the error says.
        status: The HTTP status that the failed attempt shows.
        raises: The error's class.
        match: A pattern that its text has.
        partial: Whether the caller has got text of the tuned model before the error.
        text: What the answer says; by default all that the model has to say.
        circuit: What the circuit has learnt.
        retry_after: For how long it stays open, in seconds, if the server said so.
        asked: How many requests reach the tuned model; None where the server sees none.
        tries: How often it was tried, where that is not what the server sees.
        error: The class of the error that was swallowed.
        why: What a guard found wrong.
    """

    answered_by: str | None = "base_fallback"
    reason: str | None = None
    status: int | None = None
    raises: type[BaseException] | None = None
    match: str = ""
    partial: bool = False
    text: str | None = None
    circuit: Circuit = Circuit.UNTOUCHED
    retry_after: float | None = None
    asked: int | None = 1
    tries: int | None = None
    error: str | None = None
    why: str | None = None


def answered(text: str | None = None) -> Contract:
    """The tuned model's answer is an answer."""
    return Contract(answered_by="tuned", text=text)


def degraded(reason: str, status: int | None = None, **further: Any) -> Contract:
    """The base model answers, at once."""
    return Contract(reason=reason, status=status, **further)


def sick(reason: str, status: int | None = None, **further: Any) -> Contract:
    """The same, after a second try, and each failure counts."""
    return degraded(reason, status, **{"asked": 2, "circuit": Circuit.COUNTED, **further})


def unheard(reason: str, tries: int = 2, **further: Any) -> Contract:
    """The same for a fault of the network: the server may not see a request."""
    return degraded(reason, asked=None, tries=tries, circuit=Circuit.COUNTED, **further)


def silent() -> Contract:
    """The same where nothing at all is heard until the deadline: the next call does not wait."""
    return degraded("timeout", asked=None, tries=1, circuit=Circuit.OPEN)


def no_answer(why: str | None = None, **further: Any) -> Contract:
    """What it said is none, so that the base model answers, and it counts."""
    error = {} if why is None else {"error": "AnswerRefusedError"}
    return degraded("bad_output", circuit=Circuit.COUNTED, why=why, **{**error, **further})


def raised(error: type[BaseException], match: str = "", **further: Any) -> Contract:
    """Nobody else is asked."""
    return Contract(answered_by=None, raises=error, match=match, **further)


def broken(reason: str) -> Contract:
    """The stream had begun: an error with the text so far, and no other model's text."""
    return raised(BrokenStreamError, reason=reason, partial=True, circuit=Circuit.COUNTED)


def all_failed(reason: str, **further: Any) -> Contract:
    """There is nobody left to answer."""
    return raised(AllModelsFailedError, reason=reason, **further)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A fault of the matrix, and the contract for it.

    Attributes:
        number: Its number in the matrix.
        what: What happens.
        fault: The fault, in the words of the emulator or of the TCP proxy.
        contract: What is promised.
        streamed: The same for streams, where that differs.
        plain: The same for an answer in one piece of a user's own model, where that differs.
        settings: Further settings of the chat model.
    """

    number: int
    what: str
    fault: Mapping[str, Any]
    contract: Contract
    streamed: Contract | None = None
    plain: Contract | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def on(self, stack: str, ask: Ask) -> Contract:
        """What is promised to whoever asks in this way, over this stack."""
        if ask in STREAMED:
            return self.streamed or self.contract
        return (self.plain if stack in PLAIN else None) or self.contract


def rows(table: Sequence[Row]) -> pytest.MarkDecorator:
    """Runs a test for each row; its id begins with the row's number."""
    return pytest.mark.parametrize("row", table, ids=map(_id, table))


def rows_on_every_stack(table: Sequence[Row]) -> pytest.MarkDecorator:
    """The same for each way and stack; a plain model gets the first fault of each row's."""
    first = {row.number: row for row in reversed(table)}
    cases = [
        (row, stack, ask)
        for row in table
        for stack, ask in ALL
        if stack not in PLAIN or row is first[row.number]
    ]
    ids = [f"{_id(row)}-{stack}-{ask.__name__}" for row, stack, ask in cases]
    return pytest.mark.parametrize(("row", "stack", "ask"), cases, ids=ids)


def _id(row: Row) -> str:
    return f"{row.number}-{row.what.replace(' ', '-')}"
