"""How often the right label, or a query like the right one, is among the selected examples."""

from __future__ import annotations

import random
import resource
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from statistics import fmean, quantiles
from tempfile import TemporaryDirectory
from typing import TypeAlias

from langchain_tuned_gemini import (
    FixedExampleSelector,
    LexicalExampleSelector,
    TuningDataset,
    TuningExample,
)

K = (1, 2, 4, 8, 16)
Select: TypeAlias = Callable[[str], Sequence[TuningExample]]
Shares: TypeAlias = dict[tuple[str, int], dict[int, float]]
"""By the selector's name and the number of examples: in which share the label is among k."""

OURS = "lexical, label-diverse"


class WordSelector:
    """What one gets from bm25s as it is: BM25 over words."""

    def __init__(self, examples: TuningDataset) -> None:
        import bm25s

        self._examples = examples
        self._index = bm25s.BM25()
        texts = [example.text_input for example in examples]
        self._index.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)

    def __call__(self, query: str) -> Sequence[TuningExample]:
        """The nearest examples."""
        import bm25s

        tokens = bm25s.tokenize(query, show_progress=False)
        found, _ = self._index.retrieve(
            tokens, k=min(max(K), len(self._examples)), show_progress=False
        )
        return [self._examples[int(number)] for number in found[0]]


SELECTORS: dict[str, Callable[[TuningDataset], Select]] = {
    "fixed": lambda rows: _chosen(FixedExampleSelector(rows, k=max(K))),
    "BM25 over words": WordSelector,
    "lexical, nearest": lambda rows: _chosen(
        LexicalExampleSelector(rows, k=max(K), label_diverse=False)
    ),
    OURS: lambda rows: _chosen(LexicalExampleSelector(rows, k=max(K), label_diverse=True)),
}


def _chosen(selector: FixedExampleSelector | LexicalExampleSelector) -> Select:
    selector.build()
    return lambda query: selector.choose(query).examples


def measure_shares(
    splits: Sequence[tuple[TuningDataset, TuningDataset]], sizes: Sequence[int]
) -> Shares:
    """In which share of the held back questions the right label is among k examples."""
    found: dict[tuple[str, int], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for seed, (rest, held_back) in enumerate(splits):
        for wanted in sizes:
            size = wanted or len(rest)
            order = random.Random(seed).sample(range(len(rest)), size)
            rows = rest.take(order)
            for name, make in SELECTORS.items():
                select = make(rows)
                chosen = [[e.output for e in select(q.text_input)] for q in held_back]
                for k in K:
                    hits = [q.output in c[:k] for q, c in zip(held_back, chosen, strict=True)]
                    found[name, wanted or len(splits[0][0])][k].append(fmean(hits))
    return {
        case: {k: fmean(shares) for k, shares in by_k.items()}
        for case, by_k in sorted(found.items(), key=lambda item: (item[0][1], item[0][0]))
    }


def report_speed(rows: TuningDataset, held_back: TuningDataset) -> None:
    """Prints what an index and a query cost; times are the processor's."""
    LexicalExampleSelector(rows.take(range(8))).choose("load the libraries")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "train.index"
        selector, read = (LexicalExampleSelector(rows, index_path=path) for _ in range(2))
        built, _ = _timed(selector.build)
        loaded, _ = _timed(read.build)
        length = path.stat().st_size
    times = [_timed(lambda q=q: selector.choose(q.text_input))[0] for q in held_back]
    tracemalloc.start()
    kept = LexicalExampleSelector(rows)
    kept.build()
    memory, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    cuts = quantiles(times, n=100)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"\n{len(rows):,} examples: index built in {built:.2f} s, read from a file of "
        f"{length / 1e6:.1f} MB in {loaded:.2f} s; {memory / 1e6:.0f} MB of memory, "
        f"{peak / 1e6:.0f} MB while it is built (the process: {resident / 1e3:.0f} MB)\n"
        f"a query takes {1e3 * fmean(times):.2f} ms, the slowest in a hundred "
        f"{1e3 * cuts[98]:.2f} ms"
    )


def _timed(call: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def report_sql(examples: TuningDataset) -> None:
    """Prints how like the right query the likest one among the examples is, each held back once."""
    print(f"\n{len(examples)} questions for databases: how like the right query the likest one is")
    for name in ("fixed", "BM25 over words", "lexical, nearest"):
        likeness: dict[int, list[float]] = defaultdict(list)
        for number, example in enumerate(examples):
            others = examples.take([n for n in range(len(examples)) if n != number])
            chosen = list(islice(SELECTORS[name](others)(example.text_input), 8))
            alike = [SequenceMatcher(None, example.output, e.output).ratio() for e in chosen]
            for k in (1, 2, 4, 8):
                likeness[k].append(max(alike[:k]))
        print(f"{name:30} " + " ".join(f"{k:>3}: {fmean(v):.3f}" for k, v in likeness.items()))
