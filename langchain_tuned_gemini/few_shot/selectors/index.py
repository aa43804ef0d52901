"""A BM25 index of a tuning set: the examples most like a query, and of different labels.

Imported when the first index is built: NumPy and bm25s take 0.2 s.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import bm25s
import numpy as np
from bm25s import BM25
from numpy.typing import NDArray

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.runtime.visible_text import visible_text

GRAM_SIZES = (3, 4)
"""Measured on BANKING77: 2 to 5, 4 and 5, or words beside them change nothing (0.2 points)."""

MAX_QUERY = 2_000
"""How many characters of a query are compared, its last ones: they take 20 ms with 10,000
examples."""


@dataclass(frozen=True, slots=True)
class ExampleIndex:
    """A BM25 index of some examples.

    Attributes:
        count: How many examples there are; they are known by their number.
        bm25: Their inputs; where outputs are labels, followed by the labels' names.
        labels: Their labels; None where selection is by likeness alone.
    """

    count: int
    bm25: BM25
    labels: Labels | None

    @classmethod
    def build(cls, examples: Sequence[TuningExample], *, label_diverse: bool) -> ExampleIndex:
        """Indexes examples."""
        numbers: dict[str, int] = {}
        outputs = [visible_text(e.output) for e in examples] if label_diverse else []
        of = [numbers.setdefault(output, len(numbers)) for output in outputs]
        vocabulary: dict[str, int] = {}
        texts = [example.text_input for example in examples]
        rows = [
            [vocabulary.setdefault(gram, len(vocabulary)) for gram in grams(text)]
            for text in (*texts, *map(_in_words, numbers))
        ]
        bm25 = _new_index(rows, vocabulary)
        labels = None
        if label_diverse:
            labels = Labels.build([*of, *range(len(numbers))], rows, bm25, vocabulary)
        return cls(len(examples), bm25, labels)

    def nearest(self, query: str, k: int) -> list[int]:
        """The numbers of the `k` examples for a query, the best one first."""
        ids = self.bm25.get_tokens_ids(grams(query[-MAX_QUERY:]))
        scores = _scores_of(self.bm25, ids)
        alike = _largest(scores[: self.count], k)
        if self.labels is None:
            return alike
        likeliest = self.labels.likeliest(scores, ids, k)
        diverse = [int(members[scores[members].argmax()]) for members in likeliest]
        return (diverse + [i for i in alike if i not in diverse])[:k]


def _in_words(label: str) -> str:
    return label.replace("_", " ").replace("-", " ")


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of an index's rows: those of the examples, then each label's own name.

    A label's name counts as one more example of it, which is never shown: `card_arrival` helps
    to find that label where it has few examples, and is outvoted where it has many.

    Attributes:
        rows: The rows, label by label.
        starts: Where in `rows` each label begins; one more says where the last one ends.
        lengths: How long the sum of each label's rows is, as a vector of BM25 weights.
        bm25: An index with one row for each label: all that its examples say.
    """

    rows: NDArray[np.intp]
    starts: NDArray[np.intp]
    lengths: NDArray[np.float64]
    bm25: BM25

    @classmethod
    def build(
        cls,
        of: Sequence[int],
        rows: Sequence[Sequence[int]],
        bm25: BM25,
        vocabulary: dict[str, int],
    ) -> Labels:
        """Prepares the labels of the rows of `bm25`."""
        labels = np.asarray(of)
        starts = np.concatenate(([0], np.cumsum(np.bincount(labels))))
        members: list[list[Sequence[int]]] = [[] for _ in starts[1:]]
        for label, row in zip(of, rows, strict=True):
            members[label].append(row)
        together = [list(chain.from_iterable(texts)) for texts in members]
        return cls(
            np.argsort(labels, kind="stable"),
            starts,
            _lengths(labels, bm25),
            # Labels differ in length by their number of examples, which says nothing: b=1. A
            # gram counts for more the more of them have it, so that it saturates late: k1=5.
            _new_index(together, vocabulary, k1=5.0, b=1.0),
        )

    def likeliest(
        self, scores: NDArray[np.float64], ids: Sequence[int], k: int
    ) -> list[NDArray[np.intp]]:
        """The examples of the `k` likeliest labels, the likeliest label first.

        Three views are multiplied: how well the label's best example fits, how well its examples
        fit on average, and how well all of them together do. Each alone is misled by something
        else: by a single odd example, by examples of many kinds, by words of many labels. Of 8,000
        questions held back from BANKING77, in parts, 1.9 % miss their label among 8 with the best
        example alone, 0.8 % with all three; with 500 examples to select from 11.4 % and 7.7 %.
        """
        starts = self.starts
        by_label = scores[self.rows]
        best = np.maximum.reduceat(by_label, starts[:-1])
        average = np.add.reduceat(by_label, starts[:-1]) / self.lengths
        together = _scores_of(self.bm25, ids)
        likeliest = _largest(best * average * together, k)
        # The last row of each label is its name.
        return [self.rows[starts[label] : starts[label + 1] - 1] for label in likeliest]


