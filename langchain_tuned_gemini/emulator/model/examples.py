"""The examples that models of the emulator learn from: they "learn" by the nearest one.

Texts are compared by their character trigrams (Dice coefficient), which forgives
plurals, typos and word order, needs no dependency and gives the same result everywhere.
It is a stand-in for a language model that shows a true effect of examples, no more.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from langchain_tuned_gemini.dataset import Examples, TuningDataset, TuningExample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Example(NamedTuple):
    """One training example: what the user says, and what the model shall answer."""

    text_input: str
    output: str


def read_examples(content: Examples) -> tuple[Example, ...]:
    """The examples of a file or of rows, in any format that `TuningDataset` reads.

    A conversation gives one example for each answer of the model. No rows are no examples.

    Raises:
        DatasetError: The file can't be read, or a row is no example; it says which one.
    """
    dataset = TuningDataset.of(content) if content else ()
    return tuple(pair for row in dataset for pair in _answers(row))


def _answers(example: TuningExample) -> Iterator[Example]:
    for question, answer in pairwise(example.turns):
        if question.role != "model" and answer.role == "model":
            yield Example(question.text, answer.text)


def normalised(text: str) -> str:
    """The text without regard to case and white space."""
    return " ".join(text.casefold().split())


@lru_cache(maxsize=16_384)
def trigrams(text: str) -> frozenset[str]:
    """The set of three-character pieces, with the ends of the text marked by spaces."""
    padded = f"  {normalised(text)} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def nearest(examples: Iterable[Example], query: str) -> Example | None:
    """The example whose input is most like the query; the first of equals.

    For the few examples of a prompt. The many of a training set have a `TrigramIndex`.
    """
    grams = trigrams(query)

    def dice(example: Example) -> float:
        other = trigrams(example.text_input)
        return 2 * len(grams & other) / (len(grams) + len(other))

    return max(examples, key=dice, default=None)


class TrigramIndex:
    """Training examples that are found by likeness: 10,000 of them in milliseconds."""

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        """Keeps the examples; the index is built by the first question."""
        self._examples: Sequence[Example] = tuple(examples)

    def __len__(self) -> int:
        """The number of examples."""
        return len(self._examples)

    def __iter__(self) -> Iterator[Example]:
        """The examples in their order."""
        return iter(self._examples)

    def nearest(self, query: str) -> Example | None:
        """The example whose input is most like the query; an exact match first.

        Of equals the first one is taken, and without any likeness the first of all: a
        tuned model always answers something. `None` only where there are no examples.
        """
        if not self._examples:
            return None
        exact = self._exact.get(normalised(query))
        return exact if exact is not None else self._search(trigrams(query))

    def _search(self, grams: frozenset[str]) -> Example:
        shared: Counter[int] = Counter()
        for gram in grams:
            shared.update(self._postings.get(gram, ()))
        sizes, wanted = self._sizes, len(grams)
        best = max(shared, key=lambda i: (2 * shared[i] / (wanted + sizes[i]), -i), default=0)
        return self._examples[best]

    @cached_property
    def _exact(self) -> dict[str, Example]:
        # Reversed, so that of two examples with one input the first one stays.
        return {normalised(e.text_input): e for e in reversed(self._examples)}

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(trigrams(e.text_input)) for e in self._examples]

    @cached_property
    def _postings(self) -> dict[str, list[int]]:
        postings: defaultdict[str, list[int]] = defaultdict(list)
        for number, example in enumerate(self._examples):
            for gram in trigrams(example.text_input):
                postings[gram].append(number)
        return postings
