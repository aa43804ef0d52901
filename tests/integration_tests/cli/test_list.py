"""`tuned-gemini list` and `tuned-gemini versions`."""

from __future__ import annotations

import json
import time

import pytest

from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import (
    AT,
    LOCATION,
    PROJECT,
    SGR,
    Terminal,
    in_a_pipe,
    plain,
    rows,
)

DAY = 86400.0
ON_VERTEX = ["--project", PROJECT, "--location", LOCATION]
COLUMNS = 10
IN_EUROPE = f"projects/{PROJECT}/locations/europe-west4/tuningJobs/9"


@pytest.fixture(scope="module")
def gemini():
    """A family in all its versions, and one model that is nobody's."""
    with Emulator() as emulator:
        for days, (version, state) in enumerate(
            [("v2", "ACTIVE"), ("v2-rc1", "ACTIVE"), ("v1", "FAILED"), ("v3", "CREATING")]
        ):
            emulator.add_tuned_model(
                f"tunedModels/sql-expert-{version}",
                examples=NEXT_NUMBER,
                state=state,
                create_time=time.time() - (days + 1) * 10 * DAY,
            )
        emulator.add_tuned_model("tunedModels/other", display_name="a\x1b[2J\u202eb\tc")
        emulator.add_vertex_model(f"{AT}/tuningJobs/7", display_name="sql-expert-v4")
        emulator.add_vertex_model(IN_EUROPE, display_name="sql-expert-v9")
        emulator.add_vertex_model(
            f"{AT}/tuningJobs/8",
            display_name="\x1b[1A\x9b2Kevil",
            state="JOB_STATE_FAILED",
            error=(8, "no"),
        )
        yield emulator


def names(done) -> list[str]:
    return [row[0].rpartition("/")[2] for row in rows(done.out)]


def test_a_pipe_gets_a_line_for_each_with_tabs_between(run) -> None:
    done = run("list")

    assert done.code == 0
    assert {len(row) for row in rows(done.out)} == {COLUMNS}
    assert rows(done.out)[1][:6] == [
        "tunedModels/sql-expert-v1",
        "FAILED",
        "sql-expert",
        "v1",
        "models/gemini-1.5-flash-001-tuning",
        "30 d",
    ]
    assert done.err == "Not asked: Vertex AI (--project and --location).\n"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["sql-expert-v3", "sql-expert-v1", "sql-expert-v2-rc1", "sql-expert-v2", "other"]),
        (["--state", "active"], ["sql-expert-v2-rc1", "sql-expert-v2", "other"]),
        (["--failed"], ["sql-expert-v1"]),
        (["--family", "sql-expert", "--older-than", "25d"], ["sql-expert-v3", "sql-expert-v1"]),
        (["--base", "gemini-3.5-flash"], []),
        (ON_VERTEX, ["7", "8"]),
        ([*ON_VERTEX, "--failed"], ["8"]),
        ([*ON_VERTEX, "--platform", "developer", "--failed"], ["sql-expert-v1"]),
    ],
)
def test_filters_choose(run, options, found) -> None:
    done = run("list", *options)

    assert (done.code, names(done)) == (0, found)


def test_those_that_failed_are_listed_with_the_reason(run) -> None:
    done = run("list", *ON_VERTEX, "--failed")

    assert rows(done.out)[0][COLUMNS:] == ["no"]
    assert json.loads(run("list", *ON_VERTEX, "--failed", "--json").out)[0]["error"] == "no"


def test_both_platforms_are_listed_where_both_are_set_up(run, monkeypatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "any-key")

    done = run("list", *ON_VERTEX)

    assert {row[-1] for row in rows(done.out)} == {"developer", "vertex"}
    assert len(rows(done.out)) == 7


def test_json_has_everything_of_each(run) -> None:
    told = json.loads(run("list", "--family", "sql-expert", "--state", "FAILED", "--json").out)

    (model,) = told
    assert (model["name"], model["state"]) == ("tunedModels/sql-expert-v1", "FAILED")
    assert (model["family"], model["version"], model["platform"]) == (
        "sql-expert",
        "v1",
        "developer",
    )
    assert model["age_s"] == pytest.approx(30 * DAY, abs=600)
    assert json.loads(run("list", "--family", "nobody", "--json").out) == []


def test_no_models_is_said_and_is_no_error(run) -> None:
    done = run("list", "--family", "nobody")

    assert (done.code, done.out) == (0, "")
    assert "no such tuned model" in done.err


