"""The arguments of a call reach the models that they are for, and no other one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from langchain_tuned_gemini import FallbackChatModel, ParameterError
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


def test_what_holds_no_arguments_is_refused() -> None:
    model = FallbackChatModel(models=[ScriptedChatModel(answers=["x"])])

    with pytest.raises(ParameterError, match=r'tuned_only=.*"labels".*, not a bool'):
        model.invoke("Hi", tuned_only=True)
