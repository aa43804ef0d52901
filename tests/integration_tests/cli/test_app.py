"""The command line as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer.main

from langchain_tuned_gemini.cli import main
from langchain_tuned_gemini.cli.app import app
from langchain_tuned_gemini.cli.errors import ExitCode
from tests.integration_tests.cli.terminal import COMMAND, in_a_pipe

ROOT = Path(__file__).resolve().parents[3]
HEAVY = [
    "httpx",
    "langchain_core",
    "langchain_google_genai",
    "google.genai",
    "numpy",
    "rich.progress",
]


def test_help_imports_nothing_heavy_and_reads_no_network() -> None:
    code = (
        "import sys; from langchain_tuned_gemini.cli import main\n"
        "assert main(['--help']) == 0 and main(['data', 'split', '--help']) == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert "Tuned Gemini models" in done.stdout
    assert done.stdout.endswith("\n[]\n")


def test_without_its_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None\nfrom langchain_tuned_gemini.cli import main\nsys.exit(main(['--help']))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith('pip install "langchain-tuned-gemini[cli]"\n')
    assert done.stderr.count("\n") == 1


def test_the_version_is_the_packages(run) -> None:
    from importlib.metadata import version

    assert run("--version").out == f"tuned-gemini {version('langchain-tuned-gemini')}\n"


def test_a_copy_without_metadata_says_that_its_version_is_unknown(run, monkeypatch) -> None:
    from importlib import metadata

    def version(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)

    assert run("--version").out == "tuned-gemini of unknown version\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["zap"], "No such command 'zap'"),
        (["--nonsense"], "No such option: --nonsense"),
        (["wait"], "Missing argument 'NAME'"),
        (["wait", "tunedModels/x", "--timeout", "soon"], "should be a valid number"),
        (["wait", "tunedModels/x", "--timeout", "-1"], "greater than or equal to 0"),
        (["wait", "tunedModels/x", "--platform", "mars"], "'mars' is not one of"),
    ],
)
def test_a_mistake_is_one_sentence_and_where_to_look(run, arguments, told) -> None:
    done = run(*arguments)

    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told.lower() in done.err.lower()
    assert done.err.strip().endswith("--help")
    assert done.err.count("\n") == 1


def test_a_bug_shows_its_traceback_and_no_escape_sequence(run, monkeypatch) -> None:
    from langchain_tuned_gemini.cli.target import Target

    def broken(self: Target, text: str) -> None:
        raise KeyError("\x1b[2J")

    monkeypatch.setattr(Target, "name", broken)
    done = run("wait", "tunedModels/x")

    assert done.code == ExitCode.FAILED
    assert "please report it" in done.err
    assert "Traceback" in done.err
    assert "\x1b" not in done.err


def test_a_reader_that_has_enough_is_no_error() -> None:
    text = "".join(f'{{"text_input": "{n}", "output": "{"x" * 1000}"}}\n' for n in range(2000))
    command = [*COMMAND, "data", "convert", "-", "--to", "messages"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(text)
        process.stdin.close()
        process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()

    assert told == ""
    assert process.returncode == ExitCode.READER_GONE


def test_a_terminal_that_knows_ascii_only_is_no_reason_to_fail() -> None:
    done = in_a_pipe("data", "check", "/ni\u00f1o.jsonl", PYTHONIOENCODING="ascii")

    assert done.code == ExitCode.FAILED
    assert "no such file" in done.out
    assert done.err == ""


def test_completion_knows_the_commands() -> None:
    environment = {
        "_TUNED_GEMINI_COMPLETE": "complete_bash",
        "COMP_WORDS": "tuned-gemini wa",
        "COMP_CWORD": "1",
    }

    done = in_a_pipe(**environment)

    assert done.out.split() == ["wait"]


def test_every_command_says_what_it_does_in_one_line() -> None:
    commands = typer.main.get_command(app).commands

    for name, command in commands.items():
        assert command.get_short_help_str(limit=200).endswith("."), name
        assert len(command.get_short_help_str(limit=200)) < 100, name


def test_warnings_and_log_records_go_the_same_way(run) -> None:
    import logging
    import warnings

    from langchain_tuned_gemini.cli.app import _routed_to
    from langchain_tuned_gemini.cli.output import Output

    with _routed_to(Output()):
        warnings.simplefilter("always")
        logging.getLogger("somebody").warning("a\x1bb")
        warnings.warn("c\x1bd", stacklevel=1)

    done = run("--version")
    assert done.err.splitlines() == ["warning: a\ufffdb", "warning: c\ufffdd"]


def test_the_environment_is_left_alone() -> None:
    import logging

    assert not any(
        type(handler).__module__.startswith("langchain_tuned_gemini")
        for handler in logging.getLogger().handlers
    )
    assert "TUNED_GEMINI_BASE_URL" in os.environ


def test_the_script_and_the_module_are_this_command_line() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    script = EntryPoint("x", pyproject["project"]["scripts"]["tuned-gemini"], "console_scripts")

    assert script.load() is main
    assert in_a_pipe("--version").out.startswith("tuned-gemini ")
