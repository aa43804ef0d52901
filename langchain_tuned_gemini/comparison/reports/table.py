"""The figures of a comparison as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_tuned_gemini.comparison import figure_text
from langchain_tuned_gemini.comparison.comparison import Comparison
from langchain_tuned_gemini.comparison.figures import Figures
from langchain_tuned_gemini.comparison.significance import is_better

_GAP = "  "


def columns(comparison: Comparison) -> tuple[str, ...]:
    """The names of the columns."""
    return (
        "candidate",
        "right answers",
        "past the guards",
        "difference",
        "p50",
        "p95",
        "tokens in + out",
        *(["cost of 1,000"] if comparison.prices else []),
        "no answer",
    )


def rows(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """A row for each candidate, in their order."""
    for figures in comparison.figures:
        yield _row(comparison, figures)


def _row(comparison: Comparison, figures: Figures) -> tuple[str, ...]:
    name, latency = figures.candidate, figures.latency
    prices = comparison.prices
    cost = [figure_text.money(figures.cost_of_a_thousand, prices.currency)] if prices else []
    is_baseline = name == comparison.baseline
    return (
        name,
        figure_text.rate(figures.exact),
        figure_text.rate(figures.guards),
        figure_text.UNKNOWN if is_baseline else figure_text.difference(comparison.difference(name)),
        figure_text.seconds(latency.p50) if latency else figure_text.UNKNOWN,
        figure_text.seconds(latency.p95) if latency else figure_text.UNKNOWN,
        figure_text.tokens(figures),
        *cost,
        figure_text.counts(figures.failures) or "0",
    )


def verdicts(comparison: Comparison) -> Iterator[str]:
    """The decision on each further candidate, a sentence each."""
    for candidate in comparison.candidates[1:]:
        yield f"{is_better(comparison, candidate).why}."


def notes(comparison: Comparison) -> Iterator[str]:
    """The facts that figures alone don't say, a sentence each."""
    if len(comparison.candidates) > 1:
        yield f"Differences are in points, to {comparison.baseline}."
    for figures in comparison.figures:
        for name, base in figures.tuned.items():
            if name != figures.candidate:
                yield f"{figures.candidate} is {name}{f', tuned from {base}' if base else ''}."
        if figures.fell_back:
            yield f"{figures.candidate} fell back for {figure_text.counts(figures.fell_back)}."
        if figures.unpriced:
            names = ", ".join(figures.unpriced)
            yield f"The cost of {figures.candidate} is not known: there is no price for {names}."


def table(comparison: Comparison) -> str:
    """The figures as text."""
    head = f"{figure_text.number(len(comparison.questions))} questions from {comparison.source}"
    grid = [columns(comparison), *rows(comparison)]
    lines = [
        f"{head}, 95 % intervals",
        "",
        *_aligned(grid),
        "",
        *notes(comparison),
        *verdicts(comparison),
    ]
    return "\n".join(figure_text.printable(line) for line in lines)


def _aligned(grid: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    for row in grid:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield _GAP.join(cells).rstrip()
