"""What a library shows of the tuned models that there are, on both platforms."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini import (
    ModelLibrary,
    ParameterError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelState,
    VersionName,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, DAY, KEY, NOW, Ask


@pytest.fixture
def library(gemini: Emulator, generativeai: GenerativeAIService) -> ModelLibrary:
    """Models of the Developer API, in no order."""
    for number, (name, state) in enumerate(
        [
            ("sql-expert-v10", "ACTIVE"),
            ("sql-expert-v2", "FAILED"),
            ("sql-expert-v2-rc1", "ACTIVE"),
            ("router-001", "CREATING"),
            ("experiment", "ACTIVE"),
        ]
    ):
        gemini.add_tuned_model(
            f"tunedModels/{name}", state=state, create_time=NOW - (10 - number) * DAY
        )
    return ModelLibrary(generativeai, clock=lambda: NOW)


async def test_a_family_is_listed_in_the_order_of_its_versions(
    ask: Ask, library: ModelLibrary
) -> None:
    versions = await ask(library, "versions", "sql-expert")

    assert [model.version for model in versions] == ["v2-rc1", "v2", "v10"]


async def test_what_has_failed_is_found(ask: Ask, library: ModelLibrary) -> None:
    failed = await ask(library, "failed")

    assert [model.name for model in failed] == ["tunedModels/sql-expert-v2"]


SELECTIONS = [
    ({}, ["sql-expert-v10", "sql-expert-v2", "sql-expert-v2-rc1", "router-001", "experiment"]),
    ({"state": TunedModelState.CREATING}, ["router-001"]),
    ({"family": "router"}, ["router-001"]),
    ({"older_than": 8.5 * DAY}, ["sql-expert-v10", "sql-expert-v2"]),
    ({"base_model": "gemini-1.5-flash-001-tuning", "family": "router"}, ["router-001"]),
    ({"base_model": "gemini-3.5-flash"}, []),
    ({"platform": "vertex"}, []),
]


@pytest.mark.parametrize(("selection", "expected"), SELECTIONS)
async def test_a_list_can_be_narrowed_down(
    ask: Ask, library: ModelLibrary, selection: dict, expected: list[str]
) -> None:
    listed = await ask(library, "list", **selection)

    assert [model.name.removeprefix("tunedModels/") for model in listed] == expected


def test_a_model_without_a_version_belongs_to_no_family(library: ModelLibrary) -> None:
    experiment = library.find("tunedModels/experiment")

    assert (experiment.family, experiment.version) == ("", "")
    assert experiment.deployed is None


def test_the_age_of_a_model_is_told(library: ModelLibrary) -> None:
    assert library.find("tunedModels/experiment").age == pytest.approx(6 * DAY)


async def test_the_next_version_is_named_and_checked(ask: Ask, library: ModelLibrary) -> None:
    assert await ask(library, "next_version", "sql-expert") == VersionName("sql-expert", "v11")
    assert str(await ask(library, "next_version", "router")) == "router-002"
    assert str(await ask(library, "next_version", "new-one")) == "new-one-v1"
    with pytest.raises(TunedModelNameError, match="1 to 40"):
        await ask(library, "next_version", "x" * 39)
    with pytest.raises(TunedModelNameError, match="can't be a family"):
        await ask(library, "next_version", "sql-expert-v2")


async def test_a_model_is_found_by_its_full_name_and_by_its_version(
    ask: Ask, library: ModelLibrary
) -> None:
    by_name = await ask(library, "find", "tunedModels/sql-expert-v2-rc1")
    by_version = await ask(library, "find", "sql-expert-v2-rc1")

    assert by_name == by_version
    assert by_name.model.hyperparameters["epochCount"]


async def test_what_is_not_there_is_an_error_that_says_so(ask: Ask, library: ModelLibrary) -> None:
    with pytest.raises(TunedModelNotFoundError, match="does not exist"):
        await ask(library, "find", "tunedModels/gone")
    with pytest.raises(TunedModelNameError, match="No tuned model is called sql-expert-v3"):
        await ask(library, "find", "sql-expert-v3")
    with pytest.raises(TunedModelNameError, match="not a tuned model's full name"):
        await ask(library, "find", "experiment")
    with pytest.raises(TunedModelNameError, match="No service of this library"):
        await ask(library, "find", f"{AT}/endpoints/42")


def test_googles_addition_to_a_name_does_not_hide_its_version(
    gemini: Emulator, genai: GenAIService
) -> None:
    gemini.add_tuned_model("tunedModels/sql-expert-v1-9wpmc1m920vq", display_name="sql-expert-v1")

    (model,) = ModelLibrary(genai).versions("sql-expert")

    assert (model.name, model.version) == ("tunedModels/sql-expert-v1-9wpmc1m920vq", "v1")


def test_two_models_of_one_version_are_told_apart_by_their_full_names(
    gemini: Emulator, genai: GenAIService
) -> None:
    for suffix in "ab":
        gemini.add_tuned_model(f"tunedModels/x-v1-{suffix}", display_name="x-v1")

    with pytest.raises(TunedModelNameError, match="tunedModels/x-v1-a, tunedModels/x-v1-b"):
        ModelLibrary(genai).find("x-v1")


async def test_vertex_ais_display_names_and_registered_versions_are_versions(
    ask: Ask, gemini: Emulator, vertex: VertexService
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/1", display_name="sql-expert-v1")
    gemini.add_vertex_model(f"{AT}/endpoints/2", display_name="sql-expert-v2")
    for endpoint in (31, 32):
        gemini.add_vertex_model(
            f"{AT}/endpoints/{endpoint}", model=f"{AT}/models/77", display_name="router"
        )
    gemini.add_vertex_model(f"{AT}/tuningJobs/9", state="JOB_STATE_FAILED", display_name="broken")
    library = ModelLibrary(vertex)

    listed = await ask(library, "list")

    found = {(model.family, model.version, model.deployed) for model in listed}
    assert found == {
        ("sql-expert", "v1", True),
        ("sql-expert", "v2", True),
        ("router", "v1", True),
        ("router", "v2", True),
        ("", "", False),
    }


async def test_a_model_of_vertex_ai_is_the_same_by_each_of_its_names(
    ask: Ask, gemini: Emulator, vertex: VertexService
) -> None:
    tuned = gemini.add_vertex_model(
        f"{AT}/endpoints/31", model=f"{AT}/models/77", display_name="router"
    )
    library = ModelLibrary(vertex)

    for name in (tuned.job, tuned.endpoint, tuned.model):
        found = await ask(library, "find", name)
        assert (found.family, found.version, found.deployed) == ("router", "v1", True), name
        assert found.model.model == tuned.model


async def test_what_is_not_deployed_any_more_is_not_shown_as_live(
    ask: Ask, gemini: Emulator, vertex: VertexService
) -> None:
    tuned = gemini.add_vertex_model(f"{AT}/endpoints/1", display_name="sql-expert-v1")
    undeploy(gemini, tuned.endpoint)

    (model,) = await ask(ModelLibrary(vertex), "list")

    assert model.deployed is False
    assert model.state is TunedModelState.UNKNOWN
    assert model.model.raw_state == "NOT_DEPLOYED"


def undeploy(gemini: Emulator, endpoint: str) -> None:
    """Takes the model away from its endpoint, as its owner may do."""
    import httpx

    url = f"{gemini.base_url}/v1beta1/{endpoint}"
    headers = {"x-goog-api-key": KEY}
    (deployed,) = httpx.get(url, headers=headers).json()["deployedModels"]
    body = {"deployedModelId": deployed["id"]}
    httpx.post(f"{url}:undeployModel", headers=headers, json=body).raise_for_status()


async def test_two_platforms_are_one_library(
    ask: Ask, gemini: Emulator, genai: GenAIService, vertex: VertexService
) -> None:
    gemini.add_tuned_model("tunedModels/sql-expert-v1")
    gemini.add_vertex_model(f"{AT}/endpoints/2", display_name="sql-expert-v2")
    library = ModelLibrary([genai, vertex])

    versions = await ask(library, "versions", "sql-expert")
    only = await ask(library, "list", platform="vertex")

    assert [(model.platform, model.version) for model in versions] == [
        ("developer", "v1"),
        ("vertex", "v2"),
    ]
    assert [model.version for model in only] == ["v2"]
    assert str(await ask(library, "next_version", "sql-expert")) == "sql-expert-v3"


async def test_a_service_that_can_not_answer_does_not_shorten_the_list(
    ask: Ask, gemini: Emulator, genai: GenAIService, vertex: VertexService
) -> None:
    gemini.add_tuned_model("tunedModels/sql-expert-v1")
    services: list[TunedModelService] = [genai, vertex]
    with (
        gemini.fault(method="tuningJobs.list", status=403),
        pytest.raises(ServiceError, match="403"),
    ):
        await ask(ModelLibrary(services), "list")

    nobody = GenAIService.from_api_key(KEY, base_url="http://127.0.0.1:9")
    with pytest.raises(ServiceUnreachableError):
        await ask(ModelLibrary([genai, nobody]), "list")


def test_a_library_needs_a_service() -> None:
    with pytest.raises(ParameterError, match="at least one service"):
        ModelLibrary([])
