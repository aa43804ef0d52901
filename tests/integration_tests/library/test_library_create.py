"""New versions: planned, tuned, recorded, and never by accident twice."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from langchain_tuned_gemini import (
    DatasetError,
    GenAIService,
    GenerativeAIService,
    ParameterError,
    RecordsError,
    ServiceUnreachableError,
    TunedModelNameError,
    TuningDataset,
    VertexService,
    dataset,
    library,
    wait_until_active,
)
from langchain_tuned_gemini.emulator import Emulator, after
from langchain_tuned_gemini.library import ModelLibrary, NewVersion, TuningSettings
from langchain_tuned_gemini.library.tuning_settings import TuningSettings as Settings
from langchain_tuned_gemini.prices import PriceTable
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.library.conftest import KEY, Ask

BASE = "models/gemini-1.5-flash-001-tuning"
PRICES = PriceTable.of({BASE: {"training": 1_000}}, currency="EUR")


@pytest.fixture
def models(generativeai: GenerativeAIService, tmp_path: Path) -> ModelLibrary:
    """A library of the Developer API, with records of its own."""
    return ModelLibrary(generativeai, tmp_path / "tuned-models.toml")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path / "data" / "old.jsonl", NEXT_NUMBER[:24])


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return written(tmp_path / "data" / "new.jsonl", NEXT_NUMBER[20:])


def written(path: Path, examples: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    TuningDataset.of(examples).write(path)
    return path


async def test_a_first_version_is_tuned_and_recorded(
    ask: Ask, models: ModelLibrary, generativeai: GenerativeAIService, old: Path
) -> None:
    wish = NewVersion("next-number", [old], base_model=BASE, platform="developer", prices=PRICES)

    plan = await ask(library, "plan_version", models, wish)
    created = await ask(library, "create_version", models, plan, generativeai)

    assert str(plan.name) == "next-number-v1"
    assert plan.tokens == dataset.stats(plan.dataset).tokens.total > 24
    assert (plan.epochs, plan.cost) == (5, pytest.approx(5 * plan.tokens / 1_000))
    assert created.name == "tunedModels/next-number-v1"
    (recorded,) = models.records.load().versions
    assert recorded.record.model == created.name
    assert recorded.record.base_model == BASE
    assert recorded.record.dataset.path == "data/old.jsonl"
    assert recorded.record.dataset.hash == TuningDataset.read(old).content_hash()
    assert wait_until_active(generativeai, created).name == created.name


async def test_the_next_version_has_the_next_name_and_the_data_of_all_files(
    ask: Ask,
    models: ModelLibrary,
    generativeai: GenerativeAIService,
    gemini: Emulator,
    old: Path,
    new: Path,
) -> None:
    gemini.add_tuned_model("tunedModels/next-number-v1", examples=NEXT_NUMBER[:20], base_model=BASE)

    plan = await ask(library, "plan_version", models, NewVersion("next-number", [old, new]))
    created = await ask(library, "create_version", models, plan, generativeai)

    assert str(plan.name) == "next-number-v2"
    assert plan.base_model == BASE  # that of the newest version
    assert len(plan.dataset) == 40  # four stand in both files
    merged = old.with_name("next-number-v2.jsonl")
    assert TuningDataset.read(merged).content_hash() == plan.dataset.content_hash()
    recorded = models.records.load().version("next-number", "v2")
    assert recorded.record.dataset.path == "data/next-number-v2.jsonl"
    for file in (old, new):  # what was tuned on a part of it can be told, too
        doomed = await ask(models, "plan_deletion", dataset=TuningDataset.read(file).content_hash())
        assert doomed.names == (created.name,)
    assert created.name == "tunedModels/next-number-v2"


async def test_a_version_to_start_from_gives_its_data_and_its_settings(
    ask: Ask, models: ModelLibrary, generativeai: GenerativeAIService, old: Path, new: Path
) -> None:
    settings = TuningSettings(epochs=3, batch_size=2)
    first = NewVersion(
        "next-number", [old], base_model=BASE, platform="developer", settings=settings
    )
    started = library.create_version(models, library.plan_version(models, first), generativeai)
    wait_until_active(generativeai, started)
    models.promote("next-number@production", "v1")

    wish = NewVersion(
        source="next-number@production", data=[new], settings=TuningSettings(epochs=7)
    )
    plan = await ask(library, "plan_version", models, wish)

    assert str(plan.name) == "next-number-v2"
    assert (plan.settings.epochs, plan.settings.batch_size) == (7, 2)
    assert len(plan.dataset) == 40


async def test_one_file_is_taken_as_it_is_with_its_duplicates(
    ask: Ask, models: ModelLibrary, generativeai: GenerativeAIService, old: Path
) -> None:
    written(old, [*NEXT_NUMBER, *NEXT_NUMBER[:3]])
    first = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    library.create_version(models, library.plan_version(models, first), generativeai)

    plan = await ask(library, "plan_version", models, NewVersion(source="next-number-v1"))

    assert len(plan.dataset) == 43
    assert plan.report.warnings == 3


async def test_data_that_has_changed_since_is_not_taken_for_what_it_was(
    ask: Ask, models: ModelLibrary, generativeai: GenerativeAIService, old: Path
) -> None:
    first = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    library.create_version(models, library.plan_version(models, first), generativeai)
    written(old, NEXT_NUMBER[:23])

    with pytest.raises(ParameterError, match="it has changed since"):
        await ask(library, "plan_version", models, NewVersion(source="next-number-v1"))


async def test_a_second_create_does_not_pay_for_a_second_model(
    ask: Ask, tmp_path: Path, old: Path
) -> None:
    with Emulator(progression=after(3600)) as gemini:
        service = GenerativeAIService(KEY, gemini.base_url)
        models = ModelLibrary(service, tmp_path / "tuned-models.toml")
        wish = NewVersion("next-number", [old], base_model=BASE, platform="developer")
        library.create_version(models, library.plan_version(models, wish), service)

        again = await ask(library, "plan_version", models, wish)
        with pytest.raises(ParameterError, match="tunedModels/next-number-v1 is CREATING already"):
            await ask(library, "create_version", models, again, service)
        beside = await ask(library, "create_version", models, again, service, alongside=True)

        assert again.running == ("tunedModels/next-number-v1",)
        assert beside.name == "tunedModels/next-number-v2"
        assert len(service.list()) == 2


async def test_on_vertex_ai_examples_are_uploaded_and_the_job_is_recorded(
    ask: Ask, gemini: Emulator, tmp_path: Path, old: Path, new: Path
) -> None:
    uploaded: list[Path] = []

    def upload(path: Path) -> str:
        uploaded.append(path)
        gemini.add_file("gs://acme/train.jsonl", path)
        return "gs://acme/train.jsonl"

    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, upload=upload
    )
    models = ModelLibrary(service, tmp_path / "tuned-models.toml")
    settings = TuningSettings(epochs=2, adapter_size=4)
    wish = NewVersion(
        "next-number",
        [old, new],
        base_model="gemini-3.5-flash",
        platform="vertex",
        settings=settings,
    )

    plan = await ask(library, "plan_version", models, wish)
    created = await ask(library, "create_version", models, plan, service)
    wait_until_active(service, created)

    assert len(uploaded) == 1
    assert "/tuningJobs/" in created.name
    found = models.find("next-number-v1")
    assert found.model.display_name == "next-number-v1"
    assert Settings.of(found.model.hyperparameters).adapter_size == 4
    following = await ask(library, "plan_version", models, NewVersion(source="next-number-v1"))
    assert following.settings.given["adapter_size"] == 4
    assert str(following.name) == "next-number-v2"


async def test_a_file_in_cloud_storage_is_taken_as_it_is(
    ask: Ask, gemini: Emulator, vertex: VertexService, tmp_path: Path
) -> None:
    gemini.add_file("gs://acme/train.jsonl", NEXT_NUMBER)
    models = ModelLibrary(vertex, tmp_path / "tuned-models.toml")
    prices = PriceTable.of({"gemini-3.5-flash": {"training": 5}})
    wish = NewVersion(
        "next-number",
        ["gs://acme/train.jsonl"],
        base_model="gemini-3.5-flash",
        platform="vertex",
        prices=prices,
    )

    plan = await ask(library, "plan_version", models, wish)
    created = await ask(library, "create_version", models, plan, vertex)

    assert (plan.dataset, plan.tokens, plan.cost) == (None, None, None)
    recorded = models.records.load().version("next-number", "v1").record
    assert (recorded.model, recorded.dataset.path) == (created.name, "gs://acme/train.jsonl")


def test_where_the_platform_chooses_the_epochs_only_one_epochs_cost_is_known(
    vertex: VertexService, tmp_path: Path, old: Path
) -> None:
    models = ModelLibrary(vertex, tmp_path / "tuned-models.toml")
    prices = PriceTable.of({"gemini-3.5-flash": {"training": 1_000}})
    wish = NewVersion("x", [old], base_model="gemini-3.5-flash", platform="vertex", prices=prices)

    plan = library.plan_version(models, wish)

    assert (plan.cost, plan.cost_of_an_epoch) == (None, pytest.approx(plan.tokens / 1_000))


@pytest.mark.parametrize(
    ("wish", "error", "said"),
    [
        ({}, ParameterError, "needs a family's name"),
        ({"family": "x-v1"}, TunedModelNameError, "can't be a family"),
        ({"family": "x"}, ParameterError, "take the platform from"),
        ({"family": "x", "platform": "developer"}, ParameterError, "take the base model from"),
        (
            {"family": "x", "platform": "developer", "base_model": BASE},
            ParameterError,
            "needs examples",
        ),
        ({"source": "x-v9"}, TunedModelNameError, "called x-v9"),
        (
            {"family": "x", "platform": "developer", "base_model": BASE, "data": ["gs://a/b"]},
            ParameterError,
            "is for Vertex AI",
        ),
        (
            {"family": "x", "platform": "developer", "base_model": BASE, "data": ["missing.jsonl"]},
            DatasetError,
            "no such file",
        ),
        (
            {
                "family": "x",
                "platform": "developer",
                "base_model": BASE,
                "settings": TuningSettings(adapter_size=4),
            },
            ParameterError,
            "adapter_size is Vertex AI's",
        ),
        (
            {
                "family": "x",
                "platform": "vertex",
                "base_model": BASE,
                "settings": TuningSettings(epochs=0),
            },
            ParameterError,
            "epochs=0 must be more than 0",
        ),
    ],
)
async def test_what_is_missing_or_wrong_is_told_before_anything_is_created(
    ask: Ask, models: ModelLibrary, gemini: Emulator, wish: dict[str, Any], error: Any, said: str
) -> None:
    with pytest.raises(error, match=said):
        await ask(library, "plan_version", models, NewVersion(**wish))

    assert not any(request.method == "POST" for request in gemini.requests)
    assert not models.records.path.exists()


def test_examples_that_a_platform_does_not_take_are_all_told(
    models: ModelLibrary, tmp_path: Path
) -> None:
    long = written(tmp_path / "data" / "long.jsonl", [("x" * 50_000, "1"), ("2", "y" * 6_000)])

    with pytest.raises(DatasetError) as caught:
        library.plan_version(models, NewVersion("x", [long], base_model=BASE, platform="developer"))

    assert [problem.line for problem in caught.value.problems] == [1, 2]


def test_a_file_of_the_users_is_not_replaced_by_the_merged_examples(
    models: ModelLibrary, generativeai: GenerativeAIService, gemini: Emulator, old: Path, new: Path
) -> None:
    mine = written(old.with_name("next-number-v1.jsonl"), [("mine", "1")])
    wish = NewVersion("next-number", [old, new], base_model=BASE, platform="developer")
    plan = library.plan_version(models, wish)

    with pytest.raises(ParameterError, match="it holds other ones"):
        library.create_version(models, plan, generativeai)

    assert len(TuningDataset.read(mine)) == 1
    assert generativeai.list() == []


def test_records_that_are_not_in_order_are_told_before_anything_is_created(
    models: ModelLibrary, generativeai: GenerativeAIService, old: Path
) -> None:
    wish = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    plan = library.plan_version(models, wish)
    models.records.path.write_text("[next-number\n")

    with pytest.raises(RecordsError):
        library.create_version(models, plan, generativeai)

    assert generativeai.list() == []


def test_a_version_that_was_recorded_by_hand_meanwhile_is_said_and_not_lost(
    models: ModelLibrary,
    generativeai: GenerativeAIService,
    old: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wish = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    plan = library.plan_version(models, wish)
    by_hand = '[next-number.versions.v7]\nmodel = "tunedModels/next-number-v1"\n'
    models.records.path.write_text(by_hand)

    with caplog.at_level(logging.WARNING):
        created = library.create_version(models, plan, generativeai)

    assert created.name == "tunedModels/next-number-v1"
    assert "is being tuned, but could not be recorded" in caplog.text
    assert models.records.path.read_text() == by_hand


def test_a_service_that_can_t_create_says_which_one_can(
    models: ModelLibrary, genai: GenAIService, old: Path
) -> None:
    wish = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    plan = library.plan_version(models, wish)

    with pytest.raises(Exception, match="GenerativeAIService"):
        library.create_version(models, plan, genai)

    assert models.records.load().versions == []


def test_nothing_is_recorded_of_what_may_not_have_been_created(
    models: ModelLibrary, generativeai: GenerativeAIService, gemini: Emulator, old: Path
) -> None:
    wish = NewVersion("next-number", [old], base_model=BASE, platform="developer")
    plan = library.plan_version(models, wish)
    gemini.fault(method="create", reset=True)

    with pytest.raises(ServiceUnreachableError):
        library.create_version(models, plan, generativeai)

    assert models.records.load().versions == []


def test_the_instruction_that_all_examples_have_is_recorded(
    vertex: VertexService, gemini: Emulator, tmp_path: Path
) -> None:
    rows = [{**row, "system_instruction": "Add one."} for row in NEXT_NUMBER]
    path = tmp_path / "train.jsonl"
    TuningDataset.of(rows).write(path, format="vertex")

    service = VertexService(
        "acme", "us-central1", api_key=KEY, base_url=gemini.base_url, upload="gs://acme"
    )
    models = ModelLibrary(service, tmp_path / "tuned-models.toml")
    wish = NewVersion("next-number", [path], base_model="gemini-3.5-flash", platform="vertex")

    library.create_version(models, library.plan_version(models, wish), service)

    assert (
        models.records.load().version("next-number", "v1").record.system_instruction == "Add one."
    )