def _largest(values: NDArray[np.float64], k: int) -> list[int]:
    """The places of the `k` largest values, the largest first, equals in their order."""
    k = min(k, len(values))
    least = np.partition(values, -k)[-k]
    places = np.flatnonzero(values >= least)
    best = places[np.argsort(-values[places], kind="stable")][:k]
    return [int(place) for place in best]


def _lengths(of: NDArray[np.intp], bm25: BM25) -> NDArray[np.float64]:
    """The length of the sum of each label's rows."""
    scores = bm25.scores
    count = int(of.max()) + 1
    grams = np.repeat(np.arange(len(scores["indptr"]) - 1), np.diff(scores["indptr"]))
    cells, place = np.unique(grams * count + of[scores["indices"]], return_inverse=True)
    sums = np.bincount(place, weights=scores["data"])
    squares = np.bincount(cells % count, weights=sums**2, minlength=count)
    return np.sqrt(np.maximum(squares, np.finfo(np.float64).tiny))


def grams(text: str) -> list[str]:
    """All 3- and 4-character pieces of a text, without regard to case, width and spacing.

    Example:
        >>> grams("Hi")
        [' hi', 'hi ', ' hi ']
    """
    padded = f" {' '.join(unicodedata.normalize('NFKC', visible_text(text)).casefold().split())} "
    return [
        padded[start : start + size]
        for size in GRAM_SIZES
        for start in range(len(padded) - size + 1)
    ]


def _new_index(
    rows: Sequence[Sequence[int]], vocabulary: dict[str, int], *, k1: float = 1.5, b: float = 0.75
) -> BM25:
    """Indexes rows of gram numbers.

    The caller numbers the grams, in the order of their first use: bm25s would number them by a
    set's order, and would hold each one as a string of its own until it is done.
    """
    if bm25s.logger.level == logging.DEBUG:
        # bm25s sets that by itself, which puts a line for each index into everybody's log.
        bm25s.logger.setLevel(logging.NOTSET)
    bm25 = BM25(k1=k1, b=b)
    bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return bm25


def _scores_of(bm25: BM25, ids: Sequence[int]) -> NDArray[np.float64]:
    """The score of each row for a query's grams.

    What `BM25.get_scores_from_ids` gives, in two thirds of the time: all grams are added up at
    once, and not one by one.
    """
    index = bm25.scores
    columns = index["indptr"][np.asarray(ids, np.intp)[:, None] + (0, 1)]
    if not len(columns):
        return np.zeros(index["num_docs"])
    spans = [slice(start, end) for start, end in columns.tolist()]
    rows = np.concatenate([index["indices"][span] for span in spans])
    weights = np.concatenate([index["data"][span] for span in spans])
    # NumPy's types don't tell that weights that are no integers give sums that are none either.
    return np.bincount(rows, weights, minlength=index["num_docs"]).astype(np.float64, copy=False)
