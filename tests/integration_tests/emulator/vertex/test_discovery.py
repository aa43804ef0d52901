"""Every answer of Vertex AI's side beside Google's discovery documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, VertexModel, after
from langchain_tuned_gemini.emulator.http.resource_names import LOCATION_OF_HOST
from langchain_tuned_gemini.emulator.routes import VERTEX_ROUTES
from tests.discovery import (
    VERSIONS,
    document,
    method_of,
    problems_of_answer,
    problems_of_error,
    problems_of_request,
)

AT = "projects/acme/locations/us-central1"
ENDPOINT = f"{AT}/endpoints/42"
BASE = f"{AT}/publishers/google/models/gemini-2.5-flash"
ASK = {"contents": [{"role": "user", "parts": [{"text": "How many users are there?"}]}]}
TRAINING = {"trainingDatasetUri": "gs://acme/train.jsonl", "hyperParameters": {"epochCount": "2"}}
JOB = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": TRAINING, "labels": {"a": "b"}}
STATES = document("v1beta1")["schemas"]["GoogleCloudAiplatformV1beta1TuningJob"]["properties"]
JOB_STATES = STATES["state"]["enum"][1:]
TUNING_STATES = STATES["tuningJobState"]["enum"][1:]


class Checked:
    """An HTTP client that holds everything it sends and gets to the discovery documents."""

    def __init__(self, base_url: str, version: str) -> None:
        self.called: set[str] = set()
        self._version = version
        self._http = httpx.Client(
            base_url=base_url, headers={"authorization": "Bearer t"}, verify=False
        )

    def __call__(self, verb: str, path: str, body: Any = None, **query: Any) -> Any:
        url = f"/{self._version}/{path}"
        response = self._http.request(verb, url, json=body, params=query)
        answer = json.loads(response.text.replace("data: ", ""))
        assert problems_of_request(verb, url, body) == []
        assert response.status_code == 200, answer
        method = method_of(verb, url)
        assert method is not None
        self.called.add(method.id)
        for message in answer if isinstance(answer, list) else [answer]:
            assert problems_of_answer(verb, url, message) == []
        return answer

    def close(self) -> None:
        self._http.close()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    version: str = request.param
    return version


@pytest.fixture
def call(gemini: Emulator, version: str) -> Iterator[Checked]:
    checked = Checked(gemini.base_url, version)
    yield checked
    checked.close()


def test_every_method_answers_as_the_documents_say(
    gemini: Emulator, tuned: VertexModel, call: Checked, version: str
) -> None:
    job = call("POST", f"{AT}/tuningJobs", JOB)["name"]
    call("POST", f"{job}:cancel", {})
    done = call("GET", job)
    call("GET", f"{AT}/tuningJobs", filter='state="JOB_STATE_SUCCEEDED"', pageSize=1)

    endpoint, model = done["tunedModel"]["endpoint"], done["tunedModel"]["model"]
    for who in (endpoint, BASE, "publishers/google/models/gemini-2.5-flash"):
        call("POST", f"{who}:generateContent", ASK)
        assert len(call("POST", f"{who}:streamGenerateContent", ASK)) > 1
        call("POST", f"{who}:countTokens", ASK)
    call("GET", f"{AT}/endpoints")
    call("GET", "publishers/google/models/gemini-2.5-flash")
    if version == "v1beta1":
        call("GET", "publishers/google/models")

    again = {"preTunedModel": {"tunedModelName": model}, "supervisedTuningSpec": TRAINING}
    second = call("GET", call("POST", f"{AT}/tuningJobs", again)["name"])["tunedModel"]
    name = model.partition("@")[0]
    call("GET", f"{AT}/models", pageSize=1)
    call("GET", name)
    call("GET", f"{name}:listVersions")
    call("GET", f"{model}:listCheckpoints")
    call("PATCH", name, {"displayName": "new"}, updateMask="displayName")
    call("POST", f"{second['model']}:mergeVersionAliases", {"versionAliases": ["default", "prod"]})
    for tuned_model in (done["tunedModel"], second):
        for checkpoint in tuned_model["checkpoints"]:
            (deployed,) = call("GET", checkpoint["endpoint"])["deployedModels"]
            body = {"deployedModelId": deployed["id"]}
            undeployed = call("POST", f"{checkpoint['endpoint']}:undeployModel", body)
            call("POST", f"{undeployed['name']}:wait")
            call("DELETE", checkpoint["endpoint"])
    call("DELETE", f"{model}:deleteVersion")
    deleted = call("DELETE", name)
    call("GET", deleted["name"])
    call("GET", f"{AT}/operations/{deleted['name'].rpartition('/')[2]}")

    answered = {
        method.split("locations.")[-1].removeprefix("aiplatform.") for method in call.called
    }
    expected = {route.method for route in VERTEX_ROUTES}
    expected -= {"predict"} | ({"publishers.models.list"} if version == "v1" else set())
    assert expected == {_short(method) for method in answered}


def _short(method: str) -> str:
    """The emulator's name for a method: that of the same thing on the Developer API."""
    *_, resource, name = method.split(".")
    if name in {"generateContent", "streamGenerateContent", "countTokens"}:
        return name
    return f"operations.{name}" if resource == "operations" else method


