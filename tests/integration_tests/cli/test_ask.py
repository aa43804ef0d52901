"""`tuned-gemini ask` and `tuned-gemini chat`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from langchain_tuned_gemini import TuningDataset
from langchain_tuned_gemini.cli.errors import ExitCode
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import ENDPOINT, LOCATION, PROJECT, Terminal, plain

TUNED = "tunedModels/next-number"


@pytest.fixture
def train(tmp_path: Path) -> Path:
    """What the tuned models have learnt."""
    path = tmp_path / "train.jsonl"
    TuningDataset.of(NEXT_NUMBER).write(path)
    return path


def test_the_answer_is_the_output_and_who_gave_it_stands_beside(run) -> None:
    done = run("ask", TUNED, "7")

    assert (done.code, done.out) == (0, "8\n")
    assert done.err.startswith(f"-- {TUNED}, ")


def test_the_question_comes_from_the_input_where_none_is_given(run) -> None:
    assert run("ask", TUNED, stdin="7\n").out == "8\n"
    assert run("ask", TUNED, "-", stdin="7\n").out == "8\n"


def test_vertex_ai_is_asked_by_a_short_name(run) -> None:
    place = ["--project", PROJECT, "--location", LOCATION]

    assert run("ask", ENDPOINT, "7").out == "8\n"
    assert run("ask", "42", "7", *place).out == "8\n"


def test_a_base_model_stands_in_and_says_why(run, gemini, train) -> None:
    fallback = ["--fallback", "gemini-3.5-flash", "--examples", str(train)]

    done = run("ask", "tunedModels/broken", "7", *fallback)
    with gemini.fault(model=TUNED, status=429):
        told = json.loads(run("ask", TUNED, "7", *fallback, "--json").out)

    assert (done.code, done.out) == (0, "8\n")
    assert "-- gemini-3.5-flash, standing in (gone), " in done.err
    assert told["answer"] == "8"
    assert (told["answered_by"], told["reason"]) == ("base_fallback", "quota")
    assert told["attempts"][0]["status"] == 429


@pytest.mark.parametrize(
    ("fault", "told", "code"),
    [
        ({"status": 503}, "(overloaded)", ExitCode.FAILED),
        ({"status": 429}, "(quota)", ExitCode.FAILED),
        ({"status": 403}, "(permission)", ExitCode.FAILED),
        ({"reset": True}, "(connection)", ExitCode.FAILED),
    ],
)
def test_a_failure_is_one_sentence_that_says_what_to_do(run, gemini, fault, told, code) -> None:
    with gemini.fault(model=TUNED, **fault):
        done = run("ask", TUNED, "7")

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("tunedModels/in-the-making", ExitCode.NOT_YET, "tuned-gemini wait"),
        ("tunedModels/broken", ExitCode.NEVER, "It will never answer"),
        ("tunedModels/never-there", ExitCode.NEVER, "does not exist"),
        ("gemini-3.5-flash", ExitCode.USAGE, "tunedModels/ID"),
        ("models/gemini-3.5-flash", ExitCode.USAGE, "is a base model"),
        ("42", ExitCode.USAGE, "--project"),
        (f"{ENDPOINT}?x", ExitCode.USAGE, "no name of Vertex AI"),
    ],
)
def test_a_model_that_cannot_answer_has_its_exit_code(run, name, code, told) -> None:
    done = run("ask", name, "7")

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["7", "--fallback", "gemini-3.5-flash"], "go together"),
        (["7", "--fallback", "gemini-3.5-flash", "--examples", "/nowhere"], "does not exist"),
        ([" "], "The question is empty"),
        (["7", "--task", "sloppy"], "'sloppy' is not one of"),
        (["7", "--platform", "vertex"], "Leave out --platform"),
        (["7", "--base-url", "https://gateway.example"], "TUNED_GEMINI_API_KEY"),
    ],
)
def test_wrong_input_is_one_sentence(run, arguments, told) -> None:
    done = run("ask", TUNED, *arguments)

    assert done.code == ExitCode.USAGE
    assert told in done.err.replace("\n", " ")
    assert done.err.count("\n") == 1
    assert "Invalid value:" not in done.err


def test_a_key_that_was_meant_for_the_gateway_goes_there(run, monkeypatch) -> None:
    monkeypatch.setenv("TUNED_GEMINI_API_KEY", "for-the-gateway")

    done = run("ask", TUNED, "7", "--base-url", "http://gateway.invalid")

    assert "(connection)" in done.err


def test_no_key_is_one_sentence(run, monkeypatch) -> None:
    monkeypatch.delenv("TUNED_GEMINI_BASE_URL")

    done = run("ask", TUNED, "7")

    assert done.code == ExitCode.USAGE
    assert "set GOOGLE_API_KEY" in done.err


def test_an_answer_cannot_move_the_cursor(run, gemini) -> None:
    gemini.add_tuned_model("tunedModels/evil", examples=[("1", "a\x1b[2Jb\u202e\x9bc\r\nd")])

    assert run("ask", "tunedModels/evil", "1").out == "a\ufffd[2Jb\ufffd\ufffdc\nd\n"
    assert json.loads(run("ask", "tunedModels/evil", "1", "--json").out)["answer"] == (
        "a\x1b[2Jb\u202e\x9bc\r\nd"
    )


def test_a_chat_in_a_pipe_answers_line_by_line(run) -> None:
    done = run("chat", TUNED, stdin="7\n\n/new\n8\n")

    assert (done.code, done.out) == (0, "8\n9\n")


def test_a_chat_in_a_pipe_ends_with_its_first_failure(run, gemini) -> None:
    with gemini.fault(model=TUNED, status=503, nth=2):
        done = run("chat", TUNED, "--json", stdin="7\n8\n9\n")

    assert done.code == ExitCode.FAILED
    assert [json.loads(line)["answer"] for line in done.lines] == ["8"]


def test_a_chat_on_a_terminal_goes_on_after_a_failure_and_after_ctrl_c(gemini) -> None:
    chat = Terminal("chat", TUNED)
    chat.wait_for("> ")
    chat.type("7\n")
    chat.wait_for(f"-- {TUNED}")
    chat.wait_for("> ")
    with gemini.fault(model=TUNED, status=503):
        chat.type("8\n")
        chat.wait_for("(overloaded)")
        chat.wait_for("> ")
    with gemini.fault(model=TUNED, hang=True):
        before = len(gemini.requests)
        chat.type("9\n")
        chat.wait_until(lambda: len(gemini.requests) > before)  # the question is on its way
        chat.type("\x03")
        chat.wait_for("Stopped.")
        chat.wait_for("> ")
    chat.type("10\n")
    chat.wait_for("11\r\n")
    chat.wait_for("> ")
    chat.type("\x04")

    done = chat.end()

    assert done.code == ExitCode.OK
    assert "Traceback" not in plain(done.out)


def test_ctrl_c_at_the_prompt_leaves_the_chat() -> None:
    chat = Terminal("chat", TUNED)
    chat.wait_for("> ")

    # readline loses a signal that comes after it has shown its prompt and before it listens.
    for _ in range(10):
        chat.type("\x03")
        if chat.ends_within(3):
            break
    done = chat.end()

    assert done.code == ExitCode.INTERRUPTED
    assert "Traceback" not in done.out
