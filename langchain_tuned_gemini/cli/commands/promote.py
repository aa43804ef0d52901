"""`tuned-gemini promote` and `tuned-gemini rollback`: which version is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, Columns, columns_of, command
from langchain_tuned_gemini.cli.commands.compare import (
    Concurrency,
    Guards,
    Journal,
    Match,
    Metric,
    Test,
    refuse_unless_better,
)
from langchain_tuned_gemini.cli.context import CommandContext

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import ModelLibrary
    from langchain_tuned_gemini.library.promotion import Promotion

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
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The test set: held-back examples.",
            rich_help_panel=_IF_BETTER,
        ),
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
    if (than is None) != (data is None):
        raise typer.BadParameter("--if-better-than and --data go together.")
    if than is not None and data is not None:
        named = columns_of(columns)
        test = Test(data, metric, match, guards or (), None, journal, concurrency, named)
        names = (_full(alias, than), _full(alias, version))
        refuse_unless_better(context, alias, names, test, margin=margin)
    library = context.library()
    _tell(context, library.promote(alias, version))
    _tell_what_is_missing(context, library, alias)


@command("rollback", panel=VERSIONS)
def rollback(
    context: CommandContext,
    alias: Alias,
    force: Annotated[
        bool, typer.Option("--force", help="Go back without calling the version before.")
    ] = False,
) -> None:
    """Let an alias point to the version before."""
    _tell(context, context.library().rollback(alias, force=force))


def _tell_what_is_missing(context: CommandContext, library: ModelLibrary, alias: str) -> None:
    """What an application that names the alias will not find in the records."""
    from langchain_tuned_gemini.names.alias_name import AliasName

    version = library.records.load().target(AliasName.parse(alias))
    if version.missing:
        flags = {"a base model": "--fallback BASE", "examples on this machine": "--examples FILE"}
        context.out.warn(
            f"init_tuned_gemini({alias!r}) will miss {' and '.join(version.missing)}, for the "
            f"fallback. Record that: tuned-gemini set {version.family} "
            f"{' '.join(flags[what] for what in version.missing)}"
        )


def _full(alias: str, text: str) -> str:
    """A model of the alias's family, which may be called by its version alone."""
    from langchain_tuned_gemini.names.alias_name import AliasName
    from langchain_tuned_gemini.names.version_name import version_or_none

    family = AliasName.parse(alias).family
    return text if version_or_none(text) is None else f"{family}-{text}"


def _tell(context: CommandContext, done: Promotion) -> None:
    if done.before == done.version:
        told = f"{done.alias} is {done.version} already: {done.model}"
    else:
        before = f" (was {done.before})" if done.before else ""
        told = f"{done.alias} is {done.version} now{before}: {done.model}"
    context.out.result(
        {
            "alias": done.alias,
            "version": done.version,
            "before": done.before or None,
            "model": done.model,
        },
        told,
    )
