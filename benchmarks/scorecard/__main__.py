"""Runs the scorecard: `python -m benchmarks.scorecard`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.results import record
from benchmarks.scorecard.contestants import ALL, contestants
from benchmarks.scorecard.measuring import Result, measure
from benchmarks.scorecard.outcomes import Outcome
from benchmarks.scorecard.scenarios import SCENARIOS
from benchmarks.scorecard.table import as_json, table

OURS = ("ours", "ours-complete")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what was asked for, prints it, and returns 1 if ours misled its caller."""
    options = _options(arguments)
    taking_part = {k: c for k, c in contestants().items() if _is_chosen(k, options.only)}
    scenarios = [s for s in SCENARIOS if _is_chosen(s.id, options.scenario)]
    if not taking_part or not scenarios:
        print("Nothing to run: no such contestant here, or no such scenario.", file=sys.stderr)
        return 2
    runs = [
        (key, scenario, mode)
        for scenario in scenarios
        for mode in scenario.faults
        for key, contestant in taking_part.items()
        if mode in contestant.modes
    ]
    results: list[Result] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(lambda run: measure(*run, watchdog=options.watchdog), runs):
            results.append(result)
            _show_progress(len(results), len(runs))
    record("scorecard", [as_json(result) for result in results])
    if options.json:
        print(json.dumps([as_json(result) for result in results], indent=2))
    else:
        print(table(results, scenarios, taking_part))
    return int(any(_is_bad(result) for result in results if result.contestant in OURS))


def _is_bad(result: Result) -> bool:
    return result.outcome.misleads or result.outcome is Outcome.NOT_MEASURED


def _is_chosen(name: str, chosen: Sequence[str] | None) -> bool:
    """Choosing `18` or `ours` chooses the variants `18b` and `ours-complete` too."""
    return not chosen or any(name in {it, f"{it}b"} or name.startswith(f"{it}-") for it in chosen)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scorecard", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=list(ALL), help="only this contestant; repeatable"
    )
    parser.add_argument(
        "--scenario", action="append", metavar="N", help="only this scenario; repeatable"
    )
    parser.add_argument(
        "--record", action="store_true", help="keep the results for the README's table"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    parser.add_argument(
        "--watchdog", type=float, default=60.0, help="seconds after which a run is ended (60)"
    )
    parser.add_argument("--jobs", type=int, default=4, help="runs at the same time (4)")
    options = parser.parse_args(arguments)
    if options.record and (options.only or options.scenario):
        parser.error("--record takes all contestants and all scenarios")
    return options


def _show_progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of} runs", end="\n" if done == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
