"""What all tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator
from tests.otel import Recording

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

NEXT_NUMBER = [{"text_input": str(n), "output": str(n + 1)} for n in range(40)]
TUNED = "tunedModels/next-number"
BASE = "gemini-2.5-flash"
AT = "projects/acme/locations/us-central1"
VERTEX_STATES = {
    "CREATING": "JOB_STATE_RUNNING",
    "ACTIVE": "JOB_STATE_SUCCEEDED",
    "FAILED": "JOB_STATE_FAILED",
}


@dataclass(frozen=True, slots=True)
class Deployed:
    """A tuned model on the emulator, on one of the platforms.

    Attributes:
        emulator: Where it is.
        platform: Which platform it is on.
        name: What it is called by; requests name it so, too.
        record: Whose state tells how far its tuning is: itself, or its tuning job.
    """

    emulator: Emulator
    platform: str
    name: str
    record: str

    @classmethod
    def add(
        cls,
        emulator: Emulator,
        platform: str,
        examples: Sequence[Any],
        *,
        model_id: str = "next-number",
    ) -> Deployed:
        """Adds one that is ACTIVE."""
        if platform == "developer":
            name = f"tunedModels/{model_id}"
            emulator.add_tuned_model(name, examples=examples, state="ACTIVE")
            return cls(emulator, platform, name, name)
        added = emulator.add_vertex_model(
            f"{AT}/endpoints/{model_id}",
            examples=examples,
            labels={"google-vertex-llm-tuning-base-model-id": "gemini-3_5-flash"},
        )
        return cls(emulator, platform, added.endpoint, added.job)

    def chat(self, **parameters: Any) -> ChatTunedGemini:
        """The chat model for it."""
        given = {"model": self.name, "api_key": "key", "base_url": self.emulator.base_url}
        return ChatTunedGemini(**{**given, **parameters})

    def set_state(self, state: str) -> None:
        """Puts it into a state, in the words of the Developer API."""
        word = state if self.platform == "developer" else VERTEX_STATES[state]
        self.emulator.set_state(self.record, word)


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_works() -> Iterator[None]:
    """Also where a script runs the tests in its background: it has them ignore Ctrl-C, and that
    is inherited by the programs that they start."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=["developer", "vertex"])
def platform(request: pytest.FixtureRequest) -> str:
    """Each of the two platforms."""
    platform: str = request.param
    return platform


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A local Gemini API with one ACTIVE tuned model, which has learnt the next number."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=NEXT_NUMBER, state="ACTIVE")
        yield gemini


@pytest.fixture
def deployed(platform: str) -> Iterator[Deployed]:
    """An ACTIVE tuned model on each of the platforms, which has learnt the next number."""
    with Emulator() as gemini:
        yield Deployed.add(gemini, platform, NEXT_NUMBER)


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no project from the machine that runs the tests."""
    for name in (
        "GOOGLE_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def recorded() -> Iterator[Recording]:
    """What OpenTelemetry's SDK is told during the test."""
    recording = Recording()
    yield recording
    recording.stop()
