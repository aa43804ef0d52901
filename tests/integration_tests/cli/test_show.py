"""`tuned-gemini show`."""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET

import pytest

from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import AT, LOCATION, PROJECT, Terminal, plain, rows

ON_VERTEX = ["--project", PROJECT, "--location", LOCATION]


@pytest.fixture(scope="module")
def gemini():
    """A model with a loss, one without, one of a retired base, and one that failed."""
    with Emulator() as emulator:
        emulator.add_tuned_model("tunedModels/sql-expert-v2", examples=NEXT_NUMBER)
        emulator.add_vertex_model(
            f"{AT}/endpoints/42",
            examples=NEXT_NUMBER,
            job=f"{AT}/tuningJobs/7",
            display_name="sql-expert-v3",
            checkpoints=2,
            base_model="gemini-2.5-flash",
        )
        emulator.add_vertex_model(
            f"{AT}/tuningJobs/8", state="JOB_STATE_FAILED", error=(8, "No \x1b[1A quota.")
        )
        yield emulator


def details(done) -> dict[str, str]:
    return dict(rows(done.out))


def test_a_model_is_shown_in_full(run) -> None:
    shown = details(run("show", "tunedModels/sql-expert-v2"))

    assert shown["state"] == "ACTIVE"
    assert (shown["family"], shown["version"]) == ("sql-expert", "v2")
    assert (shown["epochCount"], shown["batchSize"], shown["learningRate"]) == ("5", "4", "0.001")
    assert shown["loss"].startswith("0.6")
    assert "after step 50, epoch 5" in shown["loss"]


@pytest.mark.parametrize("name", ["42", "endpoints/42", "tuningJobs/7", "sql-expert-v3"])
def test_a_short_name_will_do(run, name) -> None:
    assert details(run("show", name, *ON_VERTEX))["base model"].endswith("gemini-2.5-flash")


def test_checkpoints_and_a_retired_base_are_told(run) -> None:
    shown = details(run("show", f"{AT}/tuningJobs/7"))

    assert shown["checkpoint 2"].startswith("epoch 2, step ")
    assert "gemini-2.5-flash was retired on Vertex AI on 2026-10-20" in shown["base retired"]
    assert shown["platform's word"] == "JOB_STATE_SUCCEEDED"


def test_why_it_failed_is_told_without_moving_the_cursor(run) -> None:
    shown = details(run("show", f"{AT}/tuningJobs/8"))

    assert (shown["state"], shown["error"]) == ("FAILED", "No \ufffd[1A quota.")


def test_json_has_every_snapshot(run) -> None:
    told = json.loads(run("show", "tunedModels/sql-expert-v2", "--json").out)

    assert len(told["snapshots"]) == 50
    assert told["loss"] == told["snapshots"][-1]["mean_loss"]
    assert told["family"] == "sql-expert"


def test_without_the_extra_it_says_what_takes_it(run, monkeypatch) -> None:
    with_it = run("show", "tunedModels/sql-expert-v2")
    monkeypatch.setitem(sys.modules, "google.generativeai", None)  # as if it were not installed

    done = run("show", "tunedModels/sql-expert-v2")

    assert with_it.err == ""
    assert done.code == 0
    assert "langchain-tuned-gemini[generativeai]" in done.err
    assert "loss" not in dict(rows(done.out))


def test_the_raw_record_is_the_platforms_own(run) -> None:
    developers = json.loads(run("show", "tunedModels/sql-expert-v2", "--raw").out)
    vertex = json.loads(run("show", f"{AT}/tuningJobs/8", "--raw").out)

    assert developers["tuningTask"]["hyperparameters"]["epochCount"] == 5
    assert vertex["error"] == {"code": 8, "message": "No \x1b[1A quota."}


def test_a_terminal_gets_a_picture_of_the_loss() -> None:
    done = Terminal("show", "tunedModels/sql-expert-v2").end()

    shown = plain(done.out)
    assert done.code == 0
    assert "\x1b" not in shown
    assert "(loss)" in shown
    assert any("\u2801" <= character <= "\u28ff" for character in shown)
    assert max(map(len, shown.splitlines())) <= 100


def test_the_loss_is_drawn_as_svg(run, tmp_path) -> None:
    path = tmp_path / "loss.svg"

    done = run("show", "tunedModels/sql-expert-v2", "--loss-plot", str(path))

    assert str(path) in done.err
    (line,) = ET.parse(path).getroot().findall("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert len(points) == 50
    assert points == sorted(points)  # step after step
    assert points[0][1] < points[-1][1]  # down, as the loss: y grows downwards


def test_the_loss_is_drawn_as_png(run, tmp_path) -> None:
    path = tmp_path / "loss.png"

    run("show", "tunedModels/sql-expert-v2", "--loss-plot", str(path))

    assert path.read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["sql-expert-v9"], ExitCode.USAGE, "No tuned model is called sql-expert-v9"),
        (["tunedModels/gone"], ExitCode.NEVER, "does not exist"),
        (["tunedModels/sql-expert-v2", "--loss-plot", "a.gif"], ExitCode.USAGE, ".svg or .png"),
        ([f"{AT}/tuningJobs/8", "--loss-plot", "a.svg"], ExitCode.FAILED, "does not tell the loss"),
        (
            ["tunedModels/sql-expert-v2", "--loss-plot", "/no/where.svg"],
            ExitCode.FAILED,
            "/no/where",
        ),
        (["nonsense"], ExitCode.USAGE, "not a tuned model's full name"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(run, arguments, code, told) -> None:
    done = run("show", *arguments)

    assert done.code == code
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"status": 403, "nth": 2}, "HTTP status 403"),
        ({"body": "<html>", "nth": 2}, "not the Gemini API's"),
        ({"reset": True}, "Can't reach"),  # each time: a kept connection that breaks is asked again
    ],
)
def test_a_record_that_cannot_be_read_is_one_sentence(run, gemini, fault, told) -> None:
    with gemini.fault(model="tunedModels/sql-expert-v2", method="get", **fault):
        done = run("show", "tunedModels/sql-expert-v2", "--raw")

    assert done.code == ExitCode.FAILED
    assert told in done.err
