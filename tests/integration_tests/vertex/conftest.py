"""An emulator with tuned models of Vertex AI, and the service that knows them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, VertexModel, manual
from langchain_tuned_gemini.services.vertex import VertexService
from tests.discovery import problems_of_request

AT = "projects/acme/locations/us-central1"
TRAIN = "gs://acme/train.jsonl"
ROWS = [{"text_input": str(n), "output": str(n + 1)} for n in range(15)]
LABELS = {
    "google-vertex-llm-tuning-base-model-id": "gemini-3_5-flash",
    "tune-type": "sft",
}
KEY = "not-a-real-key-1234"

SENTINEL = "skip_thought_signature_validator"
"""langchain-google-genai's stand-in for a signature: base64 for URLs, which proto3 takes, too."""

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator(
        progression=manual(), files={TRAIN: ROWS}, rejected_keys={"rejected-key-123"}
    ) as emulator:
        yield emulator
        # Whatever a test has sent is what Google's own description of the API allows.
        for sent in emulator.requests:
            if sent.path.startswith("/upload/storage/"):  # Cloud Storage's, which is another API
                continue
            problems = problems_of_request(sent.method, sent.path, sent.body)
            assert [problem for problem in problems if SENTINEL not in problem] == []


@pytest.fixture
def tuned(gemini: Emulator) -> VertexModel:
    return gemini.add_vertex_model(
        f"{AT}/endpoints/42",
        examples=ROWS,
        display_name="next number",
        checkpoints=3,
        labels=LABELS,
    )


@pytest.fixture
def service(gemini: Emulator) -> VertexService:
    return VertexService("acme", "us-central1", api_key=KEY, base_url=gemini.base_url)


async def _ask(service: VertexService, method: str, *args: Any, **options: Any) -> Any:
    return getattr(service, method)(*args, **options)


async def _aask(service: VertexService, method: str, *args: Any, **options: Any) -> Any:
    return await getattr(service, f"a{method}")(*args, **options)


@pytest.fixture(params=[_ask, _aask], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    ask: Ask = request.param
    return ask
