"""Outputs that are labels: whether they are, and which of them are likely typos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from langchain_tuned_gemini.dataset.example import TuningExample

_MAX_LABEL = 64  # characters
_OFTEN = 5
"""How often a label must be there for one like it, there once, to be a typo of it."""
_SHORT = 5  # characters; shorter words are too alike: cat, car


def outputs_are_labels(examples: Sequence[TuningExample]) -> bool:
    """Whether the outputs are labels: short, on one line, and each there twice on average.

    Example:
        >>> rows = [("Great!", "good"), ("Awful.", "bad"), ("Nice", "good"), ("Meh", "bad")]
        >>> outputs_are_labels([TuningExample(text, label) for text, label in rows])
        True
    """
    outputs = {example.output for example in examples}
    return 2 * len(outputs) <= len(examples) and all(
        len(output) <= _MAX_LABEL and "\n" not in output for output in outputs
    )


def count_labels(examples: Sequence[TuningExample]) -> Counter[str]:
    """How often each label is there; empty where the outputs are no labels."""
    if not outputs_are_labels(examples):
        return Counter()
    return Counter(example.output for example in examples)


def likely_typos(labels: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Finds labels that are there once and one slip away from one that is there often.

    A slip is another case, space, hyphen or underscore, or one character that is missing, too
    much, wrong, or changed places with the next one. Digits make a difference: `level_1` is no
    typo of `level_2`.

    Args:
        labels: How often each label is there.

    Yields:
        The label that may be a typo, and the one that may be meant.

    Example:
        >>> list(likely_typos({"card_arrival": 9, "card_arival": 1, "Card arrival": 1}))
        [('card_arival', 'card_arrival'), ('Card arrival', 'card_arrival')]
    """
    meant: dict[str, str] = {}
    for label, times in labels.items():
        if times >= _OFTEN:
            for variant in _variants(label):
                meant.setdefault(variant, label)
    for label, times in labels.items():
        if times == 1:
            found = (meant[variant] for variant in _variants(label) if variant in meant)
            if (often := next(found, None)) is not None and _digits(often) == _digits(label):
                yield label, often


def _variants(label: str) -> Iterator[str]:
    """The label's letters, and those with any one of them left out.

    Two labels that are one slip apart have one of these in common.
    """
    letters = "".join(label.casefold().replace("_", " ").replace("-", " ").split())
    yield letters
    if len(letters) >= _SHORT:
        for place in range(len(letters)):
            yield letters[:place] + letters[place + 1 :]


def _digits(label: str) -> str:
    return "".join(filter(str.isdigit, label))
