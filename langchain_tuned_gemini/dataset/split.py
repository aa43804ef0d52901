"""A tuning set split in two: what to tune with, and what to hold back for a test."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from langchain_tuned_gemini.dataset.checks import count_labels, question_of
from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.runtime.visible_text import folded_text, visible_text


def choose_held_back(examples: Sequence[TuningExample], share: float, seed: int) -> set[int]:
    """Chooses which examples to hold back.

    The choice depends on the examples and the seed alone, not on their order. Examples that
    ask the same, whatever their case and white space, stay together, so that no question is in
    both parts. Where the outputs are labels, each label gets its share, and one that is there
    once stays with the rest.

    Returns:
        The places of those held back; at least one, and never all.

    Raises:
        ParameterError: As `TuningDataset.split` says.
    """
    if not 0 < share < 1:
        raise ParameterError(f"share is a part between 0 and 1, not {share!r}.")
    labels = count_labels(examples)
    groups: dict[object, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(question_of(example, folded_text), []).append(index)
    questions = [
        group
        for group in groups.values()
        if all(labels[visible_text(examples[index].output)] != 1 for index in group)
    ]
    if len(questions) < 2:
        raise ParameterError(
            f"{len(questions)} different questions can't be split: at least two are needed."
        )
    # In the order of their labels, every so many-th question is held back: each label gets its
    # share, as near as whole examples go, and the sum is right too.
    questions.sort(key=lambda group: _order(examples, group, seed, by_label=bool(labels)))
    total = len(questions)
    wanted = min(max(1, round(share * total)), total - 1)
    return {
        index
        for number, group in enumerate(questions)
        if (number + 1) * wanted // total > number * wanted // total
        for index in group
    }


def _order(
    examples: Sequence[TuningExample], group: Sequence[int], seed: int, *, by_label: bool
) -> tuple[str, bytes]:
    label = min(visible_text(examples[index].output) for index in group) if by_label else ""
    asked = min(examples[index].canonical() for index in group)
    return label, sha256(b"%d:" % seed + asked).digest()
