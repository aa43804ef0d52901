"""`tuned-gemini set`: how all versions of a family are used, written into the records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.commands.ask import Examples, Fallback, K, Task
from langchain_tuned_gemini.cli.commands.compare import Guards
from langchain_tuned_gemini.cli.context import CommandContext


@command("set", panel=VERSIONS)
def set_family(
    context: CommandContext,
    family: Annotated[str, typer.Argument(help="A family that is recorded, such as sql-expert.")],
    fallback: Fallback = None,
    fallback_location: Annotated[
        str | None,
        typer.Option(help="Where on Vertex AI it is asked: a region, us, eu or global."),
    ] = None,
    examples: Examples = None,
    k: K = None,
    task: Task = None,
    guards: Guards = None,
) -> None:
    """Record how a family is used: its fallback, its task and its guards."""
    from langchain_tuned_gemini.chat_models.base_model_names import check_base, check_location
    from langchain_tuned_gemini.cli.compared_models import guard_told
    from langchain_tuned_gemini.errors import RecordNotFoundError
    from langchain_tuned_gemini.registry import Records

    records = Records(context.target.records)
    known = records.load().families
    if family not in known:
        raise RecordNotFoundError.of(family, records.path, what="families", known=list(known))
    told: dict[str, Any] = {"task": task, "guards": [guard_told(text) for text in guards or ()]}
    shown = examples and os.path.relpath(examples.resolve(), records.path.resolve().parent)
    if fallback is not None:
        check_base(fallback)
    if fallback_location is not None:
        check_location(fallback_location)
    said = {
        "base_model": fallback,
        "location": fallback_location,
        "k": k,
        "examples": shown and Path(shown).as_posix(),
    }
    if given := {key: value for key, value in said.items() if value}:
        before = known[family].fallback
        told["fallback"] = {
            **(before.model_dump(exclude_defaults=True) if before else {}),
            **given,
        }
        if "base_model" not in told["fallback"]:
            raise typer.BadParameter(f"{family} has no fallback yet: say with --fallback which.")
    told = {key: value for key, value in told.items() if value}
    if not told:
        raise typer.BadParameter(
            "Say what: --fallback, --fallback-location, --examples, -k, --task or --guard."
        )
    with records.edit() as (_, editor):
        editor.set_family(family, told)
    context.out.result({"family": family, **told}, f"{family} is changed in {records.path}.")
