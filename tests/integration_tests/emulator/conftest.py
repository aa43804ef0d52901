"""An emulator with one tuned model, a clock that is set by hand, and a plain HTTP client."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "tunedModels/sql-expert-v1"
EXAMPLES = [
    {"text_input": "How many users are there?", "output": "SELECT COUNT(*) FROM users"},
    {"text_input": "List all dogs", "output": "SELECT * FROM dogs"},
    {"text_input": "Delete old orders", "output": "DELETE FROM orders WHERE age > 365"},
]


class Clock:
    """Time that only moves when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gemini(clock: Clock) -> Iterator[Emulator]:
    with Emulator(clock=clock) as emulator:
        emulator.add_tuned_model(MODEL, examples=EXAMPLES)
        yield emulator


@pytest.fixture
def api(gemini: Emulator) -> Iterator[httpx.Client]:
    headers = {"x-goog-api-key": "any-key"}
    with httpx.Client(base_url=gemini.base_url, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
def ask(api: httpx.Client) -> Callable[..., httpx.Response]:
    def post(
        question: str = "How many users are there?",
        *,
        model: str = MODEL,
        verb: str = "generateContent",
        **body: Any,
    ) -> httpx.Response:
        contents = [{"role": "user", "parts": [{"text": question}]}]
        return api.post(f"/v1beta/{model}:{verb}", json={"contents": contents, **body})

    return post


@pytest.fixture
def raw(gemini: Emulator) -> Callable[..., bytes]:
    """The bytes of an answer, up to the end of the connection."""
    port = int(gemini.base_url.rpartition(":")[2])

    def ask_for(verb: str = "generateContent", *, timeout: float = 5) -> bytes:
        body = b'{"contents": [{"parts": [{"text": "How many users are there?"}]}]}'
        head = (
            f"POST /v1beta/{MODEL}:{verb} HTTP/1.1\r\nhost: localhost\r\nx-goog-api-key: k\r\n"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        received = b""
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.sendall(head.encode() + body)
            while data := connection.recv(65536):
                received += data
        return received

    return ask_for
