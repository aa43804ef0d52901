"""`tuned-gemini delete`, `prune` and `purge`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import AT, LOCATION, PROJECT, Terminal, plain, rows

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


def test_a_dry_run_is_json_on_demand(run) -> None:
    told = json.loads(run("delete", "sql-expert-v2", "--yes", "--dry-run", "--json").out)

    assert told["dry_run"] is True
    assert [planned["name"] for planned in told["plan"]] == ["tunedModels/sql-expert-v2"]
    assert there(run) == ALL


def test_data_that_must_go_may_be_named_by_its_file(run, records) -> None:
    data = records.with_name("leaked.csv")
    data.write_text("question,output\n1,2\n", encoding="utf-8")
    columns = {"text_input": "question"}
    hash_ = TuningDataset.read(data, columns=columns).content_hash()
    records.write_text(records.read_text(encoding="utf-8").replace(HASH, hash_), encoding="utf-8")

    done = run("purge", "--dataset", "leaked.csv", "--column", "text_input=question", "--dry-run")
    missing = run("purge", "--dataset", "leak.csv", "--dry-run")

    assert [row[0] for row in rows(done.out)] == ["tunedModels/sql-expert-v1"]
    assert missing.code == ExitCode.USAGE
    assert "'leak.csv' is neither a file here nor the hash of a data set." in missing.err


def test_plan_report_and_audit_name_project_and_location(run, records) -> None:
    name = f"{AT}/tuningJobs/7"
    with Emulator() as gemini:
        gemini.add_vertex_model(name)
        command = ("delete", name, "--deployed", "--json", "--base-url", gemini.base_url)
        (planned,) = json.loads(run(*command, "--dry-run").out)["plan"]
        (deleted,) = json.loads(run(*command, "--yes").out)["deletions"]

    audit = records.with_suffix(".audit.jsonl")
    lines = (planned, deleted, json.loads(audit.read_text(encoding="utf-8").splitlines()[-1]))
    for told in lines:
        assert (told["name"], told["project"], told["location"]) == (name, PROJECT, LOCATION)


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


def test_what_an_alias_points_to_is_deleted_only_where_the_alias_is_named_for_that(run) -> None:
    refused = run("delete", "sql-expert@production", "--yes", "--force")
    still_there = there(run)
    forced = run("delete", "sql-expert-v4", "--yes", "--alias", "sql-expert@production")

    assert refused.code == ExitCode.FAILED
    assert "sql-expert@production points to it" in refused.out
    assert "add --alias sql-expert@production." in refused.err
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


@pytest.mark.parametrize("flag", ["--deployed", "--force"])
def test_on_vertex_ai_a_deployed_model_takes_a_flag(run, gemini, flag) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/42", job=f"{AT}/tuningJobs/7", examples=NEXT_NUMBER)

    refused = run("delete", "tuningJobs/7", "--yes", *ON_VERTEX)
    forced = run("delete", "tuningJobs/7", "--yes", flag, *ON_VERTEX)

    assert refused.code == ExitCode.FAILED
    assert "endpoints/42 answers for it" in refused.out
    assert "add --deployed." in refused.err
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


@pytest.fixture
def on_vertex(gemini: Emulator, records: Path) -> list[str]:
    """Six deployed versions: five are recorded, 3 is in production, 1 would come back."""
    for n in range(1, 7):
        gemini.add_vertex_model(
            f"{AT}/endpoints/1{n}",
            job=f"{AT}/tuningJobs/2{n}",
            display_name=f"sql-v{n}",
            examples=NEXT_NUMBER,
            create_time=n * 1e6,
        )
    versions = "".join(
        f'[sql.versions.v{n}]\nmodel = "{AT}/endpoints/1{n}"\n' for n in (1, 3, 4, 5, 6)
    )
    history = "".join(
        f'[[sql.history]]\nalias = "production"\nversion = "{to}"\nbefore = "{before}"\n'
        "at = 2026-11-01T00:00:00Z\n"
        for to, before in (("v1", ""), ("v3", "v1"))
    )
    records.write_text(
        f'{versions}[sql.aliases]\nproduction = "v3"\n{history}'.replace('before = ""\n', "")
    )
    return ON_VERTEX


PRUNED = [
    ([], [], ExitCode.FAILED),
    (["--deployed"], ["v4"], ExitCode.PARTLY),
    (["--force"], ["v2", "v4"], ExitCode.OK),
    (["--alias", "sql@production"], [], ExitCode.FAILED),
    (["--deployed", "--alias", "sql@production"], ["v4"], ExitCode.PARTLY),
]


@pytest.mark.parametrize(("flags", "pruned", "code"), PRUNED)
def test_of_old_versions_that_are_deployed_each_needs_its_flag(
    run, on_vertex, flags, pruned, code
) -> None:
    done = run("prune", "sql", "--keep", "2", "--yes", *flags, *on_vertex)

    left = {model["version"] for model in json.loads(run("list", "--json", *on_vertex).out)}
    assert (done.code, left) == (code, {f"v{n}" for n in range(1, 7)} - set(pruned))
    assert "is not counted as old: sql@production points to it" in done.err
    assert "is not counted as old: sql@production would be rolled back to it" in done.err


def test_a_dry_run_is_no_failure_where_all_is_protected(run, on_vertex) -> None:
    done = run("prune", "sql", "--keep", "2", "--dry-run", *on_vertex)

    assert done.code == ExitCode.OK
    assert "others may call its endpoint without an alias" in done.out


NAMED = [
    ([], "add --alias sql@production --deployed."),
    (["--deployed"], "add --alias sql@production."),
    (["--force"], "add --alias sql@production."),
    (["--alias", "sql@production"], "add --deployed."),
    (["--deployed", "--alias", "sql@other"], "add --alias sql@production."),
    (["--deployed", "--alias", "sql@production"], ""),
]


@pytest.mark.parametrize(("flags", "told"), NAMED)
def test_what_an_alias_points_to_takes_a_flag_that_names_the_alias(
    run, on_vertex, flags, told
) -> None:
    done = run("delete", "sql-v3", "--yes", *flags, *on_vertex)

    assert done.code == (ExitCode.FAILED if told else ExitCode.OK)
    assert told in done.err
    assert ("sql-v3" in run("list", "--json", *on_vertex).out) == bool(told)


def test_a_version_that_can_not_go_is_told_before_anything_of_it_goes(run, gemini, records) -> None:
    records.write_text("")
    for n in (1, 2, 3):
        gemini.add_vertex_model(
            f"{AT}/endpoints/1{n}", model="7", display_name=f"x-v{n}", create_time=n * 1e6
        )

    done = run("prune", "x", "--keep", "1", "--yes", "--force", *ON_VERTEX)

    first, second = json.loads(run("list", "--json", *ON_VERTEX).out)
    assert done.code == ExitCode.PARTLY
    assert "is the default version of" in done.out
    assert (first["version"], second["version"]) == ("v1", "v3")
    assert first["deployed"]


@pytest.mark.parametrize("step", ["endpoints.undeployModel", "endpoints.delete", "models.delete"])
def test_after_a_process_was_killed_the_same_command_does_the_rest(
    run, gemini, records, step
) -> None:
    tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=NEXT_NUMBER)
    records.write_text(
        f'[x.versions.v1]\nmodel = "{AT}/endpoints/42"\n[x.aliases]\nproduction = "v1"\n'
    )
    command = ["delete", "x@production", "--yes", "--deployed", "--alias", "x@production"]

    with gemini.fault(method=step, hang=True):
        delete = Terminal(*command, *ON_VERTEX)
        delete.wait_until(lambda: step in {request.call for request in gemini.requests})
        delete.process.kill()
        delete.end()
    done = run(*command, *ON_VERTEX)

    assert done.code == ExitCode.OK
    assert run("probe", tuned.model, *ON_VERTEX).code == ExitCode.NEVER
    assert "deleted = " in records.read_text()
