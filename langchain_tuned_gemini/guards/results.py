"""What a guard may say about an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from langchain_core.messages import AIMessage

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.failures import Reason

_LONGEST_EXCERPT = 80


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that must not be used.

    Attributes:
        why: What is wrong with it, in a few words that don't repeat it: they are logged.
        reason: `BAD_OUTPUT`, for which another model may answer, or `BLOCKED`, for which none
            may.
        guard: Who refused it; `check` fills it in.

    Raises:
        ParameterError: For a reason that is no guard's to give.
    """

    why: str
    reason: Reason = Reason.BAD_OUTPUT
    guard: str = ""

    def __post_init__(self) -> None:
        """Refuses reasons that speak of a call, not of an answer."""
        if self.reason not in {Reason.BAD_OUTPUT, Reason.BLOCKED}:
            raise ParameterError(
                f"A guard can't refuse an answer for {self.reason.value!r}: its reason is "
                "Reason.BAD_OUTPUT, or Reason.BLOCKED if no other model may answer either."
            )


Verdict: TypeAlias = Refusal | str | bool | None
"""None or True: accepted. False, why, or a `Refusal`: refused."""

Guard: TypeAlias = Callable[[AIMessage], Verdict]
"""Judges a complete answer."""


def excerpt(text: str) -> str:
    r"""The quoted beginning of a text, at most 80 characters and none that a terminal obeys.

    Example:
        >>> excerpt("red" + chr(27))
        "'red\\x1b'"
    """
    quoted = repr(text[:_LONGEST_EXCERPT])
    if len(text) <= _LONGEST_EXCERPT and len(quoted) <= _LONGEST_EXCERPT:
        return quoted
    return f"{quoted[: _LONGEST_EXCERPT - 1]}…"
