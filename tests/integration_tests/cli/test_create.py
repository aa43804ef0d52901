"""`tuned-gemini create`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator, manual
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import LOCATION, PROJECT, Terminal, plain, rows

BASE = "models/gemini-1.5-flash-001-tuning"
FIRST = ("create", "adder", "--data", "old.jsonl", "--base-model", BASE)


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    """An emulator with no tuned models."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with examples."""
    monkeypatch.chdir(tmp_path)
    TuningDataset.of(NEXT_NUMBER[:24]).write("old.jsonl")
    TuningDataset.of(NEXT_NUMBER[20:]).write("new.jsonl")
    Path("prices.toml").write_text(f'currency = "EUR"\n[models."{BASE}"]\ntraining = 1000\n')
    return tmp_path


def test_a_version_is_tuned_waited_for_and_recorded(run, gemini) -> None:
    done = run(*FIRST, "--yes", "--epochs", "2")

    assert (done.code, done.out) == (ExitCode.OK, "adder-v1 is ACTIVE: tunedModels/adder-v1\n")
    assert done.err.splitlines()[0] == "adder-v1 is being tuned: tunedModels/adder-v1"
    assert "loss" in done.err
    assert "[adder.versions.v1]" in Path("tuned-models.toml").read_text()
    assert run("wait", "adder-v1").code == ExitCode.OK
    assert run("ask", "adder-v1", "7").out == "8\n"


def test_the_next_one_starts_from_the_last_with_new_data(run) -> None:
    run(*FIRST, "--yes", "--epochs", "2", "--batch-size", "3")

    done = run("create", "--from", "adder-v1", "--data", "new.jsonl", "--yes", "--json")

    told = json.loads(done.out)
    assert told["plan"]["name"] == "adder-v2"
    assert told["plan"]["settings"] == pytest.approx(
        {"epochs": 2, "batch_size": 3, **_learning_rate(told)}
    )
    assert told["plan"]["examples"] == 40
    assert told["model"]["state"] == "ACTIVE"
    assert len(TuningDataset.read("adder-v2.jsonl")) == 40


def _learning_rate(told: dict) -> dict:
    """What the platform had chosen for the first one."""
    rate = told["plan"]["settings"].get("learning_rate")
    return {} if rate is None else {"learning_rate": rate}


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(run, gemini) -> None:
    done = run(*FIRST, "--data", "new.jsonl", "--prices", "prices.toml", "--dry-run")

    told = dict(rows(done.out))
    assert done.code == ExitCode.OK
    assert told["version"] == "adder-v1"
    assert told["examples"] == "40 from old.jsonl + new.jsonl"
    assert told["cost"].startswith("about ")
    assert told["cost"].endswith(" EUR")
    assert not any(request.method == "POST" for request in gemini.requests)
    assert not Path("tuned-models.toml").exists()
    assert not Path("adder-v1.jsonl").exists()


def test_nobody_pays_without_having_been_asked(run, gemini) -> None:
    done = run(*FIRST)

    assert done.code == ExitCode.USAGE
    assert "add --yes" in done.err
    assert not any(request.method == "POST" for request in gemini.requests)


@pytest.mark.parametrize(("typed", "code"), [("adder-v1", ExitCode.OK), ("yes", ExitCode.FAILED)])
def test_on_a_terminal_its_name_is_typed_to_begin(gemini, typed, code) -> None:
    command = Terminal(*FIRST, "--prices", "prices.toml")
    command.wait_for("To tune it, type its name, adder-v1:")
    command.type(f"{typed}\n")
    done = command.end()

    shown = plain(done.out)
    assert done.code == code
    assert re.search(r"cost +about", shown)
    assert ("adder-v1 is ACTIVE" in shown) is (code == ExitCode.OK)
    assert ("Nothing was tuned." in shown) is (code != ExitCode.OK)


def test_an_interrupted_wait_is_taken_up_again_and_never_tunes_twice(run, here) -> None:
    with Emulator(progression=manual()) as gemini:
        at = ("--base-url", gemini.base_url)
        command = Terminal(*FIRST, "--yes", *at)
        command.wait_for("CREATING")
        command.type("\x03")
        interrupted = command.end()
        again = run(*FIRST, "--yes", *at)
        gemini.advance("tunedModels/adder-v1", 10_000)
        waited = run("wait", "adder-v1", *at)

        assert interrupted.code == ExitCode.INTERRUPTED
        assert "tuned-gemini wait tunedModels/adder-v1" in plain(interrupted.out)
        assert again.code == ExitCode.USAGE
        assert "tunedModels/adder-v1 is CREATING already" in again.err
        assert "--alongside" in again.err
        assert (waited.code, waited.out) == (ExitCode.OK, "tunedModels/adder-v1 is ACTIVE\n")
        assert len(rows(run("list", *at).out)) == 1


