"""What an example is made of: turns of a user and a model, and what can be wrong with them."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from langchain_tuned_gemini.dataset.problems import NOT_KEPT
from langchain_tuned_gemini.errors import Advice
from langchain_tuned_gemini.errors.problem import Code, Severity
from langchain_tuned_gemini.errors.root import NO_ADVICE

Role: TypeAlias = Literal["user", "model"]
"""Who speaks, in the platform's own words."""

ExampleFields: TypeAlias = "tuple[str, str, tuple[Turn, ...], str | None]"
"""An example's question, answer, turns before them, and system instruction."""

_NUMBER = re.compile(r"\[\d+\]")
_MAY_BE_EMPTY = (str, list, dict, tuple)
"""Types of values that hold nothing where they are empty; that of an array would be no bool."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says at once.

    Attributes:
        role: `"user"` or `"model"`.
        text: What it says.
    """

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a row; whoever reads the file knows where the row is.

    Attributes:
        field: The field at fault, if one is.
        message: What is wrong, as the end of a sentence.
        code: What kind of problem it is.
        severity: Whether the row can be used.
        is_common: Whether many rows are likely to have it, so that it is told once.
        advice: What to do, where that is not a part of the message.
    """

    field: str | None
    message: str
    code: Code = "field"
    severity: Severity = Severity.ERROR
    is_common: bool = False
    advice: Advice = NO_ADVICE


def has_errors(flaws: Sequence[Flaw]) -> bool:
    """Whether a row can't be used."""
    return any(flaw.severity is Severity.ERROR for flaw in flaws)


def leave_out(
    row: Mapping[Any, Any], known: Collection[str | None], prefix: str, flaws: list[Flaw]
) -> None:
    """Tells of the fields that an example does not hold; those without a value are nothing."""
    for name, value in row.items():
        is_nothing = value is None or (isinstance(value, _MAY_BE_EMPTY) and not value)
        if name not in known and not is_nothing:
            # Without the turn's number: one warning for the field, not one for each turn.
            field = _NUMBER.sub("", f"{prefix}{name}")
            flaws.append(Flaw(field, NOT_KEPT, "not-kept", Severity.WARNING))


def joined(texts: Sequence[object], pieces: Sequence[object], field: str, flaws: list[Flaw]) -> str:
    """The texts put together; where one is no text, its piece is a flaw."""
    known = [text for text in texts if isinstance(text, str)]
    for number, (text, piece) in enumerate(zip(texts, pieces, strict=True)):
        if not isinstance(text, str):
            held = map(repr, piece) if isinstance(piece, Mapping) else [reprlib.repr(piece)]
            message = f"holds {', '.join(held) or 'nothing'}. Text is all that an example can hold."
            flaws.append(Flaw(f"{field}[{number}]", message, "not-text"))
    whole = "".join(known)
    if len(known) == len(texts):
        check_text(whole, field, flaws)
    return whole


def check_text(text: object, field: str, flaws: list[Flaw]) -> None:
    """Checks that a field holds text that JSON, CSV and a model can take."""
    if not isinstance(text, str):
        flaws.append(Flaw(field, f"must be text, not {reprlib.repr(text)}."))
    elif not text.strip():
        flaws.append(Flaw(field, "is empty. Every example needs both a question and an answer."))
    elif "\0" in text:
        message = f"has a NUL character at position {text.index(chr(0))}. Remove it."
        flaws.append(Flaw(field, message, "encoding"))
    elif not text.isascii():
        _check_characters(text, field, flaws)


def _check_characters(text: str, field: str, flaws: list[Flaw]) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"has half a character (a lone surrogate) at position {error.start}. Remove it."
        flaws.append(Flaw(field, message, "encoding"))
    if (position := text.find("\ufffd")) >= 0:
        message = (
            f"has a replacement character (U+FFFD) at position {position}: the text was damaged "
            "when it was read in a wrong encoding."
        )
        flaws.append(Flaw(field, message, "encoding", Severity.WARNING))


def conversation(
    turns: Sequence[Turn], system: str | None, field: str, flaws: list[Flaw]
) -> ExampleFields | None:
    """Makes an example of a conversation: its last turn is the answer that is taught.

    Args:
        turns: The turns, each with text.
        system: The system instruction, if there is one.
        field: The field that holds the turns.
        flaws: Where to add what is wrong.

    Returns:
        The example's fields, or None where there are errors.
    """
    last = len(turns) - 1
    if last < 0:
        flaws.append(Flaw(field, "has no turns.", "turns"))
    elif turns[last].role == "user":
        message = "is a user's turn. The last one must be the model's: the answer to learn."
        flaws.append(Flaw(f"{field}[{last}]", message, "turns"))
    elif last == 0 or turns[last - 1].role == "model":
        message = "answers no question: a turn of the user must come right before it."
        flaws.append(Flaw(f"{field}[{last}]", message, "turns"))
    flaws.extend(_not_alternating(turns[:-1], field))
    if has_errors(flaws):
        return None
    return turns[-2].text, turns[-1].text, tuple(turns[:-2]), system


def _not_alternating(turns: Sequence[Turn], field: str) -> Iterator[Flaw]:
    # Gemini's chat has refused such conversations: "Please ensure that multiturn requests
    # alternate between user and model." What tuning does with them is not published.
    for number, (one, next_one) in enumerate(pairwise(turns), start=1):
        if one.role == next_one.role:
            yield Flaw(
                f"{field}[{number}]",
                f"follows another turn of the {one.role}: some Gemini models want the user and "
                "the model to alternate.",
                "turns",
                Severity.WARNING,
            )
