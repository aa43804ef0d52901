"""`tuned-gemini rollback`: an alias goes back to the version before."""

from __future__ import annotations

from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.commands.promote import Alias, show_promotion
from langchain_tuned_gemini.cli.context import CommandContext


@command("rollback", panel=VERSIONS)
def rollback(
    context: CommandContext,
    alias: Alias,
    force: Annotated[
        bool, typer.Option("--force", help="Go back without calling the version before.")
    ] = False,
) -> None:
    """Let an alias point to the version before."""
    show_promotion(context, context.library().rollback(alias, force=force))
