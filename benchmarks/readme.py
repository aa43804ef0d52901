"""The tables of what was measured, made from the recorded results: `make figures`.

A table stands between `<!-- costs -->` and `<!-- /costs -->`, in the README or on a page of `docs`;
a test compares both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import recorded
from benchmarks.scorecard.contestants import ALL
from benchmarks.scorecard.outcomes import Outcome

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def costs() -> str:
    """What this package costs over upstream's bare model."""
    overhead, built = recorded("overhead"), recorded("connections")
    delays, many = recorded("fallback_delay"), built["thousand_calls"]
    tenth = built["tenth_model_ms"]
    return _markdown(
        ["", "this package", "bare `ChatGoogleGenerativeAI`"],
        [
            [
                "CPU of one `invoke`, with fallback, guards and circuit",
                f"x {overhead['invoke']:.2f}",
                "1",
            ],
            ["CPU of one streamed chunk, with the same", f"x {overhead['chunk']:.2f}", "1"],
            ["the tenth model object", f"{tenth['ours']} ms", f"{tenth['bare']} ms"],
            *(
                [f"`.{path}` of 1,000 calls of 200 ms", many["ours"][path], many["bare"][path]]
                for path in ("batch", "abatch")
            ),
            [
                "what a failure adds to the base model's own time: 503, 429, reset",
                ", ".join(f"{delays[fault]} ms" for fault in ("503", "429", "connection reset")),
                f"{_seconds('5', 'langchain'):.0f} s of retries for a 503",
            ],
        ],
    )


def hedging() -> str:
    """What hedging does for the slowest calls."""
    return _markdown(
        ["`hedge_after`", "slowest in a hundred", "more calls"],
        [
            [
                "none" if after == "None" else f"`{after}`",
                f"{found['p99_ms']} ms",
                f"{found['more_calls']:.1%}",
            ]
            for after, found in recorded("hedging").items()
        ],
    )


def library() -> str:
    """How long it takes to list 200 tuned models."""
    return _markdown(
        ["`library.list()` of 200 tuned models, with", "takes"],
        [[name, f"{seconds:.2f} s"] for name, seconds in recorded("library").items()],
    )


def peers() -> str:
    """What a call costs with each fallback while all is well."""
    return _markdown(
        ["CPU of one `invoke`, in times of bare", "with its fallback", "its model alone"],
        [
            [
                row["name"],
                f"{row['of_bare']:.2f}",
                f"{row['alone_ms'] / row['robust_ms'] * row['of_bare']:.2f}",
            ]
            for row in recorded("peers")
        ],
    )


def scorecard() -> str:
    """How often each contestant did what, and how long it took."""
    results = recorded("scorecard")
    counts = {
        key: Counter(it["outcome"] for it in _of(results, key)) for key in ALL if _of(results, key)
    }
    rows = [
        [outcome, *(str(count[outcome]) for count in counts.values())]
        for outcome in Outcome
        if any(count[outcome] for count in counts.values())
    ]
    for what, unit in (("seconds", " s"), ("sick_requests", "")):
        sums = [f"{sum(it[what] for it in _of(results, key)):.0f}{unit}" for key in counts]
        rows.append([{"seconds": "all runs took"}.get(what, "requests to the sick model"), *sums])
    return _markdown(["", *(ALL[key].title for key in counts)], rows)


def example_costs() -> str:
    """What the examples in the prompt cost."""
    return _markdown(
        ["", "tokens of a prompt", "the same in each, from its beginning on"],
        [
            [name, f"{cost['tokens']:,.0f}", f"{cost['prefix']:,}"]
            for name, cost in recorded("few_shot_cost").items()
        ],
    )


def selection() -> str:
    """How often the right label is among the selected examples."""
    shares = recorded("selection")
    sizes = [100, 500, 1_000, max(int(size) for size in shares["fixed"])]
    names = {
        "lexical, label-diverse": "`LexicalExampleSelector`",
        "BM25 over words": "BM25 over words",
        "fixed": "the same 8 for each question",
    }
    return _markdown(
        ["8 examples out of", *(f"{size:,}" for size in sizes)],
        [
            [told, *(f"{100 * shares[name][str(size)]['8']:.1f} %" for size in sizes)]
            for name, told in names.items()
        ],
    )


BLOCKS: Mapping[str, Callable[[], str]] = {
    "costs": costs,
    "example-costs": example_costs,
    "hedging": hedging,
    "library": library,
    "peers": peers,
    "scorecard": scorecard,
    "selection": selection,
}


def with_figures(text: str) -> str:
    """A text with the tables that it has as they are recorded."""
    for name, table in BLOCKS.items():
        mark = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
        text = mark.sub(lambda _, table=table: f"{table()}\n", text)
    return text


def _of(results: Iterable[Mapping[str, Any]], contestant: str) -> list[Mapping[str, Any]]:
    return [it for it in results if it["contestant"] == contestant]


def _seconds(scenario: str, contestant: str) -> float:
    """How long an `invoke` took in one scenario of the scorecard."""
    return next(
        float(it["seconds"])
        for it in _of(recorded("scorecard"), contestant)
        if (it["scenario"], it["mode"]) == (scenario, "invoke")
    )


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |".replace("|  |", "| |") for line in lines)


def main() -> None:
    """Writes the tables into the pages."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        page.write_text(with_figures(text), encoding="utf-8")


if __name__ == "__main__":
    main()
