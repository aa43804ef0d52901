"""Examples that ask the same: duplicates and contradictions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from langchain_tuned_gemini.dataset.example import TuningExample


@dataclass(frozen=True, slots=True)
class Repeat:
    """An example that asks what an earlier one asks.

    Attributes:
        index: Its place.
        earlier: The place of the first example that asks the same and, for a duplicate, also
            answers the same.
        is_duplicate: Whether an earlier one gives the same answer; else it contradicts.
    """

    index: int
    earlier: int
    is_duplicate: bool


def question_of(example: TuningExample) -> Hashable:
    """What an example asks: everything but its output."""
    if example.is_plain:
        return example.text_input  # no new tuple for most examples
    return example.text_input, example.history, example.system_instruction


def find_repeats(examples: Iterable[TuningExample]) -> Iterator[Repeat]:
    """Finds the examples that ask exactly what an earlier one asks, in their order."""
    first: dict[Hashable, tuple[int, str]] = {}
    others: dict[Hashable, dict[str, int]] = {}
    for index, example in enumerate(examples):
        question = question_of(example)
        earlier, output = first.setdefault(question, (index, example.output))
        if earlier == index:
            continue
        answers = others.setdefault(question, {output: earlier})
        if example.output in answers:
            yield Repeat(index, answers[example.output], is_duplicate=True)
        else:
            answers[example.output] = index
            yield Repeat(index, earlier, is_duplicate=False)
