"""The results as a table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmarks.scorecard.contestants import Contestant
from benchmarks.scorecard.measuring import Result
from benchmarks.scorecard.outcomes import Outcome
from benchmarks.scorecard.scenarios import Scenario

_GAP = "  "


def table(
    results: Sequence[Result],
    scenarios: Iterable[Scenario],
    taking_part: Mapping[str, Contestant],
) -> str:
    """A line for each scenario and mode, a column for each contestant, and the sums.

    A cell is the outcome, the seconds, and the requests that reached the model that failed.
    """
    found = {(r.scenario, r.mode, r.contestant): r for r in results}
    rows = [["", "", *(contestant.title for contestant in taking_part.values())]]
    for scenario in scenarios:
        rows += [
            [
                f"{scenario.id:>3} {scenario.title}",
                mode,
                *(_cell(found.get((scenario.id, mode, key))) for key in taking_part),
            ]
            for mode in scenario.faults
        ]
    rows += [[], *_sums(results, taking_part)]
    return "\n".join(_aligned(rows))


def _cell(result: Result | None) -> str:
    if result is None:
        return "-"
    return f"{_told(result):<14}{result.seconds:6.1f} s{result.sick_requests:4}"


def _told(result: Result) -> str:
    if len(result.calls) < 2 or result.outcome is Outcome.COMPLETE:
        return result.outcome
    return f"{result.outcome} x{result.calls.count(result.outcome)}"


def _sums(results: Sequence[Result], taking_part: Mapping[str, Contestant]) -> Iterator[list[str]]:
    counts = {
        key: Counter(r.outcome for r in results if r.contestant == key) for key in taking_part
    }
    for outcome in Outcome:
        if any(count[outcome] for count in counts.values()):
            yield [f"    {outcome}", "", *(str(counts[key][outcome]) for key in taking_part)]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    columns = max(map(len, rows))
    widths = [max(len(row[i]) for row in rows if i < len(row)) for i in range(columns)]
    for row in rows:
        yield _GAP.join(f"{cell:<{widths[i]}}" for i, cell in enumerate(row)).rstrip()


def as_json(result: Result) -> dict[str, object]:
    """A result as JSON shows it."""
    return {
        "contestant": result.contestant,
        "scenario": result.scenario,
        "mode": result.mode,
        "outcome": result.outcome,
        "calls": result.calls,
        "seconds": round(result.seconds, 3),
        "sick_requests": result.sick_requests,
        "words": result.words,
        "error": result.error,
    }
