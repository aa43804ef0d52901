"""What errors and the log say of a model that does not take its requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, SystemMessage

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator

ROWS = [{"text_input": "7", "output": "8"}]
BASE = "gemini-3.5-flash"
TUNED = ["projects/acme/locations/us-central1/endpoints/42", "tunedModels/t"]
NO_SYSTEM = "Developer instruction is not enabled for models/t"


async def _astream(model: Any) -> None:
    async for _ in model.astream("7"):
        pass


WAYS: dict[str, Callable[[Any], object]] = {
    "invoke": lambda model: model.invoke("7"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("7")),
    "stream": lambda model: list(model.stream("7")),
    "astream": lambda model: asyncio.run(_astream(model)),
}


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    with Emulator() as gemini:
        gemini.add_vertex_model(TUNED[0], examples=[("7", "8")])
        gemini.add_tuned_model(TUNED[1], examples=[("7", "8")])
        yield gemini


def chat(gemini: Emulator, name: str, **parameters: Any) -> ChatTunedGemini:
    return ChatTunedGemini(model=name, api_key="k", base_url=gemini.base_url, **parameters)


@pytest.mark.parametrize("status", [400, 403, 404, 429])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", TUNED)
def test_an_error_names_the_model_that_was_asked_and_not_its_base(
    gemini: Emulator, name: str, way: str, status: int
) -> None:
    model = chat(gemini, name, base_model=BASE)

    with (
        gemini.fault(model=name, status=status, message="No."),
        pytest.raises(Exception, match=f"Error calling model '{name}'") as raised,
    ):
        WAYS[way](model)

    assert BASE not in str(raised.value)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_a_call_in_a_wrong_region_names_the_region_that_may_be_meant(
    gemini: Emulator, way: str, is_there: bool
) -> None:
    name = "projects/acme/locations/us-centrl1/endpoints/42"
    address = gemini.base_url if is_there else "http://us-centrl1-aiplatform.invalid"
    model = ChatTunedGemini(model=name, api_key="k", base_url=address)

    with pytest.raises(Exception, match=r"'us-centrl1' .* \(is it 'us-central1'\?\)"):
        WAYS[way](model)


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("name", TUNED)
def test_the_reason_of_a_lasting_refusal_is_told_once_in_googles_words(
    gemini: Emulator, caplog: pytest.LogCaptureFixture, name: str, status: int
) -> None:
    robust = chat(gemini, name).with_few_shot_fallback(BASE, examples=ROWS, circuit_breaker=False)
    messages = [SystemMessage("Be nice."), HumanMessage("7")]

    with gemini.fault(model=name, status=status, message=NO_SYSTEM), caplog.at_level("WARNING"):
        for _ in range(3):
            robust.invoke(messages)

    told = [r for r in caplog.records if NO_SYSTEM in r.getMessage()]
    assert [(r.levelno, r.getMessage()) for r in told] == [
        (logging.WARNING, f"{name} refuses requests: {NO_SYSTEM}")
    ]


def test_each_reason_is_told_but_not_each_number_in_it(
    gemini: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    robust = chat(gemini, TUNED[1]).with_few_shot_fallback(BASE, examples=ROWS)

    for message in ("33,000 tokens are too many", "34,001 tokens are too many", "No tools\nhere"):
        with gemini.fault(model=TUNED[1], status=400, message=message), caplog.at_level("WARNING"):
            robust.invoke("7")

    told = [r.getMessage() for r in caplog.records if "refuses" in r.getMessage()]
    assert told == [
        f"{TUNED[1]} refuses requests: 33,000 tokens are too many",
        f"{TUNED[1]} refuses requests: No tools here",
    ]


def test_a_key_in_googles_sentence_is_not_told(
    gemini: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    robust = chat(gemini, TUNED[1]).with_few_shot_fallback(BASE, examples=ROWS)
    message = "The key AIzaSyDoNotShowThisToAnybodyAtAll may not do that"

    with gemini.fault(model=TUNED[1], status=403, message=message), caplog.at_level("WARNING"):
        robust.invoke("7")

    assert "may not do that" in caplog.text
    assert "AIza" not in caplog.text
