"""Names are checked before any URL exists."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini import TunedModelName, TunedModelNameError
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.tuned_models.platform import Platform

ID_CHARACTERS = string.ascii_lowercase + string.digits + "-"
PLACE = "projects/acme/locations/us-central1"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No project and no location from the machine that runs the tests."""
    for name in ("GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION"):
        monkeypatch.delenv(name, raising=False)


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
        ("projects/acme/locations/us-central1/publishers/google/models/gemini-pro", "base model"),
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
            "sql-expert-v1",
            (
                "'sql-expert-v1' is not a tuned model's full name. Write tunedModels/ID, or on Vertex AI "
                "projects/P/locations/L/endpoints/E. Without that Google looks for a base model; for one, "
                "use ChatGoogleGenerativeAI."
            ),
        ),
        (
            "projects/acme/endpoints/1",
            (
                "'projects/acme/endpoints/1' lacks its location. Write projects/P/locations/L/..., with the "
                "region that the model was tuned in."
            ),
        ),
        *(
            (
                name,
                (
                    f"{name!r} is no name of Vertex AI. Write projects/P/locations/L/endpoints/E, "
                    ".../tuningJobs/J or .../models/M@V, and nothing after it."
                ),
            )
            for name in (f"{PLACE}/endpoints/1/", "endpoints/a.b", "tuningJobs/")
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


VERTEX_NAMES = [
    f"{PLACE}/endpoints/7070905402157694976",
    f"{PLACE}/endpoints/my-endpoint",
    f"{PLACE}/tuningJobs/8356726629560483840",
    f"{PLACE}/models/1582035604160380928",
    f"{PLACE}/models/1582035604160380928@1",
    f"{PLACE}/models/sql_expert@golden-one",
    "projects/713601331534/locations/europe-west4/endpoints/1",
    "projects/example.com:acme/locations/global/endpoints/1",
]


@pytest.mark.parametrize("name", VERTEX_NAMES)
def test_a_full_name_of_vertex_ai_is_read_and_written_the_same(name: str) -> None:
    parsed = TunedModelName.parse(name)

    assert str(parsed) == str(TunedModelName.parse(parsed)) == name
    assert parsed.platform == "vertex"
    assert name.startswith(f"{parsed.parent}/{parsed.kind}/{parsed.id}")
    assert parsed.is_callable is ("endpoints" in name)


def test_a_name_of_the_developer_api_can_be_called_as_it_is() -> None:
    parsed = TunedModelName.parse("tunedModels/x")

    assert (parsed.platform, parsed.kind, parsed.is_callable) == ("developer", "tunedModels", True)


@pytest.mark.parametrize(
    ("name", "platform", "sentence"),
    [
        (
            VERTEX_NAMES[0],
            "developer",
            "is on Vertex AI, and this service knows the Gemini Developer API. Use VertexService.",
        ),
        (
            "tunedModels/x",
            "vertex",
            "is on the Gemini Developer API, and this service knows Vertex AI. Use GenAIService.",
        ),
    ],
)
def test_a_service_of_the_other_platform_is_told_which_one_to_use(
    name: str, platform: Platform, sentence: str
) -> None:
    parsed = TunedModelName.parse(name)
    assert parsed.on(parsed.platform) is parsed

    with pytest.raises(TunedModelNameError) as refused:
        parsed.on(platform)

    assert str(refused.value) == f"{name} {sentence}"
    assert refused.value.name == name


SHORT_NAMES = {
    "42": "endpoints/42",
    "endpoints/42": "endpoints/42",
    "endpoints/my-endpoint": "endpoints/my-endpoint",
    "tuningJobs/42": "tuningJobs/42",
    "models/42": "models/42",
    "models/42@2": "models/42@2",
}


@pytest.mark.parametrize("short", SHORT_NAMES)
def test_a_short_name_needs_its_project_and_location(
    short: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = f"{PLACE}/{SHORT_NAMES[short]}"

    assert str(TunedModelName.parse(short, project="acme", location="us-central1")) == full
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "acme")
    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.parse(short)
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-central1")
    assert str(TunedModelName.parse(short)) == full
    elsewhere = TunedModelName.parse(short, project="other", location="eu")
    assert elsewhere.parent == "projects/other/locations/eu"

    assert refused.value.name == short
    assert str(refused.value) == (
        f"{short!r} is short for a name of Vertex AI, and its location is not known. Pass "
        "location=..., set GOOGLE_CLOUD_LOCATION, or write the full name: "
        "projects/P/locations/L/endpoints/E."
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "the project is not known. Pass project=..., set GOOGLE_CLOUD_PROJECT."),
        ({"project": "acme"}, "the location is not known. Pass location=..., set GOOGLE_CLOUD_"),
        ({"project": "acme", "location": "global"}, "can't be in the location 'global'"),
    ],
)
def test_a_service_without_its_place_says_so_in_its_own_words(given, told) -> None:
    with pytest.raises(TunedModelNameError) as refused:
        VertexService(**given)

    assert told in str(refused.value)
    assert "endpoints/0" not in str(refused.value)


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (
            {"location": "us-central1"},
            "its project is not known. Pass project=..., set GOOGLE_CLOUD_",
        ),
        (
            {"project": "a/b", "location": "us-central1"},
            "'a/b' is no project of Google Cloud, such as 'acme-prod' or '123456789012'.",
        ),
        (
            {"project": "acme", "location": "evil.com/"},
            "'evil.com/' is no location of Google Cloud, such as 'us-central1'.",
        ),
        (
            {"project": "acme", "location": "global"},
            (
                "'42' can't be in the location 'global': a tuned model lies in the region it was tuned "
                "in. Pass that one, for example location='us-central1'."
            ),
        ),
    ],
)
def test_a_place_that_can_not_be_is_refused(place: dict[str, str], sentence: str) -> None:
    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.parse("42", **place)

    assert sentence in str(refused.value)
    assert refused.value.name == "42"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "projects/p/locations/us-central1/endpoints/42",
            ": 'p' is no project of Google Cloud, such as 'acme-prod' or '123456789012'.",
        ),
        (
            "projects/acme/locations/US/endpoints/42",
            ": 'US' is no location of Google Cloud, such as 'us-central1'.",
        ),
        (
            "projects/acme/locations/us-central1/endpoints/4:2",
            (
                ". Write projects/P/locations/L/endpoints/E, .../tuningJobs/J or .../models/M@V, "
                "and nothing after it."
            ),
        ),
    ],
)
def test_what_is_wrong_in_a_full_name_of_vertex_ai_is_told(name: str, problem: str) -> None:
    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.parse(name)

    assert str(refused.value) == f"{name!r} is no name of Vertex AI{problem}"


