"""The emulator's bodies beside real ones: the same fields, types and formats.

The real ones are no part of the project. Where their folder is missing, so are these tests.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, Hyperparameters, manual
from tests.payloads import FOLDER, real, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the real bodies are not here")

MODEL = "tunedModels/sql-expert-v1"
ROWS = [{"textInput": str(i), "output": str(i + 1)} for i in range(15)]
QUESTION = {"contents": [{"parts": [{"text": "How many users are there?"}]}]}


def generate(api: httpx.Client, model: str = MODEL) -> httpx.Response:
    return api.post(f"/v1beta/{model}:generateContent", json=QUESTION)


def create(_: Emulator, api: httpx.Client) -> httpx.Response:
    task = {"hyperparameters": {"batchSize": 2}, "trainingData": {"examples": {"examples": ROWS}}}
    body = {
        "displayName": "number generator",
        "baseModel": "models/gemini-1.5-flash-001-tuning",
        "tuningTask": task,
    }
    return api.post("/v1beta/tunedModels", json=body)


def get_creating(_: Emulator, api: httpx.Client) -> httpx.Response:
    name = create(_, api).json()["metadata"]["tunedModel"]
    return api.get(f"/v1beta/{name}")


def list_two(gemini: Emulator, api: httpx.Client) -> httpx.Response:
    gemini.delete_tuned_model(MODEL)
    examples = [(str(i), str(i + 1)) for i in range(15)]
    for number in (1, 2):
        gemini.add_tuned_model(
            f"tunedModels/number-generator-{number}",
            examples=examples,
            display_name="number generator",
            hyperparameters=Hyperparameters(5, batch_size=2, learning_rate=0.001),
        )
    return api.get("/v1beta/tunedModels")


def delete(_: Emulator, api: httpx.Client) -> httpx.Response:
    return api.delete(f"/v1beta/{MODEL}")


def refuse_key(_: Emulator, api: httpx.Client) -> httpx.Response:
    return api.get("/v1beta/models", headers={"x-goog-api-key": "rejected"})


def refuse_prefill(_: Emulator, api: httpx.Client) -> httpx.Response:
    contents = [*QUESTION["contents"], {"role": "model", "parts": [{"text": "SELECT"}]}]
    path = "/v1beta/models/gemini-3.5-flash-lite:generateContent"
    return api.post(path, json={"contents": contents})


def faulty(**fault: Any) -> Callable[[Emulator, httpx.Client], httpx.Response]:
    def produce(gemini: Emulator, api: httpx.Client) -> httpx.Response:
        with gemini.fault(**fault):
            return generate(api)

    return produce


def answer(_: Emulator, api: httpx.Client) -> httpx.Response:
    return generate(api)


@pytest.fixture
def creating() -> Iterator[tuple[Emulator, httpx.Client]]:
    with (
        Emulator(progression=manual(), rejected_keys=["rejected"]) as gemini,
        httpx.Client(
            base_url=gemini.base_url, headers={"x-goog-api-key": "k"}, verify=False
        ) as api,
    ):
        gemini.add_tuned_model(MODEL, examples=[("How many users are there?", "LXIV")])
        yield gemini, api


# Newer answers than the real one of March 2024 also count tokens and name their model.
SINCE_2024 = {"usageMetadata", "modelVersion", "responseId"}

COUNTERPARTS = {
    "dev_tunedModels_create_200_LRO_2024_gemini10_curl.json": create,
    "dev_tunedModels_get_CREATING_200_2023.json": get_creating,
    "dev_tunedModels_list_200_2024_gemini10_phpdoc.json": list_two,
    "dev_tunedModels_delete_200.json": delete,
    "dev_tuned_generateContent_200_2024_gemini10_curl.json": answer,
    "dev_generateContent_400_API_KEY_INVALID.json": refuse_key,
    "dev_generateContent_400_prefill_rejected.json": refuse_prefill,
    "dev_generateContent_429_simple.json": faulty(status=429),
    "dev_generateContent_429_QuotaFailure_RetryInfo.json": faulty(retry_delay=57.219397761),
    "dev_generateContent_500_INTERNAL.json": faulty(status=500),
}


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Our body, without what a real one of its time could not have."""
    for model in body.get("tunedModels", []):
        # Whoever published the real list left two snapshots of each model in it.
        del model["tuningTask"]["snapshots"][2:]
    return {key: value for key, value in body.items() if key not in SINCE_2024}


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_body_has_the_shape_of_the_real_one(
    creating: tuple[Emulator, httpx.Client], name: str
) -> None:
    ours = comparable(COUNTERPARTS[name](*creating).json())

    assert shape(ours) == shape(real(name))


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_body_has_its_fields_in_the_order_of_the_real_one(
    creating: tuple[Emulator, httpx.Client], name: str
) -> None:
    ours = comparable(COUNTERPARTS[name](*creating).json())

    assert json.dumps(shape(ours)) == json.dumps(shape(real(name)))


