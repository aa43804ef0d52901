"""`tuned-gemini delete`, `prune` and `purge`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_tuned_gemini.cli.exit_codes import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.running import AT, LOCATION, PROJECT, Terminal, plain, rows

ON_VERTEX = ["--project", PROJECT, "--location", LOCATION]
HASH = "ab" * 32


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    """A family of four versions, the last of which is in use, and two failures."""
    with Emulator() as emulator:
        for number in range(1, 5):
            emulator.add_tuned_model(
                f"tunedModels/sql-expert-v{number}", examples=NEXT_NUMBER, create_time=number * 1e6
            )
        for number in (1, 2):
            emulator.add_tuned_model(f"tunedModels/broken-v{number}", state="FAILED")
        yield emulator


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Version 4 is in production, and version 1 was tuned on data that must go."""
    path = tmp_path / "tuned-models.toml"
    path.write_text(
        f"""[sql-expert.versions.v1]
model = "tunedModels/sql-expert-v1"
dataset = {{ hash = "{HASH}" }}
[sql-expert.versions.v4]
model = "tunedModels/sql-expert-v4"
[sql-expert.aliases]
production = "v4"
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("TUNED_MODELS", str(path))
    monkeypatch.chdir(tmp_path)
    return path


def there(run) -> list[str]:
    return sorted(row[0].removeprefix("tunedModels/") for row in rows(run("list").out))


ALL = ["broken-v1", "broken-v2", "sql-expert-v1", "sql-expert-v2", "sql-expert-v3", "sql-expert-v4"]


def test_one_that_is_named_is_deleted_with_yes(run) -> None:
    done = run("delete", "sql-expert-v2", "--yes")

    assert (done.code, rows(done.out)) == (0, [["deleted", "tunedModels/sql-expert-v2", ""]])
    assert there(run) == [name for name in ALL if name != "sql-expert-v2"]


def test_where_nobody_can_be_asked_one_is_not_deleted_without_yes(run) -> None:
    done = run("delete", "sql-expert-v2")

    assert done.code == ExitCode.USAGE
    assert rows(done.out)[0][0] == "tunedModels/sql-expert-v2"
    assert "--yes" in done.err
    assert there(run) == ALL


@pytest.mark.parametrize(
    ("arguments", "planned"),
    [
        (["delete", "sql-expert-v1", "sql-expert-v2"], ["sql-expert-v1", "sql-expert-v2"]),
        (["delete", "--failed"], ["broken-v1", "broken-v2"]),
        (["prune", "sql-expert", "--keep", "2"], ["sql-expert-v1", "sql-expert-v2"]),
        (["delete", "--failed", "sql-expert-v3"], ["sql-expert-v3", "broken-v1", "broken-v2"]),
    ],
)
def test_several_are_a_plan_by_default(run, arguments, planned) -> None:
    dry = run(*arguments)
    still_there = there(run)
    done = run(*arguments, "--yes", "--json")

    assert dry.code == done.code == 0
    assert [row[0].removeprefix("tunedModels/") for row in rows(dry.out)] == planned
    assert "Nothing was deleted: this is the plan." in dry.err
    assert still_there == ALL
    told = json.loads(done.out)
    assert [(d["name"], d["outcome"]) for d in told["deletions"]] == [
        (f"tunedModels/{name}", "deleted") for name in planned
    ]
    assert there(run) == sorted(set(ALL) - set(planned))


def test_a_dry_run_is_json_too(run) -> None:
    told = json.loads(run("delete", "sql-expert-v2", "--yes", "--dry-run", "--json").out)

    assert told["dry_run"] is True
    assert [planned["name"] for planned in told["plan"]] == ["tunedModels/sql-expert-v2"]
    assert there(run) == ALL


def test_what_was_tuned_on_data_that_must_go_is_purged(run) -> None:
    assert rows(run("purge", "--dataset", HASH[:12], "--yes").out) == [
        ["deleted", "tunedModels/sql-expert-v1", ""]
    ]
    assert run("purge", "--dataset", HASH[:12], "--yes").code == ExitCode.OK
    assert run("purge", "--dataset", "ab").code == ExitCode.USAGE


def test_what_is_recorded_elsewhere_is_not_taken_for_purged(run, records) -> None:
    elsewhere = f"{AT}/endpoints/42"
    with records.open("a", encoding="utf-8") as file:
        file.write(f'[other.versions.v1]\nmodel = "{elsewhere}"\ndataset = {{ hash = "{HASH}" }}\n')

    planned = run("purge", "--dataset", HASH)
    done = run("purge", "--dataset", HASH, "--yes")

    assert (planned.code, done.code) == (ExitCode.USAGE, ExitCode.PARTLY)
    assert rows(done.out) == [["deleted", "tunedModels/sql-expert-v1", ""]]
    assert f"warning: {elsewhere} is recorded as tuned on this data" in done.err


def test_what_an_alias_points_to_is_deleted_by_force_only(run) -> None:
    refused = run("delete", "sql-expert@production", "--yes")
    still_there = there(run)
    forced = run("delete", "sql-expert@production", "--yes", "--force")

    assert refused.code == ExitCode.FAILED
    assert "sql-expert@production points to it" in refused.out
    assert "--force" in refused.err
    assert still_there == ALL
    assert (forced.code, "sql-expert-v4" in there(run)) == (0, False)


def test_of_several_what_is_protected_stays_and_the_rest_goes(run) -> None:
    done = run("delete", "sql-expert-v4", "sql-expert-v3", "--yes")

    assert done.code == ExitCode.PARTLY
    assert [row[:2] for row in rows(done.out)] == [
        ["protected", "tunedModels/sql-expert-v4"],
        ["deleted", "tunedModels/sql-expert-v3"],
    ]
    assert "sql-expert-v4" in there(run)


def test_what_is_gone_already_is_a_success(run) -> None:
    done = run("delete", "tunedModels/long-gone", "--yes")

    assert done.code == ExitCode.OK
    assert done.err.splitlines() == [
        "tunedModels/long-gone is gone already.",
        "There is nothing to delete.",
    ]


def test_a_failure_in_the_middle_is_told_and_the_same_command_does_the_rest(run, gemini) -> None:
    with gemini.fault(model="tunedModels/broken-v1", method="delete", status=503):
        done = run("delete", "--failed", "--yes")

    again = run("delete", "--failed", "--yes")

    assert done.code == ExitCode.PARTLY
    assert [row[0] for row in rows(done.out)] == ["failed", "deleted"]
    assert "HTTP status 503" in done.out
    assert again.code == ExitCode.OK
    assert rows(again.out) == [["deleted", "tunedModels/broken-v1", ""]]


def test_nothing_to_delete_is_said(run) -> None:
    done = run("prune", "sql-expert", "--keep", "9")

    assert (done.code, done.out) == (0, "")
    assert "nothing to delete" in done.err


def test_on_vertex_ai_a_deployed_model_takes_force(run, gemini) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/42", job=f"{AT}/tuningJobs/7", examples=NEXT_NUMBER)

    refused = run("delete", "tuningJobs/7", "--yes", *ON_VERTEX)
    forced = run("delete", "tuningJobs/7", "--yes", "--force", *ON_VERTEX)

    assert refused.code == ExitCode.FAILED
    assert "endpoints/42 answers for it" in refused.out
    assert (forced.code, rows(forced.out)[0][0]) == (0, "deleted")
    assert run("list", *ON_VERTEX).out == ""


def test_the_name_is_typed_on_a_terminal_or_nothing_happens(run) -> None:
    typed = {"sql-expert-v2\r": ExitCode.OK, "yes\r": ExitCode.FAILED, "\x03": ExitCode.INTERRUPTED}
    for keys, code in typed.items():
        delete = Terminal("delete", "sql-expert-v2" if code == ExitCode.OK else "sql-expert-v3")
        delete.wait_for("type 'sql-expert-v")
        delete.type(keys)

        done = delete.end()

        assert done.code == code, done.out
        assert "Traceback" not in done.out
    assert there(run) == [name for name in ALL if name != "sql-expert-v2"]


def test_several_take_the_number_of_those_that_do_not_stay(run) -> None:
    delete = Terminal("delete", "--failed", "sql-expert@production")
    delete.wait_for("1 of these stay")
    delete.wait_for("type 'delete 2'")
    delete.type("delete 2\r")

    done = delete.end()

    shown = plain(done.out)
    assert done.code == ExitCode.PARTLY
    assert "it is FAILED" in shown  # the plan came first
    assert there(run) == ALL[2:]


def test_ctrl_c_in_the_middle_tells_what_is_done_and_loses_nothing(run, gemini) -> None:
    with gemini.fault(model="tunedModels/broken-v2", method="delete", hang=True):
        delete = Terminal("delete", "--failed", "--yes")
        delete.wait_for("deleted tunedModels/broken-v1")
        hung = ("DELETE", "tunedModels/broken-v2")
        delete.wait_until(lambda: hung in {(r.method, r.model) for r in gemini.requests})
        delete.type("\x03")
        done = delete.end()

    shown = plain(done.out)
    assert done.code == ExitCode.INTERRUPTED
    assert "Done until now:\ndeleted tunedModels/broken-v1\n" in shown
    assert "Traceback" not in shown
    assert there(run) == ALL[1:]


def test_a_process_that_is_told_to_end_writes_down_what_it_was_at(gemini, tmp_path) -> None:
    with gemini.fault(model="tunedModels/broken-v1", method="delete", hang=True):
        delete = Terminal("delete", "broken-v1", "--yes")
        delete.wait_until(lambda: "DELETE" in {request.method for request in gemini.requests})
        delete.process.terminate()
        done = delete.end()

    assert done.code == ExitCode.TERMINATED
    (audit,) = tmp_path.glob("*.jsonl")
    assert json.loads(audit.read_text(encoding="utf-8"))["outcome"] == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["delete"], "Say which"),
        (["delete", "sql-expert-v9", "--yes"], "sql-expert-v9"),
        (["delete", "nonsense", "--yes"], "not a tuned model's full name"),
        (["delete", "models/gemini-2.5-flash", "--yes"], "is a base model"),
        (["delete", "tunedModels/a#x", "--yes"], "lower-case letters"),
        (["prune", "sql-expert", "--keep", "0"], "greater than or equal to 1"),
        (["prune"], "Missing argument"),
        (["purge"], "Missing option"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_deleted(run, arguments, told) -> None:
    done = run(*arguments)

    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert there(run) == ALL
