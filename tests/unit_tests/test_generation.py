"""Generation parameters that suit tuned models."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini.generation import generation_parameters


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
