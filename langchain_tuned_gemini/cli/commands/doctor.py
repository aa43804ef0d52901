"""`tuned-gemini doctor`: what is wrong with the set-up, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import TOOLS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.views import Cell, Table

if TYPE_CHECKING:
    from langchain_tuned_gemini.cli.diagnosis import Finding

_STYLES = {"ok": "green", "note": "yellow", "problem": "red"}


@command("doctor", panel=TOOLS)
def doctor(
    context: CommandContext,
    name: Annotated[
        str | None, typer.Argument(help="A tuned model that is to be called once, too.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="The base model that is to stand in for it, if none is recorded."),
    ] = None,
) -> None:
    """Check installation, credentials, rights, location, models, fallback; fails on problems."""
    from langchain_tuned_gemini.cli.diagnosis import checks

    findings: list[Finding] = []
    with context.out.progress() as advance:
        for title, found in checks(context, name, base):
            advance(f"checking {title}", None)
            findings.extend(found)
    context.out.result(
        [{"level": f.level, "about": f.about, "told": f.told} for f in findings],
        Table(
            ["", "about", "what was found"],
            [[Cell(f.level, _STYLES[f.level]), f.about, f.told] for f in findings],
        ),
    )
    if any(finding.level == "problem" for finding in findings):
        leave(ExitCode.FAILED)
