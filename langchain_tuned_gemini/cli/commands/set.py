"""`tuned-gemini set`: how all versions of a family are used, written into the records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.options import Examples, Fallback, Guards, K, Task, guard_record


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
    from langchain_tuned_gemini.errors import RecordNotFoundError
    from langchain_tuned_gemini.registry import Records

    records = Records(context.target.records)
    known = records.load().families
    if family not in known:
        raise RecordNotFoundError.of(family, records.path, what="families", known=list(known))
    guard_records = [guard_record(text) for text in guards or ()]
    if fallback is not None:
        check_base(fallback)
    if fallback_location is not None:
        check_location(fallback_location)
    shown = examples and os.path.relpath(examples.resolve(), records.path.resolve().parent)
    changed = _given(
        base_model=fallback,
        location=fallback_location,
        k=k,
        examples=shown and Path(shown).as_posix(),
    )
    if changed:
        before = known[family].fallback
        changed = {**(before.model_dump(exclude_defaults=True) if before else {}), **changed}
        if "base_model" not in changed:
            raise typer.BadParameter(f"{family} has no fallback yet: say with --fallback which.")
    settings = _given(task=task, guards=guard_records, fallback=changed)
    if not settings:
        raise typer.BadParameter(
            "Say what: --fallback, --fallback-location, --examples, -k, --task or --guard."
        )
    with records.edit() as (_, editor):
        editor.set_family(family, settings)
    context.out.result({"family": family, **settings}, f"{family} is changed in {records.path}.")


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value}
