"""What cassettes are recorded from, and what of the traffic is written down."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vcr.request import Request

from langchain_tuned_gemini.emulator import Emulator

CASSETTES = Path(__file__).parents[1] / "cassettes"
GOOGLE = "https://generativelanguage.googleapis.com"
VERTEX = "https://us-central1-aiplatform.googleapis.com"
THE_EMULATOR = f"the emulator of langchain-tuned-gemini {version('langchain-tuned-gemini')}"

# A list of what stays, not of what goes: whatever header comes up tomorrow is left out, too.
_HEADERS = frozenset({"content-type", "retry-after"})


@dataclass(slots=True)
class StandingClock:
    """Stands still until somebody sleeps, so that recordings don't differ in times."""

    now: float = 1_760_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class RealClock:
    """Takes its time: tuning on Google does, too."""

    def __call__(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Nobody:
    """Stands in for the emulator where there is nothing to arrange: the answers are recorded."""

    def add_tuned_model(self, *_: Any, **__: Any) -> None:
        pass

    def add_file(self, *_: Any) -> None:
        pass

    def fault(self, **_: Any) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Source:
    """Who answers the requests of a test: its cassette, the emulator, or Google.

    Attributes:
        name: What the cassette says that it was recorded from; empty while it is replayed.
        base_url: Where the requests go.
        vertex_url: Where those to Vertex AI go.
        api_key: The key to send; it does not get into a cassette.
        clock: Tells the time, and sleeps.
        gemini: Where a test arranges what only the emulator can provide.
    """

    name: str = ""
    base_url: str = GOOGLE
    vertex_url: str = VERTEX
    api_key: str = "not-a-real-key"
    clock: StandingClock | RealClock = field(default_factory=StandingClock)
    gemini: Emulator | Nobody = field(default_factory=Nobody)

    def vcr_config(self) -> dict[str, Any]:
        """What is written down, under Google's host name, and how requests find their answer."""
        asked = self.base_url

        def scrubbed_request(request: Request) -> Request:
            request.method = request.method.upper()  # some HTTP clients leave it in lower case
            google = VERTEX if "/projects/" in request.uri else GOOGLE
            request.uri = request.uri.replace(asked, google, 1)
            request.headers = _kept(request.headers)
            return request

        return {
            "before_record_request": scrubbed_request,
            "before_record_response": _scrubbed_response,
            "filter_query_parameters": ["key"],
            "decode_compressed_response": True,
            "match_on": ["method", "scheme", "host", "path", "query", "body"],
        }

    def sign(self, cassette: Path) -> None:
        """Writes at the top of a cassette what it was recorded from."""
        recorded = cassette.read_text(encoding="utf-8")
        cassette.write_text(f"recorded_from: {self.name}\n{recorded}", encoding="utf-8")


def _scrubbed_response(response: dict[str, Any]) -> dict[str, Any]:
    return {**response, "headers": _kept(response["headers"])}


def _kept(headers: Any) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name.lower() in _HEADERS}
