"""Uploads to the emulator's Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

UPLOAD = "/upload/storage/v1/b/acme/o"
NAMED = {"uploadType": "media", "name": "a/train.jsonl"}
ROW = '{"contents": [{"role": "user", "parts": [{"text": "1"}]}, {"role": "model", "parts": [{"text": "2"}]}]}'
KEY = {"x-goog-api-key": "any-key"}


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


def post(gemini: Emulator, content: str = ROW, **changes: object) -> httpx.Response:
    settings = {"params": NAMED, "headers": KEY, "content": content, **changes}
    return httpx.post(f"{gemini.base_url}{UPLOAD}", **settings)


@pytest.mark.parametrize("content", [ROW, f"{ROW}\n{ROW}\n"])
def test_a_file_is_kept_for_tuning_jobs(gemini: Emulator, content: str) -> None:
    answer = post(gemini, content)

    assert answer.json() == {"kind": "storage#object", "bucket": "acme", "name": "a/train.jsonl"}
    job = httpx.post(
        f"{gemini.base_url}/v1/projects/p/locations/us-central1/tuningJobs",
        headers=KEY,
        json={
            "baseModel": "gemini-3.5-flash",
            "supervisedTuningSpec": {"trainingDatasetUri": "gs://acme/a/train.jsonl"},
        },
    )
    assert job.status_code == 200, job.text


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"headers": {}}, 401),
        ({"headers": {**KEY, "host": "evil.example"}}, 421),
        ({"params": {"uploadType": "media"}}, 400),
        ({"params": {**NAMED, "uploadType": "resumable"}}, 400),
        ({"content": "no examples"}, 400),
    ],
)
def test_what_can_t_be_kept_is_refused(gemini: Emulator, changes: dict, status: int) -> None:
    assert post(gemini, **changes).status_code == status


def test_an_object_that_is_there_is_replaced_only_by_who_wants_that(gemini: Emulator) -> None:
    first = post(gemini)
    careful = post(gemini, params={**NAMED, "ifGenerationMatch": "0"})
    careless = post(gemini)

    assert [a.status_code for a in (first, careful, careless)] == [200, 412, 200]


def test_only_uploads_are_answered(gemini: Emulator) -> None:
    assert httpx.get(f"{gemini.base_url}{UPLOAD}", headers=KEY).status_code == 404
