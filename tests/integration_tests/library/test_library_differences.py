"""What the records say and the platforms don't, and how that is mended."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import AliasName, ModelLibrary, Records
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.library import DifferenceKind
from langchain_tuned_gemini.registry import ChangeRecord, VersionRecord
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, NOW, Ask

BASE = "models/gemini-1.5-flash-001-tuning"


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


@pytest.fixture
def library(genai: GenAIService, records: Records) -> ModelLibrary:
    return ModelLibrary(genai, records, clock=lambda: NOW)


def record(records: Records, version: str, **fields: Any) -> None:
    model = fields.pop("model", f"tunedModels/x-{version}")
    with records.edit() as (_, editor):
        editor.add_version("x", version, VersionRecord(model=model, **fields))


async def differences(ask: Ask, library: ModelLibrary) -> list[tuple[str, str]]:
    return [(d.kind.value, d.version) for d in await ask(library, "differences")]


async def test_what_agrees_does_not_differ(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/x-v1")
    record(records, "v1", base_model="gemini-1.5-flash-001-tuning")  # without its path

    assert await differences(ask, library) == []
    assert library.mend(await ask(library, "differences")) == ()


async def test_what_is_not_recorded_is_recorded(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/x-v1")
    gemini.add_tuned_model("tunedModels/experiment")

    found = await ask(library, "differences")
    mended = library.mend(found)

    assert {(d.kind, d.version) for d in found} == {
        (DifferenceKind.UNRECORDED, "v1"),
        (DifferenceKind.UNRECORDED, ""),
    }
    assert [difference.version for difference in mended] == ["v1"]
    version = records.load().version("x", "v1")
    assert (version.record.model, version.record.base_model) == ("tunedModels/x-v1", BASE)


async def test_what_is_gone_is_recorded_as_deleted_and_what_is_back_as_there(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    record(records, "v1")
    assert await differences(ask, library) == [("gone", "v1")]

    library.mend(await ask(library, "differences"))
    deleted = records.load().version("x", "v1").record.deleted
    assert deleted == datetime.fromtimestamp(NOW, UTC)
    assert await differences(ask, library) == []

    gemini.add_tuned_model("tunedModels/x-v1")
    assert await differences(ask, library) == [("back", "v1"), ("base_model", "v1")]
    library.mend(await ask(library, "differences"))
    assert records.load().version("x", "v1").record.deleted is None
    assert await differences(ask, library) == []


async def test_an_alias_that_leads_nowhere_is_told_and_left_to_its_owner(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/x-v1", state="FAILED")
    record(records, "v1", base_model=BASE)
    with records.edit() as (_, editor):
        change = ChangeRecord(alias="production", version="v1", at=datetime.fromtimestamp(NOW, UTC))
        editor.point(AliasName("x", "production"), change)
    text = records.path.read_text()

    (difference,) = await ask(library, "differences")

    assert difference.detail.startswith("x@production points to v1, which is FAILED")
    assert library.mend([difference]) == ()
    assert records.path.read_text() == text


async def test_a_model_that_can_not_be_seen_is_not_taken_for_gone(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    record(records, "v1")
    with gemini.fault(method="get", status=403):
        assert await differences(ask, library) == [("unseen", "v1")]
        assert library.mend(await ask(library, "differences")) == ()


async def test_another_platform_and_another_place_are_not_taken_for_gone(
    ask: Ask, gemini: Emulator, genai: GenAIService, vertex: VertexService, records: Records
) -> None:
    elsewhere = gemini.add_vertex_model(
        "projects/acme/locations/europe-west4/endpoints/1", display_name="x-v1"
    )
    record(records, "v1", model=elsewhere.endpoint)

    assert await differences(ask, ModelLibrary(genai, records)) == []
    assert await differences(ask, ModelLibrary(vertex, records)) == []


async def test_a_model_of_vertex_ai_is_recorded_by_its_endpoint(
    ask: Ask, gemini: Emulator, vertex: VertexService, records: Records
) -> None:
    tuned = gemini.add_vertex_model(f"{AT}/endpoints/1", display_name="x-v1")
    library = ModelLibrary(vertex, records)

    library.mend(await ask(library, "differences"))

    assert records.load().version("x", "v1").record.model == tuned.endpoint
    assert await differences(ask, library) == []


async def test_what_somebody_has_recorded_meanwhile_is_left_as_it_is(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    gemini.add_tuned_model("tunedModels/x-v1")
    found = await ask(library, "differences")
    record(records, "v1", keep=True)

    assert library.mend(found) == ()
    assert records.load().version("x", "v1").record.keep


async def test_two_models_of_one_version_are_not_mixed_up(
    ask: Ask, gemini: Emulator, library: ModelLibrary, records: Records
) -> None:
    for suffix in "ab":
        gemini.add_tuned_model(f"tunedModels/x-v1-{suffix}", display_name="x-v1")

    mended = library.mend(await ask(library, "differences"))

    assert len(mended) == 1
    assert records.load().version("x", "v1").record.model == mended[0].name
    assert await differences(ask, library) == [("unrecorded", "v1")]


async def test_a_family_of_vertex_ai_that_no_alias_can_have_is_left_alone(
    ask: Ask, gemini: Emulator, vertex: VertexService, records: Records
) -> None:
    gemini.add_vertex_model(f"{AT}/endpoints/1", display_name="the next number")
    library = ModelLibrary(vertex, records)

    (difference,) = await ask(library, "differences")

    assert "record it by hand" in difference.detail
    assert library.mend([difference]) == ()
