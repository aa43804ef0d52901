"""What makes a function a command: its common options, and what becomes of its errors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, TypeAlias

import typer

from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.output import Output
from langchain_tuned_gemini.cli.target import Platform, Target

app = typer.Typer(
    name="tuned-gemini",
    help="Tuned Gemini models: see them, wait for them, ask them, manage their versions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

MODELS = "Tuned models"
VERSIONS = "Versions"
CLEANING_UP = "DeletionExecutor"
TOOLS = "Tools"
"""Under which headings `--help` lists the commands."""

_HERE = "Where to look"

_JSON: dict[str, Any] = {
    "as_json": Annotated[bool, typer.Option("--json", help="Write the result as JSON.")],
}
_TARGET: dict[str, Any] = {
    "platform": Annotated[
        Platform | None,
        typer.Option(
            envvar="TUNED_GEMINI_PLATFORM",
            help="Where the tuned models are; by default what the name or the environment says.",
            rich_help_panel=_HERE,
        ),
    ],
    "project": Annotated[
        str | None,
        typer.Option(
            envvar="GOOGLE_CLOUD_PROJECT", help="Project of Vertex AI.", rich_help_panel=_HERE
        ),
    ],
    "location": Annotated[
        str | None,
        typer.Option(
            envvar="GOOGLE_CLOUD_LOCATION",
            help="Region of Vertex AI; for list, versions and doctor also several, or 'all'.",
            rich_help_panel=_HERE,
        ),
    ],
    "base_url": Annotated[
        str | None,
        typer.Option(
            envvar="TUNED_GEMINI_BASE_URL",
            metavar="URL",
            help="Address of the API: of the emulator, or a gateway.",
            rich_help_panel=_HERE,
        ),
    ],
    "records": Annotated[
        str | None,
        typer.Option(
            envvar="TUNED_MODELS",
            metavar="FILE",
            help="File of versions and aliases; tuned-models.toml by default.",
            rich_help_panel=_HERE,
        ),
    ],
}

Columns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=NAME",
        help="What the file calls a field: text_input=question. May be repeated.",
    ),
]
"""An option of all commands that read a tuning set."""

Command: TypeAlias = Callable[..., None]


def command(
    name: str, *, panel: str | None = None, group: typer.Typer = app, has_target: bool = True
) -> Callable[[Command], Command]:
    """Makes a function the command of a name.

    The function's first parameter is the `CommandContext`; the others are typer's. The options
    `--json`, and those that say where to look, are added. What it raises becomes one sentence and
    an exit code.

    Args:
        name: The command.
        panel: The heading that it is listed under.
        group: The app that it is added to.
        has_target: Whether it is about tuned models that are somewhere.
    """

    def register(function: Command) -> Command:
        @wraps(function)
        def run(**given: Any) -> None:
            context = CommandContext(
                Output(as_json=given.pop("as_json")),
                Target(**{option: given.pop(option) or None for option in _TARGET if has_target}),
            )
            try:
                function(context, **given)
            except BrokenPipeError:
                context.out.write_nowhere()
                leave(ExitCode.READER_GONE)

        options = {**_JSON, **(_TARGET if has_target else {})}
        _add_options(run, function, options)
        group.command(name, rich_help_panel=panel)(run)
        return function

    return register


def _add_options(run: Command, function: Command, options: dict[str, Any]) -> None:
    """Gives the wrapper the function's parameters, but its first one, and some options."""
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name in _JSON else None,
            annotation=annotation,
        )
        for name, annotation in options.items()
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}


def columns_of(given: list[str] | None) -> dict[str, str] | None:
    """What a file calls its fields, as `--column` says; None where nobody says."""
    pairs = [text.partition("=") for text in given or ()]
    for field, equals, name in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"--column takes FIELD=NAME, not {field!r}.")
    return {field: name for field, _, name in pairs} or None


def leave(code: ExitCode) -> None:
    """Ends the command with an exit code."""
    raise typer.Exit(code)
