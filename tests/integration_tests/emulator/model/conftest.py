"""Asking models on both services, with Google's description of Vertex AI beside every answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator
from tests.discovery import problems_of_answer, problems_of_request

AT = "projects/acme/locations/us-central1"
EXAMPLES = [
    ("How many users are there?", "SELECT COUNT(*) FROM users"),
    ("List all dogs", "SELECT * FROM dogs"),
]


class Service:
    """One of the two services, over plain HTTP."""

    def __init__(self, gemini: Emulator, platform: str) -> None:
        self.gemini = gemini
        self.platform = platform
        self.is_vertex = platform == "vertex"
        if self.is_vertex:
            self.tuned = gemini.add_vertex_model(f"{AT}/endpoints/42", examples=EXAMPLES).endpoint
            self._root, prefix = "/v1beta1", f"{AT}/publishers/google/models"
        else:
            self.tuned = "tunedModels/sql"
            gemini.add_tuned_model(self.tuned, examples=EXAMPLES)
            self._root, prefix = "/v1beta", "models"
        self.old, self.new = f"{prefix}/gemini-2.5-flash", f"{prefix}/gemini-3.5-flash"
        self._http = httpx.Client(
            base_url=gemini.base_url,
            headers={"authorization": "Bearer t", "x-goog-api-key": "k"},
            verify=False,
        )

    def post(self, *turns: Any, model: str, verb: str = "generateContent", **body: Any) -> Any:
        """The response to a conversation; a turn is a text of the user's, or a whole one."""
        contents = [user({"text": t}) if isinstance(t, str) else t for t in turns]
        path, sent = f"{self._root}/{model}:{verb}", {"contents": contents, **body}
        if self.is_vertex:
            assert problems_of_request("POST", path, sent) == []
        return self._http.post(path, json=sent, params={"alt": "sse"})

    def answer(self, *turns: Any, model: str, **body: Any) -> dict[str, Any]:
        """The whole answer, which is as Google describes it."""
        response = self.post(*turns, model=model, **body)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        self._check(model, "generateContent", answer)
        return answer

    def parts(self, *turns: Any, model: str, **body: Any) -> list[dict[str, Any]]:
        """The parts of the answer."""
        content = self.answer(*turns, model=model, **body)["candidates"][0]["content"]
        parts: list[dict[str, Any]] = content["parts"]
        return parts

    def text(self, *turns: Any, model: str, **body: Any) -> str:
        """The text of the answer."""
        return "".join(part["text"] for part in self.parts(*turns, model=model, **body))

    def calls(self, *turns: Any, model: str, **body: Any) -> list[tuple[str, Any]]:
        """The function calls of the answer."""
        called = [p.get("functionCall") for p in self.parts(*turns, model=model, **body)]
        return [(call["name"], call["args"]) for call in called if call]

    def chunks(self, *turns: Any, model: str, **body: Any) -> list[dict[str, Any]]:
        """The answers of a stream."""
        verb = "streamGenerateContent"
        response = self.post(*turns, model=model, verb=verb, **body)
        lines = [line for line in response.text.split("\r\n\r\n") if line]
        chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
        for chunk in chunks:
            self._check(model, verb, chunk)
        return chunks

    def refusal(self, *turns: Any, model: str, **body: Any) -> str:
        """The message of a 400."""
        response = self.post(*turns, model=model, **body)
        assert response.status_code == 400, response.text
        message: str = response.json()["error"]["message"]
        return message

    def _check(self, model: str, verb: str, answer: Any) -> None:
        if self.is_vertex:
            assert problems_of_answer("POST", f"{self._root}/{model}:{verb}", answer) == []

    def close(self) -> None:
        self._http.close()


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


@pytest.fixture
def service(gemini: Emulator, platform: str) -> Iterator[Service]:
    service = Service(gemini, platform)
    yield service
    service.close()
