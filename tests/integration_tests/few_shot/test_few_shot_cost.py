"""What examples cost, as the README and the docstring say."""

import re
from dataclasses import asdict

import pytest

from benchmarks.few_shot_cost import measure
from benchmarks.results import recorded
from langchain_tuned_gemini import FewShotPrompt


@pytest.fixture(scope="module")
def costs():
    return measure()


def test_the_recorded_costs_of_the_readme_are_what_is_measured(costs):
    assert recorded("few_shot_cost") == {name: asdict(cost) for name, cost in costs.items()}


def test_the_docstring_tells_the_measured_costs(costs):
    tuned, _, selected, fixed, everything = costs.values()
    figures = [tuned.tokens, selected.tokens, selected.prefix, fixed.tokens, fixed.prefix]
    docstring = FewShotPrompt.__doc__.partition("What the examples cost")[2].partition("caches")[0]
    assert [int(figure) for figure in re.findall(r"\b\d{2,}\b", docstring)] == [
        round(figure) for figure in figures
    ]
    assert f"have {everything.prefix:,}" in FewShotPrompt.__doc__


def test_fixed_examples_are_the_same_prefix_of_every_prompt_and_selected_ones_are_not(costs):
    _, _, selected, fixed, everything = costs.values()

    assert fixed.tokens - fixed.prefix < 15  # the question
    assert everything.tokens - everything.prefix < 15
    assert selected.prefix < 40  # the instruction
