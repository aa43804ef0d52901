"""`tuned-gemini data`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from tests.integration_tests.cli.terminal import in_a_pipe, rows

PAIRS = [(f"question {n}", "yes" if n % 2 else "no") for n in range(20)]


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """A tuning set of 20 examples with two labels."""
    path = tmp_path / "train.jsonl"
    TuningDataset.of(PAIRS).write(path)
    return path


def test_a_sound_tuning_set_passes(run, train) -> None:
    done = run("data", "check", str(train))

    assert (done.code, done.out) == (0, f"{train}: 20 examples, 0 errors, 0 warnings\n")


def test_what_is_wrong_is_told_with_its_place_and_fails(run, tmp_path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text_input": "1", "output": "2"}\n{"text_input": "1"}\n', encoding="utf-8")

    done = run("data", "check", str(bad))
    as_json = run("data", "check", str(bad), "--json")

    assert done.code == as_json.code == ExitCode.FAILED
    assert f"error: {bad}:2: field 'output': is missing." in done.lines
    (report,) = json.loads(as_json.out)
    assert (report["examples"], report["errors"]) == (1, 1)
    assert [(p["line"], p["field"], p["severity"]) for p in report["problems"]] == [
        (2, "output", "error")
    ]


def test_warnings_fail_only_when_they_are_to(run, tmp_path) -> None:
    twice = tmp_path / "twice.jsonl"
    twice.write_text('{"text_input": "1", "output": "2"}\n' * 2, encoding="utf-8")

    assert run("data", "check", str(twice)).code == ExitCode.OK
    assert run("data", "check", str(twice), "--strict").code == ExitCode.FAILED


def test_a_platforms_limits_are_checked(run, train) -> None:
    done = run("data", "check", str(train), "--platform", "vertex")

    assert "Vertex AI recommends 100 or more" in done.out


@pytest.mark.parametrize("name", ["jsonl", "json", "csv", "vertex", "messages"])
def test_every_format_is_written_and_read_back(run, train, tmp_path, name) -> None:
    target = tmp_path / f"converted.{name}"

    done = run("data", "convert", str(train), "--to", name, "-o", str(target))

    assert (done.code, done.out) == (0, f"{target}: 20 examples\n")
    assert TuningDataset.read(target) == TuningDataset.read(train)


def test_a_pipe_gets_the_bytes_of_the_file(tmp_path) -> None:
    odd = TuningDataset.of([("a\x1b[2Jb \u202e", "ü\u2028\x9b")])
    odd.write(tmp_path / "odd.jsonl")
    text = (tmp_path / "odd.jsonl").read_text(encoding="utf-8")

    done = in_a_pipe(
        "data", "convert", "-", "--to", "messages", stdin=text, PYTHONIOENCODING="latin-1"
    )

    assert done.code == 0
    assert done.out == "".join(odd.lines("messages"))


def test_losses_are_refused_and_named_unless_allowed(run, tmp_path) -> None:
    talk = tmp_path / "talk.jsonl"
    messages = [{"role": r, "content": r} for r in ("system", "user", "assistant")]
    talk.write_text(json.dumps({"messages": messages}) + "\n", encoding="utf-8")

    refused = run("data", "convert", str(talk), "--to", "csv")
    allowed = run("data", "convert", str(talk), "--to", "csv", "--lossy")

    assert refused.code == ExitCode.USAGE
    assert "system_instruction" in refused.err
    assert "--lossy" in refused.err
    assert allowed.out == '"text_input","output"\r\n"user","assistant"\r\n'


def test_merging_drops_duplicates_and_tells_contradictions(run, train, tmp_path) -> None:
    more = tmp_path / "more.jsonl"
    TuningDataset.of([PAIRS[0], ("question 1", "no"), ("new", "yes")]).write(more)
    target = tmp_path / "merged.jsonl"

    done = run("data", "merge", str(train), str(more), "-o", str(target), "--json")

    assert json.loads(done.out) == {
        "file": str(target),
        "examples": 22,
        "duplicates": 1,
        "contradictions": 1,
        "format": "jsonl",
    }
    assert done.err.count("warning:") == 1
    assert f"{more}:2" in done.err
    assert len(TuningDataset.read(target)) == 22


def test_both_parts_of_a_split_are_the_whole(run, train, tmp_path) -> None:
    parts = tmp_path / "tune.jsonl", tmp_path / "test.jsonl"

    done = run("data", "split", str(train), *map(str, parts), "--share", "0.2")

    assert rows(done.out) == [[str(parts[0]), "16"], [str(parts[1]), "4"]]
    both = TuningDataset.read(parts[0]) + TuningDataset.read(parts[1])
    assert both.content_hash() == TuningDataset.read(train).content_hash()


def test_the_hash_and_the_labels_are_told(run, train) -> None:
    done = run("data", "stats", str(train))
    as_json = json.loads(run("data", "stats", str(train), "--json").out)

    assert ["hash", TuningDataset.read(train).content_hash()] in rows(done.out)
    assert ["yes", "10"] in rows(done.out)
    assert as_json["labels"] == {"no": 10, "yes": 10}


def test_columns_may_have_other_names(run, tmp_path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("question,answer\n1,2\n", encoding="utf-8")
    columns = ["--column", "text_input=question", "--column", "output=answer"]

    done = run("data", "convert", str(table), "--to", "jsonl", *columns)

    assert done.out == '{"text_input": "1", "output": "2"}\n'


TUNED = "tunedModels/next-number"
WITH_EXAMPLES = [
    ["data", "check", "FILE"],
    ["data", "convert", "FILE", "--to", "csv", "-o", "TO"],
    ["data", "merge", "FILE", "FILE", "-o", "TO"],
    ["data", "split", "FILE", "TO", "TO.2"],
    ["data", "stats", "FILE"],
    ["ask", TUNED, "7", "--fallback", "gemini-3.5-flash", "--examples", "FILE"],
    ["compare", TUNED, "--data", "FILE"],
    ["compare", TUNED, "base+few-shot", "--base", "gemini-3.5-flash", "--data", "FILE",
     "--examples", "FILE"],
    ["create", "adder", "--data", "FILE", "--base-model", "models/gemini-1.5-flash-001-tuning",
     "--yes"],
]  # fmt: skip


@pytest.mark.parametrize("command", WITH_EXAMPLES, ids=" ".join)
def test_the_advice_to_say_which_column_is_which_can_be_followed(
    run, tmp_path, monkeypatch, command
) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = [(str(n), str(n + 1)) for n in range(30)]
    lines = [json.dumps({"question": question, "answer": answer}) for question, answer in pairs]
    (tmp_path / "FILE").write_text("\n".join(lines), encoding="utf-8")

    refused = run(*command)
    done = run(*command, "--column", "text_input=question", "--column", "output=answer")

    assert refused.code in {ExitCode.FAILED, ExitCode.USAGE}
    assert "--column text_input=COLUMN --column output=COLUMN" in refused.out + refused.err
    assert done.code == ExitCode.OK, done.err


def test_what_rows_lose_is_told_by_every_command_that_writes_them(run, tmp_path) -> None:
    rows = [{"text_input": str(n), "output": "x", "id": n} for n in range(4)]
    file = tmp_path / "with-ids.json"
    file.write_text(json.dumps(rows), encoding="utf-8")

    for command in (["convert", str(file), "--to", "vertex"], ["merge", str(file)]):
        done = run("data", *command)

        assert done.code == ExitCode.OK
        assert "'id': is not kept: an example holds text only. 4 rows have it." in done.err


def test_rows_with_tools_are_not_written_without_them_unless_asked_to(run, tmp_path) -> None:
    contents = [{"role": role, "parts": [{"text": role}]} for role in ("user", "model")]
    file = tmp_path / "tools.jsonl"
    file.write_text(json.dumps({"contents": contents, "tools": [{}]}), encoding="utf-8")

    refused = run("data", "convert", str(file), "--to", "vertex")
    done = run("data", "convert", str(file), "--to", "vertex", "--lossy")

    assert (refused.code, refused.out) == (ExitCode.USAGE, "")
    assert "'tools': would be lost" in refused.err
    assert "add --lossy" in refused.err
    assert json.loads(done.out) == {"contents": contents}


@pytest.mark.parametrize("command", [["convert", "--to", "csv"], ["merge"]])
def test_a_file_that_is_there_is_replaced_only_on_demand(run, train, tmp_path, command) -> None:
    there = tmp_path / "there"
    there.write_text("mine", encoding="utf-8")
    arguments = ["data", *command, str(train), "-o", str(there)]

    refused = run(*arguments)

    assert refused.code == ExitCode.USAGE
    assert "--force" in refused.err
    assert there.read_text(encoding="utf-8") == "mine"
    assert run(*arguments, "--force").code == ExitCode.OK
    assert len(TuningDataset.read(there)) == 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check"], "Missing argument"),
        (["check", "/nowhere.jsonl", "--platform", "mars"], "'mars' is not one of"),
        (["convert", "/nowhere.jsonl", "--to", "csv"], "/nowhere.jsonl: there is no such file"),
        (["convert", "/nowhere.jsonl", "--to", "xls"], "'xls' is not one of"),
        (["convert", "/nowhere.jsonl", "--to", "csv", "--json"], "--output"),
        (["convert", "/nowhere.jsonl", "--to", "csv", "--column", "x"], "FIELD=NAME"),
        (["split", "/nowhere.jsonl", "a", "a"], "different"),
        (["stats", "/nowhere.jsonl"], "no such file"),
    ],
)
def test_wrong_input_is_one_sentence(run, arguments, told) -> None:
    done = run("data", *arguments)

    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_sentence(run, train) -> None:
    done = run("data", "convert", str(train), "--to", "csv", "-o", "/nowhere/at/all.csv")

    assert done.code == ExitCode.FAILED
    assert done.err.startswith("error: /nowhere/at/")
    assert "No such file or directory" in done.err
