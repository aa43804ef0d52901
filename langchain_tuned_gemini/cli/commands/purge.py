"""`tuned-gemini purge`: all that was trained on some data goes."""

from __future__ import annotations

from pathlib import Path
from string import hexdigits
from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import CLEANING_UP, command, leave
from langchain_tuned_gemini.cli.commands.delete import Consent, carry_out
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.options import Columns, columns_of


@command("purge", panel=CLEANING_UP)
def purge(
    context: CommandContext,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="FILE_OR_HASH", help="The data, or its hash, or the first 8 characters of that."
        ),
    ],
    columns: Columns = None,
    *,
    consent: Consent,
) -> None:
    """Delete all that was trained on data that must go."""
    library = context.library()
    plan = library.plan_deletion(dataset=_hash_of(dataset, columns_of(columns)))
    for name in plan.unseen:
        context.out.warn(
            f"{name} is recorded as tuned on this data, or further from such a model, and was not "
            "found here, or can't be told from another one. If it is in another project or "
            "location, purge there, too; if it is gone, run: tuned-gemini sync --mend"
        )
    is_done = carry_out(context, library, plan, consent)
    if plan.unseen:
        leave(ExitCode.PARTLY if is_done else ExitCode.FAILED)


def _hash_of(dataset: str, columns: dict[str, str] | None) -> str:
    """The hash of a file, or what is one already."""
    from langchain_tuned_gemini.dataset import TuningDataset

    if Path(dataset).is_file():
        return TuningDataset.read(dataset, columns=columns).content_hash()
    if not set(dataset) <= set(hexdigits):
        raise typer.BadParameter(f"{dataset!r} is neither a file here nor the hash of a data set.")
    return dataset.lower()
