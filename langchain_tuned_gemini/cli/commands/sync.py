"""`tuned-gemini sync`: the records held against the platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.views import Cell, Table

if TYPE_CHECKING:
    from langchain_tuned_gemini.library.differences import RecordDifference

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
    told = dict.fromkeys(mended, "mended")
    told |= {one: "can be mended" if one.mends else "by hand" for one in left}
    context.out.result(
        [
            {
                "kind": one.kind,
                "name": one.name,
                "family": one.family,
                "version": one.version,
                "detail": one.detail,
                "what": what,
            }
            for one, what in told.items()
        ],
        *([_table(told)] if told else []),
    )
    if not left:
        context.out.say(f"{library.records.path} is up to date.")
        return
    if not mend and any(one.mends for one in left):
        context.out.say("To bring the records up to date, add --mend.")
    leave(ExitCode.FAILED)


def _table(told: dict[RecordDifference, str]) -> Table:
    return Table(
        ("name", "what differs", ""),
        [
            [
                one.name,
                one.detail,
                Cell(what, _STYLES[what]),
            ]
            for one, what in told.items()
        ],
    )
