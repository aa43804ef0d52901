"""`python -m langchain_tuned_gemini.emulator`."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.emulator.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

ROW = '{"text_input": "List all dogs", "output": "SELECT * FROM dogs"}\n'


def served(arguments: list[str], path: str, body: object) -> tuple[httpx.Response, str, int]:
    """The answer of a command line's emulator to one request, what it said, and its exit code."""
    command = [sys.executable, "-m", "langchain_tuned_gemini.emulator", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        response = httpx.post(url + path, json=body)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    return response, told, process.returncode


def test_it_serves_vertex_ai(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(ROW, encoding="utf-8")
    parent = "projects/acme/locations/us-central1"
    options = ["--model", f"{parent}/endpoints/42", "--file", f"gs://b/t.jsonl={file}"]
    body = {"contents": [{"role": "user", "parts": [{"text": "List all dogs"}]}]}

    path = f"/v1/{parent}/endpoints/42:generateContent?key=k"
    answer, _, _ = served([*options, "--examples", str(file)], path, body)
    spec = {"trainingDatasetUri": "gs://b/t.jsonl"}
    job = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
    created, _, _ = served(options, f"/v1/{parent}/tuningJobs?key=k", job)

    assert "SELECT * FROM dogs" in answer.text
    assert created.json()["state"] == "JOB_STATE_PENDING"


def test_it_prints_its_address_serves_the_examples_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("\ufeff" + ROW + "\n", encoding="utf-8")
    options = ["--examples", str(file), "--model", "tunedModels/dogs"]
    body = {"contents": [{"parts": [{"text": "List all dogs"}]}]}

    response, told, code = served(options, "/v1beta/tunedModels/dogs:generateContent?key=k", body)

    assert "SELECT * FROM dogs" in response.text
    assert code == 0
    assert told.endswith("stopped\n")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "train.jsonl: has no examples"),
        (b"\xff\xfe", "train.jsonl:1: starts as UTF-16"),
        (b"{oops\n", "train.jsonl:1: is not JSON"),
        (ROW.encode() + b"[]\n", "train.jsonl:2: must be an object"),
        (ROW.encode() + b'\n{"text_input": "a"}\n', "train.jsonl:3: field 'output': is missing"),
        (b'{"text_input": "", "output": "b"}', "train.jsonl:1: field 'text_input': is empty"),
        (b'{"text_input": 1, "output": "b"}', "field 'text_input': must be text, not 1"),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_line_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: str
) -> None:
    file = tmp_path / "train.jsonl"
    file.write_bytes(content)

    code = main(["--examples", str(file)])

    error = capsys.readouterr().err
    assert code == 2
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--examples", "/nowhere/train.jsonl"], "there is no such file"),
        (["--port", "99999"], "from 0 to 65535"),
        (["--after", "-1"], "0 or more seconds"),
        (["--file", "gs://b/t.jsonl=/nowhere.jsonl"], "no such file"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert main(options) == 2

    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "options", [["--port", "many"], ["--nonsense"], ["--latency", "soon"], ["--file", "gs://b/t"]]
)
def test_a_wrong_option_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        main(options)

    assert raised.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bad_model_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(ROW, encoding="utf-8")

    assert main(["--examples", str(file), "--model", "dogs"]) == 2
    assert "tunedModels/ID" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with Emulator() as gemini:
        port = gemini.base_url.rpartition(":")[2]

        assert main(["--port", port]) == 2

    assert f"port {port} on 127.0.0.1 is taken" in capsys.readouterr().err


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--help"])

    told = capsys.readouterr().out
    assert raised.value.code == 0
    for option in ("--port", "--examples", "--model", "--file", "--after", "--latency"):
        assert option in told


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_its_extra_the_import_says_what_to_install(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "try: import langchain_tuned_gemini.emulator\n"
        "except ImportError as error: print(error)"
    )

    told = subprocess.check_output([sys.executable, "-c", program], text=True)

    assert told == (
        "The emulator needs an optional dependency. "
        'Install it with: pip install "langchain-tuned-gemini[emulator]"\n'
    )
