"""Turns of a user and a model, and the example that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from langchain_tuned_gemini.dataset.problems import Flaw, has_errors
from langchain_tuned_gemini.errors.problem import Severity

Role: TypeAlias = Literal["user", "model"]
"""Who speaks, in the platform's own words."""

ExampleFields: TypeAlias = "tuple[str, str, tuple[Turn, ...], str | None]"
"""An example's question, answer, turns before them, and system instruction."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The words of one side at one time.

    Attributes:
        role: `"user"` or `"model"`.
        text: What it says.
    """

    role: Role
    text: str


def conversation(
    turns: Sequence[Turn], system: str | None, field: str, flaws: list[Flaw]
) -> ExampleFields | None:
    """Makes an example of a conversation: its last turn is the answer that is taught.

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
