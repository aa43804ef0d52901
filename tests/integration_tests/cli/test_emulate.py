"""`tuned-gemini emulate`."""

from __future__ import annotations

import json
import signal
import subprocess

import httpx
import pytest

from langchain_tuned_gemini.cli.errors import ExitCode
from tests.integration_tests.cli.terminal import COMMAND


@pytest.mark.parametrize("as_json", [False, True])
def test_it_prints_its_address_and_serves_until_ctrl_c(as_json: bool) -> None:
    command = [*COMMAND, "emulate", "--port", "0", *(["--json"] if as_json else [])]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = json.loads(line)["base_url"] if as_json else line.strip()
        listed = httpx.get(f"{url}/v1beta/tunedModels?key=k")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)

    assert listed.json() == {}
    assert process.returncode == ExitCode.OK
    assert told.endswith("stopped\n")


def test_its_options_are_the_emulators(run) -> None:
    done = run("emulate", "--help")
    wrong = run("emulate", "--port", "many")

    assert done.code == ExitCode.OK
    assert "usage: tuned-gemini emulate" in done.out
    assert wrong.code == ExitCode.USAGE
    assert "emulator: error:" in wrong.err