@pytest.mark.parametrize(
    "name",
    [
        "dev_generateContent_400_prefill_rejected.json",
        "dev_generateContent_429_simple.json",
        "dev_generateContent_500_INTERNAL.json",
        "dev_tunedModels_delete_200.json",
    ],
)
def test_a_body_without_variable_parts_is_the_real_one(
    creating: tuple[Emulator, httpx.Client], name: str
) -> None:
    assert COUNTERPARTS[name](*creating).json() == real(name)


def test_every_real_body_of_this_api_has_its_counterpart() -> None:
    assert {path.name for path in FOLDER.glob("dev_*.json")} == set(COUNTERPARTS)


def test_a_quota_message_is_worded_as_the_real_one(
    creating: tuple[Emulator, httpx.Client],
) -> None:
    gemini, api = creating
    name = "dev_generateContent_429_QuotaFailure_RetryInfo.json"
    gemini.fault(retry_delay=57.219397761, quota="minute")

    ours = generate(api, "models/gemini-2.5-flash").json()["error"]
    theirs = real(name)["error"]

    lines = theirs["message"].replace("gemini-2.0-flash", "gemini-2.5-flash").split("\n")
    assert ours["message"].split("\n") == [lines[0], lines[2], lines[4]]
    assert ours["details"][2] == theirs["details"][2]
    violation = theirs["details"][1]["violations"][1]
    dimensions = {"location": "global", "model": "gemini-2.5-flash"}
    assert ours["details"][1]["violations"] == [violation | {"quotaDimensions": dimensions}]


def test_texts_of_real_errors_are_the_emulators(creating: tuple[Emulator, httpx.Client]) -> None:
    gemini, api = creating
    not_found = (FOLDER / "dev_tunedModels_get_404_generativeai_rest_2024.txt").read_text()
    not_owner = (FOLDER / "dev_tuned_generateContent_403_not_owner.txt").read_text()
    gemini.add_tuned_model("tunedModels/mymodel", owner="you@example.com")

    missing = api.get("/v1beta/tunedModels/generate-num-8122").json()["error"]["message"]
    denied = generate(api, "tunedModels/mymodel").json()["error"]["message"]

    assert missing in not_found
    assert denied in not_owner


def test_an_error_in_a_stream_has_the_form_of_the_real_one(
    creating: tuple[Emulator, httpx.Client],
) -> None:
    gemini, api = creating
    theirs = (FOLDER / "stream_error_mid_stream_499.txt").read_text(encoding="utf-8")
    gemini.fault(error_after=1, status=499)

    ours = api.post(f"/v1beta/{MODEL}:streamGenerateContent?alt=sse", json=QUESTION).text

    def last(stream: str) -> dict[str, Any]:
        frame = stream.replace("\r\n", "\n").strip().split("\n\n")[-1]
        assert not frame.startswith("data:")
        error: dict[str, Any] = json.loads(frame)["error"]
        error.pop("details", None)
        return error

    assert last(ours) == last(theirs)


def test_a_page_of_404_says_what_the_real_one_says(
    creating: tuple[Emulator, httpx.Client],
) -> None:
    theirs = (FOLDER / "vertex_404_html_invalid_location.html").read_text(encoding="utf-8")

    ours = creating[1].get("/v1/tunedModels").text

    def said(page: str) -> list[str]:
        without_style = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
        text = re.sub(r"<code>.*?</code>", "URL", without_style)
        return re.sub(r"<[^>]+>", " ", text).split()

    assert said(ours) == said(theirs)
