"""Operations on Vertex AI as flows: generators that say what they want next.

A flow decides, and its driver waits: it sends each `Call` and gives the answer back, or raises
the error inside the flow, where a refusal may be expected. One driver blocks, one awaits.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from langchain_tuned_gemini.errors import ServiceError, TunedModelNotFoundError
from langchain_tuned_gemini.names import TunedModelName

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """Asks for a request. The driver sends the answer's JSON object back.

    Attributes:
        action: What it is for, as the start of a sentence: "Reading projects/…".
        location: The location whose host is asked.
        path: The URL's path after the API's version.
        method: The HTTP method.
        query: The URL's query.
        body: The request's JSON object, if it has one.
        name: What is not found when the answer is 404; None for a list.
    """

    action: str
    location: str
    path: str
    method: Literal["GET", "POST", "DELETE"] = "GET"
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: JsonObject | None = None
    name: TunedModelName | None = None

    @classmethod
    def get(cls, name: TunedModelName) -> Call:
        """Asks for a resource."""
        return cls(f"Reading {name}", name.location, str(name), name=name)


@dataclass(frozen=True, slots=True)
class Pause:
    """Asks for a pause, of so many seconds."""

    seconds: float


_T = TypeVar("_T")

Flow: TypeAlias = Generator[Call | Pause, JsonObject, _T]
"""What it wants, what it is given, and what it comes to."""

Answer: TypeAlias = JsonObject | ServiceError | TunedModelNotFoundError
"""What comes of a call; an error is raised inside the flow."""


class Course(Generic[_T]):
    """A flow under way.

    Args:
        flow: The flow, not begun.

    Attributes:
        wish: What it wants next; None at its end.
    """

    wish: Call | Pause | None

    def __init__(self, flow: Flow[_T]) -> None:
        self._flow = flow
        self._step(lambda: next(flow))

    @property
    def outcome(self) -> _T:
        """What it came to."""
        return self._outcome

    def go_on(self, answer: Answer) -> None:
        """Gives it what it wanted."""
        if isinstance(answer, Exception):
            self._step(lambda: self._flow.throw(answer))
        else:
            self._step(lambda: self._flow.send(answer))

    def _step(self, step: Callable[[], Call | Pause]) -> None:
        try:
            self.wish = step()
        except StopIteration as end:
            self.wish = None
            self._outcome: _T = end.value
