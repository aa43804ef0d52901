"""`tuned-gemini sync`: the records held against the platforms."""

from __future__ import annotations

from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.views import Cell, Table

_STYLES = {"mended": "green", "can be mended": "yellow", "by hand": "red"}


@command("sync", panel=VERSIONS)
def sync(
    context: CommandContext,
    mend: Annotated[
        bool, typer.Option("--mend", help="Bring the records up to date; models stay as they are.")
    ] = False,
) -> None:
    """Show what differs between the records and the platforms; fails while anything does."""
    library = context.library()
    differences = library.differences()
    mended = library.mend(differences) if mend else ()
    left = library.differences() if mended else differences  # mending may bring others to light
    found = dict.fromkeys(mended, "mended")
    found |= {one: "can be mended" if one.mends else "by hand" for one in left}
    fields = ("kind", "name", "family", "version")
    rows = [
        [one.name, one.for_command_line, Cell(what, _STYLES[what])] for one, what in found.items()
    ]
    context.out.result(
        [
            {
                **{field: getattr(one, field) for field in fields},
                "detail": one.for_command_line,
                "what": what,
            }
            for one, what in found.items()
        ],
        *([Table(("name", "what differs", ""), rows)] if rows else []),
    )
    if not left:
        context.out.say(f"{library.records.path} is up to date.")
        return
    if not mend and any(one.mends for one in left):
        context.out.say("To bring the records up to date, add --mend.")
    leave(ExitCode.FAILED)
