"""`tuned-gemini delete`: the tuned models that are named, or all that failed."""

from __future__ import annotations

from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import CLEANING_UP, command
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.deletion_plan import Consent, carry_out


@command("delete", panel=CLEANING_UP)
def delete(
    context: CommandContext,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Full names, families and versions, aliases."),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="All that will never answer: FAILED or CANCELLED.")
    ] = False,
    *,
    consent: Consent,
) -> None:
    """Delete tuned models, for ever. More than one only after a plan was shown."""
    if not (names or failed):
        raise typer.BadParameter("Say which: NAME..., or --failed.")
    library = context.library_of(names or ()) if not failed else context.library()
    plan = library.plan_deletion(context.in_full(names or ()), failed=failed)
    carry_out(context, library, plan, consent)
