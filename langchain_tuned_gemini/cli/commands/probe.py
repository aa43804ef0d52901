"""`tuned-gemini probe`: one call that tells whether a tuned model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import MODELS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode

if TYPE_CHECKING:
    from langchain_tuned_gemini.library.probe import Probe

_CODES = {
    "ready": ExitCode.OK,
    "not_ready": ExitCode.NOT_YET,
    "failed": ExitCode.NEVER,
    "deleted": ExitCode.NEVER,
    "retired": ExitCode.NEVER,
}
"""What is not here has failed for now: permission, credentials, quota, sick."""


@command("probe", panel=MODELS)
def probe(
    context: CommandContext,
    name: Annotated[str, typer.Argument(help="Its full name, family and version, or an alias.")],
) -> None:
    """Call a tuned model once, and tell whether it answers, and if not, why."""
    seen = context.probe(name)
    context.out.result(probe_data(seen), f"{seen.outcome}: {seen.for_command_line}")
    leave(_CODES.get(seen.outcome, ExitCode.FAILED))


def probe_data(seen: Probe) -> dict[str, Any]:
    """A probe in JSON's types."""
    return {
        "name": seen.name,
        "outcome": seen.outcome,
        "state": seen.state,
        "status": seen.status,
        "duration_s": None if seen.duration is None else round(seen.duration, 3),
        "detail": seen.for_command_line,
        "retirement": str(seen.retirement) if seen.retirement else None,
    }