@pytest.mark.parametrize("state", [*JOB_STATES, *TUNING_STATES])
def test_a_job_in_every_state_is_as_the_documents_say(
    gemini: Emulator, call: Checked, state: str, version: str
) -> None:
    model = gemini.add_vertex_model(
        ENDPOINT,
        examples=[("1", "2")],
        state=state,
        checkpoints=2,
        description="d",
        display_name="n",
        labels={"a": "b"},
    )

    job = call("GET", model.job)

    detail = None if version == "v1" or state in JOB_STATES else state
    assert job["state"] == ("JOB_STATE_RUNNING" if state in TUNING_STATES else state)
    assert job.get("tuningJobState") == detail
    ended = {f"JOB_STATE_{end}" for end in ("SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")}
    assert ("endTime" in job) == (state in ended)
    assert ("error" in job) == (state in {"JOB_STATE_FAILED", "JOB_STATE_CANCELLED"})
    assert ("tunedModel" in job) == state.endswith("SUCCEEDED")


@pytest.mark.parametrize("elapsed", range(11))
def test_a_job_is_as_the_documents_say_all_along(clock: Any, elapsed: int, version: str) -> None:
    files = {"gs://acme/train.jsonl": [(str(n), str(n + 1)) for n in range(40)]}
    with Emulator(clock=clock, progression=after(10), files=files) as gemini:
        call = Checked(gemini.base_url, version)
        name = call("POST", f"{AT}/tuningJobs", JOB)["name"]
        clock.now += elapsed
        call("GET", name)
        call.close()


@pytest.mark.parametrize(
    "fault",
    [{"blocked": True}, {"no_candidates": True}, {"empty": True}, {"finish_reason": "SAFETY"}],
)
def test_a_sick_answer_still_is_as_the_documents_say(
    gemini: Emulator, tuned: VertexModel, call: Checked, fault: dict[str, Any]
) -> None:
    gemini.fault(**fault)

    call("POST", f"{ENDPOINT}:generateContent", ASK)
    call("POST", f"{ENDPOINT}:streamGenerateContent", ASK)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 499, 500, 501, 503, 504])
def test_a_refusal_is_a_status_of_google(
    gemini: Emulator, tuned: VertexModel, api: httpx.Client, status: int
) -> None:
    gemini.fault(status=status, retry_delay=7, quota="minute", method="any")

    for verb, path in [("GET", tuned.job), ("POST", f"{ENDPOINT}:generateContent")]:
        response = api.request(verb, f"/v1/{path}", json=ASK if verb == "POST" else None)

        assert response.status_code == status
        assert problems_of_error(response.json()) == []


# Real answers refuse them where the documents have nothing.
NOT_DOCUMENTED = {f"{AT}/models/1:{verb}" for verb in ("generateContent", "streamGenerateContent")}


