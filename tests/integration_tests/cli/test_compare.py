"""`tuned-gemini compare`."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import AT, ENDPOINT, Terminal, plain, rows

TEST = NEXT_NUMBER[:20]
JOB = f"{AT}/tuningJobs/7"
FALLBACK = 'fallback = { base_model = "gemini-3.5-flash", k = 3, examples = "examples.jsonl" }'


@pytest.fixture(scope="module", autouse=True)
def versions(gemini: Emulator) -> None:
    """Two versions, of which one has learnt more."""
    gemini.add_tuned_model("tunedModels/adder-v1", examples=NEXT_NUMBER[:8])
    gemini.add_tuned_model("tunedModels/adder-v2", examples=NEXT_NUMBER)


@pytest.fixture(autouse=True)
def here(gemini: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a test set."""
    monkeypatch.chdir(tmp_path)
    TuningDataset.of(TEST).write("test.jsonl")
    TuningDataset.of(NEXT_NUMBER).write("examples.jsonl")
    gemini.clear_faults()
    return tmp_path


def test_a_pipe_gets_a_row_for_each_model_and_the_verdict_beside_it(run) -> None:
    done = run("compare", "adder-v1", "tunedModels/adder-v2", "--data", "test.jsonl")

    assert done.code == ExitCode.OK
    table = rows(done.out)
    assert [row[0] for row in table] == ["adder-v1", "tunedModels/adder-v2"]
    assert [row[1] for row in table] == ["40.0 % (21.9 to 61.3)", "100.0 % (83.9 to 100.0)"]
    assert "tunedModels/adder-v2 is better than adder-v1: +60.0 points" in done.err
    progress = [line for line in done.err.splitlines() if line.startswith("40 answers")]
    assert progress[0] == "40 answers 0 %"
    assert progress[-1] == "40 answers 100 %"
    assert len(progress) <= 11


def test_json_has_figures_decisions_and_every_answer(run) -> None:
    done = run("compare", "adder-v1", ENDPOINT, "--data", "test.jsonl", "--json")

    told = json.loads(done.out)
    assert [figures["exact"]["passed"] for figures in told["figures"]] == [8, 20]
    assert told["decisions"][0]["is_better"] is True
    assert len(told["questions"]) == 20
    assert told["questions"][0]["answers"][ENDPOINT]["text"] == "1"


def test_the_same_command_goes_on_from_the_answers_that_are_kept(run, gemini) -> None:
    command = ("compare", "adder-v1", "adder-v2", "--data", "test.jsonl")
    with gemini.fault(model="tunedModels/adder-v2", status=503, times=5):
        first = run(*command)
    asked = len(gemini.requests)
    second = run(*command)

    assert first.code == ExitCode.PARTLY
    assert rows(first.out)[1][-1] == "5 overloaded"
    assert "asked again by the same command" in first.err
    assert second.code == ExitCode.OK
    assert "40 answers, 35 of them kept" in second.err
    generated = [r for r in gemini.requests[asked:] if r.path.endswith("generateContent")]
    assert len(generated) == 5
    assert len(Path("test.answers.jsonl").read_text().splitlines()) == 45


def test_a_model_that_was_tuned_again_under_its_name_is_asked_again(run, gemini) -> None:
    command = ("compare", "adder-v1", "adder-v3", "--data", "test.jsonl")
    gemini.add_tuned_model("tunedModels/adder-v3", examples=NEXT_NUMBER[:4])
    first = run(*command)
    gemini.delete_tuned_model("tunedModels/adder-v3")
    gemini.add_tuned_model("tunedModels/adder-v3", examples=NEXT_NUMBER)
    second = run(*command)

    assert [rows(done.out)[1][1][:6] for done in (first, second)] == ["20.0 %", "100.0 "]
    assert "adder-v3 has changed since it gave the 20 answers there" in second.err


def test_a_base_model_with_examples_is_taken_from_the_options_or_the_records(run) -> None:
    asked = ("compare", "adder-v1", "base", "base+few-shot", "--data", "test.jsonl")
    options = ("--base", "gemini-3.5-flash", "--examples", "examples.jsonl")

    by_options = run(*asked, *options)
    Path("tuned-models.toml").write_text(
        f'[adder]\n{FALLBACK}\n[adder.versions.v1]\nmodel = "tunedModels/adder-v1"\n'
    )
    by_records = run(*asked)

    for done in (by_options, by_records):
        assert [row[1].split(" %")[0] for row in rows(done.out)] == ["40.0", "0.0", "100.0"]


def test_base_models_take_part_by_their_names(run, gemini) -> None:
    names = ("gemini-3.5-flash", "models/gemini-3.8-flash", "gemini-3.8-flash+few-shot")
    for name in ("gemini-3.5-flash", "gemini-3.8-flash"):
        gemini.add_base_model(f"models/{name}")

    done = run(
        "compare", "adder-v1", *names, "--data", "test.jsonl", "--examples", "examples.jsonl"
    )

    assert [row[0] for row in rows(done.out)] == ["adder-v1", *names]
    assert [row[1].split(" %")[0] for row in rows(done.out)] == ["40.0", "0.0", "0.0", "100.0"]


