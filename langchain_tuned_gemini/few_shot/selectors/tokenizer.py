"""Texts as pieces of words, and the numbers that an index gives to the pieces."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from bm25s import BM25
    from numpy.typing import NDArray

GRAM_SIZES = (3, 4)
"""Measured on BANKING77: 2 to 5, 4 and 5, or words beside them change nothing (0.2 points)."""


def grams(text: str) -> list[str]:
    """All 3- and 4-character pieces of a text, without regard to case, width and spacing.

    Example:
        >>> grams("Hi")
        [' hi', 'hi ', ' hi ']
    """
    return list(_pieces(f" {' '.join(unicodedata.normalize('NFKC', text).casefold().split())} "))


def _pieces(text: str) -> Iterator[str]:
    for size in GRAM_SIZES:
        for start in range(len(text) - size + 1):
            yield text[start : start + size]


def new_index(
    rows: Sequence[Sequence[int]], vocabulary: dict[str, int], *, k1: float = 1.5, b: float = 0.75
) -> BM25:
    """Indexes rows of gram numbers.

    The caller numbers the grams, in the order of their first use: bm25s would number them by a
    set's order, and would hold each one as a string of its own until it is done.
    """
    from bm25s import BM25, logger

    if logger.level == logging.DEBUG:
        # bm25s sets that by itself, which puts a line for each index into everybody's log.
        logger.setLevel(logging.NOTSET)
    bm25 = BM25(k1=k1, b=b)
    bm25.index((rows, vocabulary), create_empty_token=False, show_progress=False)
    return bm25


def scores_of(bm25: BM25, ids: Sequence[int]) -> NDArray[np.float64]:
    """The score of each row for a query's grams.

    What `BM25.get_scores_from_ids` gives, in two thirds of the time: all grams are added up at
    once, and not one by one.
    """
    import numpy as np

    index = bm25.scores
    columns = index["indptr"][np.asarray(ids, np.intp)[:, None] + (0, 1)]
    if not len(columns):
        return np.zeros(index["num_docs"])
    spans = [slice(start, end) for start, end in columns.tolist()]
    rows = np.concatenate([index["indices"][span] for span in spans])
    weights = np.concatenate([index["data"][span] for span in spans])
    # NumPy's types don't tell that weights that are no integers give sums that are none either.
    return np.bincount(rows, weights, minlength=index["num_docs"]).astype(np.float64, copy=False)
