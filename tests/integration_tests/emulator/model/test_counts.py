"""What is counted: files, thoughts, candidates."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import ModelAnswer
from tests.integration_tests.emulator.model.conftest import Service, model, user

DOGS = "SELECT * FROM dogs"
DATA = base64.b64encode(b"whatever").decode()


def inline(mime_type: str, data: str = DATA) -> dict[str, Any]:
    return {"inlineData": {"mimeType": mime_type, "data": data}}


def test_files_are_taken_and_counted_by_their_modality(service: Service) -> None:
    turn = user(
        {"text": "four"},
        inline("image/png"),
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://acme/cat.jpg"}},
        inline("audio/wav"),
        inline("video/mp4"),
        inline("application/pdf"),
        inline("text/csv"),
    )

    usage = service.answer(turn, model=service.tuned)["usageMetadata"]
    response = service.post(turn, model=service.old, verb="countTokens").json()

    assert {d["modality"]: d["tokenCount"] for d in usage["promptTokensDetails"]} == {
        "TEXT": 1,
        "IMAGE": 516,
        "AUDIO": 258,
        "VIDEO": 258,
        "DOCUMENT": 516,
    }
    assert usage["promptTokenCount"] == response["totalTokens"] == 1549
    assert response["promptTokensDetails"] == usage["promptTokensDetails"]


def test_a_question_is_found_beside_a_file(service: Service) -> None:
    turn = user(inline("image/png"), {"text": "List all dogs"})

    assert service.text(turn, model=service.tuned) == "SELECT * FROM dogs"


def test_what_is_no_base64_is_refused(service: Service) -> None:
    contents = [user(inline("image/png", "no base64!"))]
    path = f"{service.gemini.base_url}/v1beta/models/gemini-2.5-flash:generateContent"

    response = service._http.post(path, json={"contents": contents})

    assert response.status_code == 400
    assert "Base64 decoding failed" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("thinking", "is_counted", "is_shown"),
    [
        ({}, True, False),
        ({"thinkingBudget": 0}, False, False),
        ({"thinkingLevel": "LOW"}, False, False),
        ({"thinkingLevel": "HIGH"}, True, False),
        ({"thinkingBudget": -1}, True, False),
        ({"thinkingBudget": 128}, True, False),
        ({"thinkingBudget": 0, "includeThoughts": True}, False, False),
        ({"includeThoughts": True}, True, True),
    ],
)
def test_a_model_thinks_unless_it_is_told_to_think_little(
    service: Service, thinking: dict[str, Any], is_counted: bool, is_shown: bool
) -> None:
    config = {"generationConfig": {"thinkingConfig": thinking}}

    answer = service.answer("Hi", model=service.old, **config)
    chunks = service.chunks("Hi", model=service.old, **config)

    usage, parts = answer["usageMetadata"], answer["candidates"][0]["content"]["parts"]
    assert [part.get("thought", False) for part in parts] == [True, False][not is_shown :]
    assert bool(usage.get("thoughtsTokenCount")) is is_counted
    assert usage["totalTokenCount"] == sum(
        usage.get(f"{kind}TokenCount", 0) for kind in ("prompt", "candidates", "thoughts")
    )
    assert chunks[-1]["usageMetadata"] == usage
    first = chunks[0]["candidates"][0]["content"]["parts"][0]
    assert first.get("thought", False) is is_shown


@pytest.mark.parametrize(
    ("config", "said", "end", "thought"),
    [
        ({"maxOutputTokens": 64}, "", "MAX_TOKENS", 64),
        ({"maxOutputTokens": 512}, "", "MAX_TOKENS", 512),
        ({"maxOutputTokens": 514}, "SELECT *", "MAX_TOKENS", 512),
        ({"maxOutputTokens": 600}, None, "STOP", 512),
        ({"maxOutputTokens": 64, "thinkingConfig": {"thinkingBudget": 0}}, None, "STOP", None),
        ({"maxOutputTokens": 64, "thinkingConfig": {"thinkingLevel": "LOW"}}, None, "STOP", None),
        ({"maxOutputTokens": 64, "thinkingConfig": {"thinkingBudget": 40}}, None, "STOP", 40),
        ({"maxOutputTokens": 64, "thinkingConfig": {"thinkingBudget": 128}}, "", "MAX_TOKENS", 64),
    ],
)
def test_thoughts_count_against_the_limit_of_tokens(
    service: Service, config: dict[str, Any], said: str | None, end: str, thought: int | None
) -> None:
    shown = ["List all dogs", model({"text": DOGS}), "List all dogs"]

    answer = service.answer(*shown, model=service.old, generationConfig=config)
    *_, last = service.chunks(*shown, model=service.old, generationConfig=config)

    (candidate,) = answer["candidates"]
    assert candidate["content"]["parts"] == [{"text": DOGS if said is None else said}]
    assert candidate["finishReason"] == last["candidates"][0]["finishReason"] == end
    assert answer["usageMetadata"].get("thoughtsTokenCount") == thought
    assert last["usageMetadata"] == answer["usageMetadata"]


def test_the_thoughts_of_a_script_count_against_the_limit(service: Service) -> None:
    service.gemini.script(ModelAnswer(text="It rains.", thought_tokens=100))
    config = {"generationConfig": {"maxOutputTokens": 64}}

    answer = service.answer("Hi", model=service.tuned, **config)

    assert answer["candidates"][0]["content"]["parts"] == [{"text": ""}]
    assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert answer["usageMetadata"]["thoughtsTokenCount"] == 64


def test_a_model_that_can_not_think_does_not(service: Service) -> None:
    service.gemini.add_base_model("models/simple")
    who = service.old.replace("gemini-2.5-flash", "simple")

    config = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}

    assert "thoughtsTokenCount" not in service.answer("Hi", model=who, **config)["usageMetadata"]


def test_several_candidates_are_counted_and_say_the_same(service: Service) -> None:
    one = service.answer("List all dogs", model=service.tuned)
    two = service.answer(
        "List all dogs", model=service.tuned, generationConfig={"candidateCount": 2}
    )

    assert [c.get("index", 0) for c in two["candidates"]] == [0, 1]
    assert two["candidates"][0]["content"] == two["candidates"][1]["content"]
    counted = [a["usageMetadata"]["candidatesTokenCount"] for a in (one, two)]
    assert counted[1] == 2 * counted[0]


@pytest.mark.parametrize("count", [0, 9])
def test_a_number_of_candidates_that_nobody_gives_is_refused(service: Service, count: int) -> None:
    config = {"candidateCount": count}

    assert "candidateCount" in service.refusal("Hi", model=service.old, generationConfig=config)