@pytest.mark.parametrize("name", ["adder-v2", ENDPOINT, JOB])
def test_a_tuned_model_has_its_bases_price_and_is_told_by_its_full_name(run, name) -> None:
    shown = json.loads(run("show", name, "--json").out)
    base = shown["base_model"].rpartition("/")[2]
    Path("prices.toml").write_text(f'[models."{base}"]\ninput = 1\noutput = 1\n')

    done = run("compare", name, "--data", "test.jsonl", "--prices", "prices.toml", "--json")

    (figures,) = json.loads(done.out)["figures"]
    assert figures["unpriced"] == []
    assert figures["cost"] > 0
    assert figures["tuned"][shown["name"]] == shown["base_model"]


def test_guards_are_those_that_are_recorded_or_given(run) -> None:
    Path("tuned-models.toml").write_text(
        '[adder]\nguards = [{ regex = "[0-9]" }]\n'
        '[adder.versions.v2]\nmodel = "tunedModels/adder-v2"\n'
    )
    asked = ("compare", "adder-v2", "--data", "test.jsonl", "--metric", "guards")

    recorded = run(*asked)
    given = run(*asked, "--guard", 'regex = "[0-9]+"')

    assert rows(recorded.out)[0][2].startswith("45.0 %")  # one digit: most answers have two
    assert rows(given.out)[0][2].startswith("100.0 %")


def test_json_is_compared_as_json(run) -> None:
    Path("spaced.jsonl").write_text('{"text_input": "1", "output": "2.0"}\n')
    asked = ("compare", "adder-v2", "--data", "spaced.jsonl")

    as_text, as_json = run(*asked), run(*asked, "--match", "json")

    assert [rows(done.out)[0][1].split(" %")[0] for done in (as_text, as_json)] == ["0.0", "100.0"]


def test_prices_become_a_column_and_a_report_is_written(run) -> None:
    Path("prices.toml").write_text("[models.adder-v1]\ninput = 1\noutput = 1\n")

    done = run(
        "compare",
        "adder-v1",
        "adder-v2",
        "--data",
        "test.jsonl",
        "--prices",
        "prices.toml",
        "--html",
        "report.html",
        "--journal",
        "kept.jsonl",
    )

    assert rows(done.out)[0][-2].endswith("USD")
    assert "there is no price for tunedModels/adder-v2" in done.err
    assert "<b>adder-v2</b> is better than <b>adder-v1</b>" in Path("report.html").read_text()
    assert Path("kept.jsonl").exists()
    assert not Path("test.answers.jsonl").exists()


def test_questions_that_a_model_was_tuned_with_are_told(run) -> None:
    Path("tuned-models.toml").write_text(
        '[adder.versions.v2]\nmodel = "tunedModels/adder-v2"\ndataset = { path = "examples.jsonl" }\n'
    )

    done = run("compare", "adder-v2", "--data", "test.jsonl")

    assert "adder-v2 was tuned with 20 of these questions" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["adder-v1", "adder-v9"], "No tuned model is called adder-v9"),
        (["adder-v1", "adder-v1"], "Name each model once"),
        (["base", "--base", "gemini-3.5-flash"], "Name a tuned model, too"),
        (
            ["gemini-3.5-flash", "gemini-2.5-flash-lite"],
            "gemini-3.5-flash is asked with the rights of one",
        ),
        (["adder-v1", "base"], "Say with --base"),
        (["adder-v1", "base+few-shot", "--base", "gemini-3.5-flash"], "Say with --examples"),
        (["adder-v1", "--guard", "sql = "], "is no guard"),
        (["adder-v1", "--guard", "nonsense"], "a guard is one of"),
        (["adder-v1", "--match", "sql"], "'sql' is no way to compare"),
        (["adder-v1", "--match", "sql:nonsense"], "'nonsense' is no dialect"),
        (["adder-v1", "--prices", "test.jsonl"], "is no table of prices"),
        (["adder-v1", "--journal", "examples.jsonl"], "is no line of a comparison's journal"),
    ],
)
def test_a_mistake_is_told_before_anybody_is_asked(run, gemini, arguments, said) -> None:
    before = len(gemini.requests)

    done = run("compare", "--data", "test.jsonl", *arguments)

    assert done.code == (ExitCode.FAILED if "journal" in said else ExitCode.USAGE)
    assert said in done.err
    assert not any(r.path.endswith("generateContent") for r in gemini.requests[before:])


def test_a_terminal_gets_a_bar_and_ctrl_c_keeps_the_answers(gemini, here) -> None:
    with gemini.fault(model="tunedModels/adder-v1", delay=0.2):
        command = Terminal("compare", "adder-v1", "--data", "test.jsonl", "--concurrency", "1")
        command.wait_for("10%")
        command.process.send_signal(signal.SIGINT)
        done = command.end()

    shown = plain(done.out)
    assert done.code == ExitCode.INTERRUPTED
    assert "━" in shown
    assert "The answers are kept in test.answers.jsonl" in shown
    assert 2 <= len(Path("test.answers.jsonl").read_text().splitlines()) < 20