@pytest.mark.parametrize(
    ("method", "verb", "url", "version"),
    [(r.method, r.verb, r.url, v) for r in VERTEX_ROUTES for v in sorted(r.versions)],
)
def test_every_url_is_a_method_of_the_documents(
    method: str, verb: str, url: str, version: str
) -> None:
    path = url.replace("projects/*/locations/*/", f"{AT}/").replace("publishers/*", "publishers/g")
    path = path.replace("*", "1")

    found = method_of(verb, f"/{version}/{path}")

    if path in NOT_DOCUMENTED or (path == f"{AT}/models/1:countTokens"):
        assert found is None
        return
    assert found is not None
    assert found.version == version
    short = _short(found.id.split("locations.")[-1].removeprefix("aiplatform."))
    assert (
        short.replace("endpoints.predict", "predict").replace("endpoints.rawPredict", "predict")
        == method
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_location_of_the_documents_has_its_host(version: str) -> None:
    for endpoint in document(version)["endpoints"]:
        if endpoint["location"] in {"us", "eu"}:
            continue
        host = endpoint["endpointUrl"].removeprefix("https://").strip("/")
        assert LOCATION_OF_HOST[host] == endpoint["location"]


GOOD = {
    "name": f"{AT}/tuningJobs/1",
    "state": "JOB_STATE_SUCCEEDED",
    "createTime": "2025-03-08T09:55:32.046081Z",
    "labels": {"team": "data"},
    "supervisedTuningSpec": {
        "hyperParameters": {"epochCount": "2", "learningRateMultiplier": 1.5},
        "exportLastCheckpointOnly": True,
    },
    "tuningDataStats": {
        "supervisedTuningDataStats": {
            "truncatedExampleIndices": ["1"],
            "droppedExampleReasons": ["x"],
        }
    },
    "error": {"code": 13, "details": [{"@type": "type.googleapis.com/google.rpc.Help"}]},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("extra",), 1),
        (("state",), "JOB_STATE_DONE"),
        (("createTime",), "2025-03-08"),
        (("createTime",), 1741427732),
        (("labels", "team"), 1),
        (("supervisedTuningSpec", "hyperParameters", "epochCount"), 2),
        (("supervisedTuningSpec", "hyperParameters", "epochCount"), "two"),
        (("supervisedTuningSpec", "hyperParameters", "epoch_count"), "2"),
        (("supervisedTuningSpec", "hyperParameters", "learningRateMultiplier"), "1.5"),
        (("supervisedTuningSpec", "exportLastCheckpointOnly"), "true"),
        (("supervisedTuningSpec",), []),
        (("tuningDataStats", "supervisedTuningDataStats", "truncatedExampleIndices"), [1]),
        (("tuningDataStats", "supervisedTuningDataStats", "droppedExampleReasons"), "x"),
        (("error", "code"), "13"),
        (("error", "code"), 2**31),
    ],
)
def test_the_check_itself_finds_what_is_wrong(path: tuple[str, ...], value: Any) -> None:
    wrong = deepcopy(GOOD)
    place: Any = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    url = f"/v1/{AT}/tuningJobs/1"

    assert problems_of_answer("GET", url, GOOD) == []
    assert len(problems_of_answer("GET", url, wrong)) == 1


def test_the_check_knows_operations_errors_and_bytes() -> None:
    kind = "type.googleapis.com/google.cloud.aiplatform.v1.DeleteOperationMetadata"
    right = {"name": "n", "metadata": {"@type": kind, "genericMetadata": {}}}
    of_beta = {"metadata": {"@type": kind.replace("v1", "v1beta1")}}
    unknown = {"metadata": {"@type": kind, "genericMetadata": {"when": "now"}}}
    full = {"response": {"@type": "type.googleapis.com/google.protobuf.Empty", "x": 1}}
    part = {"candidates": [{"content": {"parts": [{"thoughtSignature": "!"}]}}]}

    url = f"/v1/{AT}/operations/1"
    assert problems_of_answer("GET", url, right) == []
    for wrong in (of_beta, unknown, full):
        assert len(problems_of_answer("GET", url, wrong)) == 1
    assert len(problems_of_answer("POST", f"/v1/{ENDPOINT}:generateContent", part)) == 1
    assert problems_of_error({"error": {"code": "400", "message": "m", "reason": "r"}}) == [
        "code",
        "status",
        "unknown reason",
    ]
