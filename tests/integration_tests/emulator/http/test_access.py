"""Who may talk to the emulator, and what it remembers of them."""

from __future__ import annotations

import dataclasses

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

MODEL = "tunedModels/sql-expert-v1"
SECRET = "a-key-nobody-may-see"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"x-goog-api-key": SECRET}, {}),
        ({"authorization": f"Bearer {SECRET}"}, {}),
        ({}, {"key": SECRET}),
    ],
    ids=["header", "token", "query"],
)
def test_any_credential_will_do_and_is_never_recorded(
    gemini: Emulator, headers: dict[str, str], query: dict[str, str]
) -> None:
    response = httpx.get(f"{gemini.base_url}/v1beta/{MODEL}", headers=headers, params=query)

    assert response.status_code == 200
    assert SECRET not in repr(gemini.requests)
    assert SECRET not in repr([dataclasses.asdict(r) for r in gemini.requests])


def test_without_credentials_a_call_is_refused_in_googles_words(gemini: Emulator) -> None:
    response = httpx.get(f"{gemini.base_url}/v1beta/{MODEL}")

    assert response.status_code == 403
    assert response.json()["error"]["status"] == "PERMISSION_DENIED"
    assert "unregistered callers" in response.json()["error"]["message"]


@pytest.mark.parametrize("where", ["header", "query"])
def test_a_rejected_key_is_invalid_and_not_repeated(where: str) -> None:
    with Emulator(rejected_keys=[SECRET]) as gemini:
        headers = {"x-goog-api-key": SECRET} if where == "header" else {}
        query = {"key": SECRET} if where == "query" else {}
        response = httpx.get(f"{gemini.base_url}/v1beta/models", headers=headers, params=query)
        accepted = httpx.get(f"{gemini.base_url}/v1beta/models?key=other")

    assert response.status_code == 400
    assert response.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert SECRET not in response.text
    assert accepted.status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1234", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:80", 200),
        ("generativelanguage.googleapis.com", 200),
        ("evil.example.com", 421),
        ("127.0.0.1.evil.example.com", 421),
        ("", 421),
    ],
)
def test_only_loopback_and_google_are_answered(api: httpx.Client, host: str, status: int) -> None:
    assert api.get(f"/v1beta/{MODEL}", headers={"host": host}).status_code == status


def test_further_hosts_can_be_named() -> None:
    with Emulator(hosts=["gemini.test"]) as gemini:
        headers = {"host": "gemini.test", "x-goog-api-key": "k"}
        named = httpx.get(f"{gemini.base_url}/v1beta/models", headers=headers)
        google = headers | {"host": "generativelanguage.googleapis.com"}
        other = httpx.get(f"{gemini.base_url}/v1beta/models", headers=google)

    assert (named.status_code, other.status_code) == (200, 421)


def test_it_listens_on_loopback_only(gemini: Emulator) -> None:
    assert gemini.base_url.startswith("http://127.0.0.1:")


def test_a_request_is_recorded_as_it_arrived(
    gemini: Emulator, api: httpx.Client, clock: object
) -> None:
    body = {"contents": [{"parts": [{"text": "a"}]}]}
    api.post(f"/v1beta/{MODEL}:streamGenerateContent?alt=sse", json=body)

    (request,) = gemini.requests
    assert request.method == "POST"
    assert request.path == f"/v1beta/{MODEL}:streamGenerateContent"
    assert request.query == {"alt": "sse"}
    assert request.call == "streamGenerateContent"
    assert request.model == MODEL
    assert request.body == body
    assert request.time == 1_700_000_000.25
    assert request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("verb", "path", "call", "model"),
    [
        ("GET", "/v1beta/tunedModels", "list", None),
        ("POST", "/v1beta/tunedModels?tunedModelId=x", "create", "tunedModels/x"),
        ("POST", "/v1beta/tunedModels", "create", None),
        ("GET", "/v1beta/tunedModels/x/operations/y", "operations.get", "tunedModels/x"),
        ("PATCH", "/v1beta/tunedModels/x/permissions/y", "permissions.patch", "tunedModels/x"),
        ("GET", "/v1beta/models/y", "models.get", "models/y"),
        ("GET", "/nowhere", None, None),
    ],
)
def test_a_request_is_recorded_with_the_method_and_the_model_it_means(
    gemini: Emulator,
    api: httpx.Client,
    *,
    verb: str,
    path: str,
    call: str | None,
    model: str | None,
) -> None:
    api.request(verb, path)

    (request,) = gemini.requests
    assert (request.call, request.model) == (call, model)


def test_refused_requests_are_recorded(gemini: Emulator) -> None:
    httpx.get(f"{gemini.base_url}/v1beta/models")
    httpx.post(f"{gemini.base_url}/v1beta/tunedModels", content=b"no json")

    assert [request.body for request in gemini.requests] == [None, "no json"]