@pytest.mark.parametrize(
    ("platform", "is_created"), [("developer", True), ("vertex", True), ("vertex", False)]
)
def test_after_a_process_was_killed_the_same_command_tunes_once(run, platform, is_created) -> None:
    method = {"developer": "create", "vertex": "tuningJobs.create"}[platform]
    fault = {"drip": 60.0} if is_created else {"hang": True}  # the answer, or all of it, is lost
    on_vertex = ["--project", PROJECT, "--location", LOCATION, "--upload-to", "gs://acme/tuning"]
    with Emulator(progression=manual()) as gemini:
        at = ["--base-url", gemini.base_url, *(on_vertex[:4] if platform == "vertex" else ())]
        base = ("--base-model", BASE if platform == "developer" else "gemini-3.5-flash")
        wish = ("create", "adder", "--data", "old.jsonl", "--data", "new.jsonl", *base)
        command = [*wish, "--yes", "--no-wait", *at, *(on_vertex[4:] if len(at) > 2 else ())]
        with gemini.fault(method=method, **fault):
            create = Terminal(*command)
            create.wait_until(lambda: method in {request.call for request in gemini.requests})
            create.process.kill()
            create.end()
        again = run(*command)
        run("sync", "--mend", *at)

        assert again.code == (ExitCode.USAGE if is_created else ExitCode.OK), again
        assert ("is CREATING already" in again.err) == is_created
        (model,) = json.loads(run("list", "--json", *at).out)
        assert (model["family"], model["version"]) == ("adder", "v1")
        assert "[adder.versions.v1]" in Path("tuned-models.toml").read_text()


def test_no_wait_returns_at_once(run) -> None:
    with Emulator(progression=manual()) as gemini:
        done = run(*FIRST, "--yes", "--no-wait", "--base-url", gemini.base_url)

    assert (done.code, done.out) == (ExitCode.OK, "adder-v1 is CREATING: tunedModels/adder-v1\n")


def test_on_vertex_ai_examples_are_in_cloud_storage_or_go_there(run, gemini) -> None:
    gemini.add_file("gs://acme/train.jsonl", NEXT_NUMBER)
    at = ("--platform", "vertex", "--project", PROJECT, "--location", LOCATION)
    wish = ("create", "adder", "--base-model", "gemini-3.5-flash", "--yes", *at)

    done = run(*wish, "--data", "gs://acme/train.jsonl", "--adapter-size", "4")
    homeless = run(*wish, "--data", "old.jsonl")
    uploaded = run(*wish, "--data", "old.jsonl", "--upload-to", "gs://acme/tuning")

    assert done.code == ExitCode.OK
    assert done.out.startswith("adder-v1 is ACTIVE: projects/")
    assert run("ask", "adder-v1", "7", *at).out == "8\n"
    plan = json.loads(run(*wish, "--data", "old.jsonl", "--dry-run", "--json").out)
    assert (plan["project"], plan["location"]) == (PROJECT, LOCATION)
    assert homeless.code == ExitCode.USAGE
    assert "--upload-to gs://BUCKET/FOLDER" in homeless.err
    assert uploaded.out.startswith("adder-v2 is ACTIVE: projects/")
    assert run("ask", "adder-v2", "7", *at).out == "8\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create"], "needs a family's name"),
        (["create", "adder", "--data", "old.jsonl"], "take the base model from"),
        (["create", "adder", "--base-model", BASE], "needs examples"),
        (["create", "adder-v1", "--data", "old.jsonl"], "can't be a family"),
        ([*FIRST, "--data", "missing.jsonl"], "missing.jsonl: there is no such file"),
        ([*FIRST, "--adapter-size", "4"], "adapter_size is Vertex AI's"),
    ],
)
def test_a_mistake_is_told_before_anything_is_created(run, gemini, arguments, said) -> None:
    done = run(*arguments, "--yes")

    assert done.code == ExitCode.USAGE
    assert said in done.err
    assert not any(request.method == "POST" for request in gemini.requests)
