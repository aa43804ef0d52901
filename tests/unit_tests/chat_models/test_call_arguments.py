"""The arguments of a call reach the models that they are for, and no other one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel, ParameterError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel

Ask = Callable[[Any], object]


async def _collect(runnable: Any) -> list[Any]:
    return [chunk async for chunk in runnable.astream("Hi")]


WAYS: dict[str, Ask] = {
    "invoke": lambda runnable: runnable.invoke("Hi"),
    "ainvoke": lambda runnable: asyncio.run(runnable.ainvoke("Hi")),
    "stream": lambda runnable: list(runnable.stream("Hi")),
    "astream": lambda runnable: asyncio.run(_collect(runnable)),
}

ARGUMENTS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    # what the call says, what the tuned model is sent, what the base model is sent
    ({"temperature": 0.1}, {"temperature": 0.1}, {"temperature": 0.1}),
    ({"labels": {"a": "b"}}, {"labels": {"a": "b"}}, {"labels": {"a": "b"}}),
    ({"cached_content": "cachedContents/x"}, {"cached_content": "cachedContents/x"}, {}),
    ({"model": "another"}, {"model": "another"}, {}),
    ({"tuned_only": {"labels": {"a": "b"}}}, {"labels": {"a": "b"}}, {}),
    ({"tuned_only": {"seed": 1}, "seed": 2}, {"seed": 1}, {"seed": 2}),
    ({"tuned_only": {}}, {}, {}),
    ({"tuned_only": None, "seed": 2}, {"seed": 2}, {"seed": 2}),
]


def _sent(model: ScriptedChatModel) -> dict[str, Any]:
    (call,) = model.calls
    return {name: value for name, value in call.items() if name != "messages"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("said", "to_tuned", "to_base"), ARGUMENTS, ids=str)
def test_each_model_is_sent_what_is_meant_for_it(
    way: str, said: dict[str, Any], to_tuned: dict[str, Any], to_base: dict[str, Any]
) -> None:
    tuned = ScriptedChatModel(answers=[ConnectionError()])
    base = ScriptedChatModel(answers=["from the base"])
    model = FallbackChatModel(models=[tuned, base], circuit_breaker=False, retry_budget=False)

    WAYS[way](model.bind(**said))

    assert (_sent(tuned), _sent(base)) == (to_tuned, to_base)


def test_no_model_after_the_first_one_gets_what_is_the_first_ones() -> None:
    down = [ScriptedChatModel(answers=[ConnectionError()]) for _ in range(2)]
    last = ScriptedChatModel(answers=["from the last one"])
    model = FallbackChatModel(models=[*down, last], circuit_breaker=False, retry_budget=False)

    model.invoke("Hi", cached_content="cachedContents/x", tuned_only={"seed": 1})

    assert [_sent(one) for one in (*down, last)] == [
        {"cached_content": "cachedContents/x", "seed": 1},
        {},
        {},
    ]


@pytest.mark.parametrize("is_down", [False, True])
def test_gemini_models_take_what_is_the_tuned_ones(is_down: bool) -> None:
    with Emulator() as gemini:
        gemini.add_tuned_model("tunedModels/x", examples=[("1", "2")])
        tuned = ChatTunedGemini(model="tunedModels/x", api_key="k", base_url=gemini.base_url)
        model = tuned.with_few_shot_fallback("gemini-2.5-flash", examples=[("1", "2")])
        said = {"model": "tunedModels/x", "tuned_only": {"labels": {"a": "b"}}}
        with gemini.fault(model="tunedModels/x", status=429) if is_down else nullcontext():
            model.invoke("1", **said)

        with pytest.raises(ParameterError, match="Did you mean 'temperature'"):
            model.invoke("1", tuned_only={"temprature": 1})

    sent = [request.body.get("labels") for request in gemini.requests if request.body]
    assert sent == [{"a": "b"}, None][: 1 + is_down]


def test_what_holds_no_arguments_is_refused() -> None:
    model = FallbackChatModel(models=[ScriptedChatModel(answers=["x"])])

    with pytest.raises(ParameterError, match=r'tuned_only=.*"labels".*, not a bool'):
        model.invoke("Hi", tuned_only=True)
