"""Rules that a test sets for some calls, and the board on which they wait for them."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import MethodCall


class Rule(Protocol):
    """Something that shall happen to some calls."""

    def selects(self, call: MethodCall) -> bool:
        """Whether a call is of the kind that this rule is for."""

    def is_due(self, calls: int, hits: int) -> bool:
        """Whether the last of so many such calls is to be hit, after so many hits."""


R = TypeVar("R", bound=Rule)


class ArmedRule(Generic[R]):
    """A rule that is waiting for its calls: remove it, or use it as a context manager."""

    def __init__(self, board: ArmedRules[R], rule: R) -> None:
        """Belongs to a board, which counts for it."""
        self.rule = rule
        self.calls = 0
        """How many calls it was for."""
        self.hits = 0
        """How many calls it hit."""
        self._board = board

    def remove(self) -> None:
        """Ends the rule; doing so twice is fine."""
        self._board.disarm(self)

    def __enter__(self) -> Self:
        """The rule is armed already."""
        return self

    def __exit__(self, *error: object) -> None:
        """Removes the rule."""
        self.remove()


class ArmedRules(Generic[R]):
    """The rules that are armed now."""

    def __init__(self) -> None:
        """No rules."""
        self._armed: list[ArmedRule[R]] = []
        self._lock = Lock()

    def arm(self, rule: R) -> ArmedRule[R]:
        """Lets the rule hit calls from now on."""
        armed = ArmedRule(self, rule)
        with self._lock:
            self._armed.append(armed)
        return armed

    def disarm(self, armed: ArmedRule[R]) -> None:
        """Takes one rule off."""
        with self._lock:
            self._armed = [other for other in self._armed if other is not armed]

    def clear(self) -> None:
        """Takes all rules off."""
        with self._lock:
            self._armed = []

    def match(self, call: MethodCall) -> tuple[R, int] | None:
        """The rule that hits this call, if any, and its how manieth hit that is.

        Of several, it is the one that was armed last. The call counts for every rule that it is
        of a kind with, whichever hits it.
        """
        if not self._armed:
            return None
        with self._lock:
            selected = [armed for armed in self._armed if armed.rule.selects(call)]
            for armed in selected:
                armed.calls += 1
            for armed in reversed(selected):
                if armed.rule.is_due(armed.calls, armed.hits):
                    armed.hits += 1
                    return armed.rule, armed.hits
        return None
