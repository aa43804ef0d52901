"""`tuned-gemini promote`: which version an alias points to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.commands.compare import TestSet, ask_all
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import CommandError
from langchain_tuned_gemini.cli.options import (
    Columns,
    Concurrency,
    Guards,
    Journal,
    Match,
    Metric,
    existing_file,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.library.promotion import Promotion
    from langchain_tuned_gemini.names.alias_name import AliasName

_IF_BETTER = "Only if it is better"

Alias = Annotated[str, typer.Argument(help="An alias, such as sql-expert@production.")]


@command("promote", panel=VERSIONS)
def promote(
    context: CommandContext,
    alias: Alias,
    version: Annotated[str, typer.Argument(help="A version, such as v3, or a full name.")],
    than: Annotated[
        str | None,
        typer.Option(
            "--if-better-than",
            metavar="MODEL",
            help="Only if it answers --data better than this one, such as the alias itself.",
            rich_help_panel=_IF_BETTER,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        existing_file("The test set: held-back examples.", rich_help_panel=_IF_BETTER),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.99,
            help="By how much it may be worse; 0.02 is two questions in a hundred.",
            rich_help_panel=_IF_BETTER,
        ),
    ] = 0.0,
    metric: Metric = "exact",
    match: Match = "text",
    guards: Guards = None,
    journal: Journal = None,
    concurrency: Concurrency = 8,
    columns: Columns = None,
) -> None:
    """Let an alias point to a version, once that has answered a call."""
    from langchain_tuned_gemini.names.alias_name import AliasName

    if (than is None) != (data is None):
        raise typer.BadParameter("--if-better-than and --data go together.")
    parsed = AliasName.parse(alias)
    if than is not None and data is not None:
        test = TestSet(data, metric, match, guards, journal, concurrency, columns)
        _refuse_unless_better(context, parsed, version, than, test, margin=margin)
    library = context.library()
    show_promotion(context, library.promote(alias, version))
    recorded = library.records.load().target(parsed)
    if recorded.missing:  # what an application that names the alias will not find
        flags = {"a base model": "--fallback BASE", "examples on this machine": "--examples FILE"}
        context.out.warn(
            f"init_tuned_gemini({alias!r}) will miss {' and '.join(recorded.missing)}, for the "
            f"fallback. Record that: tuned-gemini set {recorded.family} "
            f"{' '.join(flags[what] for what in recorded.missing)}"
        )


def _refuse_unless_better(
    context: CommandContext,
    alias: AliasName,
    version: str,
    than: str,
    test: TestSet,
    *,
    margin: float,
) -> None:
    """Returns if a version is better than another model, and says so.

    Raises:
        CommandError: It is not.
    """
    from langchain_tuned_gemini.comparison import is_better
    from langchain_tuned_gemini.names.version_name import version_or_none

    # One of the alias's family may be called by its version alone.
    baseline, candidate = (
        text if version_or_none(text) is None else f"{alias.family}-{text}"
        for text in (than, version)
    )
    comparison = ask_all(context, (baseline, candidate), test)
    decision = is_better(comparison, candidate, baseline, margin=margin)
    if not decision:
        raise CommandError(f"{alias} stays as it is: {decision.why}.")
    context.out.say(f"{decision.why}.")


def show_promotion(context: CommandContext, done: Promotion) -> None:
    """Shows which version an alias points to now."""
    if done.before == done.version:
        text = f"{done.alias} is {done.version} already: {done.model}"
    else:
        before = f" (was {done.before})" if done.before else ""
        text = f"{done.alias} is {done.version} now{before}: {done.model}"
    context.out.result(
        {
            "alias": done.alias,
            "version": done.version,
            "before": done.before or None,
            "model": done.model,
        },
        text,
    )
