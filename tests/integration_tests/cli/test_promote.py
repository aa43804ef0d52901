"""`tuned-gemini promote`, `rollback` and `probe`; and what an alias is good for elsewhere."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import rows

ALIAS = "sql-expert@production"


@pytest.fixture(scope="module")
def gemini():
    """A family with two versions that answer, one that failed and one in the making."""
    with Emulator() as emulator:
        for version, state in (
            ("v1", "ACTIVE"),
            ("v2", "ACTIVE"),
            ("v3", "FAILED"),
            ("v4", "CREATING"),
        ):
            emulator.add_tuned_model(
                f"tunedModels/sql-expert-{version}", examples=NEXT_NUMBER, state=state
            )
        yield emulator


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of versions and aliases."""
    path = tmp_path / "tuned-models.toml"
    monkeypatch.setenv("TUNED_MODELS", str(path))
    return path


def production(path: Path) -> str:
    return tomllib.loads(path.read_text(encoding="utf-8"))["sql-expert"]["aliases"]["production"]


@pytest.fixture
def better(gemini: Emulator, records: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An alias to a version that knows little, another version that knows all, and a test set."""
    monkeypatch.chdir(records.parent)
    gemini.add_tuned_model("tunedModels/adder-v1", examples=NEXT_NUMBER[:8])
    gemini.add_tuned_model("tunedModels/adder-v2", examples=NEXT_NUMBER)
    TuningDataset.of(NEXT_NUMBER[:20]).write("test.jsonl")
    records.write_text(
        '[adder.versions.v1]\nmodel = "tunedModels/adder-v1"\n[adder.aliases]\nproduction = "v1"\n'
    )
    yield records
    for version in ("v1", "v2"):
        gemini.delete_tuned_model(f"tunedModels/adder-{version}")


@pytest.mark.parametrize("than", ["adder@production", "v1", "adder-v1", "tunedModels/adder-v1"])
def test_a_version_is_promoted_if_it_is_better(run, better: Path, than: str) -> None:
    done = run(
        "promote", "adder@production", "v2", "--if-better-than", than, "--data", "test.jsonl"
    )

    assert done.code == ExitCode.OK
    assert done.out == "adder@production is v2 now (was v1): tunedModels/adder-v2\n"
    assert (
        f"adder-v2 is better than {than if '-' in than or '@' in than else 'adder-v1'}" in done.err
    )


def test_a_version_that_is_not_shown_to_be_better_is_not_promoted(run, better: Path) -> None:
    promote = ("promote", "adder@production", "v2", "--data", "test.jsonl", "--if-better-than")
    worse = ("promote", "adder@production", "v1", "--data", "test.jsonl", "--if-better-than")
    before = better.read_text()

    itself = run(*promote, "tunedModels/adder-v2")
    less = run(*worse, "v2", "--margin", "0.1")

    assert itself.code == less.code == ExitCode.FAILED
    assert "adder@production stays as it is: adder-v2 is not shown to be better" in itself.err
    assert "is not shown to be not worse by 10.0 points than adder-v2" in less.err
    assert better.read_text() == before


def test_with_a_margin_it_is_enough_not_to_be_worse(run, better: Path) -> None:
    done = run(
        "promote",
        "adder@production",
        "v2",
        "--data",
        "test.jsonl",
        "--if-better-than",
        "tunedModels/adder-v2",
        "--margin",
        "0.2",
    )

    assert done.code == ExitCode.OK
    assert "adder-v2 is not worse by 20.0 points than tunedModels/adder-v2" in done.err


@pytest.mark.parametrize("half", [["--if-better-than", "v1"], ["--data", "test.jsonl"]])
def test_what_it_is_to_be_better_in_must_be_said(run, better: Path, half: list[str]) -> None:
    done = run("promote", "adder@production", "v2", *half)

    assert done.code == ExitCode.USAGE
    assert "--if-better-than and --data go together" in done.err


def test_an_alias_is_promoted_and_rolled_back(run, records) -> None:
    first = run("promote", ALIAS, "v1")
    second = run("promote", ALIAS, "tunedModels/sql-expert-v2")
    back = json.loads(run("rollback", ALIAS, "--json").out)

    assert first.out == f"{ALIAS} is v1 now: tunedModels/sql-expert-v1\n"
    assert second.out == f"{ALIAS} is v2 now (was v1): tunedModels/sql-expert-v2\n"
    assert back == {
        "alias": ALIAS,
        "version": "v1",
        "before": "v2",
        "model": "tunedModels/sql-expert-v1",
    }
    assert production(records) == "v1"
    assert run("promote", ALIAS, "v1").out.startswith(f"{ALIAS} is v1 already")


@pytest.mark.parametrize(
    ("version", "code", "told"),
    [
        ("v3", ExitCode.FAILED, "FAILED"),
        ("v4", ExitCode.FAILED, "CREATING"),
        ("v9", ExitCode.USAGE, "sql-expert-v9"),
        ("nine", ExitCode.USAGE, "sql-expert-nine"),
    ],
)
def test_what_does_not_answer_is_not_promoted(run, records, version, code, told) -> None:
    run("promote", ALIAS, "v1")

    done = run("promote", ALIAS, version)

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert production(records) == "v1"


def test_a_version_that_is_sick_is_not_promoted(run, gemini, records) -> None:
    run("promote", ALIAS, "v1")

    with gemini.fault(model="tunedModels/sql-expert-v2", status=500):
        done = run("promote", ALIAS, "v2")

    assert done.code == ExitCode.FAILED
    assert done.err.startswith(f"error: {ALIAS} stays as it is: ")
    assert production(records) == "v1"


def test_an_alias_brings_its_recorded_fallback(run, gemini, records, tmp_path) -> None:
    TuningDataset.of(NEXT_NUMBER).write(tmp_path / "train.jsonl")
    run("promote", ALIAS, "v1")
    fallback = """[sql-expert]
fallback = { base_model = "gemini-3.5-flash", k = 4 }
[sql-expert.versions.v1]
model = "tunedModels/sql-expert-v1"
dataset = { path = "train.jsonl" }
[sql-expert.aliases]
production = "v1"
"""
    records.write_text(fallback, encoding="utf-8")

    well = run("ask", ALIAS, "7")
    with gemini.fault(model="tunedModels/sql-expert-v1", status=503):
        ill = run("ask", ALIAS, "7", "--json")

    assert well.err.startswith("-- tunedModels/sql-expert-v1, ")
    told = json.loads(ill.out)
    assert (told["answer"], told["reason"]) == ("8", "overloaded")
    assert told["few_shot"]["examples"] == 4


def test_an_alias_is_a_name_for_every_other_command(run) -> None:
    run("promote", ALIAS, "v2")

    assert run("ask", ALIAS, "7").out == "8\n"
    assert rows(run("show", ALIAS).out)[0] == ["name", "tunedModels/sql-expert-v2"]
    assert run("wait", ALIAS).out == "tunedModels/sql-expert-v2 is ACTIVE\n"
    assert run("probe", ALIAS).out.startswith("ready: tunedModels/sql-expert-v2 answers, in ")
    (row,) = (row for row in rows(run("list").out) if row[3] == "v2")
    assert row[7] == ALIAS


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["promote", "sql-expert", "v1"], ExitCode.USAGE, "is no alias"),
        (["rollback", ALIAS], ExitCode.USAGE, "there is no file /"),
        (["show", "sql-expert@staging"], ExitCode.USAGE, "TUNED_MODELS or with --records"),
        (["promote", ALIAS], ExitCode.USAGE, "Missing argument"),
    ],
)
def test_wrong_input_is_one_sentence(run, arguments, code, told) -> None:
    done = run(*arguments)

    assert done.code == code
    assert told in done.err
    assert done.err.count("\n") == 1


def test_records_that_are_wrong_are_told_with_their_line(run, records) -> None:
    records.write_text("[sql-expert.versions.v1]\nmodle = 'x'\n", encoding="utf-8")

    done = run("list")

    assert done.code == ExitCode.USAGE
    assert f"{records}:2: " in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        ({}, "ready", ExitCode.OK),
        ({"status": 429}, "quota", ExitCode.FAILED),
        ({"status": 403}, "permission", ExitCode.FAILED),
        ({"status": 404}, "deleted", ExitCode.NEVER),
        ({"status": 500}, "sick", ExitCode.FAILED),
    ],
)
def test_a_probe_has_its_outcome_as_exit_code(run, gemini, fault, outcome, code) -> None:
    name = "tunedModels/sql-expert-v2"

    if fault:
        with gemini.fault(model=name, **fault):
            done = run("probe", name, "--json")
    else:
        done = run("probe", name, "--json")

    told = json.loads(done.out)
    assert (told["name"], told["outcome"]) == (name, outcome)
    assert done.code == code


@pytest.mark.parametrize(
    ("version", "outcome", "code"),
    [("v3", "failed", ExitCode.NEVER), ("v4", "not_ready", ExitCode.NOT_YET)],
)
def test_what_is_known_not_to_answer_is_not_called(run, gemini, version, outcome, code) -> None:
    before = len(gemini.requests)

    done = run("probe", f"sql-expert-{version}")

    assert done.out.startswith(f"{outcome}: ")
    assert done.code == code
    assert "generate" not in str([request.path for request in gemini.requests[before:]])


MISTAKEN_BASES = {
    "gemini-3.5-flahs": "'gemini-3.5-flahs' is misspelt. Did you mean 'gemini-3.5-flash'?",
    "": "The fallback's base model is empty. Name one: --fallback gemini-3.5-flash.",
    "tunedModels/other": "is a tuned model, not a base model. Name one: --fallback gemini-3.5-flash.",
}


def test_a_promotion_tells_what_an_application_will_miss_and_set_records_it(
    run, gemini, records, tmp_path
) -> None:
    examples = tmp_path / "data" / "train.jsonl"
    examples.parent.mkdir()
    TuningDataset.of(NEXT_NUMBER).write(examples)

    warned = run("promote", ALIAS, "v1")
    assert "will miss a base model and examples on this machine" in warned.err
    assert "tuned-gemini set sql-expert --fallback BASE --examples FILE" in warned.err
    assert "say with --fallback" in run("set", "sql-expert", "--examples", str(examples)).err
    assert "Say what" in run("set", "sql-expert").err
    assert "sql-expert" in run("set", "unknown", "--task", "strict").err

    told = ["--fallback", "gemini-3.5-flash", "--examples", str(examples), "-k", "3"]
    guards = ["--guard", "json", "--guard", "regex = '[0-9]+'"]
    done = run("set", "sql-expert", *told, "--task", "strict", *guards)
    again = run("set", "sql-expert", "-k", "4", "--fallback-location", "eu")
    wrong = run("set", "sql-expert", "--fallback-location", "moon")

    assert "no location 'moon'" in wrong.err
    for base, said in MISTAKEN_BASES.items():
        assert said in run("set", "sql-expert", "--fallback", base).err
    assert (done.code, again.code) == (ExitCode.OK, ExitCode.OK)
    family = tomllib.loads(records.read_text(encoding="utf-8"))["sql-expert"]
    assert (family["task"], family["guards"]) == ("strict", ["json", {"regex": "[0-9]+"}])
    fallback = {"base_model": "gemini-3.5-flash", "k": 4, "examples": "data/train.jsonl"}
    assert family["fallback"] == {**fallback, "location": "eu"}
    assert run("promote", ALIAS, "v2").err == ""
    assert run("ask", ALIAS, "7").out == "8\n"


def test_a_rollback_from_the_first_version_tells_where_it_can_go(run, records) -> None:
    run("promote", ALIAS, "v1")
    run("promote", ALIAS, "v2")
    run("rollback", ALIAS)

    again = run("rollback", ALIAS)

    assert again.code == ExitCode.USAGE
    assert (
        "v1 is the first version that it pointed to. It has been rolled back from v2" in again.err
    )
