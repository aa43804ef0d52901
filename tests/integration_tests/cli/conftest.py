"""An emulator with tuned models in every state, and commands that look at it."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator

import pytest

from langchain_tuned_gemini.cli import main
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import AT, ENDPOINT, Done


@pytest.fixture(scope="module")
def gemini() -> Iterator[Emulator]:
    """Tuned models in every state, on both platforms."""
    with Emulator() as emulator:
        emulator.add_tuned_model("tunedModels/next-number", examples=NEXT_NUMBER)
        emulator.add_tuned_model("tunedModels/in-the-making", state="CREATING")
        emulator.add_tuned_model("tunedModels/broken", examples=NEXT_NUMBER[:4], state="FAILED")
        emulator.add_vertex_model(
            ENDPOINT, examples=NEXT_NUMBER, job=f"{AT}/tuningJobs/7", display_name="next-number-v2"
        )
        yield emulator


@pytest.fixture(autouse=True)
def at_the_emulator(gemini: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command looks at the emulator, and nothing of this machine's environment counts."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "GEMINI_", "TUNED_GEMINI_")):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TUNED_GEMINI_BASE_URL", gemini.base_url)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs a command in this process, into a pipe."""

    def run(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(arguments)
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run
