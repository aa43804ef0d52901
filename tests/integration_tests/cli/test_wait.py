"""`tuned-gemini wait`."""

from __future__ import annotations

import json
import signal

import pytest

from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator, manual
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import AT, ENDPOINT, Terminal, plain


@pytest.mark.parametrize("name", ["tunedModels/next-number", ENDPOINT, f"{AT}/tuningJobs/7"])
def test_a_model_that_is_ready_is_the_result(run, name) -> None:
    done = run("wait", name)
    as_json = run("wait", name, "--json")

    assert done.code == as_json.code == ExitCode.OK
    assert done.out.startswith(f"{name} is ")
    told = json.loads(as_json.out)
    assert (told["name"], told["state"]) == (name, "ACTIVE")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tunedModels/in-the-making", ExitCode.NOT_YET),
        ("tunedModels/broken", ExitCode.NEVER),
        ("tunedModels/never-there", ExitCode.NEVER),
    ],
)
def test_a_wait_in_vain_has_its_exit_code(run, name, code) -> None:
    done = run("wait", name, "--timeout", "0")

    assert (done.code, done.out) == (code, "")
    assert name in done.err.splitlines()[-1]
    assert "with_few_shot" not in done.err


def test_a_pipe_gets_a_line_for_each_step_and_no_bar(run, gemini) -> None:
    gemini.add_tuned_model("tunedModels/stepping", examples=NEXT_NUMBER, state="CREATING")
    gemini.advance("tunedModels/stepping", 3)

    done = run("wait", "tunedModels/stepping", "--timeout", "0.3", "--interval", "0.05")

    lines = done.err.splitlines()
    assert lines[0].startswith("CREATING, step 3 of 50, loss ")
    assert lines[0].endswith(" 6 %")
    assert len(lines) == 2  # what stays the same is told once
    assert "\x1b" not in done.err


def test_a_terminal_gets_a_bar_with_step_and_loss() -> None:
    with Emulator(progression=manual()) as gemini:
        from langchain_tuned_gemini import GenerativeAIService

        service = GenerativeAIService("any-key", gemini.base_url)
        created = service.create(
            NEXT_NUMBER, base_model="models/gemini-1.5-flash-001-tuning", model_id="soon"
        )
        wait = Terminal("wait", created.name, "--interval", "0.1", "--base-url", gemini.base_url)
        wait.wait_for("CREATING")
        gemini.advance(created.name, 10)
        wait.wait_for("step 10 of 50, loss ")
        wait.wait_for("20%")
        gemini.advance(created.name)
        done = wait.end()

    shown = plain(done.out)
    assert done.code == ExitCode.OK
    assert "CREATING" in shown
    assert "━" in shown
    assert "loss" in shown
    assert "100%" in shown
    assert shown.endswith("tunedModels/soon is ACTIVE\n")


def test_ctrl_c_ends_the_waiting_and_says_that_the_tuning_goes_on(gemini) -> None:
    wait = Terminal("wait", "tunedModels/in-the-making")
    wait.wait_for("CREATING")

    wait.process.send_signal(signal.SIGINT)
    done = wait.end()

    assert done.code == ExitCode.INTERRUPTED
    assert "To wait again: tuned-gemini wait tunedModels/in-the-making" in plain(done.out)
    assert "Traceback" not in done.out


@pytest.mark.parametrize(
    "fault", [{"status": 403}, {"body": {"operations": [{}]}}, {"body": "<html>"}, {"reset": True}]
)
def test_steps_that_nobody_tells_leave_a_wait_without_percent(run, gemini, fault) -> None:
    with gemini.fault(method="operations.list", **fault):
        done = run("wait", "tunedModels/in-the-making", "--timeout", "0")

    assert done.code == ExitCode.NOT_YET
    assert done.err.startswith("CREATING\n")