def test_a_full_name_keeps_its_own_location() -> None:
    name = f"{PLACE}/endpoints/1"
    assert str(TunedModelName.parse(name, project="other", location="us-central1")) == name

    with pytest.raises(TunedModelNameError) as refused:
        TunedModelName.parse(name, location="global")

    assert refused.value.name == name
    assert str(refused.value) == (
        f"{name!r} lies in us-central1, not in global. Leave location='global' out."
    )


@pytest.mark.parametrize(
    "name",
    [
        f"{PLACE}/endpoints/1:generateContent",
        f"{PLACE}/endpoints/1@2",
        f"{PLACE}/tuningJobs/1@2",
        f"{PLACE}/endpoints/../models/1",
        f"{PLACE}/endpoints/1?x",
        f"{PLACE}/endpoints/1#x",
        f"{PLACE}/endpoints/1\n",
        f"{PLACE}/endpoints/",
        f"{PLACE}/models/1@",
        f"{PLACE}/models/1@a/b",
        f"{PLACE}/pipelineJobs/1",
        f"/{PLACE}/endpoints/1",
        "projects/acme/locations/evil.com/endpoints/1",
        "projects/acme/locations/us-central1.evil/endpoints/1",
        "projects/a%2fb/locations/us-central1/endpoints/1",
        "endpoints/1@2",
        "models/text-bison@001",
        "models/gemini-pro",
        "٤٢",
    ],
)
def test_no_other_path_passes_for_a_name_of_vertex_ai(name: str) -> None:
    with pytest.raises(TunedModelNameError):
        TunedModelName.parse(name, project="acme", location="us-central1")


@given(st.sampled_from(VERTEX_NAMES), st.data())
def test_no_accepted_name_of_vertex_ai_can_change_a_url(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name)))
    characters = st.one_of(st.characters(), st.sampled_from("/@:.#?%-_A0\n"))
    inserted = data.draw(st.text(characters, min_size=1, max_size=4))
    try:
        accepted = TunedModelName.parse(name[:place] + inserted + name[place:])
    except TunedModelNameError:
        return
    assert set(accepted.location) <= set(ID_CHARACTERS)
    assert set(str(accepted)) <= set(string.ascii_letters + string.digits + "-_/.:@")
    assert str(accepted).count("/") == 5


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
