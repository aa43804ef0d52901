"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from langchain_tuned_gemini.emulator import Emulator

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

NEXT_NUMBER = [{"text_input": str(n), "output": str(n + 1)} for n in range(40)]
TUNED = "tunedModels/next-number"
BASE = "gemini-2.5-flash"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A local Gemini API with one ACTIVE tuned model, which has learnt the next number."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=NEXT_NUMBER, state="ACTIVE")
        yield gemini


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no proxy from the machine that runs the tests."""
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
