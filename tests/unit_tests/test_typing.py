"""What editors and type checkers know of the public names; `make lint` has mypy read this file.

Each call that is wrong is an error twice: for mypy, which finds an ignore superfluous as soon as it
no longer complains there, and when it runs.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableSerializable
from pydantic import BaseModel, SecretStr

from langchain_tuned_gemini import (
    ChatTunedGemini,
    CircuitBreaker,
    FallbackChatModel,
    FewShotPrompt,
    LexicalExampleSelector,
    OneOf,
    ParameterError,
    TunedGeminiFallbackMiddleware,
    TunedModel,
    TuningDataset,
    await_until_active,
    init_tuned_gemini,
    wait_until_active,
)
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, NEXT_NUMBER, TUNED

Structured = Runnable[LanguageModelInput, dict[str, Any] | BaseModel]


class Number(BaseModel):
    """A number."""

    n: int


@pytest.fixture
def tuned(emulator: Emulator) -> ChatTunedGemini:
    ChatTunedGemini(model=TUNED, api_key=SecretStr("key"), base_url=emulator.base_url)
    return ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)


@pytest.fixture
def robust(tuned: ChatTunedGemini) -> FallbackChatModel:
    return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    TuningDataset.of(NEXT_NUMBER).write(tmp_path / "train.jsonl")
    path = tmp_path / "tuned-models.toml"
    path.write_text(
        f"""
[next-number]
fallback = {{ base_model = "{BASE}" }}

[next-number.versions.v1]
model = "{TUNED}"
dataset = {{ path = "train.jsonl" }}

[next-number.aliases]
production = "v1"
""",
        encoding="utf-8",
    )
    return path


def test_the_settings_of_a_fallback_are_those_of_its_model() -> None:
    settings = typing.get_type_hints(FallbackSettings)
    fields = typing.get_type_hints(FallbackChatModel)
    own = FallbackChatModel.model_fields.keys() - BaseChatModel.model_fields.keys()

    assert settings.keys() >= own - {"models"}
    assert settings.keys() <= FallbackChatModel.model_fields.keys() - {"models", "cache"}
    assert {name: settings[name] for name in own - {"models"}} == {
        name: fields[name] for name in own - {"models"}
    }


def test_the_type_of_an_answer_is_known(tuned: ChatTunedGemini, robust: FallbackChatModel) -> None:
    assert_type(tuned.invoke("7"), AIMessage)
    assert_type(robust.invoke("7"), AIMessage)
    assert_type(robust.stream("7"), Iterator[AIMessageChunk])

    chain = ChatPromptTemplate.from_template("{number}") | robust | StrOutputParser()

    assert_type(chain, RunnableSerializable[dict[str, Any], str])
    assert assert_type(chain.invoke({"number": "7"}), str) == "8"


def test_the_type_of_what_is_made_of_a_model_is_known(
    tuned: ChatTunedGemini, robust: FallbackChatModel
) -> None:
    assert_type(robust, FallbackChatModel)
    assert_type(robust.circuit, CircuitBreaker | None)
    assert_type(tuned.with_structured_output(Number), Structured)
    assert_type(tuned.with_structured_output(Number, method="json_schema"), Structured)
    assert_type(robust.with_structured_output(Number, include_raw=True), Structured)
    assert_type(tuned.bind_tools([Number]), Runnable[LanguageModelInput, AIMessage])
    assert_type(robust.bind_tools([Number]), Runnable[LanguageModelInput, AIMessage])


async def test_the_type_of_a_model_that_was_waited_for_is_known(tuned: ChatTunedGemini) -> None:
    assert_type(tuned.wait_until_active(timeout=60, on_progress=print), TunedModel)
    assert_type(await tuned.await_until_active(timeout=60), TunedModel)
    assert_type(wait_until_active(tuned.service, TUNED), TunedModel)
    assert_type(await await_until_active(tuned.service, TUNED), TunedModel)


def test_the_type_of_an_alias_s_model_is_known(records: Path, emulator: Emulator) -> None:
    robust = init_tuned_gemini(
        "next-number@production", records=records, api_key="key", base_url=emulator.base_url
    )

    assert assert_type(robust, FallbackChatModel).invoke("7").text == "8"


def test_every_form_of_examples_and_of_settings_is_taken(tuned: ChatTunedGemini) -> None:
    data = TuningDataset.of(NEXT_NUMBER)
    selector = LexicalExampleSelector(data)
    base = ScriptedChatModel(answers=["8"])
    reasons: list[str] = []

    for robust in (
        tuned.with_few_shot_fallback(BASE, examples=data, k=4, commit="complete"),
        tuned.with_few_shot_fallback(BASE, examples=selector, hedge_after="p95"),
        tuned.with_few_shot_fallback(BASE, examples=FewShotPrompt(data, k=4), tags=["robust"]),
        tuned.with_few_shot_fallback(base, examples=NEXT_NUMBER, retry_budget=False),
        tuned.with_few_shot_fallback(
            BASE,
            examples=NEXT_NUMBER,
            guards=[OneOf(["8"]), lambda message: len(message.text) < 500],
            on_fallback=lambda provenance: reasons.append(provenance["reason"]),
        ),
    ):
        assert_type(robust, FallbackChatModel)
    create_agent(tuned, middleware=[TunedGeminiFallbackMiddleware(BASE, examples=data, k=4)])


def test_a_misspelt_keyword_is_an_error(tuned: ChatTunedGemini) -> None:
    for_a_keyword = pytest.raises((ParameterError, TypeError), match=r"comit|tempratur|seconds")

    with for_a_keyword:
        ChatTunedGemini(model=TUNED, api_key="key", tempratur=0.5)  # type: ignore[call-arg]
    with for_a_keyword:
        FallbackChatModel(models=[tuned], comit="complete")  # type: ignore[call-arg]
    with for_a_keyword:
        tuned.with_few_shot_fallback(
            BASE,
            examples=NEXT_NUMBER,
            comit="complete",  # type: ignore[call-arg]
        )
    with for_a_keyword:
        TunedGeminiFallbackMiddleware(
            BASE,
            examples=NEXT_NUMBER,
            comit="complete",  # type: ignore[call-arg]
        )
    with for_a_keyword:
        tuned.wait_until_active(seconds=60)  # type: ignore[call-arg]


def test_a_value_of_the_wrong_type_is_an_error(tuned: ChatTunedGemini) -> None:
    for_a_value = pytest.raises(
        (ParameterError, ValueError), match=r"timeout|commit|hedge_after|examples|schema"
    )

    with for_a_value:
        ChatTunedGemini(model=TUNED, api_key="key", timeout="soon")  # type: ignore[arg-type]
    with for_a_value:
        tuned.with_few_shot_fallback(
            BASE,
            examples=NEXT_NUMBER,
            commit="at_the_end",  # type: ignore[arg-type]
        )
    with for_a_value:
        tuned.with_few_shot_fallback(
            BASE,
            examples=NEXT_NUMBER,
            hedge_after="p50",  # type: ignore[arg-type]
        )
    with for_a_value:
        tuned.with_few_shot_fallback(BASE, examples=7)  # type: ignore[arg-type]
    with for_a_value:
        tuned.with_structured_output("Number")  # type: ignore[arg-type]
