"""Generation parameters that suit tuned models."""

from __future__ import annotations

from typing import Any

import pytest

from langchain_tuned_gemini.tuned_models.base_models import BASE_MODELS, find
from langchain_tuned_gemini.tuned_models.generation_presets import (
    base_model_arguments,
    base_model_parameters,
    generation_parameters,
)


def test_nothing_is_sent_that_was_not_said() -> None:
    assert generation_parameters(None, {"temperature": None, "top_k": None}) == {}


def test_what_the_user_said_goes_before_the_preset() -> None:
    assert generation_parameters("strict", {"top_k": 1, "temperature": 0.0}) == {
        "temperature": 0.0,
        "top_p": 0.8,
        "top_k": 1,
        "max_output_tokens": 1024,
    }


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_a_warm_strict_task_is_warned_of(temperature: float) -> None:
    with pytest.warns(UserWarning, match="task='strict'"):
        generation_parameters("strict", {"temperature": temperature})


def test_a_creative_task_may_be_warm() -> None:
    assert generation_parameters("creative", {"temperature": 1.0})["temperature"] == 1.0


@pytest.mark.parametrize("said", [{}, {"temperature": None, "max_output_tokens": None}])
def test_a_base_model_is_sent_nothing_that_was_not_said_but_to_think_little(
    said: dict[str, Any],
) -> None:
    for base in BASE_MODELS.values():
        assert base_model_parameters(None, said, base) == base.least_thinking
    assert base_model_parameters(None, said, None) == {}


@pytest.mark.parametrize(
    ("base", "said", "sent"),
    [
        ("gemini-2.5-flash", {}, {"thinking_budget": 0}),
        ("gemini-2.5-flash-lite", {}, {"thinking_budget": 0}),
        ("gemini-2.5-pro", {}, {"thinking_budget": 128}),
        ("gemini-3.5-flash", {}, {"thinking_level": "minimal"}),
        ("gemini-3.8-flash", {}, {"thinking_level": "low"}),
        ("gemini-2.5-flash", {"thinking_budget": 0}, {"thinking_budget": 0}),
        ("gemini-2.5-flash", {"thinking_budget": -1}, {"thinking_budget": -1}),
        ("gemini-2.5-flash", {"thinking_budget": 700}, {"thinking_budget": 700}),
        ("gemini-2.5-flash", {"thinking_budget": 32_768}, {"thinking_budget": 24_576}),
        ("gemini-2.5-flash-lite", {"thinking_budget": 7}, {"thinking_budget": 512}),
        ("gemini-2.5-pro", {"thinking_budget": 0}, {"thinking_budget": 128}),
        ("gemini-2.5-pro", {"thinking_level": "high"}, {"thinking_budget": 128}),
        ("gemini-3.5-flash", {"thinking_budget": 0}, {"thinking_level": "minimal"}),
        ("gemini-3.5-flash", {"thinking_level": "high"}, {"thinking_level": "high"}),
        ("gemini-3.8-flash", {"thinking_level": "minimal"}, {"thinking_level": "low"}),
        ("gemini-3.8-flash", {"thinking_level": "medium"}, {"thinking_level": "medium"}),
        ("gemini-99", {"thinking_budget": 0}, {}),
    ],
)
@pytest.mark.parametrize("limit", [{}, {"max_output_tokens": 64}])
def test_a_base_model_thinks_by_its_own_rules(
    base: str, said: dict[str, Any], sent: dict[str, Any], limit: dict[str, int]
) -> None:
    parameters = base_model_parameters(None, {**limit, **said}, find(base))

    thinking = {name: it for name, it in parameters.items() if name.startswith("thinking")}
    assert thinking == sent


@pytest.mark.parametrize(
    ("base", "said", "limit"),
    [
        ("gemini-2.5-flash", {}, 64),
        ("gemini-3.5-flash", {"thinking_level": "high"}, 64),
        ("gemini-2.5-flash", {"thinking_budget": -1}, 64),
        ("gemini-2.5-flash", {"thinking_budget": 700}, 764),
        ("gemini-2.5-pro", {}, 192),
        ("gemini-2.5-pro", {"max_output_tokens": 65_500}, 65_535),
        ("gemini-2.5-pro", {"max_output_tokens": 65_536}, 65_536),
    ],
)
def test_a_budget_to_think_leaves_the_answer_its_tokens(
    base: str, said: dict[str, Any], limit: int
) -> None:
    parameters = base_model_parameters(None, {"max_output_tokens": 64, **said}, find(base))

    assert parameters["max_output_tokens"] == limit


THINKING_MORE = {"max_output_tokens": 64, "thinking_budget": 700}


@pytest.mark.parametrize(
    ("base", "given", "said", "sent"),
    [
        ("gemini-2.5-pro", {}, {}, {}),
        ("gemini-2.5-pro", {}, {"seed": 7, "stop": None}, {"seed": 7, "stop": None}),
        (
            "gemini-2.5-pro",
            {},
            {"max_output_tokens": 64, "seed": 7},
            {"max_output_tokens": 192, "thinking_budget": 128, "seed": 7},
        ),
        ("gemini-2.5-pro", {}, {"thinking_budget": 0}, {"thinking_budget": 128}),
        (
            "gemini-2.5-flash",
            THINKING_MORE,
            {"max_output_tokens": 32},
            {"max_output_tokens": 732, "thinking_budget": 700},
        ),
        (
            "gemini-2.5-flash",
            THINKING_MORE,
            {"thinking_budget": 0},
            {"max_output_tokens": 64, "thinking_budget": 0},
        ),
        ("gemini-2.5-flash", {}, {"thinking_level": "high"}, {"thinking_budget": 0}),
        ("gemini-2.5-flash", {}, {"reasoning_effort": "high"}, {"thinking_budget": 0}),
        ("gemini-3.5-flash", {}, {"reasoning_effort": "high"}, {"thinking_level": "high"}),
        ("gemini-3.5-flash", {}, {"thinking_level": "hard"}, {"thinking_level": "hard"}),
        ("gemini-3.8-flash", {}, {"temperature": 0.1}, {"thinking_level": "low"}),
        (
            "gemini-2.5-pro",
            {},
            {"generation_config": {"max_output_tokens": 64, "seed": 7}},
            {
                "max_output_tokens": 192,
                "thinking_budget": 128,
                "generation_config": {"seed": 7},
            },
        ),
        ("gemini-99", {}, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    ],
)
def test_what_a_call_says_to_a_base_model_follows_its_rules(
    base: str, given: dict[str, Any], said: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert base_model_arguments(None, given, find(base), said) == sent


def test_a_preset_limits_a_base_model() -> None:
    assert base_model_parameters("strict", {}, find("gemini-3.6-flash")) == {
        "max_output_tokens": 1024,
        "thinking_level": "minimal",
    }


def test_a_base_model_that_ignores_sampling_gets_none_without_a_word(
    recwarn: pytest.WarningsRecorder,
) -> None:
    given = {"temperature": 1.0, "seed": 7}

    assert base_model_parameters("strict", given, find("gemini-3.7-flash"))["seed"] == 7
    assert "temperature" not in base_model_parameters(None, given, find("gemini-3.7-flash"))
    assert not recwarn.list
