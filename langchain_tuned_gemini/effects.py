"""Flows: generators that say what they want next, so that they decide and never wait.

Whoever drives a flow carries out each wish and gives the answer back, or raises the error inside
the flow, where a refusal may be expected. So one flow serves a driver that blocks and one that
awaits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, Self, TypeVar

_Wish = TypeVar("_Wish")
_T = TypeVar("_T")


class Course(Generic[_Wish, _T]):
    """A flow under way. As a context it closes the flow, which may be given up in the middle.

    Args:
        flow: The flow, not begun.

    Attributes:
        wish: What it wants next; None at its end.

    Example:
        >>> def asking():
        ...     name = yield "your name"
        ...     return f"Hello, {name}."
        >>> course = Course(asking())
        >>> course.wish
        'your name'
        >>> course.go_on("Ann")
        >>> course.wish, course.outcome
        (None, 'Hello, Ann.')
    """

    wish: _Wish | None

    def __init__(self, flow: Generator[_Wish, Any, _T]) -> None:
        self._flow = flow
        self._step(lambda: next(flow))

    @property
    def outcome(self) -> _T:
        """What it came to."""
        return self._outcome

    def go_on(self, answer: object) -> None:
        """Gives it what it wanted; an exception is raised inside it."""
        if isinstance(answer, Exception):
            self._step(lambda: self._flow.throw(answer))
        else:
            self._step(lambda: self._flow.send(answer))

    def _step(self, step: Callable[[], _Wish]) -> None:
        try:
            self.wish = step()
        except StopIteration as end:
            self.wish = None
            self._outcome: _T = end.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._flow.close()
