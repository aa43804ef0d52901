"""What nobody takes is refused, with the name or the number that was meant."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini import (
    ChatTunedGemini,
    CircuitBreaker,
    CircuitPolicy,
    FallbackChatModel,
    ParameterError,
)
from langchain_tuned_gemini.chat_models.arguments import check_arguments
from langchain_tuned_gemini.testing import ScriptedChatModel

EXAMPLES = [{"text_input": "1", "output": "2"}]
TOOL = {"name": "add", "description": "Adds.", "parameters": {}}
SCHEMA = {"title": "Sum", "type": "object", "properties": {}}
NOWHERE = "http://127.0.0.1:1"


def tuned() -> ChatTunedGemini:
    return ChatTunedGemini(model="tunedModels/x", api_key="a-made-up-key", base_url=NOWHERE)


MODELS: dict[str, Callable[[], Any]] = {
    "tuned": tuned,
    "with a base model's name": lambda: tuned().with_few_shot_fallback(
        "gemini-2.5-flash", examples=EXAMPLES
    ),
    "with another provider's": lambda: FallbackChatModel(
        models=[tuned(), ScriptedChatModel(answers=["2"])]
    ),
    "of other providers": lambda: FallbackChatModel(
        models=[ScriptedChatModel(answers=["2"]), ScriptedChatModel(answers=["2"])]
    ),
    "within another one": lambda: FallbackChatModel(
        models=[FallbackChatModel(models=[ScriptedChatModel(answers=["2"])])]
    ),
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)

WAYS: dict[str, Callable[[Any, dict[str, Any]], object]] = {
    "invoke": lambda model, wrong: model.invoke("1", **wrong),
    "ainvoke": lambda model, wrong: asyncio.run(model.ainvoke("1", **wrong)),
    "stream": lambda model, wrong: list(model.stream("1", **wrong)),
    "batch": lambda model, wrong: model.batch(["1"], **wrong),
    "bind": lambda model, wrong: model.bind(**wrong),
    "a binding of a binding": lambda model, wrong: model.bind().bind(**wrong).invoke("1"),
    "bind_tools": lambda model, wrong: model.bind_tools([TOOL], **wrong).invoke("1"),
}


@every_model
@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
def test_a_misspelt_argument_of_a_call_is_refused_before_any_model_is_asked(
    make: Callable[[], Any], ask: Callable[[Any, dict[str, Any]], object]
) -> None:
    with pytest.raises(ParameterError, match=r"'temprature'\. Did you mean 'temperature'\?"):
        ask(make(), {"temprature": 0.1})


@every_model
@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"tagz": ["a"]}, "Did you mean 'tags'"), ({"temperature": 0.1}, "go to bind()")],
)
def test_what_is_no_configuration_is_refused(
    make: Callable[[], Any], wrong: dict[str, Any], told: str
) -> None:
    for given in ({"config": wrong}, wrong):
        with pytest.raises(ParameterError, match=told.replace("()", r"\(\)")):
            make().with_config(**given)
    make().with_config({"tags": ["a"], "metadata": {}, "configurable": {}}, run_name="b")


@pytest.mark.parametrize("model", [tuned(), MODELS["of other providers"]()], ids=["one", "two"])
def test_a_misspelt_option_of_structured_output_is_refused(model: Any) -> None:
    with pytest.raises(ParameterError, match="Did you mean 'include_raw'"):
        model.with_structured_output(SCHEMA, include_rw=True)


def test_no_argument_that_upstream_takes_is_refused() -> None:
    upstream = ChatGoogleGenerativeAI(model="gemini-2.5-flash", google_api_key="a-made-up-key")
    arguments: dict[str, Any] = {
        "cached_content": "cachedContents/x",
        "candidate_count": 1,
        "generation_config": {"top_k": 1},
        "http_options": {"timeout": 1000},
        "include_thoughts": True,
        "labels": {"team": "a"},
        "max_output_tokens": 1,
        "max_retries": 0,
        "response_format": {"type": "json_object"},
        "response_json_schema": SCHEMA,
        "response_mime_type": "application/json",
        "safety_settings": {},
        "seed": 1,
        "stop": ["a"],
        "temperature": 0.1,
        "thinking_budget": 0,
        "timeout": 1,
        "tool_config": {},
        "top_k": 1,
        "top_p": 0.1,
    }

    assert upstream._prepare_request([HumanMessage("1")], **arguments)
    check_arguments(arguments, tuned())


def test_an_argument_that_only_another_provider_may_know_is_left_to_it() -> None:
    check_arguments({"logit_bias": {}, "top_a": 1, "min_p": 0.1}, ScriptedChatModel(answers=["1"]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChatTunedGemini(model="tunedModels/x", api_key="key", top_k="40"),
        lambda: ChatTunedGemini(model="tunedModels/x", api_key="key", timeout="40"),
        lambda: ChatTunedGemini(model="tunedModels/x", api_key="key", max_tokens="40"),
        lambda: FallbackChatModel(models=[ScriptedChatModel(answers=["1"])], total_timeout="40"),
        lambda: tuned().with_few_shot_fallback("gemini-2.5-flash", examples=EXAMPLES, k="40"),  # type: ignore[arg-type]
    ],
)
def test_a_text_is_no_number(make: Callable[[], object]) -> None:
    with pytest.raises(ParameterError, match=r"a number is needed, not str\. Did you mean 40\?"):
        make()


@pytest.mark.parametrize("ask", list(WAYS.values())[:4], ids=list(WAYS)[:4])
@pytest.mark.parametrize("make", list(MODELS.values())[:3], ids=list(MODELS)[:3])
@pytest.mark.parametrize("name", ["max_tokens", "top_k", "timeout", "thinking_budget"])
def test_a_text_is_no_number_of_a_call(
    name: str, make: Callable[[], Any], ask: Callable[[Any, dict[str, Any]], object]
) -> None:
    with pytest.raises(ParameterError, match=r"a number is needed, not str\. Did you mean 8\?"):
        ask(make(), {name: "8"})


UNSENDABLE: dict[str, tuple[dict[str, Any], str]] = {
    "of a request": ({"labels": 3}, "labels: Input should be a valid dictionary"),
    "in a list": ({"stop": [1]}, r"stop_sequences\.0: Input should be a valid string"),
    "that upstream looks at": ({"safety_settings": "x"}, "safety_settings must be"),
    "without what it needs": ({"tool_choice": "any"}, "only be specified if 'tools'"),
    "that nothing holds": ({"timeout": float("inf")}, "infinity"),
}


@pytest.mark.parametrize(("wrong", "told"), UNSENDABLE.values(), ids=UNSENDABLE)
@pytest.mark.parametrize("ask", list(WAYS.values())[:4], ids=list(WAYS)[:4])
@pytest.mark.parametrize("is_base", [False, True])
def test_a_call_that_can_not_be_sent_is_told_alike_by_the_tuned_model_and_its_base(
    is_base: bool, ask: Callable[[Any, dict[str, Any]], object], wrong: dict[str, Any], told: str
) -> None:
    model = tuned().base_chat_model("gemini-2.5-flash") if is_base else tuned().inner_model

    with pytest.raises(ParameterError, match=f"The call can't be sent: .*{told}"):
        ask(model, wrong)


@pytest.mark.parametrize("base", ["gemini-3.6-flash", "gemini-3.5-flash-lite"])
def test_a_conversation_that_a_base_model_does_not_go_on_with_is_refused_with_a_sentence(
    base: str,
) -> None:
    begun = [HumanMessage("1"), AIMessage("The answer is")]

    with pytest.raises(ParameterError, match="does not support model prefilling"):
        tuned().base_chat_model(base).invoke(begun)


def test_a_circuit_must_not_give_up_a_probe_that_is_still_answered() -> None:
    breaker = CircuitBreaker(tuned().circuit_key, policy=CircuitPolicy(max_cooldown=10.0))
    models = [ScriptedChatModel(answers=["1"]), ScriptedChatModel(answers=["2"])]

    with pytest.raises(ParameterError, match="Make max_cooldown as long"):
        FallbackChatModel(models=models, circuit_breaker=breaker, total_timeout=30.0)
    FallbackChatModel(models=models, circuit_breaker=breaker, total_timeout=10.0)
