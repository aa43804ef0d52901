"""Deleting real models of the emulator, with real failures in the middle."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from langchain_tuned_gemini import ModelLibrary, Records
from langchain_tuned_gemini.emulator import Emulator, VertexModel
from langchain_tuned_gemini.library import DeletionOutcome, DeletionPlan
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.vertex import VertexService
from tests.integration_tests.library.conftest import AT, NOW, Ask

EXAMPLES = [("1", "2")]
HOUR = timedelta(hours=1).total_seconds()


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


def versions(gemini: Emulator, *numbers: int) -> list[str]:
    """Adds models of the Developer API, and names them."""
    names = [f"tunedModels/sql-expert-v{number}" for number in numbers]
    for number, name in zip(numbers, names, strict=True):
        gemini.add_tuned_model(name, examples=EXAMPLES, create_time=NOW - 100 * HOUR + number)
    return names


def vertex_versions(gemini: Emulator, *numbers: int) -> list[VertexModel]:
    return [
        gemini.add_vertex_model(
            f"{AT}/endpoints/{number}",
            display_name=f"sql-expert-v{number}",
            examples=EXAMPLES,
            create_time=NOW - 100 * HOUR + number,
        )
        for number in numbers
    ]


@pytest.fixture(params=["genai", "generativeai"])
def developer(request: pytest.FixtureRequest) -> GenAIService | GenerativeAIService:
    service: GenAIService | GenerativeAIService = request.getfixturevalue(request.param)
    return service


def names_left(library: ModelLibrary) -> list[str]:
    return [model.name for model in library.list()]


async def test_old_versions_of_the_developer_api_are_pruned(
    ask: Ask, gemini: Emulator, developer: GenAIService | GenerativeAIService, records: Records
) -> None:
    names = versions(gemini, 1, 2, 3, 4)
    library = ModelLibrary(developer, records)

    plan = await ask(library, "plan_deletion", prune=("sql-expert", 2))
    report = await ask(library, "delete", plan)

    assert report.deleted == tuple(names[:2])
    assert names_left(library) == names[2:]


async def test_what_answers_on_vertex_ai_is_deleted_by_force_with_all_its_parts(
    ask: Ask, gemini: Emulator, vertex: VertexService, records: Records
) -> None:
    first, second, third = vertex_versions(gemini, 1, 2, 3)
    library = ModelLibrary(vertex, records)
    plan = await ask(library, "plan_deletion", prune=("sql-expert", 1))

    held = await ask(library, "delete", plan)
    forced = await ask(library, "delete", plan, force=True)

    assert {deletion.outcome for deletion in held.deletions} == {DeletionOutcome.PROTECTED}
    assert f"{first.endpoint} answers for it" in held.deletions[0].detail
    assert forced.deleted == (first.job, second.job)
    assert names_left(library) == [third.job]
    assert (await ask(library, "probe", third.endpoint)).is_ready


async def test_a_tuning_job_that_made_nothing_is_left_alone(
    ask: Ask, gemini: Emulator, vertex: VertexService, records: Records
) -> None:
    failed = gemini.add_vertex_model(f"{AT}/tuningJobs/1", state="JOB_STATE_FAILED")

    plan = await ask(ModelLibrary(vertex, records), "plan_deletion", failed=True)

    assert plan.deletions == ()
    ((name, why),) = plan.left_alone
    assert name == failed.job
    assert "Vertex AI can't delete it" in why


async def test_a_model_is_planned_once_by_whichever_of_its_names(
    ask: Ask, gemini: Emulator, vertex: VertexService, records: Records
) -> None:
    (tuned,) = vertex_versions(gemini, 1)
    library = ModelLibrary(vertex, records)

    names = [tuned.endpoint, tuned.job, tuned.model, "sql-expert-v1"]
    plan = await ask(library, "plan_deletion", names)

    assert plan.names == (tuned.endpoint,)


INTERFERENCE = ["flip", "delete", "reuse"]


@pytest.mark.parametrize("what", INTERFERENCE)
async def test_what_is_not_what_was_planned_is_not_deleted(
    ask: Ask,
    gemini: Emulator,
    developer: GenAIService | GenerativeAIService,
    records: Records,
    what: str,
) -> None:
    first, second = versions(gemini, 1, 2)
    for name in (first, second):
        gemini.set_state(name, "FAILED")
    library = ModelLibrary(developer, records)
    plan: DeletionPlan = await ask(library, "plan_deletion", failed=True)

    if what == "flip":
        gemini.set_state(first, "ACTIVE")
    else:
        gemini.delete_tuned_model(first)
    if what == "reuse":
        gemini.add_tuned_model(first, examples=EXAMPLES, state="FAILED")
    report = await ask(library, "delete", plan)

    expected = "gone" if what == "delete" else "skipped"
    assert [deletion.outcome.value for deletion in report.deletions] == [expected, "deleted"]
    assert names_left(library) == ([] if what == "delete" else [first])


@pytest.mark.parametrize("status", [403, 503])
@pytest.mark.parametrize("nth", range(1, 5))
async def test_a_failure_at_any_request_is_told_and_a_rerun_finishes_the_rest(
    ask: Ask,
    gemini: Emulator,
    developer: GenAIService | GenerativeAIService,
    records: Records,
    nth: int,
    status: int,
) -> None:
    names = versions(gemini, 1, 2, 3)
    library = ModelLibrary(developer, records)
    plan = await ask(library, "plan_deletion", names[:2])

    with gemini.fault(method="any", nth=nth, status=status):
        report = await ask(library, "delete", plan)
    again = await ask(library, "delete", plan)

    (failed,) = report.of(DeletionOutcome.FAILED)
    assert str(status) in failed.detail
    assert again.is_complete
    assert names_left(library) == [names[2]]


_OF_ONE_DELETION = 16
"""More requests than one deletion on Vertex AI makes."""


@pytest.mark.parametrize("effect", [{"status": 503}, {"reset": True}], ids=str)
@pytest.mark.parametrize("plan_again", [False, True])
def test_a_failure_in_the_middle_on_vertex_ai_leaves_nothing_for_ever(
    vertex: VertexService, records: Records, effect: dict, plan_again: bool
) -> None:
    """Wherever a deletion stops, the same plan goes on, and so does a new one."""
    complete = 0
    for nth in range(1, _OF_ONE_DELETION):
        with Emulator(clock=lambda: NOW) as gemini:
            service = VertexService("acme", "us-central1", api_key="k", base_url=gemini.base_url)
            doomed, other = vertex_versions(gemini, 1, 2)
            library = ModelLibrary(service, records)
            plan = library.plan_deletion(["sql-expert-v1"])

            with gemini.fault(method="any", nth=nth, times=1, **effect):
                report = library.delete(plan, force=True)
            complete += report.is_complete
            if plan_again and not report.is_complete:
                plan = library.plan_deletion(["sql-expert-v1"])
            again = library.delete(plan, force=True)

            assert again.is_complete, (nth, again)
            assert names_left(library) == [other.job]
            assert library.probe(other.endpoint).is_ready
            for name in (doomed.job, doomed.endpoint, doomed.model):
                assert library.probe(name).outcome == "deleted", name
    assert complete < _OF_ONE_DELETION - 1, "no fault hit a deletion"


# What happens between plan and delete, and which requests fail, on the real emulator.

VERSIONS = ("v1", "v2", "v3", "v4")
EVENTS = st.tuples(
    st.sampled_from(["flip", "delete", "reuse"]),
    st.sampled_from(VERSIONS),
    st.sampled_from(["ACTIVE", "FAILED"]),
)
FAULTS = st.lists(
    st.tuples(st.integers(1, 10), st.sampled_from([403, 429, 503])),
    max_size=3,
    unique_by=lambda f: f[0],
)


Incarnation = tuple[str, datetime | None, str]


def there(service: GenAIService) -> set[Incarnation]:
    return {(model.name, model.create_time, model.state.value) for model in service.list()}


@settings(max_examples=20)
@given(
    states=st.tuples(*[st.sampled_from(["ACTIVE", "FAILED", "CREATING"])] * len(VERSIONS)),
    events=st.lists(EVENTS, max_size=4),
    faults=FAULTS,
    failed=st.booleans(),
)
def test_whatever_happens_on_the_emulator_nothing_else_is_deleted(
    states: tuple[str, ...],
    events: list[tuple[str, str, str]],
    faults: list[tuple[int, int]],
    failed: bool,
) -> None:
    time = iter(range(1_000))
    with Emulator(clock=lambda: NOW + next(time)) as gemini, TemporaryDirectory() as directory:
        service = GenAIService.from_api_key("k", base_url=gemini.base_url)
        library = ModelLibrary(service, Path(directory) / "tuned-models.toml")
        for version, state in zip(VERSIONS, states, strict=True):
            gemini.add_tuned_model(f"tunedModels/x-{version}", examples=EXAMPLES, state=state)
        plan = library.plan_deletion(
            () if failed else ["tunedModels/x-v1", "tunedModels/x-v3"], failed=failed
        )
        meant = {(one.name, one.create_time, one.state.value) for one in plan.deletions}

        for event, version, state in events:
            happen(gemini, event, f"tunedModels/x-{version}", state)
        before = there(service)
        for nth, status in faults:
            gemini.fault(method="any", nth=nth, status=status)
        library.delete(plan)
        gemini.clear_faults()
        again = library.delete(plan)

        assert before - there(service) <= meant
        assert again.of(DeletionOutcome.FAILED) == ()
        assert there(service).isdisjoint(meant)


def happen(gemini: Emulator, event: str, name: str, state: str) -> None:
    """Something that somebody else does."""
    if event == "flip":
        with suppress(LookupError):
            gemini.set_state(name, state)
        return
    with suppress(LookupError):
        gemini.delete_tuned_model(name)
    if event == "reuse":
        gemini.add_tuned_model(name, examples=EXAMPLES, state=state)
