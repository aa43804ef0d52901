"""What is known of base models, and of nothing else."""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import pytest
from langchain_google_genai.data._profiles import _PROFILES

from langchain_tuned_gemini.tuned_models.base_models import (
    BASE_MODELS,
    BaseModel,
    BaseModelRetiredWarning,
    base_model_id,
    find,
)
from langchain_tuned_gemini.tuned_models.generation_presets import generation_parameters
from langchain_tuned_gemini.tuned_models.platform import Platform

NAMES = {
    "gemini-2.5-flash": "gemini-2.5-flash",
    "gemini-2.5-flash-001": "gemini-2.5-flash",
    "models/gemini-2.5-flash": "gemini-2.5-flash",
    "publishers/google/models/gemini-2.5-flash": "gemini-2.5-flash",
    "projects/p/locations/global/publishers/google/models/gemini-2.5-flash@default": (
        "gemini-2.5-flash"
    ),
    "gemini-2.5-flash-lite": "gemini-2.5-flash-lite",
    "gemini-2.5": None,
    "gemini-2.5-flash-latest": None,
    "my-gemini-2.5-flash": None,
    "tunedModels/gemini-2.5-flash": None,
    "publishers/acme/models/gemini-2.5-flash": None,
    "projects/p/locations/l/endpoints/42": None,
    "": None,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_base_model_is_known_by_its_whole_name_only(name: str) -> None:
    found = find(name)

    assert (found and found.id) == NAMES[name]


@pytest.mark.parametrize("name", ["tunedModels/x", "projects/p/locations/l/endpoints/42", "", "42"])
def test_what_is_no_base_models_name_has_no_id(name: str) -> None:
    assert base_model_id(name) is None


ENDS = [
    (model, platform, *model.ends[platform])
    for model in BASE_MODELS.values()
    for platform in model.ends
]


@pytest.mark.parametrize(
    ("model", "platform", "day", "stand_in"),
    ENDS,
    ids=[f"{model.id} on {platform}" for model, platform, *_ in ENDS],
)
def test_a_model_is_retired_from_its_day_on(
    model: BaseModel, platform: Platform, day: date, stand_in: str
) -> None:
    assert model.retirement(platform, day - timedelta(days=1)) is None
    retirement = model.retirement(platform, day)

    assert retirement is not None
    assert (retirement.day, retirement.stand_in) == (day, stand_in)
    assert str(day) in str(retirement)
    assert retirement.source in str(retirement)
    assert retirement.source.startswith("https://")


def test_what_stands_in_for_a_model_is_known() -> None:
    stand_ins = {stand_in for _, _, _, stand_in in ENDS if stand_in}

    assert stand_ins <= BASE_MODELS.keys()
    assert stand_ins


def test_a_model_without_an_end_is_not_retired() -> None:
    assert BASE_MODELS["gemini-3.5-flash"].retirement("vertex", date(2099, 1, 1)) is None


def test_a_warning_travels_to_another_process() -> None:
    retirement = BASE_MODELS["gemini-2.5-flash"].retirement("vertex", date(2027, 1, 1))
    assert retirement is not None

    twin = pickle.loads(pickle.dumps(BaseModelRetiredWarning("gone", retirement)))

    assert (str(twin), twin.retirement) == ("gone", retirement)


@pytest.mark.parametrize("model", BASE_MODELS.values(), ids=lambda model: model.id)
def test_the_least_thinking_is_what_upstream_says(model: BaseModel) -> None:
    levels = _PROFILES[model.id].get("reasoning_effort_levels")

    if levels:
        assert model.least_thinking == {"thinking_level": levels[0]}
    (parameter,) = model.least_thinking
    assert parameter == ("thinking_level" if model.signs_thoughts else "thinking_budget")


@pytest.mark.parametrize("said", [{"thinking_level": "high"}, {"thinking_budget": 5}])
def test_thinking_that_was_set_is_left_alone(said: dict[str, object]) -> None:
    assert generation_parameters(None, said, BASE_MODELS["gemini-3.5-flash"]) == said


def test_sampling_is_left_alone_where_the_base_heeds_it() -> None:
    parameters = generation_parameters("strict", {}, BASE_MODELS["gemini-2.5-flash"])

    assert (parameters["temperature"], parameters["thinking_budget"]) == (0.2, 0)


def test_a_warm_strict_task_is_not_warned_of_where_the_base_ignores_it() -> None:
    with pytest.warns(UserWarning, match="ignore that") as told:
        generation_parameters("strict", {"temperature": 1.0}, BASE_MODELS["gemini-3.6-flash"])

    assert len(told) == 1
