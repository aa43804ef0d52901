"""The fixture that users' tests get, in a pytest of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugin import announce_plugin

pytest_plugins = ["pytester"]

TESTS = """
import os
import sys

import pytest


def test_nothing_is_imported_before_it_is_asked_for():
    assert "langchain_tuned_gemini.pytest_plugin" in sys.modules
    heavy = {"starlette", "uvicorn", "google.genai", "langchain_google_genai"}
    assert not heavy & sys.modules.keys()
    assert not any(name.startswith("langchain_tuned_gemini.emulator") for name in sys.modules)


def test_an_app_that_names_no_address_and_no_key_reaches_it(gemini_emulator):
    from langchain_google_genai import ChatGoogleGenerativeAI
    from langchain_tuned_gemini import ChatTunedGemini

    gemini_emulator.add_tuned_model("tunedModels/x", examples=[("7", "8")])
    tuned = ChatTunedGemini(model="tunedModels/x")
    with gemini_emulator.fault(model="tunedModels/x", status=503):
        answer = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=[("7", "8")]).invoke("7")
    assert answer.text == "8"
    assert answer.response_metadata["tuned_gemini"]["reason"] == "overloaded"
    with gemini_emulator.script("Hello!"):
        assert ChatGoogleGenerativeAI(model="gemini-3.5-flash").invoke("Hi").text == "Hello!"


def test_the_plugin_starts_vertex_ai(gemini_emulator):
    from langchain_tuned_gemini import ChatTunedGemini

    name = "projects/acme/locations/us-central1/endpoints/42"
    gemini_emulator.add_vertex_model(name, examples=[("7", "8")])
    assert ChatTunedGemini(model=name, api_key="any").invoke("7").text == "8"


robust = None


@pytest.mark.parametrize("run", [1, 2])
def test_an_outage_stays_in_its_test(gemini_emulator, run):
    from langchain_tuned_gemini import ChatTunedGemini

    global robust
    before, examples = robust, [("7", "8")]
    gemini_emulator.add_tuned_model("tunedModels/x", examples=examples)
    tuned = ChatTunedGemini(model="tunedModels/x")
    robust = tuned.with_few_shot_fallback("gemini-3.5-flash", examples=examples)
    assert robust.circuit.view().state.value == "closed"
    with gemini_emulator.fault(model="tunedModels/x", status=404):
        robust.invoke("7")
    assert robust.circuit.view().state.value == "open"


def test_the_environment_is_as_it_was_before():
    assert os.environ["GOOGLE_API_KEY"] == os.environ["GEMINI_API_KEY"] == "mine"
    assert "GOOGLE_GEMINI_BASE_URL" not in os.environ
    assert "GOOGLE_VERTEX_BASE_URL" not in os.environ
"""


def test_users_tests_find_an_emulator_that_is_their_own(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", announce_plugin(tmp_path / "site"))
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "mine")
    pytester.makepyfile(TESTS)

    result = pytester.runpytest_subprocess("-p", "no:langsmith_plugin")

    result.assert_outcomes(passed=6)


def test_the_fixture_is_listed_with_what_it_does(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", announce_plugin(tmp_path / "site"))

    result = pytester.runpytest_subprocess("--fixtures")

    result.stdout.fnmatch_lines(["gemini_emulator*", "*A local Gemini API*"])
