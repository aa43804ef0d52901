"""`tuned-gemini emulate`: the emulator in the foreground. Its options are its own."""

from __future__ import annotations

import typer

from langchain_tuned_gemini.cli.command import TOOLS, app


@app.command(
    "emulate",
    rich_help_panel=TOOLS,
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def emulate(context: typer.Context) -> None:
    """Run the emulator until Ctrl-C: tuned models with no key and no network."""
    try:
        from langchain_tuned_gemini.emulator.__main__ import main
    except ModuleNotFoundError:
        from langchain_tuned_gemini.errors import MissingExtraError

        raise MissingExtraError("The emulator", extra="emulator") from None
    try:
        code = main(context.args, program="tuned-gemini emulate")
    except SystemExit as end:  # argparse has shown its help, or what is wrong with an option
        code = int(end.code or 0)
    raise typer.Exit(code)
