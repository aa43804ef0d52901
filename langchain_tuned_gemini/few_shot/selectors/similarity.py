"""How like the examples a text is: 1 for one of them, 0 for one with nothing in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from langchain_tuned_gemini.few_shot.selectors.index import MAX_QUERY, ExampleIndex, grams

NEIGHBOURS = 8
"""Over how many of the nearest examples a similarity is averaged. The nearest alone is often like
a text by chance: with 500 questions of BANKING77 it tells questions for a database from banking
ones with an AUROC of 0.979, eight of them with 0.999."""

_SAMPLE = 1_000
"""How many examples are compared with the others, to see how like each other they are."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Compares texts with the examples of an index: the cosine of their grams, weighted by IDF.

    Grams that no example has count for the length of a text, so that it is the less like the
    examples the more of it is new: what BM25 alone does not see.

    Attributes:
        index: The index, of which it takes what is in which example.
        times: In how many examples each gram is.
        lengths: The length of each example as a vector.
    """

    index: ExampleIndex
    times: NDArray[np.intp]
    lengths: NDArray[np.float64]

    @classmethod
    def of(cls, index: ExampleIndex) -> Similarity:
        """Measures the examples of an index."""
        scores = index.bm25.scores
        columns = np.repeat(np.arange(len(scores["indptr"]) - 1), np.diff(scores["indptr"]))
        is_example = scores["indices"] < index.count  # and not a label's name
        times = np.bincount(columns[is_example], minlength=len(scores["indptr"]) - 1)
        weights = _idf(times, index.count)[columns] ** 2
        squares = np.bincount(scores["indices"], weights, minlength=scores["num_docs"])
        return cls(index, times, np.sqrt(squares[: index.count]))

    def nearest(self, text: str) -> tuple[float, int]:
        """How like the examples a text is, from 0 to 1, and which of them is the nearest."""
        similarities = self._to_each(text, among=self.index.count, seen=0)
        return _mean_of_largest(similarities), int(np.argmax(similarities))

    def least_usual(self, texts: Sequence[str], quantile: float) -> float:
        """How like all others the oddest of the examples are; of many, a sample is looked at.

        Args:
            texts: The examples' texts, in the index's order.
            quantile: Which part of them counts as odd.
        """
        count = len(texts)
        sample = np.unique(np.linspace(0, count - 1, min(count, _SAMPLE)).astype(int))
        # The 0 stands for what a small set can't show: it alone would call the oddest of twenty
        # examples the limit of all that is usual.
        found = [0.0]
        for number in sample.tolist():
            similarities = self._to_each(texts[number], among=count - 1, seen=1)
            similarities[number] = 0.0
            # Nor does a copy say how like the others it is.
            found.append(_mean_of_largest(similarities[similarities < 1 - 1e-6]))
        return float(np.quantile(found, quantile))

    def _to_each(self, text: str, *, among: int, seen: int) -> NDArray[np.float64]:
        """The similarity to each example; `seen` of those that have a gram are the text itself."""
        vocabulary, scores = self.index.bm25.vocab_dict, self.index.bm25.scores
        pieces = set(grams(text[-MAX_QUERY:]))
        known = np.array([vocabulary[gram] for gram in pieces if gram in vocabulary], np.intp)
        idf = _idf(np.maximum(self.times[known] - seen, 0), among)
        new = (len(pieces) - len(known)) * _idf(np.zeros(1), among)[0] ** 2
        spans = [slice(*scores["indptr"][number : number + 2]) for number in known]
        if not spans:
            return np.zeros(self.index.count)
        rows = np.concatenate([scores["indices"][span] for span in spans])
        shared = idf * _idf(self.times[known], self.index.count)
        weights = np.repeat(shared, [span.stop - span.start for span in spans])
        products = np.bincount(rows, weights, minlength=scores["num_docs"])[: self.index.count]
        length = np.sqrt(np.sum(idf**2) + new)
        similar: NDArray[np.float64] = products / np.maximum(self.lengths * length, 1e-12)
        return np.minimum(similar, 1.0)


def _idf(times: NDArray[np.intp] | NDArray[np.float64], count: int) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.log1p((count - times + 0.5) / (times + 0.5))
    return weights


def _mean_of_largest(similarities: NDArray[np.float64]) -> float:
    count = min(NEIGHBOURS, len(similarities))
    return float(np.sort(similarities)[-count:].mean()) if count else 0.0
