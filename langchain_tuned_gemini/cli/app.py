"""The commands together, and what becomes of what they raise."""

from __future__ import annotations

import io
import logging
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated

import typer

from langchain_tuned_gemini.cli.command import app
from langchain_tuned_gemini.cli.errors import ExitCode, exit_code_of
from langchain_tuned_gemini.cli.output import Output

PROGRAM = "tuned-gemini"

_COMMANDS = (
    *("list", "show", "wait", "probe", "ask", "chat"),
    *("versions", "create", "compare", "promote", "rollback", "set", "sync"),
    *("delete", "prune", "purge"),
    *("doctor", "emulate", "data"),
)
"""The modules with the commands, in the order in which `--help` lists them."""

for _command in _COMMANDS:
    import_module(f"langchain_tuned_gemini.cli.commands.{_command}")  # it adds itself to `app`


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The command line after the program's name; this process's own when None.

    Returns:
        The exit code.
    """
    _prepare_streams()
    out = Output()
    try:
        with _routed_to(out), _ending_on_sigterm():
            code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
    except typer.TyperException as error:
        return _report_misuse(error, out)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told, and safely
        return _report(error, out)
    return code if isinstance(code, int) else ExitCode.OK


def _report_misuse(error: typer.TyperException, out: Output) -> ExitCode:
    """A mistake in the command line."""
    message = error.format_message().replace("Value error, ", "").removeprefix("Invalid value: ")
    if not message:  # the help has been shown in its place
        return ExitCode.USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context else PROGRAM
    end = "" if message.endswith((".", "?", ")")) else "."
    out.error(f"{message}{end} See: {path} --help")
    return ExitCode.USAGE


def _report(error: Exception, out: Output) -> ExitCode:
    """One sentence for what can go wrong; a traceback for what can't."""
    from langchain_tuned_gemini.cli.errors import sentence_for

    sentence = sentence_for(error)
    if sentence is None:
        out.error("This is a bug in tuned-gemini; please report it with what stands below.")
        out.say("".join(traceback.format_exception(error)))
        return ExitCode.FAILED
    out.error(sentence)
    return exit_code_of(error)


def _prepare_streams() -> None:
    """No text is a reason to fail, whatever the terminal's encoding can't hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class _OutputHandler(logging.Handler):
    """Shows log records as everything else is shown."""

    def __init__(self, out: Output) -> None:
        super().__init__(logging.WARNING)
        self._out = out

    def emit(self, record: logging.LogRecord) -> None:
        self._out.warn(record.getMessage())


@contextmanager
def _routed_to(out: Output) -> Iterator[None]:
    """Lets log records and warnings take the way that everything takes."""
    handler = _OutputHandler(out)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: out.warn(str(message))
            yield
    finally:
        root.removeHandler(handler)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Ends as Ctrl-C does: what is to be tidied up or written down still is."""

    def end(*_: object) -> None:
        raise SystemExit(ExitCode.TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("langchain-tuned-gemini")
        except PackageNotFoundError:  # a copy without its metadata, as PyInstaller makes
            number = "of unknown version"
        Output().result(None, f"{PROGRAM} {number}")
        raise typer.Exit


@app.callback()
def _all_commands(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