def test_a_terminal_gets_a_table_of_short_names_and_nothing_that_moves_the_cursor() -> None:
    done = Terminal("list", *ON_VERTEX).end()

    shown = plain(done.out)
    assert done.code == 0
    assert SGR.search(done.out)  # in colour
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert shown.splitlines()[0].split() == [
        *["name", "state", "family", "version", "base", "age", "deployed"]
    ]
    assert "tuningJobs/7" in shown
    assert AT not in shown


def test_no_color_means_no_colour() -> None:
    done = Terminal("list", environment={"NO_COLOR": "1"}).end()

    assert "\x1b[3" not in done.out
    assert "FAILED" in done.out


def test_the_terminal_of_another_program_gets_no_escape_sequence() -> None:
    assert "\x1b" not in in_a_pipe("list").out


def test_versions_come_in_their_order_and_the_next_is_named(run) -> None:
    done = run("versions", "sql-expert")

    assert names(done) == ["sql-expert-v1", "sql-expert-v2-rc1", "sql-expert-v2", "sql-expert-v3"]
    assert done.err.startswith("The next one is sql-expert-v4.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--older-than", "soon"], "is no age"),
        (["list", "--state", "DREAMING"], "'DREAMING' is not one of"),
        (["versions", "sql expert"], "can't be a family"),
        (["versions"], "Missing argument"),
        (["list", "--platform", "vertex"], "--project"),
        (["list", "--platform", "vertex", "--project", "acme"], "--location"),
        (["list", "--platform", "vertex", "--project", "acme", "--location", "global"], "region"),
    ],
)
def test_wrong_input_is_one_sentence(run, arguments, told) -> None:
    done = run(*arguments)

    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told in done.err
    assert done.err.count("\n") == 1


def test_nothing_set_up_says_what_to_set_up(run, monkeypatch) -> None:
    monkeypatch.delenv("TUNED_GEMINI_BASE_URL")

    done = run("list")

    assert done.code == ExitCode.USAGE
    for word in ("GOOGLE_API_KEY", "--project", "--base-url"):
        assert word in done.err


def test_a_service_that_is_not_there_is_one_sentence(run) -> None:
    done = run("list", "--base-url", "http://127.0.0.1:1")

    assert done.code == ExitCode.FAILED
    assert done.err.startswith("error: Can't reach http://127.0.0.1:1: Connection refused.")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "locations", ["all", f"{LOCATION},europe-west4", f"europe-west4, {LOCATION}"]
)
def test_several_locations_are_asked_at_once(run, locations) -> None:
    done = run("list", "--project", PROJECT, "--location", locations)

    assert done.code == ExitCode.OK
    assert IN_EUROPE in done.out
    assert f"{AT}/tuningJobs/7" in done.out
    told = ["the Developer API (no API key is set)"]
    told += [] if locations == "all" else ["other locations of Vertex AI (--location all)"]
    assert done.err == f"Not asked: {'; '.join(told)}.\n"


def test_the_locations_that_the_records_know_are_asked(run, tmp_path) -> None:
    records = tmp_path / "tuned-models.toml"
    records.write_text(f'[sql-expert.versions.v9]\nmodel = "{IN_EUROPE}"\n')

    listed = run("list", "--records", str(records), *ON_VERTEX)
    versions = run("versions", "sql-expert", "--records", str(records))
    doctor = run("doctor", "--records", str(records), *ON_VERTEX)

    assert IN_EUROPE in listed.out
    assert f"{AT}/tuningJobs/7" in listed.out
    assert [row[3] for row in rows(versions.out)][-1] == "v9"
    assert "The next one is sql-expert-v10." in versions.err
    assert f"models ({PROJECT}/europe-west4)" in doctor.out
    assert f"models ({PROJECT}/{LOCATION})" in doctor.out


@pytest.mark.parametrize("command", [["list"], ["versions", "sql-expert"]])
def test_a_location_that_fails_does_not_hide_the_others(run, command) -> None:
    done = run(*command, "--project", PROJECT, "--location", "us-moon1,europe-west4")

    assert done.code == ExitCode.PARTLY
    assert IN_EUROPE in done.out
    assert f"warning: {PROJECT}/us-moon1 is not in it: " in done.err
    assert "The next one" not in done.err  # its name may be taken there


@pytest.mark.parametrize("command", ["sync", "prune sql-expert", "rollback sql-expert@p"])
def test_what_changes_something_takes_one_location(run, command) -> None:
    done = run(*command.split(), "--project", PROJECT, "--location", "all")

    assert done.code == ExitCode.USAGE
    assert "--location all is for list, versions and doctor." in done.err
