"""Answers with any one thing wrong in them, on real sockets, and what their failure means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.failures import Failure, Reason, classify
from tests.conftest import Deployed

TEXT = "Dogs sleep for twelve hours a day."
QUESTION = "How long do dogs sleep?"

Ask = Callable[[ChatTunedGemini], object]


@pytest.fixture
def deployed(platform: str) -> Iterator[Deployed]:
    with Emulator() as gemini:
        yield Deployed.add(gemini, platform, [(QUESTION, TEXT)], model_id="dog-expert")


@pytest.fixture
def tuned(deployed: Deployed) -> ChatTunedGemini:
    return deployed.chat(timeout=5)


def invoke(model: ChatTunedGemini) -> object:
    return model.invoke(QUESTION)


def stream(model: ChatTunedGemini) -> object:
    return list(model.stream(QUESTION))


SOUND = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": TEXT}, {"functionCall": {"name": "f", "args": {"x": 1}}}],
            },
            "finishReason": "STOP",
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
            "citationMetadata": {"citationSources": [{"startIndex": 1}]},
        }
    ],
    "promptFeedback": {"safetyRatings": []},
    "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2},
    "modelVersion": "x",
}


def spoilt(part: Any) -> Iterator[Any]:
    """The same with one thing in it that is of another type, or missing."""
    yield from (7, "x", [], [7], {}, None)
    if isinstance(part, dict):
        for key, value in part.items():
            yield {other: part[other] for other in part if other != key}
            yield from ({**part, key: worse} for worse in spoilt(value))
    if isinstance(part, list):
        for n, value in enumerate(part):
            yield from ([*part[:n], worse, *part[n + 1 :]] for worse in spoilt(value))


@pytest.mark.parametrize("ask", [invoke, stream])
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.filterwarnings("ignore:.* is not a valid Harm")
def test_whatever_is_wrong_with_an_answer_it_is_taken_for_one_or_its_failure_has_a_meaning(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    """An error without a meaning would reach the caller, although another model could answer."""
    meanings: list[Any] = []
    for body in spoilt(SOUND):
        with deployed.emulator.fault(model=deployed.name, body=json.dumps(body).encode()):
            try:
                ask(tuned)
            except Exception as error:  # noqa: BLE001  # which ones there are is the question
                meanings.append((classify(error), body))

    assert len(meanings) > 50
    assert [(told, body) for told, body in meanings if told != Failure(Reason.BAD_OUTPUT)] == []


@pytest.mark.parametrize("ask", [invoke, stream])
def test_arguments_that_are_nested_too_deep_are_bad_output_whoever_stumbles_over_them(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    meanings: list[Any] = []
    for depth in (*range(100, 1_100, 100), 5_000):
        arguments = '{"x":' * depth + "1" + "}" * depth
        body = json.dumps(SOUND).replace('{"x": 1}', arguments).encode()
        with deployed.emulator.fault(model=deployed.name, body=body):
            try:
                ask(tuned)
            except Exception as error:  # noqa: BLE001  # which ones there are is the question
                meanings.append(classify(error))

    assert set(meanings) == {Failure(Reason.BAD_OUTPUT)}
