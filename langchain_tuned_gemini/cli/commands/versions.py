"""`tuned-gemini versions`: the versions of one family, and the next one's name."""

from __future__ import annotations

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.commands.list import list_everywhere, show_models
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.options import Family


@command("versions", panel=VERSIONS)
def versions(context: CommandContext, family: Family) -> None:
    """List the versions of a family, the newest last, and what the next one is called."""
    from langchain_tuned_gemini.library.library_model import in_order

    found = list_everywhere(context, family=family)
    show_models(context, in_order(found.models), found.targets)
    if not found.failed:  # else its name may be taken
        next_one = context.library_at(found.targets).next_version(family)
        context.out.say(f"The next one is {next_one}.")
    found.report_the_rest(context)
