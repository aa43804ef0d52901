"""The tables of the README about the command line, made from what `--help` and the code say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from langchain_tuned_gemini.cli.app import PROGRAM
from langchain_tuned_gemini.cli.command import app
from langchain_tuned_gemini.cli.errors import ExitCode


def command_table() -> str:
    """All commands, with their arguments and what they do, in Markdown."""
    rows = [
        f"| `{path}{_arguments(command)}` | {command.get_short_help_str(limit=200)} |"
        for path, command in commands(PROGRAM, typer.main.get_command(app))
    ]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def exit_code_table() -> str:
    """The exit codes as a Markdown table."""
    rows = [f"| {code.value} | {code.meaning} |" for code in ExitCode]
    return "\n".join(["| exit code | meaning |", "| --- | --- |", *rows])


def commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Each command that is no group of others, with what is typed for it."""
    for name, inner in command.commands.items():
        if hasattr(inner, "commands"):
            yield from commands(f"{path} {name}", inner)
        else:
            yield f"{path} {name}", inner


def _arguments(command: Any) -> str:
    return "".join(
        f" {_shown(parameter)}"
        for parameter in command.params
        if parameter.param_type_name == "argument"
    )


def _shown(argument: Any) -> str:
    name = str(argument.metavar or argument.name.upper())
    if argument.nargs != 1 and not name.endswith("..."):
        name += "..."
    return name if argument.required else f"[{name}]"
