"""Where examples come from: file and line, kept in 10 bytes an example."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from langchain_tuned_gemini.errors.problem import Place


@dataclass(frozen=True, slots=True)
class Places:
    """The place of each of some examples.

    Attributes:
        sources: Where they come from, and whether that has lines.
        source_of: The number of each one's source.
        numbers: The line of each, or its number.
    """

    sources: tuple[tuple[str, bool], ...]
    source_of: array[int]
    numbers: array[int]

    @classmethod
    def of_one(cls, source: str, numbers: array[int], *, by_line: bool) -> Self:
        """The places of examples that come from one source."""
        return cls(((source, by_line),), array("H", bytes(2 * len(numbers))), numbers)

    def __getitem__(self, index: int) -> Place:
        source, by_line = self.sources[self.source_of[index]]
        number = self.numbers[index]
        return Place(source, line=number) if by_line else Place(source, item=number)

    def take(self, indices: Iterable[int]) -> Places:
        """The places of some of the examples."""
        chosen = array("Q", indices)
        return Places(
            self.sources,
            array("H", map(self.source_of.__getitem__, chosen)),
            array("Q", map(self.numbers.__getitem__, chosen)),
        )

    def __add__(self, other: Places) -> Places:
        shift = len(self.sources)
        return Places(
            self.sources + other.sources,
            self.source_of + array("H", (number + shift for number in other.source_of)),
            self.numbers + other.numbers,
        )
