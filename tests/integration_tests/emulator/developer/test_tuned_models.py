"""Creating, reading, changing and deleting tuned models."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, ServedModel

BASE = "models/gemini-1.5-flash-001-tuning"
MODEL = "tunedModels/sql-expert-v1"


def request(examples: int = 15, **fields: Any) -> dict[str, Any]:
    """A create request; fields of the tuning task's hyperparameters go to the top."""
    hyperparameters = {
        key: fields.pop(key)
        for key in ("epochCount", "batchSize", "learningRate", "learningRateMultiplier")
        if key in fields
    }
    rows = [{"textInput": str(i), "output": str(i + 1)} for i in range(1, examples + 1)]
    task = {"hyperparameters": hyperparameters, "trainingData": {"examples": {"examples": rows}}}
    return {"baseModel": BASE, "tuningTask": task, **fields}


def create(api: httpx.Client, model_id: str = "", **fields: Any) -> httpx.Response:
    query = f"?tunedModelId={model_id}" if model_id else ""
    return api.post(f"/v1beta/tunedModels{query}", json=request(**fields))


def error(response: httpx.Response) -> tuple[int, str]:
    body = response.json()["error"]
    assert body["code"] == response.status_code
    return body["code"], body["status"]


def test_creating_answers_with_an_operation_that_is_not_done(api: httpx.Client) -> None:
    operation = create(api, displayName="number generator model", batchSize=2).json()

    model = operation["metadata"]["tunedModel"]
    assert operation == {
        "name": operation["name"],
        "metadata": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1beta."
            "CreateTunedModelMetadata",
            "totalSteps": 38,
            "tunedModel": model,
        },
    }
    assert re.fullmatch(re.escape(model) + "/operations/[a-z0-9]{12}", operation["name"])


def test_a_created_model_is_active_and_answers(api: httpx.Client) -> None:
    create(api, "next-number", examples=20)

    model = api.get("/v1beta/tunedModels/next-number").json()
    contents = [{"parts": [{"text": "7"}]}]
    path = "/v1beta/tunedModels/next-number:generateContent"
    answer = api.post(path, json={"contents": contents}).json()

    assert model["state"] == "ACTIVE"
    assert answer["candidates"][0]["content"]["parts"] == [{"text": "8"}]


@pytest.mark.parametrize(
    ("examples", "epochs", "batch", "steps"),
    [(15, 5, 2, 38), (15, 5, 4, 19), (15, 3, 2, 23), (15, 100, 4, 375), (1, 1, 16, 1)],
)
def test_steps_are_examples_times_epochs_by_batch_rounded_up(
    api: httpx.Client, examples: int, epochs: int, batch: int, steps: int
) -> None:
    operation = create(api, examples=examples, epochCount=epochs, batchSize=batch).json()

    assert operation["metadata"]["totalSteps"] == steps


@pytest.mark.parametrize(
    ("display_name", "pattern"),
    [
        ("my display name 81", r"my-display-name-81-[a-z0-9]{12}"),
        ("Number Generator 100", r"number-generator-100-[a-z0-9]{12}"),
        ("test_number_generator", r"testnumbergenerator-[a-z0-9]{12}"),
        ("generate-num-392", r"generatenum392-[a-z0-9]{12}"),
        ("", r"[a-z][a-z0-9]{11}"),
        ("1 2 3", r"[a-z][a-z0-9]{11}"),
        ("forty characters are a lot for one name!", r"[a-z0-9-]{1,40}"),
    ],
)
def test_an_id_is_made_from_the_words_of_the_display_name(
    api: httpx.Client, display_name: str, pattern: str
) -> None:
    operation = create(api, displayName=display_name).json()

    model = operation["metadata"]["tunedModel"]
    assert re.fullmatch(f"tunedModels/{pattern}", model)
    assert len(model) <= len("tunedModels/") + 40
    assert api.get(f"/v1beta/{model}").json().get("displayName", "") == display_name


@pytest.mark.parametrize("model_id", ["a", "sql-expert-v2", "a" * 40, "x0"])
def test_an_id_of_the_caller_is_taken(api: httpx.Client, model_id: str) -> None:
    operation = create(api, model_id).json()

    assert operation["metadata"]["tunedModel"] == f"tunedModels/{model_id}"


@pytest.mark.parametrize("model_id", ["1a", "-a", "a-", "A", "a_b", "a.b", "a" * 41])
def test_an_id_against_the_rules_is_refused(api: httpx.Client, model_id: str) -> None:
    assert error(create(api, model_id)) == (400, "INVALID_ARGUMENT")


