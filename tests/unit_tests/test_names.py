"""Names are checked before any URL exists."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tuned_gemini import TunedModelName, TunedModelNameError

ID_CHARACTERS = string.ascii_lowercase + string.digits + "-"


@pytest.mark.parametrize(
    "name",
    [
        "tunedModels/sql-expert-v1",
        "tunedModels/a",
        "tunedModels/az2mb0bpw6i",
        "tunedModels/generatenum392-dd0p9rp2dktdfzwgrakk71f7h",
    ],
)
def test_a_full_name_is_read_and_written_the_same(name: str) -> None:
    assert str(TunedModelName.parse(name)) == name


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("sql-expert-v1", "tunedModels/ID"),
        ("gemini-2.5-flash", "ChatGoogleGenerativeAI"),
        ("models/gemini-2.5-flash", "with_few_shot_fallback"),
        ("publishers/google/models/gemini-2.5-flash", "base model"),
        ("models/tunedModels/x", "use 'tunedModels/x'"),
        ("projects/p/locations/l/endpoints/1", "Vertex"),
        ("tunedModels/", "lower-case"),
        ("tunedModels/../x", "lower-case"),
        ("tunedModels/a#x", "lower-case"),
        ("tunedModels/a?x", "lower-case"),
        ("tunedModels/a%2fx", "lower-case"),
        ("tunedModels/a:countTokens", "lower-case"),
        ("tunedModels/a/b", "lower-case"),
        ("tunedModels/A", "lower-case"),
        ("tunedModels/a-", "lower-case"),
        ("tunedModels/a\n", "lower-case"),
        ("tunedModels/é", "lower-case"),
        ("tunedModels/" + "a" * 81, "lower-case"),
    ],
)
def test_what_is_no_tuned_models_name_is_refused_with_advice(name: str, advice: str) -> None:
    with pytest.raises(TunedModelNameError, match=advice) as refused:
        TunedModelName.parse(name)

    assert refused.value.name == name


@given(st.text())
def test_no_accepted_name_can_change_a_url(text: str) -> None:
    try:
        accepted = TunedModelName.parse(f"tunedModels/{text}")
    except TunedModelNameError:
        return
    assert set(accepted.id) <= set(ID_CHARACTERS)


@pytest.mark.parametrize("model_id", ["a", "sql-expert-v1", "a" * 40])
def test_an_id_that_google_accepts_can_be_chosen(model_id: str) -> None:
    assert str(TunedModelName.for_new_model(model_id)) == f"tunedModels/{model_id}"


@pytest.mark.parametrize("model_id", ["", "1a", "a-", "A", "a_b", "a" * 41, "tunedModels/a"])
def test_an_id_that_google_would_refuse_is_refused_first(model_id: str) -> None:
    with pytest.raises(TunedModelNameError, match="1 to 40"):
        TunedModelName.for_new_model(model_id)
