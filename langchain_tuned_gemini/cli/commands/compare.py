"""`tuned-gemini compare`: which of several models answers a test set better."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command, leave
from langchain_tuned_gemini.cli.compared_models import BaseOptions
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.options import (
    Concurrency,
    Guards,
    Journal,
    Match,
    Metric,
    Prices,
    columns_of,
    existing_file,
)
from langchain_tuned_gemini.cli.views import Table

if TYPE_CHECKING:
    from langchain_tuned_gemini.cli.output import Advance
    from langchain_tuned_gemini.comparison import Comparison, ComparisonProgress


@dataclass(frozen=True, slots=True)
class TestSet:
    """What is asked, and how it is judged, as the options say."""

    data: Path
    metric: Literal["exact", "guards"]
    match: str
    guards: list[str] | None
    journal: Path | None
    concurrency: int
    columns: list[str] | None
    prices: Path | None = None

    @property
    def kept_in(self) -> Path:
        """Where answers are kept."""
        return self.journal or self.data.with_suffix(".answers.jsonl")


@command("compare", panel=VERSIONS)
def compare(
    context: CommandContext,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Tuned models, and base models by their names, +few-shot for examples: "
            "gemini-3.5-flash+few-shot; base is that of --base. The others are compared with the "
            "first one.",
        ),
    ],
    data: Annotated[Path, existing_file("The test set: held-back examples.")],
    metric: Metric = "exact",
    match: Match = "text",
    guards: Guards = None,
    *,
    base: BaseOptions,
    prices: Prices = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report to look at.")
    ] = None,
    journal: Journal = None,
    concurrency: Concurrency = 8,
) -> None:
    """Compare models on a test set; after Ctrl-C, the same command goes on."""
    from langchain_tuned_gemini.comparison import is_better
    from langchain_tuned_gemini.comparison.reports import table

    test = TestSet(data, metric, match, guards, journal, concurrency, base.columns, prices)
    comparison = ask_all(context, names, test, base)
    if html:
        comparison.write_html(html)
        context.out.say(f"The report is {html}.")
    decisions = [is_better(comparison, name) for name in comparison.candidates[1:]]
    context.out.result(
        {**comparison.as_dict(), "decisions": [decision.as_dict() for decision in decisions]},
        Table(table.columns(comparison), list(table.rows(comparison)), right={"p50", "p95"}),
    )
    if not context.out.as_json:
        for note in (*table.notes(comparison), *table.verdicts(comparison)):
            context.out.say(note)
    if any(figures.failures for figures in comparison.figures):
        context.out.say("What was not answered is asked again by the same command.")
        leave(ExitCode.PARTLY)


def ask_all(
    context: CommandContext, names: Sequence[str], test: TestSet, base: BaseOptions | None = None
) -> Comparison:
    """Asks all models the questions of a test set, and shows how far that is.

    Args:
        context: The command's run.
        names: The models, the baseline first.
        test: What is asked.
        base: The base model that takes part, if one does.
    """
    from langchain_tuned_gemini import comparison, prices
    from langchain_tuned_gemini.cli.compared_models import candidates, guards_of, tuned_candidates
    from langchain_tuned_gemini.comparison.matching import matching
    from langchain_tuned_gemini.comparison.questions import in_common
    from langchain_tuned_gemini.dataset import TuningDataset

    if len(set(names)) < len(names):
        raise typer.BadParameter("Name each model once.")
    questions = TuningDataset.read(test.data, columns=columns_of(test.columns))
    tuned = tuned_candidates(context, names)
    for one in tuned:  # one that was tuned with a question knows its answer; users' it does not
        if one.seen and (number := in_common(questions, TuningDataset.read(one.seen))):
            context.out.warn(
                f"{one.text} was tuned with {number} of these questions, so its figures are too "
                f"good. Hold questions back: tuned-gemini data split."
            )
    with context.out.progress() as advance:
        try:
            return comparison.compare(
                candidates(names, tuned, base or BaseOptions()),
                questions,
                guards=guards_of(tuned, test.guards or ()),
                matches=matching(test.match),
                metric=test.metric,
                prices=prices.PriceTable.read(test.prices) if test.prices else None,
                journal=test.kept_in,
                max_concurrency=test.concurrency,
                on_progress=lambda progress: _show_progress(advance, progress),
            )
        except KeyboardInterrupt:
            context.out.say(f"The answers are kept in {test.kept_in}. The same command goes on.")
            raise


def _show_progress(advance: Advance, progress: ComparisonProgress) -> None:
    """Shows every percent on a terminal, and every tenth elsewhere, where each is a line."""
    percent = 100 * progress.done // progress.total
    if not sys.stderr.isatty():
        percent -= percent % 10
    kept = f", {progress.reused} of them kept" if progress.reused else ""
    failed = f", {progress.failed} not answered" if progress.failed else ""
    advance(f"{progress.total} answers{kept}{failed}", percent)
