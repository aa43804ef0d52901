"""An emulator with one tuned model of Vertex AI, and two clients: plain HTTP and google-genai."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from langchain_tuned_gemini.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_tuned_gemini.emulator import VertexModel

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
TRAIN = "gs://acme/train.jsonl"
ROWS = [
    {"text_input": "How many users are there?", "output": "SELECT COUNT(*) FROM users"},
    {"text_input": "List all dogs", "output": "SELECT * FROM dogs"},
]
TOKEN = "a-token"


@pytest.fixture
def gemini(clock: Callable[[], float]) -> Iterator[Emulator]:
    with Emulator(clock=clock, files={TRAIN: ROWS}) as emulator:
        yield emulator


@pytest.fixture
def tuned(gemini: Emulator) -> VertexModel:
    return gemini.add_vertex_model(ENDPOINT, examples=ROWS, display_name="sql", checkpoints=3)


@pytest.fixture
def api(gemini: Emulator) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=gemini.base_url, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
def client(gemini: Emulator) -> Iterator[genai.Client]:
    client = genai.Client(
        vertexai=True,
        project="acme",
        location="us-central1",
        credentials=Credentials(TOKEN),
        http_options=types.HttpOptions(base_url=gemini.base_url),
    )
    yield client
    client.close()


@pytest.fixture
def undeploy() -> Callable[[Emulator, str], None]:
    """Takes the model off an endpoint, as a user would."""

    def post(gemini: Emulator, endpoint: str) -> None:
        url, headers = f"{gemini.base_url}/v1/{endpoint}", {"authorization": "Bearer t"}
        (deployed,) = httpx.get(url, headers=headers).json()["deployedModels"]
        body = {"deployedModelId": deployed["id"]}
        httpx.post(f"{url}:undeployModel", json=body, headers=headers).raise_for_status()

    return post
