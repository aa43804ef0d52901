"""What can't be read is not deleted, and not forgotten: wrong 404s, parts that vanish, two projects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import given, settings, strategies as st

from langchain_tuned_gemini import AliasName, ModelLibrary, Records, ServiceError
from langchain_tuned_gemini.emulator import Emulator, VertexModel
from langchain_tuned_gemini.library import DeletionPlan, DeletionReport, RecordDifference
from langchain_tuned_gemini.registry import ChangeRecord, DatasetRecord, VersionRecord
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, KEY, Ask

EXAMPLES = [("1", "2")]
NUMBER = "801452371447"
DEV = "projects/acme-dev/locations/us-central1"
HASH = "ab" * 32
BOTH_FORMS = pytest.mark.parametrize("numbers", [{}, {"acme": NUMBER}], ids=["ids", "numbers"])


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


def record(records: Records, **versions: str) -> None:
    with records.edit() as (_, editor):
        for label, name in versions.items():
            editor.add_version("sql", label, VersionRecord(model=name))


def point(records: Records, version: str, before: str = "") -> None:
    with records.edit() as (_, editor):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        change = ChangeRecord(alias="production", version=version, before=before, at=at)
        editor.point(AliasName("sql", "production"), change)


def service(gemini: Emulator, project: str = "acme") -> VertexService:
    return VertexService(
        project, "us-central1", api_key=KEY, base_url=gemini.base_url, sleep=lambda _: None
    )


def add(gemini: Emulator, number: int, at: str = AT, **options: Any) -> VertexModel:
    return gemini.add_vertex_model(
        f"{at}/endpoints/4{number}",
        job=f"9{number}",
        model=f"7{number}",
        display_name=f"sql-v{number}",
        examples=EXAMPLES,
        **options,
    )


def by_id(name: str) -> str:
    return name.replace(NUMBER, "acme")


def remove_endpoint(gemini: Emulator, name: str) -> None:
    """What a colleague does in the console."""
    at = f"{gemini.base_url}/v1beta1/{name}"
    for deployed in httpx.get(at, params={"key": KEY}).json().get("deployedModels", ()):
        body = {"deployedModelId": deployed["id"]}
        httpx.post(f"{at}:undeployModel", params={"key": KEY}, json=body)
    httpx.delete(at, params={"key": KEY})


def changes(gemini: Emulator) -> list[str]:
    return [request.path for request in gemini.requests if request.method != "GET"]


def outcomes(report: DeletionReport) -> list[str]:
    return [deletion.outcome.value for deletion in report.deletions]


WRONG = [
    (method, {"times": times} if times else {})
    for method in ("endpoints.get", "models.get", "tuningJobs.get", "tuningJobs.list", "any")
    for times in (1, 2, None)
]


@BOTH_FORMS
@pytest.mark.parametrize("named_by", ["endpoint", "job", "model"])
@pytest.mark.parametrize("recorded_by", ["endpoint", "job", "model"])
def test_a_404_that_is_wrong_does_not_unprotect_what_an_alias_points_to(
    named_by: str, recorded_by: str, numbers: dict[str, str]
) -> None:
    for method, times in WRONG:
        with Emulator(project_numbers=numbers) as gemini, TemporaryDirectory() as directory:
            records = Records(Path(directory) / "tuned-models.toml")
            tuned = add(gemini, 1)
            record(records, v1=by_id(getattr(tuned, recorded_by)))
            point(records, "v1")
            before = records.path.read_text()
            library = ModelLibrary(service(gemini), records)
            plan = library.plan_deletion([by_id(getattr(tuned, named_by))])

            with gemini.fault(method=method, status=404, **times):
                report = library.delete(plan)

            assert changes(gemini) == [], (method, times)
            assert set(outcomes(report)) <= {"protected", "failed", "skipped"}, (method, times)
            assert records.path.read_text() == before


PROTECTIONS: dict[str, Callable[[Records], None]] = {
    "an alias": lambda records: point(records, "v1"),
    "a rollback": lambda records: (point(records, "v1"), point(records, "v2", "v1"))[0],
    "keep": lambda records: keep(records, "v1"),
}


def keep(records: Records, version: str) -> None:
    with records.edit() as (_, editor):
        editor.set_version("sql", version, "keep", value=True)


@BOTH_FORMS
@pytest.mark.parametrize("protection", PROTECTIONS)
async def test_an_endpoint_that_somebody_removes_does_not_unprotect_the_model(
    ask: Ask, protection: str, numbers: dict[str, str], records: Records
) -> None:
    with Emulator(project_numbers=numbers) as gemini:
        tuned, other = add(gemini, 1), add(gemini, 2)
        record(records, v1=by_id(tuned.endpoint), v2=by_id(other.endpoint))
        PROTECTIONS[protection](records)
        library = ModelLibrary(service(gemini), records)
        plan: DeletionPlan = await ask(library, "plan_deletion", [by_id(tuned.endpoint)])
        remove_endpoint(gemini, tuned.endpoint)

        held = await ask(library, "delete", plan)
        planned_anew = await ask(library, "plan_deletion", [by_id(tuned.endpoint)])
        held_anew = await ask(library, "delete", planned_anew)
        still_there = await ask(library, "find", tuned.model)
        forced = await ask(library, "delete", plan, force=True)

        assert outcomes(held) == outcomes(held_anew) == ["protected"]
        assert still_there.model.model == tuned.model
        assert outcomes(forced) == ["deleted"]
        assert [model.name for model in library.list()] == [other.job]
    assert records.load().version("sql", "v1").record.deleted is not None
    assert records.load().version("sql", "v2").record.deleted is None


def test_a_part_by_which_another_version_is_recorded_protects_all_of_the_model(
    gemini: Emulator, records: Records
) -> None:
    tuned = add(gemini, 1, checkpoints=2)
    record(records, v1=tuned.endpoint, v2=tuned.checkpoints[0])
    point(records, "v2")
    library = ModelLibrary(service(gemini), records)

    for name in (tuned.endpoint, tuned.job, tuned.model, tuned.checkpoints[0]):
        plan = library.plan_deletion([name])
        assert "sql@production points to it" in plan.protected[0].protections, name
        assert outcomes(library.delete(plan)) == ["protected"]


def test_a_job_that_may_not_be_looked_for_protects_the_model_that_may_be_its(
    gemini: Emulator, records: Records
) -> None:
    tuned, elsewhere = add(gemini, 1), add(gemini, 2, at=AT.replace("acme", "acme-dev"))
    record(records, v1=tuned.job, v2=elsewhere.job)
    point(records, "v1")
    library = ModelLibrary(service(gemini), records)

    with gemini.fault(method="tuningJobs.list", status=403):
        plan = library.plan_deletion([tuned.endpoint])

    (planned,) = plan.protected
    told = f"sql@production points to {tuned.job}, which may be the same model"
    assert planned.protections[0] == told


def test_an_endpoint_that_has_come_to_answer_for_another_model_is_not_deleted(
    gemini: Emulator, records: Records
) -> None:
    tuned, other = add(gemini, 1), add(gemini, 2)
    library = ModelLibrary(service(gemini), records)
    plan = library.plan_deletion([tuned.endpoint])
    deployed = [{"id": "1", "model": other.model.partition("@")[0], "modelVersionId": "1"}]

    body = {**library_record(gemini, tuned.endpoint), "deployedModels": deployed}
    with (
        gemini.fault(method="endpoints.get", model=tuned.endpoint, body=body),
        gemini.fault(method="models.get", body={"name": other.model, "versionId": "1"}),
    ):
        report = library.delete(plan, force=True)

    assert outcomes(report) == ["skipped"]
    assert changes(gemini) == []


def library_record(gemini: Emulator, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(
        f"{gemini.base_url}/v1beta1/{name}", params={"key": KEY}
    ).json()
    return answer


@pytest.fixture(params=["genai", "generativeai"])
def developer(request: pytest.FixtureRequest) -> GenAIService | GenerativeAIService:
    chosen: GenAIService | GenerativeAIService = request.getfixturevalue(request.param)
    return chosen


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize("times", [1, 2, None])
async def test_a_404_that_is_wrong_forgets_no_model_of_the_developer_api(
    ask: Ask,
    gemini: Emulator,
    developer: GenAIService | GenerativeAIService,
    records: Records,
    method: str,
    times: int | None,
) -> None:
    gemini.add_tuned_model("tunedModels/sql-v1", examples=EXAMPLES)
    record(records, v1="tunedModels/sql-v1")
    point(records, "v1")
    library = ModelLibrary(developer, records)
    plan = await ask(library, "plan_deletion", ["tunedModels/sql-v1"])

    with gemini.fault(method=method, status=404, **({"times": times} if times else {})):
        report = await ask(library, "delete", plan, force=method == "delete")
        library.mend(await ask(library, "differences"))
        with suppress(ServiceError):
            again = await ask(library, "plan_deletion", ["tunedModels/sql-v1"])
            assert again.gone == ()

    assert set(outcomes(report)) <= {"protected", "failed", "deleted"}
    is_there = bool(library.list())
    assert is_there or report.is_complete
    assert (records.load().version("sql", "v1").record.deleted is None) == is_there


@pytest.mark.parametrize("times", [1, 2, None])
def test_a_model_of_vertex_ai_in_another_place_is_not_recorded_as_gone_by_a_wrong_404(
    gemini: Emulator, records: Records, times: int | None
) -> None:
    elsewhere = add(gemini, 1, at=DEV)
    record(records, v1=elsewhere.endpoint)
    library = ModelLibrary(service(gemini), records)

    for method in ("endpoints.get", "any"):
        with gemini.fault(
            method="endpoints.get", status=404, **({"times": times} if times else {})
        ):
            library.mend(library.differences())
        assert records.load().version("sql", "v1").record.deleted is None, method


def test_the_copy_of_one_project_is_not_taken_for_that_of_another(records: Records) -> None:
    with Emulator() as gemini:
        copy = add(gemini, 1, at=DEV)
        first, second = add(gemini, 1), add(gemini, 2)
        record(records, v1=first.endpoint, v2=second.endpoint)
        point(records, "v1")
        point(records, "v2", before="v1")
        dev = ModelLibrary(service(gemini, "acme-dev"), records)

        (listed,) = dev.list()
        (planned,) = dev.plan_deletion([copy.endpoint]).deletions
        report = dev.delete(dev.plan_deletion([copy.endpoint]), force=True)
        back = ModelLibrary(service(gemini), records).rollback("sql@production")

    assert (listed.record, listed.aliases) == (None, ())
    assert [protection for protection in planned.protections if "production" in protection] == []
    assert report.deleted == (copy.endpoint,)
    assert back.model == first.endpoint


NUMBERS = {"acme": NUMBER, "acme-dev": "555555555555"}


@pytest.mark.parametrize("recorded", ["ids", "numbers"])
@pytest.mark.parametrize("asked", ["ids", "numbers"])
def test_an_id_and_a_number_of_a_project_are_looked_up(
    records: Records, recorded: str, asked: str
) -> None:
    def written(name: str, form: str) -> str:
        for id_, number in NUMBERS.items():
            here, there = (number, id_) if form == "ids" else (id_, number)
            name = name.replace(f"projects/{here}/", f"projects/{there}/")
        return name

    with Emulator(project_numbers=NUMBERS) as gemini:
        copy, tuned = add(gemini, 1, at=DEV), add(gemini, 1)
        record(records, v1=written(tuned.endpoint, recorded), v2=written(copy.endpoint, recorded))
        point(records, "v1")
        library = ModelLibrary([service(gemini, "acme-dev"), service(gemini)], records)

        of_dev = library.plan_deletion([written(copy.endpoint, asked)])
        of_prod = library.plan_deletion([written(tuned.endpoint, asked)])
        assert "points to" not in str(of_dev.protected[0].protections)
        assert "sql@production points to it" in of_prod.protected[0].protections
        assert library.differences() == tuple(
            difference for difference in library.differences() if difference.kind == "base_model"
        )
        library.delete(of_dev, force=True)

    versions = {version.label: version.record for version in records.load().versions}
    assert versions["v1"].deleted is None
    assert versions["v2"].deleted is not None


def test_what_can_not_be_looked_up_protects_and_is_not_recorded(records: Records) -> None:
    """The project is empty where the record points, so nothing there tells its number."""
    with Emulator(project_numbers={"acme": NUMBER}) as gemini:
        tuned = add(gemini, 1)
        record(records, v1=tuned.endpoint.replace(NUMBER, "acme-other"))
        point(records, "v1")
        before = records.path.read_text()
        library = ModelLibrary(service(gemini), records)
        plan = library.plan_deletion([tuned.endpoint])

        held = library.delete(plan)
        unrecorded = [d for d in library.differences() if d.kind == "unrecorded"]
        forced = library.delete(plan, force=True)

    assert "acme-other" in plan.protected[0].protections[0]
    assert (outcomes(held), outcomes(forced)) == (["protected"], ["deleted"])
    assert [(d.mends, "can't be told whether" in d.detail) for d in unrecorded] == [(None, True)]
    assert records.path.read_text() == before


def test_a_purge_over_two_projects_takes_both_and_tells_what_nobody_has_looked_for(
    records: Records,
) -> None:
    with Emulator() as gemini:
        copy, tuned = add(gemini, 1, at=DEV), add(gemini, 1)
        with records.edit() as (_, editor):
            for label, name in {"v1": tuned.endpoint, "v2": copy.endpoint}.items():
                dataset = DatasetRecord(hash=HASH)
                editor.add_version("sql", label, VersionRecord(model=name, dataset=dataset))
        both = ModelLibrary([service(gemini, "acme-dev"), service(gemini)], records)
        prod = ModelLibrary(service(gemini), records)

        of_both, of_prod = both.plan_deletion(dataset=HASH), prod.plan_deletion(dataset=HASH)
        report = both.delete(of_both, force=True)

    assert (of_both.names, of_both.unseen) == ((copy.job, tuned.job), ())
    assert (of_prod.names, of_prod.unseen) == ((tuned.job,), (copy.endpoint,))
    assert set(report.deleted) == {copy.job, tuned.job}


@BOTH_FORMS
@pytest.mark.parametrize("base", ["endpoint", "job", "model"])
def test_what_was_tuned_further_is_purged_by_whichever_name_its_base_is_recorded(
    records: Records, base: str, numbers: dict[str, str]
) -> None:
    with Emulator(project_numbers=numbers) as gemini:
        tuned, further, unsure = add(gemini, 1), add(gemini, 2), add(gemini, 3)
        whole = by_id(tuned.model).partition("@")[0]
        with records.edit() as (_, editor):
            for label, model, fields in (
                ("v1", tuned, {"dataset": DatasetRecord(hash=HASH)}),
                ("v2", further, {"base_model": by_id(getattr(tuned, base))}),
                ("v3", unsure, {"base_model": whole}),
            ):
                version = VersionRecord(model=by_id(model.endpoint), **fields)
                editor.add_version("sql", label, version)

        plan = ModelLibrary(service(gemini), records).plan_deletion(dataset=HASH)

    assert plan.names == (tuned.job, further.job)
    assert plan.unseen == (by_id(unsure.endpoint),)


def test_an_endpoint_that_seems_empty_counts_as_deployed_where_the_model_says_so(
    gemini: Emulator, records: Records
) -> None:
    tuned = add(gemini, 1)
    library = ModelLibrary(service(gemini), records)
    plan = library.plan_deletion([tuned.model])

    with gemini.fault(method="endpoints.get", body={"name": tuned.endpoint}):
        report = library.delete(plan)

    assert outcomes(report) == ["protected"]
    assert changes(gemini) == []


def test_the_service_of_a_models_own_project_is_asked(records: Records) -> None:
    with Emulator(rejected_keys={"key-of-prod-000"}) as gemini:
        copy = add(gemini, 1, at=DEV)
        prod = VertexService(
            "acme", "us-central1", api_key="key-of-prod-000", base_url=gemini.base_url
        )
        library = ModelLibrary([prod, service(gemini, "acme-dev")], records)

        assert library.find(copy.endpoint).name == copy.endpoint


# Whatever vanishes between a plan and its execution, and whichever reads fail or lie.

FORMS = st.sampled_from(["endpoint", "job", "model"])
Trouble = tuple[str, int, dict[str, Any], int | None]

_READS = ["endpoints.get", "models.get", "models.listVersions", "tuningJobs.get", "any"]
_LISTS = ["endpoints.list", "models.list", "tuningJobs.list"]
_STEPS = ["endpoints.undeployModel", "endpoints.delete", "models.delete"]


def troubles(methods: list[str], statuses: list[int]) -> st.SearchStrategy[list[Trouble]]:
    """Which requests fail or lie: the nth one, the first two, or all."""
    effects = st.sampled_from([{"status": status} for status in statuses])
    times = st.sampled_from([1, 1, 2, None])
    one = st.tuples(st.sampled_from(methods), st.integers(1, 2), effects, times)
    return st.lists(one, max_size=1)


@settings(max_examples=25)
@given(
    named_by=FORMS,
    recorded_by=FORMS,
    protection=st.sampled_from([None, *PROTECTIONS]),
    vanishes=st.sampled_from(["nothing", "an endpoint", "all endpoints", "all"]),
    trouble=st.tuples(
        troubles(_READS, [404, 404, 403, 503]),
        troubles(_LISTS, [403, 404, 503]),
        troubles(_STEPS, [403, 404, 500]),
    ),
    force=st.booleans(),
    numbers=st.sampled_from([{}, {"acme": NUMBER}]),
)
def test_whatever_vanishes_and_whichever_reads_fail_nothing_protected_is_deleted_or_forgotten(
    named_by: str,
    recorded_by: str,
    protection: str | None,
    vanishes: str,
    trouble: tuple[list[Trouble], ...],
    force: bool,
    numbers: dict[str, str],
) -> None:
    with Emulator(project_numbers=numbers) as gemini, TemporaryDirectory() as directory:
        records = Records(Path(directory) / "tuned-models.toml")
        tuned, other = add(gemini, 1, checkpoints=2), add(gemini, 2)
        record(records, v1=by_id(getattr(tuned, recorded_by)), v2=other.endpoint)
        if protection:
            PROTECTIONS[protection](records)
        library = ModelLibrary(service(gemini), records)
        plan = library.plan_deletion([by_id(getattr(tuned, named_by))])

        match vanishes:
            case "an endpoint":
                remove_endpoint(gemini, tuned.endpoint)
            case "all endpoints":
                [remove_endpoint(gemini, endpoint) for endpoint in tuned.endpoints]
            case "all":
                gemini.delete_tuned_model(tuned.endpoint)
        before = left(gemini, tuned)
        for method, nth, effect, times in chain(*trouble):
            gemini.fault(method=method, nth=nth if times == 1 else None, times=times, **effect)
        report = library.delete(plan, force=force)
        library.mend(seen) if (seen := differences(library)) else None
        gemini.clear_faults()

        after = left(gemini, tuned)
        is_forgotten = records.load().version("sql", "v1").record.deleted is not None
        is_protected = protection or any("endpoints" in part for part in before)
        assert after == before or force or not is_protected
        assert not (is_forgotten and after)
        assert not (report.is_complete and after)
        assert left(gemini, other) == [*other.endpoints, other.model]
        assert records.load().version("sql", "v2").record.deleted is None
        again = library.delete(plan, force=True)
        assert again.is_complete == (left(gemini, tuned) == []), again


def left(gemini: Emulator, tuned: VertexModel) -> list[str]:
    """What is there of a model."""
    return [n for n in (*tuned.endpoints, tuned.model) if "name" in library_record(gemini, n)]


def differences(library: ModelLibrary) -> tuple[RecordDifference, ...]:
    """What differs, where all can be read."""
    try:
        return library.differences()
    except ServiceError:
        return ()
