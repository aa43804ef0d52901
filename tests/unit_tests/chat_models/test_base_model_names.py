"""What can be a fallback's base model, told when the fallback is built."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import ConfigurableField

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FallbackChatModel,
    MissingExtraError,
    ParameterError,
)

EXAMPLES = [{"text_input": "7", "output": "8"}]
ENDPOINT = "projects/acme/locations/us-central1/endpoints/42"
NAMES = [ENDPOINT, "tunedModels/t"]


def robust(base: Any, name: str = ENDPOINT, **parameters: Any) -> FallbackChatModel:
    model = ChatTunedGemini(model=name, api_key="k", base_url="http://127.0.0.1:9", **parameters)
    return model.with_few_shot_fallback(base, examples=EXAMPLES)


REFUSED = {
    "gemini-3.5-flahs": "Did you mean 'gemini-3.5-flash'",
    "gemni-3.5-flash": "Did you mean 'gemini-3.5-flash'",
    "models/gemini-3.5-falsh": "Did you mean 'gemini-3.5-flash'",
    "gemini-3.5flash": "Did you mean 'gemini-3.5-flash'",
    "gemini-3.5-flash-light": "Did you mean 'gemini-3.5-flash-lite'",
    "Gemini 3.5 Flash": "Did you mean 'gemini-3.5-flash'",
    "gemini_3.5_flash": "Did you mean 'gemini-3.5-flash'",
    "": "is empty. Name one",
    " \n": "is empty. Name one",
    "tunedModels/other": "is a tuned model, not a base model",
    "projects/acme/locations/us-central1/endpoints/43": "is a tuned model, not a base model",
    "projects/acme/locations/us-central1/tuningJobs/7": "is a tuned model, not a base model",
    "sql-expert@production": "is a tuned model, not a base model",
    "nobody:some-model": "can't be built by LangChain",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("base", "message"), REFUSED.items(), ids=REFUSED)
def test_what_can_not_be_a_base_model_is_refused(name: str, base: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        robust(base, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_model", [False, True])
def test_a_tuned_model_can_not_stand_in_for_itself(name: str, *, is_model: bool) -> None:
    itself = ChatTunedGemini(model=name, api_key="k", base_url="http://127.0.0.1:9")

    with pytest.raises(ParameterError, match="can't stand in for itself"):
        robust(itself if is_model else name, name)


@pytest.mark.parametrize("base", [7, ["gemini-3.5-flash"], FakeListChatModel(responses=[]).bind()])
def test_what_is_neither_a_name_nor_a_chat_model_is_refused(base: Any) -> None:
    with pytest.raises(ParameterError, match=f"is a {type(base).__name__}: pass"):
        robust(base)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("gemini-9.5-flash", "Nothing is known of gemini-9.5-flash here.* Did you mean 'gemini-"),
        ("gemini-4-ultra", "Nothing is known of gemini-4-ultra here"),
        ("gemini-2.0-flash", "gemini-2.0-flash is of a generation that Google has ended"),
        ("models/gemini-1.5-pro-002", "is of a generation that Google has ended"),
        ("gemini-2.5-flash", "gemini-2.5-flash was retired on Vertex AI"),
    ],
)
@pytest.mark.filterwarnings("default::langchain_tuned_gemini.BaseModelRetiredWarning")
def test_what_may_not_answer_is_told(base: str, message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        robust(base)


@pytest.mark.parametrize(
    "base",
    ["gemini-3.5-flash", "models/gemini-3.8-flash", "gemini-3.5-flash-001", "gemini-3.5-flash@001"],
)
def test_what_is_known_is_taken_without_a_word(base: str) -> None:
    assert robust(base).models[1].wrapped.model == base


def test_a_model_of_any_provider_is_built_by_langchain(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("langchain")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")

    model = robust("google_genai:gemini-3.5-flash").models[1]

    assert type(model.wrapped).__name__ == "ChatGoogleGenerativeAI"


def test_without_langchain_a_model_of_a_provider_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)

    with pytest.raises(MissingExtraError, match="agents"):
        robust("openai:gpt-5")


def test_what_was_made_configurable_is_not_lost_by_a_fallback() -> None:
    tuned = ChatTunedGemini(model="tunedModels/t", api_key="k", base_url="http://127.0.0.1:9")
    fields = tuned.configurable_fields(temperature=ConfigurableField(id="t"))
    others = tuned.configurable_alternatives(ConfigurableField(id="m"), other=tuned)

    for configurable in (
        fields,
        others,
        fields.with_config(configurable={"t": 0.5}),
        fields.configurable_fields(top_p=ConfigurableField(id="p")),
    ):
        with pytest.raises(ParameterError, match=r"Build the fallback first"):
            configurable.with_few_shot_fallback("gemini-3.5-flash", examples=EXAMPLES)
    for config in ({"t": 0.5}, {}):
        prepared, _ = fields.prepare({"configurable": config})
        assert prepared.temperature == config.get("t")
    assert others.prepare({"configurable": {"m": "other"}})[0] is tuned
