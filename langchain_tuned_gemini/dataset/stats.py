"""How many examples of which kind a tuning set has, and how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from langchain_tuned_gemini.dataset.checks import count_labels, find_repeats
from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.platform_limits import estimated_tokens


@dataclass(frozen=True, slots=True)
class Spread:
    """How some numbers are distributed.

    Attributes:
        least: The smallest.
        median: The one in the middle; of two, the larger.
        most: The largest.
        total: Their sum.
    """

    least: int
    median: int
    most: int
    total: int

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Self:
        """The spread of some numbers; all 0 where there are none."""
        known = sorted(numbers) or [0]
        return cls(known[0], known[len(known) // 2], known[-1], sum(known))


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """The counts and lengths of a tuning set.

    Attributes:
        examples: How many examples there are.
        conversations: How many of them have turns before the last question.
        with_system_instruction: How many of them have a system instruction.
        duplicates: How many of them say what an earlier one says.
        contradictions: How many of them answer in another way what an earlier one asks.
        input_characters: How long the last questions are.
        output_characters: How long the answers are.
        tokens: How many tokens an example has, everything in it, estimated offline.
        labels: How often each label is there, the most frequent first; empty where the outputs
            are no labels.
    """

    examples: int
    conversations: int
    with_system_instruction: int
    duplicates: int
    contradictions: int
    input_characters: Spread
    output_characters: Spread
    tokens: Spread
    labels: Mapping[str, int]


def stats(examples: Sequence[TuningExample]) -> DatasetStats:
    """Counts and measures examples.

    Example:
        >>> stats([TuningExample("1", "2"), TuningExample("1", "2")]).duplicates
        1
    """
    repeats = [repeat.is_duplicate for repeat in find_repeats(examples)]
    return DatasetStats(
        examples=len(examples),
        conversations=sum(bool(example.history) for example in examples),
        with_system_instruction=sum(e.system_instruction is not None for e in examples),
        duplicates=repeats.count(True),
        contradictions=repeats.count(False),
        input_characters=Spread.of(len(example.text_input) for example in examples),
        output_characters=Spread.of(len(example.output) for example in examples),
        tokens=Spread.of(estimated_tokens(example) for example in examples),
        labels=dict(count_labels(examples).most_common()),
    )
