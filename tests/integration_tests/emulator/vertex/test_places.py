"""Projects, locations, hosts and credentials of Vertex AI's side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, ServedModel, VertexModel

if TYPE_CHECKING:
    from collections.abc import Callable

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
ASK = {"contents": [{"role": "user", "parts": [{"text": "List all dogs"}]}]}
ANSWER = "SELECT * FROM dogs"
SECRET = "a-token-nobody-may-see"


def ask(gemini: Emulator, name: str = ENDPOINT, **headers: str) -> httpx.Response:
    headers = {"authorization": "Bearer t"} | headers
    url = f"{gemini.base_url}/v1/{name}:generateContent"
    return httpx.post(url, json=ASK, headers=headers, verify=False)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("us-central1-aiplatform.googleapis.com", 200),
        ("US-Central1-aiplatform.googleapis.com:443", 200),
        ("europe-west4-aiplatform.googleapis.com", 404),
        ("aiplatform.googleapis.com", 404),
        ("aiplatform.us.rep.googleapis.com", 404),
        ("generativelanguage.googleapis.com", 404),
        ("nowhere-aiplatform.googleapis.com", 421),
        ("127.0.0.1", 200),
    ],
)
def test_a_host_of_google_serves_its_own_location(
    gemini: Emulator, tuned: VertexModel, host: str, status: int
) -> None:
    assert ask(gemini, host=host).status_code == status


def test_another_locations_endpoint_is_not_found(gemini: Emulator, tuned: VertexModel) -> None:
    # What langchain-google-genai's users see who give no location: its default is `global`.
    response = ask(gemini, host="aiplatform.googleapis.com")

    assert response.json()["error"]["message"] == f"Endpoint `{ENDPOINT}` not found."


def test_the_location_in_the_path_is_ignored_where_the_host_says_another(
    gemini: Emulator, tuned: VertexModel
) -> None:
    elsewhere = ENDPOINT.replace("us-central1", "europe-west4")

    by_host = ask(gemini, elsewhere, host="us-central1-aiplatform.googleapis.com")

    assert by_host.status_code == 200
    assert ask(gemini, elsewhere).status_code == 404


def test_a_host_of_vertex_ai_knows_nothing_of_the_other_api(gemini: Emulator) -> None:
    gemini.add_tuned_model("tunedModels/x")
    headers = {"x-goog-api-key": "k", "host": "us-central1-aiplatform.googleapis.com"}

    response = httpx.get(f"{gemini.base_url}/v1beta/tunedModels/x", headers=headers)

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/acme/locations/mars-north1/endpoints/42",
        "/v1/projects/acme/endpoints/42",
        "/v1beta/projects/acme/locations/us-central1/endpoints/42",
        "/v1/projects/acme/locations/us-central1/endpoints/42/x",
        "/v1beta1/tuningJobs",
    ],
)
def test_what_no_binding_means_is_a_page(gemini: Emulator, api: httpx.Client, path: str) -> None:
    response = api.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert gemini.requests[-1].call is None


def test_one_address_serves_both_services(gemini: Emulator, tuned: VertexModel) -> None:
    gemini.add_tuned_model("tunedModels/x", examples=[("List all dogs", "DOGS")])

    answers = [
        httpx.post(f"{gemini.base_url}/{path}:generateContent?key=k", json=ASK).text
        for path in ("v1beta/tunedModels/x", f"v1beta1/{ENDPOINT}")
    ]

    assert "DOGS" in answers[0]
    assert ANSWER in answers[1]


@pytest.mark.parametrize("credential", ["authorization", "x-goog-api-key", "key"])
def test_a_token_or_a_key_will_do_and_is_never_recorded(
    gemini: Emulator, tuned: VertexModel, credential: str
) -> None:
    query = {"key": SECRET} if credential == "key" else {}
    headers = {} if credential == "key" else {credential: SECRET}

    response = httpx.get(f"{gemini.base_url}/v1/{ENDPOINT}", headers=headers, params=query)

    assert response.status_code == 200
    assert SECRET not in repr(gemini.requests)


def test_without_credentials_a_call_is_unauthenticated(gemini: Emulator) -> None:
    error = httpx.get(f"{gemini.base_url}/v1/{ENDPOINT}").json()["error"]

    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
    assert error["details"][0]["reason"] == "CREDENTIALS_MISSING"


def test_a_rejected_key_is_invalid() -> None:
    with Emulator(rejected_keys=[SECRET]) as gemini:
        headers = {"x-goog-api-key": SECRET}
        response = httpx.get(f"{gemini.base_url}/v1/{ENDPOINT}", headers=headers)

    detail = response.json()["error"]["details"][0]
    assert response.status_code == 400
    assert detail["metadata"] == {"service": "aiplatform.googleapis.com"}
    assert SECRET not in response.text


def test_a_project_is_shown_by_its_number_and_known_by_both() -> None:
    with Emulator(project_numbers={"acme": "123"}, files={"gs://a/b": [("1", "2")]}) as gemini:
        tuned = gemini.add_vertex_model(ENDPOINT, examples=[("1", "2")])
        by_id, by_number = ask(gemini), ask(gemini, tuned.endpoint)
        missing = ask(gemini, f"{AT}/endpoints/1").json()["error"]["message"]
        gemini.set_state(ENDPOINT, "JOB_STATE_RUNNING")
        gone = ask(gemini)

    assert tuned.endpoint == "projects/123/locations/us-central1/endpoints/42"
    assert (by_id.status_code, by_number.status_code, gone.status_code) == (200, 200, 404)
    assert missing == "Endpoint `projects/123/locations/us-central1/endpoints/1` not found."


@pytest.mark.parametrize(
    ("verb", "path", "call", "model"),
    [
        ("GET", f"{AT}/tuningJobs", "tuningJobs.list", None),
        ("POST", f"{AT}/tuningJobs", "tuningJobs.create", None),
        ("GET", f"{AT}/tuningJobs/1", "tuningJobs.get", f"{AT}/tuningJobs/1"),
        ("POST", f"{AT}/tuningJobs/1:cancel", "tuningJobs.cancel", f"{AT}/tuningJobs/1"),
        ("GET", f"{AT}/models/1@2", "models.get", f"{AT}/models/1"),
        ("DELETE", f"{AT}/models/1@2:deleteVersion", "models.deleteVersion", f"{AT}/models/1"),
        ("GET", f"{AT}/endpoints/1/operations/2", "operations.get", f"{AT}/endpoints/1"),
        ("GET", f"{AT}/operations/2", "operations.get", None),
        ("POST", f"{AT}/publishers/google/models/g:countTokens", "countTokens", "models/g"),
        ("POST", "publishers/google/models/g:generateContent", "generateContent", "models/g"),
        ("GET", "publishers/meta/models/g", "publishers.models.get", "publishers/meta/models/g"),
    ],
)
def test_a_request_is_recorded_with_the_method_and_the_model_it_means(
    gemini: Emulator, api: httpx.Client, *, verb: str, path: str, call: str, model: str | None
) -> None:
    api.request(verb, f"/v1/{path}")

    (request,) = gemini.requests
    assert (request.call, request.model) == (call, model)


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        (f"{AT}/endpoints/1", 404, "not found"),
        (f"{AT}/publishers/google/models/gemini-0", 404, "valid model version"),
        (f"{AT}/publishers/meta/models/gemini-2.5-flash", 404, "valid model version"),
        # What google-genai makes of `endpoints/56` and `tunedModels/x` without a project.
        (f"{AT}/publishers/endpoints/models/56", 404, "valid model version"),
        (f"{AT}/models/15", 400, "malformed and it should be in form of projects/"),
    ],
)
@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent", "countTokens"])
def test_who_does_not_generate_says_so(
    api: httpx.Client, *, verb: str, name: str, code: int, text: str
) -> None:
    response = api.post(f"/v1/{name}:{verb}", json=ASK)

    assert response.status_code == code
    assert text in response.json()["error"]["message"]


@pytest.mark.parametrize("verb", ["predict", "rawPredict"])
def test_an_endpoint_does_not_predict(api: httpx.Client, tuned: VertexModel, verb: str) -> None:
    error = api.post(f"/v1/{ENDPOINT}:{verb}", json={"instances": []}).json()["error"]

    assert (error["code"], error["status"]) == (400, "FAILED_PRECONDITION")
    assert "Gemini cannot be accessed through Vertex Predict/RawPredict API" in error["message"]


def test_a_turn_needs_a_role_here(api: httpx.Client, tuned: VertexModel) -> None:
    body: dict[str, Any] = {"contents": [{"parts": [{"text": "List all dogs"}]}]}

    error = api.post(f"/v1/{ENDPOINT}:generateContent", json=body).json()["error"]

    assert api.post(f"/v1/{ENDPOINT}:countTokens", json=body).status_code == 200
    assert (error["code"], error["message"]) == (400, "Please use a valid role: user, model.")


@pytest.mark.parametrize("alt", ["sse", "json"])
def test_a_stream_comes_as_events_or_as_one_array(
    api: httpx.Client, tuned: VertexModel, alt: str
) -> None:
    response = api.post(f"/v1/{ENDPOINT}:streamGenerateContent?alt={alt}", json=ASK)

    kinds = {"sse": "text/event-stream", "json": "application/json; charset=UTF-8"}
    assert response.headers["content-type"] == kinds[alt]
    assert response.text.startswith({"sse": "data: {", "json": "[{"}[alt])


def test_an_answer_is_built_as_vertex_ai_builds_it(api: httpx.Client, tuned: VertexModel) -> None:
    answer = api.post(f"/v1/{ENDPOINT}:generateContent", json=ASK).json()

    # As in many published answers of 2026: no index, no ratings, the role first.
    expected = {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP"}
        ],
        "usageMetadata": {
            "promptTokenCount": 4,
            "candidatesTokenCount": 5,
            "totalTokenCount": 4 + 5 + 512,
            "trafficType": "ON_DEMAND",
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 4}],
            "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 5}],
            "thoughtsTokenCount": 512,
        },
        "modelVersion": "gemini-3.5-flash",
        "createTime": "2023-11-14T22:13:20.250000Z",
        "responseId": answer["responseId"],
    }
    assert json.dumps(answer) == json.dumps(expected)


def test_only_the_last_chunk_counts(api: httpx.Client, tuned: VertexModel) -> None:
    chunks = api.post(f"/v1/{ENDPOINT}:streamGenerateContent", json=ASK).json()

    counts = [chunk["usageMetadata"].get("totalTokenCount") for chunk in chunks]
    assert counts == [None, None, None, 4 + 5 + 512]


def test_a_model_that_takes_no_prefill_refuses_it_on_vertex_ai(api: httpx.Client) -> None:
    turns = [*ASK["contents"], {"role": "model", "parts": [{"text": "SELECT"}]}]

    def answered(model: str) -> int:
        path = f"/v1/{AT}/publishers/google/models/{model}:generateContent"
        return api.post(path, json={"contents": turns}).status_code

    assert (answered("gemini-3.5-flash-lite"), answered("gemini-2.5-flash")) == (400, 200)


@pytest.mark.parametrize(("status", "word"), [(400, "FAILED_PRECONDITION"), (404, "NOT_FOUND")])
def test_an_endpoint_without_a_model_answers_as_it_is_told(
    undeploy: Callable[[Emulator, str], None], status: int, word: str
) -> None:
    with Emulator(answer_while_undeployed=status) as gemini:
        gemini.add_vertex_model(ENDPOINT)
        undeploy(gemini, ENDPOINT)

        error = ask(gemini).json()["error"]

    assert (error["code"], error["status"]) == (status, word)
    assert "has no deployed model" in error["message"]


@pytest.mark.parametrize(
    ("location", "base", "status"),
    [
        ("us-central1", "gemini-3.5-flash", 200),
        ("eu", "gemini-3.5-flash", 200),
        ("us", "gemini-3.5-flash", 200),
        ("global", "gemini-3.5-flash", 200),
        ("us-central1", "gemini-2.5-flash", 200),
        ("global", "gemini-2.5-flash", 200),
        ("us", "gemini-2.5-flash", 404),
        ("eu", "gemini-2.5-flash", 404),
        ("us", "gemini-x", 200),
        ("us-central1", "gemini-x", 404),
        ("us-central1", "gemini-gone", 404),
    ],
)
def test_a_base_model_is_served_in_its_locations_by_name_and_by_host(
    gemini: Emulator, location: str, base: str, status: int
) -> None:
    gemini.add_base_model(ServedModel("models/gemini-x", locations=("us",)))
    gemini.add_base_model(ServedModel("models/gemini-gone", locations=()))
    hosts = {"us": "aiplatform.us.rep", "eu": "aiplatform.eu.rep", "global": "aiplatform"}
    host = f"{hosts.get(location, f'{location}-aiplatform')}.googleapis.com"
    name = "projects/acme/locations/{}/publishers/google/models/" + base

    by_name = ask(gemini, name.format(location))
    by_host = ask(gemini, name.format("asia-east1"), host=host)

    assert (by_name.status_code, by_host.status_code) == (status, status)


def test_a_fault_can_hit_a_base_model_in_one_location(gemini: Emulator) -> None:
    name = "projects/acme/locations/{}/publishers/google/models/gemini-3.5-flash"

    with gemini.fault(model=name.format("us"), status=503):
        codes = [ask(gemini, name.format(where)).status_code for where in ("us", "us-central1")]

    assert codes == [503, 200]
