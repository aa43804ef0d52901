"""`tuned-gemini probe`: one call that tells whether a tuned model answers."""

from __future__ import annotations

from langchain_tuned_gemini.cli.command import MODELS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.options import AnyName

_CODES = {
    "ready": ExitCode.OK,
    "not_ready": ExitCode.NOT_YET,
    "failed": ExitCode.NEVER,
    "deleted": ExitCode.NEVER,
    "retired": ExitCode.NEVER,
}
"""An outcome that is not here is a failure for now: permission, credentials, quota, sick."""


@command("probe", panel=MODELS)
def probe(context: CommandContext, name: AnyName) -> None:
    """Call a tuned model once, and tell whether it answers, and if not, why."""
    seen = context.probe(name)
    detail = seen.for_command_line
    context.out.result(
        {
            "name": seen.name,
            "outcome": seen.outcome,
            "state": seen.state,
            "status": seen.status,
            "duration_s": None if seen.duration is None else round(seen.duration, 3),
            "detail": detail,
            "retirement": str(seen.retirement) if seen.retirement else None,
        },
        f"{seen.outcome}: {detail}",
    )
    leave(_CODES.get(seen.outcome, ExitCode.FAILED))
