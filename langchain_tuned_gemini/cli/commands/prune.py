"""`tuned-gemini prune`: the old versions of a family go."""

from __future__ import annotations

from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import CLEANING_UP, command
from langchain_tuned_gemini.cli.commands.delete import Consent, carry_out
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.options import Family


@command("prune", panel=CLEANING_UP)
def prune(
    context: CommandContext,
    family: Family,
    keep: Annotated[int, typer.Option(min=1, help="How many ACTIVE versions to keep.")] = 3,
    *,
    consent: Consent,
) -> None:
    """Delete the versions of a family that are older than the newest ones."""
    library = context.library()
    carry_out(context, library, library.plan_deletion(prune=(family, keep)), consent)
