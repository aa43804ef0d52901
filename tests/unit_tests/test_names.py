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


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "A tuned model's name is empty. It looks like tunedModels/sql-expert-v1."),
        (
            "models/tunedModels/x",
            "'models/tunedModels/x' has one prefix too many: use 'tunedModels/x'.",
        ),
        *(
            (
                name,
                (
                    f"{name!r} is a base model, not a tuned one. Use ChatGoogleGenerativeAI for it, or pass "
                    "it as the fallback: model.with_few_shot_fallback(base, examples=...)."
                ),
            )
            for name in ("models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash")
        ),
        (
            "projects/p/locations/l/endpoints/1",
            (
                "'projects/p/locations/l/endpoints/1' is a Vertex AI name; only the Developer API's "
                "tunedModels/ID work here."
            ),
        ),
        (
            "sql-expert-v1",
            (
                "'sql-expert-v1' is not a tuned model's full name. Write tunedModels/ID. Without that "
                "prefix Google looks for a base model; for one, use ChatGoogleGenerativeAI."
            ),
        ),
        (
            "tunedModels/A",
            (
                "'tunedModels/A' is not a tuned model's name: after tunedModels/ it takes lower-case "
                "letters, digits and hyphens only."
            ),
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_would_be_right(name: str, sentence: str) -> None:
    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.parse(name)

    assert str(refused.value) == sentence


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
    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.for_new_model(model_id)

    assert refused.value.name == model_id
    assert str(refused.value) == (
        f"{model_id!r} can't be a tuned model's id: it takes 1 to 40 lower-case letters, digits and "
        "hyphens, starts with a letter and does not end with a hyphen."
    )
