"""Faults on Vertex AI's side: which calls they hit, and what Vertex AI says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, Fault, VertexModel
from langchain_tuned_gemini.emulator.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
BASE = f"{AT}/publishers/google/models/gemini-2.5-flash"
ASK = {"contents": [{"role": "user", "parts": [{"text": "List all dogs"}]}]}


@pytest.fixture
def ask(api: httpx.Client, tuned: VertexModel) -> Callable[..., httpx.Response]:
    def post(name: str = ENDPOINT, verb: str = "generateContent") -> httpx.Response:
        return api.post(f"/v1beta1/{name}:{verb}", json=ASK)

    return post


@pytest.mark.parametrize(
    ("model", "hit"),
    [
        (ENDPOINT, [503, 200, 200]),
        ("gemini-2.5-flash", [200, 503, 503]),
        ("models/gemini-2.5-flash", [200, 503, 503]),
        ("publishers/google/models/gemini-2.5-flash", [200, 503, 503]),
        (BASE, [200, 503, 503]),
        (None, [503, 503, 503]),
        (f"{AT}/endpoints/1", [200, 200, 200]),
    ],
)
def test_a_fault_hits_the_model_that_it_names(
    gemini: Emulator, ask: Callable[..., httpx.Response], model: str | None, hit: list[int]
) -> None:
    gemini.fault(model=model, status=503)

    names = [ENDPOINT, BASE, "publishers/google/models/gemini-2.5-flash"]
    assert [ask(name).status_code for name in names] == hit


def test_a_fault_of_one_base_model_hits_it_on_both_services(gemini: Emulator) -> None:
    gemini.fault(model="gemini-2.5-flash", status=503)

    paths = [f"v1beta1/{BASE}", "v1beta/models/gemini-2.5-flash"]
    codes = [
        httpx.post(f"{gemini.base_url}/{path}:generateContent?key=k", json=ASK).status_code
        for path in paths
    ]

    assert codes == [503, 503]


def test_a_fault_hits_the_method_that_it_names(
    gemini: Emulator, api: httpx.Client, tuned: VertexModel, ask: Any
) -> None:
    gemini.fault(method="tuningJobs.get", status=403)

    assert api.get(f"/v1/{tuned.job}").status_code == 403
    assert api.get(f"/v1/{AT}/tuningJobs").status_code == 200
    assert ask().status_code == 200


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_can_have_a_fault(method: str) -> None:
    Fault(method=method, status=500)


@pytest.mark.parametrize(
    ("path", "verb", "permission"),
    [
        (f"{ENDPOINT}:generateContent", "POST", "endpoints.predict"),
        (f"{ENDPOINT}:countTokens", "POST", "endpoints.predict"),
        (f"{ENDPOINT}:undeployModel", "POST", "endpoints.undeploy"),
        (ENDPOINT, "DELETE", "endpoints.delete"),
        (f"{AT}/tuningJobs", "GET", "tuningJobs.list"),
        (f"{AT}/tuningJobs/7", "GET", "tuningJobs.get"),
        (f"{AT}/models/15", "PATCH", "models.update"),
        (f"{AT}/models/15@1:deleteVersion", "DELETE", "models.delete"),
    ],
)
def test_who_may_not_is_told_the_permission(
    gemini: Emulator, api: httpx.Client, *, path: str, verb: str, permission: str
) -> None:
    gemini.fault(method="any", status=403)

    error = api.request(verb, f"/v1/{path}").json()["error"]

    (info,) = error["details"]
    assert error["status"] == "PERMISSION_DENIED"
    assert info["reason"] == "IAM_PERMISSION_DENIED"
    assert info["metadata"]["permission"] == f"aiplatform.{permission}"
    assert info["metadata"]["resource"] in error["message"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (ENDPOINT, f"Endpoint `{ENDPOINT}` not found."),
        (BASE, f"Publisher Model `{BASE}` was not found or your project does not have access"),
    ],
)
def test_what_is_gone_is_named(gemini: Emulator, ask: Any, name: str, text: str) -> None:
    gemini.fault(status=404)

    assert text in ask(name).json()["error"]["message"]


@pytest.mark.parametrize(
    ("status", "word", "text"),
    [
        (400, "INVALID_ARGUMENT", "invalid argument"),
        (401, "UNAUTHENTICATED", "invalid authentication credentials"),
        (409, "ABORTED", "aborted"),
        (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
        (499, "CANCELLED", "cancelled"),
        (500, "INTERNAL", "Internal error encountered."),
        (503, "UNAVAILABLE", "The service is currently unavailable."),
        (504, "DEADLINE_EXCEEDED", "Deadline expired"),
    ],
)
def test_a_status_comes_with_vertex_ais_words(
    gemini: Emulator, ask: Any, status: int, word: str, text: str
) -> None:
    gemini.fault(status=status)

    error = ask(verb="streamGenerateContent").json()["error"]

    assert (error["code"], error["status"]) == (status, word)
    assert text in error["message"]
    assert "details" not in error


def test_a_hint_is_sent_if_a_test_wants_one(gemini: Emulator, ask: Any) -> None:
    gemini.fault(retry_delay=7, retry_after=7, message="Slower, please.")

    response = ask()

    error = response.json()["error"]
    assert (error["code"], error["message"]) == (429, "Slower, please.")
    assert [detail["retryDelay"] for detail in error["details"]] == ["7s"]
    assert response.headers["retry-after"] == "7"


@pytest.mark.parametrize("stream", ["streamGenerateContent", "streamGenerateContent?alt=sse"])
def test_an_error_in_a_stream_is_vertex_ais(gemini: Emulator, ask: Any, stream: str) -> None:
    gemini.fault(error_after=1, status=500)

    text = ask(verb=stream).text

    assert "SELECT" in text
    assert "Internal error encountered." in text


def test_a_blocked_prompt_keeps_what_vertex_ai_says_beside_it(gemini: Emulator, ask: Any) -> None:
    gemini.fault(blocked=True)

    answer = ask().json()

    assert list(answer) == [
        "promptFeedback",
        "usageMetadata",
        "modelVersion",
        "createTime",
        "responseId",
    ]
    assert answer["usageMetadata"] == {"trafficType": "ON_DEMAND"}
