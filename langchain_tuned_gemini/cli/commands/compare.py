"""`tuned-gemini compare`: which of several models answers a test set better."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, Columns, columns_of, command, leave
from langchain_tuned_gemini.cli.compared_models import StandIn, candidates, contestants, guards_of
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import CommandError, ExitCode
from langchain_tuned_gemini.cli.views import Table

if TYPE_CHECKING:
    from langchain_tuned_gemini.cli.compared_models import Contestant
    from langchain_tuned_gemini.cli.output import Advance
    from langchain_tuned_gemini.comparison import Comparison, ComparisonProgress
    from langchain_tuned_gemini.dataset import TuningDataset

Metric = Annotated[
    Literal["exact", "guards"],
    typer.Option(help="What counts: the expected answer, or that all guards let it pass."),
]
Match = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="How an answer is compared with the expected one: text, json, sql:sqlite or another "
        "dialect.",
    ),
]
Guards = Annotated[
    list[str] | None,
    typer.Option(
        "--guard",
        metavar="GUARD",
        help='A guard as in the records: json, \'sql = "sqlite"\', \'one_of = ["a", "b"]\'. '
        "May be repeated; by default those that are recorded.",
    ),
]
Concurrency = Annotated[int, typer.Option(min=1, help="How many questions are asked at once.")]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        dir_okay=False,
        help="Where answers are kept, so that it goes on after Ctrl-C; DATA.answers.jsonl "
        "by default.",
    ),
]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report to look at.")]


@dataclass(frozen=True, slots=True)
class Test:
    """What is asked, and how it is judged.

    Attributes:
        data: The test set.
        metric: What counts.
        match: How an answer is compared with the expected one.
        guards: Guards as they stand in the records.
        prices: The table of prices, if there is one.
        journal: Where answers are kept; beside the test set when None.
        concurrency: How many questions are asked at once.
        columns: What the test set calls its fields, where they have other names.
    """

    data: Path
    metric: Literal["exact", "guards"] = "exact"
    match: str = "text"
    guards: Sequence[str] = ()
    prices: Path | None = None
    journal: Path | None = None
    concurrency: int = 8
    columns: Mapping[str, str] | None = None

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
    data: Annotated[
        Path,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="The test set: held-back examples."
        ),
    ],
    metric: Metric = "exact",
    match: Match = "text",
    guards: Guards = None,
    base: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which base model base is.")
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="What +few-shot shows."),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", min=1, help="How many it is shown.")] = None,
    columns: Columns = None,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="Prices, TOML or JSON."),
    ] = None,
    html: Html = None,
    journal: Journal = None,
    concurrency: Concurrency = 8,
) -> None:
    """Compare models on a test set; after Ctrl-C, the same command goes on."""
    named = columns_of(columns)
    test = Test(data, metric, match, guards or (), prices, journal, concurrency, named)
    comparison = compared(context, names, test, StandIn(base, examples, k, named))
    if html:
        comparison.write_html(html)
        context.out.say(f"The report is {html}.")
    tell(context, comparison)
    if any(figures.failures for figures in comparison.figures):
        context.out.say("What was not answered is asked again by the same command.")
        leave(ExitCode.PARTLY)


def compared(
    context: CommandContext, names: Sequence[str], test: Test, stand_in: StandIn | None = None
) -> Comparison:
    """Asks all models the questions of a test, and shows how far that is.

    Args:
        context: The command's run.
        names: The models, the baseline first.
        test: What is asked.
        stand_in: The base model that takes part, if one does.
    """
    from langchain_tuned_gemini import comparison, prices
    from langchain_tuned_gemini.comparison.matching import matching
    from langchain_tuned_gemini.dataset import TuningDataset

    if len(set(names)) < len(names):
        raise typer.BadParameter("Name each model once.")
    questions = TuningDataset.read(test.data, columns=test.columns)
    tuned = contestants(context, names)
    _warn_of_known_questions(context, tuned, questions)
    with context.out.progress() as advance:
        try:
            return comparison.compare(
                candidates(names, tuned, stand_in or StandIn()),
                questions,
                guards=guards_of(tuned, test.guards),
                matches=matching(test.match),
                metric=test.metric,
                prices=prices.PriceTable.read(test.prices) if test.prices else None,
                journal=test.kept_in,
                max_concurrency=test.concurrency,
                on_progress=lambda progress: _advance(advance, progress),
            )
        except KeyboardInterrupt:
            context.out.say(f"The answers are kept in {test.kept_in}. The same command goes on.")
            raise


def refuse_unless_better(
    context: CommandContext, alias: str, names: tuple[str, str], test: Test, *, margin: float
) -> None:
    """Returns if a model is better than another one, which is told.

    Args:
        context: The command's run.
        alias: What would change.
        names: The other model, and the one that may be better.
        test: What both are asked.
        margin: By how much it may be worse.

    Raises:
        CommandError: It is not.
    """
    from langchain_tuned_gemini.comparison import is_better

    than, candidate = names
    decision = is_better(compared(context, names, test), candidate, than, margin=margin)
    if not decision:
        raise CommandError(f"{alias} stays as it is: {decision.why}.")
    context.out.say(f"{decision.why}.")


def tell(context: CommandContext, comparison: Comparison) -> None:
    """Shows the figures, and what they come to."""
    from langchain_tuned_gemini.comparison import is_better
    from langchain_tuned_gemini.comparison.reports import table

    decisions = [is_better(comparison, name) for name in comparison.candidates[1:]]
    columns = table.columns(comparison)
    context.out.result(
        {**comparison.as_dict(), "decisions": [decision.as_dict() for decision in decisions]},
        Table(columns, list(table.rows(comparison)), right=frozenset({"p50", "p95"})),
    )
    if not context.out.as_json:
        for note in (*table.notes(comparison), *table.verdicts(comparison)):
            context.out.say(note)


def _advance(advance: Advance, progress: ComparisonProgress) -> None:
    """Tells every percent on a terminal, and every tenth elsewhere, where each is a line."""
    percent = 100 * progress.done // progress.total
    if not sys.stderr.isatty():
        percent -= percent % 10
    failed = f", {progress.failed} not answered" if progress.failed else ""
    kept = (
        f"{progress.total} answers, {progress.reused} of them kept"
        if progress.reused
        else (f"{progress.total} answers")
    )
    advance(f"{kept}{failed}", percent)


def _warn_of_known_questions(
    context: CommandContext, tuned: Sequence[Contestant], questions: TuningDataset
) -> None:
    """A model that was tuned with a question knows its answer; so will nobody's users."""
    from langchain_tuned_gemini.comparison.questions import in_common
    from langchain_tuned_gemini.dataset import TuningDataset

    for one in tuned:
        if one.seen and (number := in_common(questions, TuningDataset.read(one.seen))):
            context.out.warn(
                f"{one.text} was tuned with {number} of these questions, so its figures are too "
                f"good. Hold questions back: tuned-gemini data split."
            )
