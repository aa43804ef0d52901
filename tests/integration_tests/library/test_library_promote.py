"""Promoting and rolling back, with real calls of the versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import (
    AliasName,
    ModelLibrary,
    ProbeOutcome,
    PromotionRefusedError,
    RecordNotFoundError,
    Records,
    RecordsChangedError,
    RecordsError,
    TunedModelNameError,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.registry import VersionRecord
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, KEY, NOW, Ask

PRODUCTION = "sql-expert@production"
EXAMPLES = [("1", "2")]


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


@pytest.fixture(params=["genai", "generativeai", "vertex"])
def service(request: pytest.FixtureRequest) -> Iterator[TunedModelService]:
    service: TunedModelService = request.getfixturevalue(request.param)
    yield service


@pytest.fixture
def names(gemini: Emulator, service: TunedModelService) -> dict[str, str]:
    """The names of three versions that answer, as they are called."""
    names = {}
    for number in (1, 2, 3):
        called = f"sql-expert-v{number}"
        if service.platform == "developer":
            names[f"v{number}"] = f"tunedModels/{called}"
            gemini.add_tuned_model(names[f"v{number}"], examples=EXAMPLES)
        else:
            names[f"v{number}"] = f"{AT}/endpoints/{number}"
            gemini.add_vertex_model(names[f"v{number}"], examples=EXAMPLES, display_name=called)
    return names


@pytest.fixture
def library(service: TunedModelService, records: Records, names: dict[str, str]) -> ModelLibrary:
    return ModelLibrary(service, records, user="ann", clock=lambda: NOW)


def target(records: Records, alias: str = PRODUCTION) -> tuple[str, str]:
    version = records.load().target(AliasName.parse(alias))
    return version.label, version.record.model


async def test_an_alias_is_promoted_and_rolled_back(
    ask: Ask, library: ModelLibrary, records: Records, names: dict[str, str]
) -> None:
    for version in ("v1", "v2", "v3"):
        promoted = await ask(library, "promote", PRODUCTION, version)
        assert (promoted.version, promoted.probe.outcome) == (version, ProbeOutcome.READY)
        assert target(records) == (version, names[version])

    back = [await ask(library, "rollback", PRODUCTION) for _ in range(2)]

    assert [(change.before, change.version) for change in back] == [("v3", "v2"), ("v2", "v1")]
    assert target(records) == ("v1", names["v1"])
    with pytest.raises(RecordNotFoundError, match="nothing to go back to"):
        await ask(library, "rollback", PRODUCTION)
    history = records.load().history(AliasName.parse(PRODUCTION))
    assert [(change.version, change.rollback, change.by) for change in history] == [
        ("v1", False, "ann"),
        ("v2", False, "ann"),
        ("v3", False, "ann"),
        ("v2", True, "ann"),
        ("v1", True, "ann"),
    ]


async def test_what_is_promoted_already_is_not_promoted_again(
    ask: Ask, library: ModelLibrary, records: Records
) -> None:
    await ask(library, "promote", PRODUCTION, "v1")
    text = records.path.read_text()

    again = await ask(library, "promote", PRODUCTION, "v1")

    assert (again.before, again.version) == ("v1", "v1")
    assert records.path.read_text() == text


async def test_the_library_shows_where_the_aliases_point(ask: Ask, library: ModelLibrary) -> None:
    await ask(library, "promote", PRODUCTION, "v2")
    await ask(library, "promote", "sql-expert@staging", "v3")

    aliases = {m.version: m.aliases for m in await ask(library, "versions", "sql-expert")}
    found = await ask(library, "find", PRODUCTION)

    assert aliases == {"v1": (), "v2": (PRODUCTION,), "v3": ("sql-expert@staging",)}
    assert (found.version, found.aliases) == ("v2", (PRODUCTION,))


STATES = [
    ("CREATING", "JOB_STATE_RUNNING", "can't answer yet"),
    ("FAILED", "JOB_STATE_FAILED", "will never answer"),
]


@pytest.mark.parametrize(("state", "vertex_state", "told"), STATES)
async def test_what_is_not_active_is_not_promoted(
    ask: Ask,
    tmp_path: Path,
    gemini: Emulator,
    genai: GenAIService,
    vertex: VertexService,
    state: str,
    vertex_state: str,
    told: str,
) -> None:
    gemini.add_tuned_model("tunedModels/a-v1", state=state)
    gemini.add_vertex_model(f"{AT}/tuningJobs/1", state=vertex_state, display_name="b-v1")
    library = ModelLibrary([genai, vertex], tmp_path / "models.toml")

    for alias in ("a@production", "b@production"):
        with pytest.raises(PromotionRefusedError, match=f"{alias} stays as it is: .*{told}"):
            await ask(library, "promote", alias, "v1")

    assert not (tmp_path / "models.toml").exists()


async def test_what_does_not_answer_is_not_promoted(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records, names: dict[str, str]
) -> None:
    await ask(library, "promote", PRODUCTION, "v1")

    with (
        gemini.fault(model=names["v2"], status=500),
        pytest.raises(PromotionRefusedError) as caught,
    ):
        await ask(library, "promote", PRODUCTION, "v2")

    assert caught.value.name.rpartition("/")[2] != ""
    assert "500" in str(caught.value)
    assert target(records)[0] == "v1"


async def test_one_can_go_back_to_what_does_not_answer_by_force_only(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records, names: dict[str, str]
) -> None:
    for version in ("v1", "v2"):
        await ask(library, "promote", PRODUCTION, version)

    with gemini.fault(model=names["v1"], status=429):
        with pytest.raises(PromotionRefusedError, match="429"):
            await ask(library, "rollback", PRODUCTION)
        assert target(records)[0] == "v2"
        await ask(library, "rollback", PRODUCTION, force=True)

    assert target(records)[0] == "v1"


async def test_a_promotion_by_somebody_else_in_between_is_not_undone(
    ask: Ask, service: TunedModelService, records: Records, names: dict[str, str]
) -> None:
    theirs = ModelLibrary(service, records, user="ben")
    await ask(theirs, "promote", PRODUCTION, "v1")
    ours = ModelLibrary(Interrupted(service, lambda: theirs.promote(PRODUCTION, "v3")), records)

    with pytest.raises(RecordsChangedError, match="was v1 a moment ago and is v3 now"):
        await ask(ours, "promote", PRODUCTION, "v2")

    assert target(records)[0] == "v3"


class Interrupted:
    """A service beside which something else happens once, while a model is called."""

    def __init__(self, service: TunedModelService, interruption: Any) -> None:
        self._service = service
        self._interruption = interruption

    def client(self) -> Any:
        interruption, self._interruption = self._interruption, lambda: None
        interruption()
        return self._service.client()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


async def test_a_version_is_promoted_by_its_full_name(
    ask: Ask, library: ModelLibrary, records: Records, names: dict[str, str]
) -> None:
    promoted = await ask(library, "promote", PRODUCTION, names["v2"])

    assert (promoted.version, target(records)[1]) == ("v2", names["v2"])


async def test_what_is_of_another_family_is_not_promoted(
    ask: Ask, gemini: Emulator, genai: GenAIService, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/router-v1")
    gemini.add_tuned_model("tunedModels/experiment")
    library = ModelLibrary(genai, records)

    with pytest.raises(TunedModelNameError, match="is router v1, so sql-expert@production can't"):
        await ask(library, "promote", PRODUCTION, "tunedModels/router-v1")
    with pytest.raises(TunedModelNameError, match="no version of any family"):
        await ask(library, "promote", PRODUCTION, "tunedModels/experiment")
    with pytest.raises(TunedModelNameError, match="router has the versions v1"):
        await ask(library, "promote", "router@production", "v2")
    with pytest.raises(TunedModelNameError, match="is no alias"):
        await ask(library, "promote", "router", "v1")


async def test_a_version_of_any_name_can_be_promoted_once_it_is_recorded(
    ask: Ask, gemini: Emulator, genai: GenAIService, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/experiment", examples=EXAMPLES)
    with records.edit() as (_, editor):
        record = VersionRecord(model="tunedModels/experiment")
        editor.add_version("sql-expert", "clean-dataset", record)

    await ask(ModelLibrary(genai, records), "promote", PRODUCTION, "clean-dataset")

    assert target(records) == ("clean-dataset", "tunedModels/experiment")


async def test_recorded_versions_are_not_named_again(
    ask: Ask, gemini: Emulator, genai: GenAIService, records: Records
) -> None:
    with records.edit() as (_, editor):
        editor.add_version("x", "v7", VersionRecord(model="tunedModels/x-v7"))

    assert str(await ask(ModelLibrary(genai, records), "next_version", "x")) == "x-v8"


def test_who_has_promoted_is_the_systems_user_if_nobody_says_who(
    gemini: Emulator, genai: GenAIService, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "carla")
    gemini.add_tuned_model("tunedModels/x-v1", examples=EXAMPLES)

    ModelLibrary(genai, records).promote("x@production", "v1")

    (change,) = records.load().history(AliasName.parse("x@production"))
    assert change.by == "carla"


def test_no_key_gets_into_the_records(
    gemini: Emulator, generativeai: GenerativeAIService, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/x-v1", examples=EXAMPLES)

    ModelLibrary(generativeai, records).promote("x@production", "v1")

    assert KEY not in records.path.read_text()


async def test_a_second_model_of_a_version_does_not_take_the_place_of_the_recorded_one(
    ask: Ask, gemini: Emulator, generativeai: GenerativeAIService, records: Records
) -> None:
    for suffix in "ab":
        name = f"tunedModels/x-v1-{suffix}"
        gemini.add_tuned_model(name, examples=EXAMPLES, display_name="x-v1")
    library = ModelLibrary(generativeai, records)
    await ask(library, "promote", "x@production", "tunedModels/x-v1-a")

    with pytest.raises(RecordsError, match="x v1 is recorded already, as tunedModels/x-v1-a"):
        await ask(library, "promote", "x@production", "tunedModels/x-v1-b")

    assert target(records, "x@production") == ("v1", "tunedModels/x-v1-a")


async def test_a_version_whose_name_google_has_made_is_promoted(
    ask: Ask, gemini: Emulator, service: TunedModelService, records: Records
) -> None:
    """google-genai tells a model's name for people in lists only."""
    if service.platform == "vertex":
        pytest.skip("Vertex AI's ids are numbers")
    name = "tunedModels/x-v1-9wpmc1m920vq"
    gemini.add_tuned_model(name, examples=EXAMPLES, display_name="x-v1")
    library = ModelLibrary(service, records)

    await ask(library, "promote", "x@production", "v1")

    assert target(records, "x@production") == ("v1", name)
    assert (await ask(library, "find", "x-v1")).version == "v1"


async def test_what_is_found_once_is_not_asked_for_again(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records, names: dict[str, str]
) -> None:
    await ask(library, "promote", PRODUCTION, "v1")
    await ask(library, "promote", PRODUCTION, "v2")
    before = len(gemini.requests)

    await ask(library, "rollback", PRODUCTION)

    asked = [(request.method, request.path) for request in gemini.requests[before:]]
    assert len(asked) == len(set(asked)), asked
