"""A BM25 index of a tuning set: the examples most like a query, and of different labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.few_shot.selectors.labels import Labels, largest
from langchain_tuned_gemini.few_shot.selectors.tokenizer import grams, new_index, scores_of

if TYPE_CHECKING:
    from bm25s import BM25

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
        of = [numbers.setdefault(e.output, len(numbers)) for e in examples] if label_diverse else []
        vocabulary: dict[str, int] = {}
        texts = [example.text_input for example in examples]
        rows = [
            [vocabulary.setdefault(gram, len(vocabulary)) for gram in grams(text)]
            for text in (*texts, *map(_in_words, numbers))
        ]
        bm25 = new_index(rows, vocabulary)
        labels = None
        if label_diverse:
            labels = Labels.build([*of, *range(len(numbers))], rows, bm25, vocabulary)
        return cls(len(examples), bm25, labels)

    def nearest(self, query: str, k: int) -> list[int]:
        """The numbers of the `k` examples for a query, the best one first."""
        ids = self.bm25.get_tokens_ids(grams(query[-MAX_QUERY:]))
        scores = scores_of(self.bm25, ids)
        alike = largest(scores[: self.count], k)
        if self.labels is None:
            return alike
        likeliest = self.labels.likeliest(scores, ids, k)
        diverse = [int(members[scores[members].argmax()]) for members in likeliest]
        return (diverse + [i for i in alike if i not in diverse])[:k]


def _in_words(label: str) -> str:
    return label.replace("_", " ").replace("-", " ")
