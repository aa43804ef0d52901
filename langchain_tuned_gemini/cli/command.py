"""The decorator that makes a function a command: common options, and groups of options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache, wraps
from itertools import chain
from typing import Annotated, Any, NoReturn, TypeAlias

import typer

from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.output import Output
from langchain_tuned_gemini.cli.target import Target

app = typer.Typer(
    name="tuned-gemini",
    help="Tuned Gemini models: see them, wait for them, ask them, manage their versions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

MODELS = "Tuned models"
VERSIONS = "Versions"
CLEANING_UP = "Deleting"
TOOLS = "Tools"
"""Under which headings `--help` lists the commands."""

_JSON = inspect.Parameter(
    "as_json",
    inspect.Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[bool, typer.Option("--json", help="Write the result as JSON.")],
)

Command: TypeAlias = Callable[..., None]


def command(
    name: str, *, panel: str | None = None, group: typer.Typer = app, has_target: bool = True
) -> Callable[[Command], Command]:
    """Makes a function the command of a name.

    The function's first parameter is the `CommandContext`; the others are typer's, and one whose
    type is a dataclass stands for the options that its fields are. The options `--json`, and those
    of the `Target`, are added. What it raises becomes one sentence and an exit code.

    Args:
        name: The command.
        panel: The heading that it is listed under.
        group: The app that it is added to.
        has_target: Whether it is about tuned models that are somewhere.
    """

    def register(function: Command) -> Command:
        own = _parameters(function)[1:]
        groups: dict[str, Any] = {p.name: p.annotation for p in own if is_dataclass(p.annotation)}
        where = _parameters(Target) if has_target else []

        @wraps(function)
        def run(**given: Any) -> None:
            out = Output(as_json=given.pop("as_json"))
            target = Target(**{option.name: given.pop(option.name) or None for option in where})
            for one, made in groups.items():
                given[one] = made(**{o.name: given.pop(o.name) for o in _parameters(made)})
            try:
                function(CommandContext(out, target), **given)
            except BrokenPipeError:
                out.write_nowhere()
                leave(ExitCode.READER_GONE)

        spread = [_parameters(groups[p.name]) if p.name in groups else [p] for p in own]
        options = [*chain.from_iterable(spread), _JSON, *where]
        run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
        run.__annotations__ = {option.name: option.annotation for option in options}
        group.command(name, rich_help_panel=panel)(run)
        return function

    return register


@cache
def _parameters(made: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters of a function or of a dataclass."""
    taken = inspect.signature(made, eval_str=True).parameters.values()
    return [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in taken]


def leave(code: ExitCode) -> NoReturn:
    """Ends the command with an exit code."""
    raise typer.Exit(code)