def test_an_id_that_is_taken_is_a_conflict(api: httpx.Client) -> None:
    assert error(create(api, "sql-expert-v1")) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize(
    "fields",
    [
        {"examples": 0},
        {"baseModel": "models/gemini-2.5-flash"},
        {"baseModel": "models/nobody-knows"},
        {"baseModel": ""},
        {"displayName": "x" * 41},
        {"temperature": 1.5},
        {"topP": 2},
        {"epochCount": 0},
        {"batchSize": -1},
        {"learningRate": "fast"},
        {"tuningTask": {"trainingData": {"examples": {"examples": [{"textInput": "a"}]}}}},
        {"tuningTask": []},
        {"tunedModelSource": {"tunedModel": "tunedModels/gone"}},
        {"tunedModelSource": {"tunedModel": MODEL}},
    ],
    ids=str,
)
def test_a_bad_request_is_refused_and_creates_nothing(
    api: httpx.Client, fields: dict[str, Any]
) -> None:
    response = create(api, "refused", **fields)

    assert error(response) == (400, "INVALID_ARGUMENT")
    assert api.get("/v1beta/tunedModels/refused").status_code == 404


def test_a_body_that_is_no_json_is_refused(api: httpx.Client) -> None:
    response = api.post("/v1beta/tunedModels", content=b"{oops")

    assert error(response) == (400, "INVALID_ARGUMENT")
    assert "Invalid JSON payload" in response.json()["error"]["message"]


def test_snake_case_and_numbers_as_text_are_understood(api: httpx.Client) -> None:
    rows = [{"text_input": "a", "output": "b"}, {"text_input": "c", "output": "d"}]
    body = {
        "base_model": BASE,
        "display_name": "snake",
        "tuning_task": {
            "hyperparameters": {"epoch_count": "3", "batch_size": 2, "learning_rate": 0.01},
            "training_data": {"examples": {"examples": rows}},
        },
    }

    api.post("/v1beta/tunedModels?tuned_model_id=snake", json=body)

    model = api.get("/v1beta/tunedModels/snake").json()
    assert model["displayName"] == "snake"
    assert model["tuningTask"]["hyperparameters"] == {
        "epochCount": 3,
        "batchSize": 2,
        "learningRate": 0.01,
    }


def test_defaults_are_those_of_the_base_model(api: httpx.Client) -> None:
    create(api, "plain")

    model = api.get("/v1beta/tunedModels/plain").json()
    assert (model["temperature"], model["topP"], model["topK"]) == (1, 0.95, 64)
    assert model["tuningTask"]["hyperparameters"] == {
        "epochCount": 5,
        "batchSize": 4,
        "learningRate": 0.001,
    }
    assert "displayName" not in model
    assert "description" not in model


def test_many_examples_have_larger_batches_and_smaller_steps(api: httpx.Client) -> None:
    create(api, "large", examples=500)

    parameters = api.get("/v1beta/tunedModels/large").json()["tuningTask"]["hyperparameters"]
    assert parameters == {"epochCount": 5, "batchSize": 16, "learningRate": 0.0002}


def test_a_learning_rate_multiplier_takes_the_place_of_the_rate(api: httpx.Client) -> None:
    create(api, "multiplied", learningRateMultiplier=2)

    parameters = api.get("/v1beta/tunedModels/multiplied").json()["tuningTask"]["hyperparameters"]
    assert parameters == {"epochCount": 5, "batchSize": 4, "learningRateMultiplier": 2}


def test_a_model_tuned_from_a_tuned_model_names_both_sources(
    gemini: Emulator, api: httpx.Client
) -> None:
    gemini.add_base_model(ServedModel(name=BASE, tunable=True, tunable_again=True))

    create(api, "second", baseModel="", tunedModelSource={"tunedModel": MODEL})

    model = api.get("/v1beta/tunedModels/second").json()
    assert model["tunedModelSource"] == {"tunedModel": MODEL, "baseModel": BASE}
    assert "baseModel" not in model


def test_the_training_examples_are_never_shown(api: httpx.Client) -> None:
    create(api, "secretive")

    assert "trainingData" not in api.get("/v1beta/tunedModels/secretive").text


