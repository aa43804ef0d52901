"""A pytest plugin with one fixture, `gemini_emulator`, for the tests of your own application.

pytest finds it by itself once this package is installed (the entry point `pytest11`); the fixture
needs the extra `emulator`, and nothing of it is imported before a test asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tuned_gemini.emulator import Emulator


@pytest.fixture
def gemini_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A local Gemini API that is a test's own, and that the test's environment leads to.

    During the test `GOOGLE_API_KEY`, `GOOGLE_GEMINI_BASE_URL` and `GOOGLE_VERTEX_BASE_URL` are
    the emulator's. So an application that builds its models as in production, without `base_url`
    and `api_key`, talks to it, and no key of yours is used. Models that were built before the
    test, as when a module is imported, still talk to Google. On Vertex AI an application needs
    credentials, which can't be had offline: pass `api_key`, any will do.

    Example:
        ```python
        def test_the_app_survives_an_outage(gemini_emulator):
            gemini_emulator.add_tuned_model("tunedModels/sql-expert-v1", examples="train.jsonl")
            with gemini_emulator.fault(model="tunedModels/sql-expert-v1", status=503):
                assert my_app.answer("How many bikes do we have?").startswith("SELECT")
        ```
    """
    from langchain_tuned_gemini.emulator import Emulator

    with Emulator() as gemini:
        # The key is another one for each test: circuits of the process are told apart by it.
        monkeypatch.setenv("GOOGLE_API_KEY", f"emulated-key-{gemini.base_url.rpartition(':')[2]}")
        monkeypatch.delenv("GEMINI_API_KEY", raising=False)
        for platform in ("GEMINI", "VERTEX"):
            monkeypatch.setenv(f"GOOGLE_{platform}_BASE_URL", gemini.base_url)
        yield gemini
