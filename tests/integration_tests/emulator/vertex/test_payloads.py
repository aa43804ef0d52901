"""Vertex AI's bodies beside real ones: the same fields, types, formats and texts."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, VertexModel
from tests.payloads import FOLDER, real, shape

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real bodies are not here")

AT = "projects/acme/locations/us-central1"
ASK = {"contents": [{"role": "user", "parts": [{"text": "How many users are there?"}]}]}
# What the jobs of 2024 and 2025 did not have yet.
SINCE_2025 = {"checkpoints", "tuningStepCount"}


def create(gemini: Emulator, api: httpx.Client, parameters: dict[str, Any]) -> dict[str, Any]:
    gemini.add_file("gs://acme/train.jsonl", [("?" * 4 * n, "!" * n) for n in range(54, 602)])
    spec = {
        "trainingDatasetUri": "gs://acme/train.jsonl",
        "validationDatasetUri": "gs://acme/validation.jsonl",
        "hyperParameters": parameters,
    }
    body = {
        "baseModel": "gemini-2.5-flash",
        "tunedModelDisplayName": "a model",
        "supervisedTuningSpec": spec,
    }
    created: dict[str, Any] = api.post(f"/v1/{AT}/tuningJobs", json=body).json()
    return created


def pending(gemini: Emulator, api: httpx.Client) -> Any:
    return create(gemini, api, {})


def succeeded(gemini: Emulator, api: httpx.Client) -> Any:
    job = api.get(f"/v1/{create(gemini, api, {'epochCount': 10})['name']}").json()
    del job["tunedModel"]["checkpoints"]
    del job["tuningDataStats"]["supervisedTuningDataStats"]["tuningStepCount"]
    return job


def denied(gemini: Emulator, api: httpx.Client) -> Any:
    gemini.fault(status=403)
    path = f"/v1/{AT}/publishers/google/models/gemini-1.5-flash:generateContent"
    return api.post(path, json=ASK).json()


def missing(gemini: Emulator, api: httpx.Client) -> Any:
    return api.post(f"/v1/{AT}/endpoints/7070905402157694976:generateContent", json=ASK).json()


COUNTERPARTS = {
    "vertex_tuningJob_get_PENDING_2025_flash20.json": pending,
    "vertex_tuningJob_get_SUCCEEDED_2024_flash15.json": succeeded,
    "vertex_generateContent_403_IAM_PERMISSION_DENIED.json": denied,
    "vertex_tuned_endpoint_404.json": missing,
}


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_body_has_the_fields_of_the_real_one_in_their_order(
    gemini: Emulator, api: httpx.Client, name: str
) -> None:
    ours = COUNTERPARTS[name](gemini, api)

    assert json.dumps(shape(ours), indent=1) == json.dumps(shape(real(name)), indent=1)


def test_every_real_body_of_this_api_has_its_counterpart() -> None:
    assert {path.name for path in FOLDER.glob("vertex_*.json")} == set(COUNTERPARTS)


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("vertex_generateContent_403_IAM_PERMISSION_DENIED.json", denied),
        ("vertex_tuned_endpoint_404.json", missing),
    ],
)
def test_a_refusal_is_worded_as_the_real_one(
    gemini: Emulator, api: httpx.Client, name: str, ours: Any
) -> None:
    project = r"projects/[\w-]+/"

    said, theirs = json.dumps(ours(gemini, api)), json.dumps(real(name))

    assert re.sub(project, "projects/P/", said) == re.sub(project, "projects/P/", theirs)


@pytest.mark.parametrize(("quota", "line"), [(None, 0), ("minute", 1)])
def test_both_kinds_of_429_are_the_real_ones(
    gemini: Emulator, api: httpx.Client, quota: Any, line: int
) -> None:
    theirs = (FOLDER / "vertex_429_resource_exhausted.txt").read_text().splitlines()[line]
    gemini.fault(status=429, quota=quota)

    path = f"/v1/{AT}/publishers/google/models/gemini-pro:generateContent"

    assert api.post(path, json=ASK).json() == json.loads(theirs)


def test_the_quota_of_a_tuned_model_is_that_of_its_base(
    gemini: Emulator, api: httpx.Client, tuned: VertexModel
) -> None:
    # "Tuned model inference shares the same quota as the base model."
    gemini.fault(quota="day")

    response = api.post(f"/v1/{tuned.endpoint}:generateContent", json=ASK)

    assert "with base model: gemini-3.5-flash." in response.json()["error"]["message"]


def test_a_location_that_is_none_is_the_page_of_the_real_answer(api: httpx.Client) -> None:
    theirs = (FOLDER / "vertex_404_html_invalid_location.html").read_text(encoding="utf-8")

    ours = api.post("/v1/projects/p/locations/nowhere/endpoints/1:generateContent", json=ASK)

    def said(page: str) -> list[str]:
        without_style = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        text = re.sub(r"<code>.*?</code>", "URL", without_style)
        return re.sub(r"<[^>]+>", " ", text).split()

    assert ours.status_code == 404
    assert said(ours.text) == said(theirs)


def test_the_buckets_of_a_distribution_are_split_as_the_real_ones(
    gemini: Emulator, api: httpx.Client
) -> None:
    def borders(job: dict[str, Any]) -> list[tuple[float, float]]:
        stats = job["tuningDataStats"]["supervisedTuningDataStats"]
        buckets = stats["userInputTokenDistribution"]["buckets"]
        return [(bucket["left"], bucket["right"]) for bucket in buckets]

    theirs = real("vertex_tuningJob_get_SUCCEEDED_2024_flash15.json")
    gemini.add_file("gs://acme/a.jsonl", [("x" * 4 * n, "y") for n in range(54, 603)])
    spec = {"trainingDatasetUri": "gs://acme/a.jsonl"}
    body = {"baseModel": "gemini-2.5-flash", "supervisedTuningSpec": spec}
    created = api.post(f"/v1/{AT}/tuningJobs", json=body).json()

    assert borders(api.get(f"/v1/{created['name']}").json()) == borders(theirs)
