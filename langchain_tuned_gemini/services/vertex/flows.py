"""What the flows of operations on Vertex AI yield: requests and pauses."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

JsonObject: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request, whose answer is a JSON object.

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
    def get(cls, name: TunedModelName) -> ApiCall:
        """Asks for a resource."""
        return cls(f"Reading {name}", name.location, str(name), name=name)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of so many seconds."""

    seconds: float


_T = TypeVar("_T")

Flow: TypeAlias = Generator[ApiCall | Pause, JsonObject, _T]
"""What it wants, what it is given, and what it comes to."""
