"""Every command in a pipe and on a terminal: none is forgotten, and each says what it should."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.app import PROGRAM
from langchain_tuned_gemini.cli.command import app
from langchain_tuned_gemini.emulator import Emulator
from tests.cli_reference import commands
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import Done, Terminal, plain

RECORDS = """\
[next.versions.v1]
model = "tunedModels/next-v1"
dataset = { hash = "abababababababababababababababababababababababababababababababab" }
[next.versions.v2]
model = "tunedModels/next-v2"
[next.aliases]
production = "v2"
[[next.history]]
alias = "production"
version = "v2"
before = "v1"
at = 2026-11-28T12:00:00Z
"""


@dataclass(frozen=True, slots=True)
class Try:
    """How a command is tried, and what it must say.

    Attributes:
        arguments: What stands after it; `{train}` and `{new}` are files.
        says: What its result must hold.
        typed: What is typed on the terminal, each time that it shows `when`.
        when: What it shows then.
        has_json: Whether its result is JSON on demand.
    """

    arguments: str
    says: str
    typed: tuple[str, ...] = ()
    when: str = ""
    has_json: bool = True

    @property
    def stdin(self) -> str:
        """The same for a pipe, which ends by itself."""
        return "".join(self.typed).replace("\r", "\n").removesuffix("\x04")


TRIES: Mapping[str, Try] = {
    "list": Try("", "tunedModels/next-v1"),
    "show": Try("next@production", "tunedModels/next-v2"),
    "wait": Try("next-v2", "is ACTIVE"),
    "probe": Try("next-v2", "ready: tunedModels/next-v2 answers"),
    "doctor": Try("", "3 tuned models can be seen"),
    "ask": Try("next-v2 7", "8"),
    "chat": Try("next-v2", "8", typed=("7\r", "\x04"), when="> "),
    "versions": Try("next", "v1"),
    "compare": Try("next-v1 next-v2 --data {train} --journal {new}", "next-v2 100.0 %"),
    "create": Try("next --data {train} --dry-run", "next-v3"),
    "promote": Try("next@production v1", "next@production is v1 now (was v2)"),
    "rollback": Try("next@production", "next@production is v1 now (was v2)"),
    "set": Try("next --fallback gemini-3.5-flash --task strict", "next is changed in"),
    "delete": Try("next-v1 --dry-run --force", "it was named"),
    "prune": Try("next --keep 1 --dry-run --force", "newer versions of next: 1"),
    "purge": Try("--dataset abababab --dry-run --force", "it was tuned on abababab"),
    "sync": Try("--mend", "mended"),
    "data check": Try("{train}", "40 examples, 0 errors"),
    "data convert": Try("{train} --to vertex -o {new}", "40 examples"),
    "data merge": Try("{train} {train} -o {new}", "40 examples, 40 duplicates"),
    "data split": Try("{train} {new} {new}2", "36"),
    "data stats": Try("{train}", "hash"),
    "emulate": Try("", "http://127.0.0.1:", typed=("\x03",), when="Ctrl-C", has_json=False),
}


@pytest.fixture(scope="module")
def gemini() -> Iterator[Emulator]:
    """A family with three versions."""
    with Emulator() as emulator:
        for version in ("v0", "v1", "v2"):
            emulator.add_tuned_model(f"tunedModels/next-{version}", examples=NEXT_NUMBER)
        yield emulator


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Makes a command's arguments; each has files of its own."""
    train = tmp_path / "train.jsonl"
    TuningDataset.of(NEXT_NUMBER).write(train)

    def make(name: str) -> tuple[list[str], dict[str, str]]:
        own = tmp_path / name.replace(" ", "-")
        own.mkdir()
        records = own / "tuned-models.toml"
        records.write_text(RECORDS, encoding="utf-8")
        given = TRIES[name].arguments.format(train=train, new=own / "new.jsonl")
        return [*name.split(), *given.split()], {"TUNED_MODELS": str(records)}

    return make


def all_commands() -> list[str]:
    found = commands(PROGRAM, typer.main.get_command(app))
    return [path.removeprefix(f"{PROGRAM} ") for path, _ in found]


def test_none_is_forgotten() -> None:
    assert sorted(TRIES) == sorted(all_commands())


@pytest.mark.parametrize("name", [name for name in TRIES if name != "emulate"])
def test_in_a_pipe(run, arguments, monkeypatch, name: str) -> None:
    given, environment = arguments(name)
    monkeypatch.setenv(*next(iter(environment.items())))

    done = run(*given, stdin=TRIES[name].stdin)

    assert done.code == 0, done.err
    assert TRIES[name].says in done.out.replace("\t", " ")
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("name", [name for name, tried in TRIES.items() if tried.has_json])
def test_as_json(run, arguments, monkeypatch, name: str) -> None:
    given, environment = arguments(name)
    monkeypatch.setenv(*next(iter(environment.items())))

    done = run(*given, "--json", stdin=TRIES[name].stdin)

    assert done.code == 0, done.err
    assert json.loads(done.out) is not None


def test_on_a_terminal(arguments) -> None:
    def tried(name: str) -> Done:
        given, environment = made[name]
        terminal = Terminal(*given, environment=environment)
        for keys in TRIES[name].typed:
            terminal.wait_for(TRIES[name].when)
            terminal.type(keys)
        return terminal.end()

    made = {name: arguments(name) for name in TRIES}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = dict(zip(TRIES, pool.map(tried, TRIES), strict=True))

    for name, tried_ in TRIES.items():
        shown = plain(done[name].out)
        assert done[name].code == 0, shown
        assert " ".join(tried_.says.split()) in " ".join(shown.split()), name
        assert "Traceback" not in shown