@pytest.mark.parametrize("verb", ["get", "patch", "delete"])
def test_a_model_that_is_not_there_is_not_found_in_googles_words(
    api: httpx.Client, verb: str
) -> None:
    response = api.request(verb.upper(), "/v1beta/tunedModels/gone", json={})

    message = "Tuned model tunedModels/gone does not exist."
    assert response.json() == {"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}


def test_a_patch_without_a_mask_changes_the_fields_that_it_has(api: httpx.Client) -> None:
    api.patch(f"/v1beta/{MODEL}", json={"description": "Knows SQL", "topK": 5})

    model = api.patch(f"/v1beta/{MODEL}", json={"displayName": "SQL", "state": "FAILED"}).json()

    assert model["displayName"] == "SQL"
    assert model["state"] == "ACTIVE"
    assert (model["description"], model["topK"]) == ("Knows SQL", 5)


@pytest.mark.parametrize("mask", ["description", "description,topK", "description,top_k"])
def test_a_patch_with_a_mask_changes_nothing_else(api: httpx.Client, mask: str) -> None:
    body = {"displayName": "no", "description": "yes", "topK": 5}
    model = api.patch(f"/v1beta/{MODEL}?updateMask={mask}", json=body).json()

    assert model["description"] == "yes"
    assert model["topK"] == (5 if "," in mask else 64)
    assert "displayName" not in model


def test_a_masked_field_that_the_body_lacks_goes_back_to_its_default(api: httpx.Client) -> None:
    api.patch(f"/v1beta/{MODEL}", json={"description": "old", "temperature": 0.5})

    model = api.patch(f"/v1beta/{MODEL}?updateMask=description,temperature", json={}).json()

    assert "description" not in model
    assert model["temperature"] == 1


@pytest.mark.parametrize("mask", ["baseModel", "state", "nonsense"])
def test_a_field_that_cant_be_changed_is_refused(api: httpx.Client, mask: str) -> None:
    response = api.patch(f"/v1beta/{MODEL}?updateMask={mask}", json={"baseModel": "models/x"})

    assert error(response) == (400, "INVALID_ARGUMENT")


def test_a_patch_moves_the_update_time(api: httpx.Client, gemini: Emulator, clock: Any) -> None:
    clock.now += 3600

    model = api.patch(f"/v1beta/{MODEL}", json={"description": "later"}).json()

    assert model["createTime"] == "2023-11-14T22:13:20.250000Z"
    assert model["updateTime"] == "2023-11-14T23:13:20.250000Z"


def test_a_deleted_model_answers_an_empty_object_and_is_gone(api: httpx.Client) -> None:
    response = api.delete(f"/v1beta/{MODEL}")

    assert response.json() == {}
    assert api.get(f"/v1beta/{MODEL}").status_code == 404
    assert api.delete(f"/v1beta/{MODEL}").status_code == 404


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/v1/tunedModels"),
        ("GET", f"/v1/{MODEL}"),
        ("POST", "/v1/tunedModels"),
        ("DELETE", f"/v1/{MODEL}"),
        ("POST", f"/v1beta/{MODEL}:countTokens"),
        ("POST", f"/v1beta/{MODEL}:cancel"),
        ("GET", "/v1beta/<script>"),
        ("GET", "/"),
    ],
)
def test_a_url_without_a_binding_is_googles_page_of_404(
    api: httpx.Client, verb: str, path: str
) -> None:
    response = api.request(verb, path)

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "<script>" not in response.text


@pytest.mark.parametrize("version", ["v1beta", "v1alpha"])
def test_both_preview_versions_have_tuned_models(api: httpx.Client, version: str) -> None:
    assert api.get(f"/{version}/{MODEL}").json()["name"] == MODEL


def test_enums_are_numbers_for_clients_that_ask_for_them(api: httpx.Client) -> None:
    query = {"$alt": "json;enum-encoding=int"}

    assert api.get(f"/v1beta/{MODEL}", params=query).json()["state"] == 2
    assert api.get(f"/v1beta/{MODEL}").json()["state"] == "ACTIVE"


def test_a_model_added_with_a_bad_name_or_state_is_refused_with_a_sentence(
    gemini: Emulator,
) -> None:
    with pytest.raises(ValueError, match="tunedModels/ID"):
        gemini.add_tuned_model("models/x")
    with pytest.raises(ValueError, match="there already"):
        gemini.add_tuned_model(MODEL)
    with pytest.raises(ValueError, match="CREATING, ACTIVE or FAILED"):
        gemini.add_tuned_model("tunedModels/x", state="BROKEN")
    with pytest.raises(ValueError, match="add_base_model"):
        gemini.add_tuned_model("tunedModels/x", base_model="models/unheard-of")
    with pytest.raises(ValueError, match="'output': is missing"):
        gemini.add_tuned_model("tunedModels/x", examples=[{"text_input": "a"}])
    with pytest.raises(ValueError, match="models/ID"):
        gemini.add_base_model("gemini-99")
    with pytest.raises(LookupError, match="sql-expert-v1"):
        gemini.delete_tuned_model("tunedModels/x")
