"""What it takes to write, read and check a tuning set of 200,000 examples, in each format."""

from __future__ import annotations

import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

from langchain_tuned_gemini import TuningDataset, TuningExample, dataset

ROWS = 200_000

R = TypeVar("R")


def timed(call: Callable[[], R]) -> tuple[float, R]:
    """Seconds, and what came of it."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def megabytes(call: Callable[[], object]) -> tuple[float, float]:
    """What stays in memory, and how much more was needed on the way."""
    tracemalloc.start()
    result = call()
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return kept / 1e6, (peak - kept) / 1e6


def main() -> None:
    """Measures each format, the memory in a second run: tracing it takes time."""
    examples = TuningDataset(
        tuple(
            TuningExample(f"What became of order number {n}, please?", f"label_{n % 77}")
            for n in range(ROWS)
        )
    )
    print(f"{ROWS:,} rows   write     read    check     kept   beyond")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train"
        for form in get_args(dataset.Format):
            written, _ = timed(lambda form=form: examples.write(path, format=form))
            read, _ = timed(lambda: TuningDataset.read(path))
            checked, _ = timed(lambda: dataset.check(path, platform="vertex"))
            kept, beyond = megabytes(lambda: TuningDataset.read(path))
            print(
                f"{form:12} {written:6.1f} s {read:6.1f} s {checked:6.1f} s {kept:5.0f} MB "
                f"{beyond:5.1f} MB"
            )


if __name__ == "__main__":
    main()
