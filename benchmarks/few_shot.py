"""How well examples are selected, how fast, and how well novel questions are told.

Everything is measured on questions that were held back from a tuning set, several times with other
ones held back; no parameter of the package was chosen on what it is measured with here.

    python -m benchmarks.few_shot --plot docs/few_shot.svg
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.novelty import report_novelty, report_reverse
from benchmarks.results import record
from benchmarks.selection import Shares, measure_shares, report_speed, report_sql
from langchain_tuned_gemini import TuningDataset

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SIZES = (100, 250, 500, 1_000, 2_500, 5_000, 0)
"""How many examples there are to select from; 0 is all that are not held back."""


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What was said on the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.few_shot", description=__doc__)
    parser.add_argument(
        "--labels", type=Path, default=SHARED / "banking77_train.jsonl", metavar="FILE"
    )
    parser.add_argument(
        "--sql", type=Path, default=SHARED / "text_to_sql_sqlite_train.jsonl", metavar="FILE"
    )
    parser.add_argument("--splits", type=int, default=3, help="how often to hold other ones back")
    parser.add_argument(
        "--plot", type=Path, help="draw the curves into this file; needs matplotlib"
    )
    parser.add_argument("--record", action="store_true", help="keep the shares for the README")
    return parser.parse_args(given)


def main() -> None:
    """Measures and prints; draws if it is to."""
    asked = arguments()
    for option in ("labels", "sql"):
        if not getattr(asked, option).exists():
            sys.exit(f"{getattr(asked, option)} is not there. Say where: --{option} FILE")
    labels, sql = TuningDataset.read(asked.labels), TuningDataset.read(asked.sql)

    splits = [labels.split(0.1, seed=seed) for seed in range(asked.splits)]
    print(f"{asked.labels.name}: {len(splits)} times {len(splits[0][1]):,} held back")
    shares = measure_shares(splits, SIZES)
    report_shares(shares)
    record("selection", as_json(shares))
    report_speed(*splits[0])
    report_sql(sql)
    report_novelty(splits, sql)
    report_reverse(splits, sql)
    if asked.plot:
        from benchmarks.drawing import draw

        draw(shares, asked.plot)
        print(f"drawn: {asked.plot}, {asked.plot.stat().st_size / 1e3:.0f} kB")


def as_json(shares: Shares) -> dict[str, dict[int, dict[int, float]]]:
    """The shares by selector, number of examples and k."""
    names = dict.fromkeys(name for name, _ in shares)
    return {
        name: {
            size: {k: round(share, 4) for k, share in by_k.items()}
            for (whose, size), by_k in shares.items()
            if whose == name
        }
        for name in names
    }


def report_shares(shares: Shares) -> None:
    """Prints in which share of the cases the right label is among the examples."""
    print("\nshare of questions whose label is among k examples, in %")
    for (name, size), by_k in shares.items():
        cells = " ".join(f"{k:>3}: {100 * share:5.1f}" for k, share in by_k.items())
        print(f"{name:30} of {size:6,}   {cells}")


if __name__ == "__main__":
    main()
