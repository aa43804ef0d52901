"""Deleting what was planned and nothing else: a service double, and every order of events.

The double keeps incarnations: a name that is deleted and created anew is another model. What it
was asked to delete is compared with what the plan said, whatever has happened in between.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from langchain_tuned_gemini import (
    AliasName,
    ModelLibrary,
    ParameterError,
    Records,
    ServiceError,
    ServiceUnreachableError,
    TunedModel,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelState,
)
from langchain_tuned_gemini.errors import Advice, TunedGeminiError
from langchain_tuned_gemini.library import Deletion, DeletionOutcome, DeletionPlan
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.registry import ChangeRecord, DatasetRecord, VersionRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
ACTIVE, FAILED = TunedModelState.ACTIVE, TunedModelState.FAILED
CREATING = TunedModelState.CREATING
HASHES = {letter: letter * 64 for letter in "abcdef"}


@dataclass
class Shelf:
    """A service that holds models, and can be disturbed before and after each request."""

    platform: str = "developer"
    models: dict[str, TunedModel] = field(default_factory=dict)
    deleted: list[tuple[str, datetime | None]] = field(default_factory=list)
    created: int = 0
    before: Callable[[str, str], None] = lambda method, name: None
    after: Callable[[str, str], None] = lambda method, name: None

    def put(self, name: str, state: TunedModelState = ACTIVE) -> TunedModel:
        """Creates a model, in the place of another one of its name if there is one."""
        self.created += 1
        at = START + timedelta(hours=self.created)
        model = TunedModel(name, state, state.value, endpoint=name, create_time=at)
        self.models[name] = model
        return model

    def flip(self, name: str, state: TunedModelState) -> None:
        """Changes a model's state."""
        if model := self.models.get(name):
            self.models[name] = TunedModel(
                name, state, state.value, endpoint=name, create_time=model.create_time
            )

    def get(self, name: str | TunedModelName) -> TunedModel:
        self.before("get", str(name))
        if str(name) not in self.models:
            raise TunedModelNotFoundError.of(str(name))
        return self.models[str(name)]

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        return self.get(name)

    def list(self) -> list[TunedModel]:
        self.before("list", "")
        return [*self.models.values()]

    async def alist(self) -> list[TunedModel]:
        return self.list()

    def delete(self, name: str | TunedModelName) -> None:
        self.before("delete", str(name))
        model = self.models.pop(str(name), None)
        if model is None:
            raise TunedModelNotFoundError.of(str(name))
        self.deleted.append((str(name), model.create_time))
        self.after("delete", str(name))

    async def adelete(self, name: str | TunedModelName) -> None:
        self.delete(name)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


@pytest.fixture
def library(shelf: Shelf, records: Records) -> ModelLibrary:
    return ModelLibrary(shelf, records, user="ann", clock=START.timestamp)


def name_of(version: str) -> str:
    return f"tunedModels/sql-expert-{version}"


def put(shelf: Shelf, **versions: TunedModelState) -> None:
    for version, state in versions.items():
        shelf.put(name_of(version), state)


def record(records: Records, *versions: str, **fields: Any) -> None:
    with records.edit() as (_, editor):
        for version in versions:
            editor.add_version(
                "sql-expert", version, VersionRecord(model=name_of(version), **fields)
            )


def point(records: Records, version: str, before: str = "") -> None:
    with records.edit() as (_, editor):
        change = ChangeRecord(alias="production", version=version, before=before, at=START)
        editor.point(AliasName("sql-expert", "production"), change)


def outcomes(deletions: tuple[Deletion, ...]) -> list[str]:
    return [deletion.outcome.value for deletion in deletions]


def audited(library: ModelLibrary) -> list[dict[str, Any]]:
    path = library.records.path.with_suffix(".audit.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


class TestAPlan:
    def test_names_what_has_failed(self, shelf: Shelf, library: ModelLibrary) -> None:
        put(shelf, v1=ACTIVE, v2=FAILED, v3=TunedModelState.CANCELLED, v4=CREATING)

        plan = library.plan_deletion(failed=True)

        assert plan.names == (name_of("v2"), name_of("v3"))
        assert [planned.why for planned in plan.deletions] == ["it is FAILED", "it is CANCELLED"]
        assert shelf.deleted == []

    PRUNED: ClassVar = [
        ({"v1": ACTIVE, "v2": ACTIVE, "v3": ACTIVE}, 2, ["v1"]),
        ({"v1": ACTIVE, "v2": ACTIVE}, 2, []),
        ({"v1": ACTIVE, "v2": FAILED, "v3": ACTIVE, "v4": FAILED}, 1, ["v1", "v2"]),
        ({"v1": CREATING, "v2": ACTIVE, "v3": ACTIVE}, 1, ["v2"]),
        ({"v1": FAILED, "v2": ACTIVE}, 1, []),
        ({"v10": ACTIVE, "v9": ACTIVE}, 1, ["v9"]),
        ({"v2": ACTIVE, "v2-rc1": ACTIVE}, 1, ["v2-rc1"]),
    ]

    @pytest.mark.parametrize(("versions", "keep", "expected"), PRUNED)
    def test_prunes_what_is_older_than_the_newest_that_answer(
        self, shelf: Shelf, library: ModelLibrary, versions: dict, keep: int, expected: list[str]
    ) -> None:
        put(shelf, **versions)
        shelf.put("tunedModels/router-v1")

        plan = library.plan_deletion(prune=("sql-expert", keep))

        assert plan.names == tuple(map(name_of, expected))

    def test_finds_all_that_has_learnt_from_a_data_set(
        self, shelf: Shelf, records: Records, library: ModelLibrary
    ) -> None:
        put(shelf, v1=ACTIVE, v2=ACTIVE, v3=ACTIVE, v4=ACTIVE, v5=ACTIVE)
        record(records, "v1", dataset=DatasetRecord(hash=HASHES["a"]))
        merged = DatasetRecord(hash=HASHES["b"], parts=(HASHES["a"], HASHES["c"]))
        record(records, "v2", dataset=merged)
        record(records, "v3", dataset=DatasetRecord(hash=HASHES["d"], parts=(HASHES["b"],)))
        record(records, "v4", base_model=name_of("v3"))
        record(records, "v5", dataset=DatasetRecord(hash=HASHES["c"]))

        assert library.plan_deletion(dataset=HASHES["a"]).names == tuple(
            map(name_of, ["v1", "v2", "v3", "v4"])
        )
        assert library.plan_deletion(dataset="cccccccc").names == tuple(
            map(name_of, ["v2", "v3", "v4", "v5"])
        )
        assert library.plan_deletion(dataset="eeeeeeee").names == ()

    def test_tells_what_speaks_against_it(
        self, shelf: Shelf, records: Records, library: ModelLibrary
    ) -> None:
        put(shelf, v1=ACTIVE, v2=ACTIVE, v3=ACTIVE)
        record(records, "v1", "v2")
        record(records, "v3", keep=True)
        point(records, "v2", before="v1")

        plan = library.plan_deletion([name_of(version) for version in ("v1", "v2", "v3")])

        assert [planned.protections for planned in plan.protected] == [
            ("sql-expert@production would be rolled back to it",),
            ("sql-expert@production points to it",),
            ("the records say to keep it",),
        ]

    def test_names_a_model_once(
        self, shelf: Shelf, records: Records, library: ModelLibrary
    ) -> None:
        put(shelf, v1=FAILED)
        record(records, "v1")
        point(records, "v1")

        names = [name_of("v1"), "sql-expert-v1", "sql-expert@production"]
        plan = library.plan_deletion(names, failed=True)

        assert plan.names == (name_of("v1"),)

    def test_tells_what_is_gone_already(self, library: ModelLibrary) -> None:
        plan = library.plan_deletion([name_of("v1"), name_of("v1")])

        assert (plan.deletions, plan.gone) == ((), (name_of("v1"),))

    WRONG: ClassVar = [
        ({}, ParameterError, "Say what is to be deleted"),
        ({"names": []}, ParameterError, "Say what is to be deleted"),
        ({"names": "tunedModels/x"}, ParameterError, "is a list"),
        ({"prune": ("sql-expert", 0)}, ParameterError, "at least one version"),
        ({"dataset": "abc"}, ParameterError, "too short"),
        ({"names": ["nonsense"]}, TunedModelNameError, "not a tuned model's full name"),
    ]

    @pytest.mark.parametrize(("wish", "error", "told"), WRONG)
    def test_is_refused_where_it_is_not_clear(
        self, library: ModelLibrary, wish: dict, error: type[Exception], told: str
    ) -> None:
        with pytest.raises(error, match=told):
            library.plan_deletion(**wish)

    def test_is_refused_where_several_data_sets_may_be_meant(
        self, shelf: Shelf, records: Records, library: ModelLibrary
    ) -> None:
        for version, last in (("v1", "1"), ("v2", "2")):
            record(records, version, dataset=DatasetRecord(hash="a" * 63 + last))

        with pytest.raises(ParameterError, match="Several data sets begin with 'aaaaaaaa'"):
            library.plan_deletion(dataset="a" * 8)


def test_what_was_planned_is_deleted_and_told_and_written_down(
    shelf: Shelf, records: Records, library: ModelLibrary
) -> None:
    put(shelf, v1=FAILED, v2=FAILED, v3=ACTIVE)
    record(records, "v1")
    seen: list[Deletion] = []

    report = library.delete(library.plan_deletion(failed=True), on_progress=seen.append)

    assert report.deleted == (name_of("v1"), name_of("v2"))
    assert report.is_complete
    assert seen == list(report.deletions)
    assert [*shelf.models] == [name_of("v3")]
    first, second = audited(library)
    assert first == {
        "at": "2026-01-01T00:00:00+00:00",
        "by": "ann",
        "action": "delete",
        "name": name_of("v1"),
        "platform": "developer",
        "project": "",
        "location": "",
        "state": "FAILED",
        "create_time": "2026-01-01T01:00:00+00:00",
        "family": "sql-expert",
        "version": "v1",
        "why": "it is FAILED",
        "protections": [],
        "force": False,
        "outcome": "deleted",
    }
    assert second["name"] == name_of("v2")
    assert records.load().version("sql-expert", "v1").record.deleted == START


def test_what_is_gone_already_is_a_success(shelf: Shelf, library: ModelLibrary) -> None:
    put(shelf, v1=FAILED)
    plan = library.plan_deletion(failed=True)
    shelf.models.clear()

    report = library.delete(plan)

    assert outcomes(report.deletions) == ["gone"]
    assert report.is_complete
    assert report.deleted == ()


def test_what_is_protected_is_deleted_by_force_only(
    shelf: Shelf, records: Records, library: ModelLibrary
) -> None:
    put(shelf, v1=ACTIVE, v2=ACTIVE)
    record(records, "v1", "v2")
    point(records, "v2")
    plan = library.plan_deletion([name_of("v1"), name_of("v2")])

    held = library.delete(plan)
    assert outcomes(held.deletions) == ["deleted", "protected"]
    assert "sql-expert@production points to it. With force" in held.deletions[1].detail
    assert not held.is_complete

    forced = library.delete(plan, force=True)
    assert outcomes(forced.deletions) == ["gone", "deleted"]
    assert records.load().target(AliasName("sql-expert", "production")).record.deleted == START


def test_force_does_not_reach_what_was_not_known_when_it_was_planned(
    shelf: Shelf, records: Records, library: ModelLibrary
) -> None:
    put(shelf, v1=ACTIVE)
    record(records, "v1")
    plan = library.plan_deletion([name_of("v1")])
    point(records, "v1")

    report = library.delete(plan, force=True)

    assert outcomes(report.deletions) == ["skipped"]
    assert "since it was planned, sql-expert@production points to it" in report.deletions[0].detail
    assert shelf.deleted == []


CHANGES: list[tuple[str, Callable[[Shelf], Any], str]] = [
    ("state", lambda shelf: shelf.flip(name_of("v1"), ACTIVE), "was FAILED .* and is ACTIVE now"),
    ("reuse", lambda shelf: shelf.put(name_of("v1"), FAILED), "created anew"),
]


@pytest.mark.parametrize(("what", "change", "told"), CHANGES, ids=[c[0] for c in CHANGES])
@pytest.mark.parametrize("force", [False, True])
def test_what_has_changed_since_is_skipped_whatever_the_force(
    shelf: Shelf,
    library: ModelLibrary,
    what: str,
    change: Callable[[Shelf], Any],
    told: str,
    force: bool,
) -> None:
    put(shelf, v1=FAILED, v2=FAILED)
    plan = library.plan_deletion(failed=True)
    change(shelf)

    report = library.delete(plan, force=force)

    assert outcomes(report.deletions) == ["skipped", "deleted"]
    assert re.search(told, report.deletions[0].detail)


def test_a_model_whose_age_nobody_tells_is_not_deleted(shelf: Shelf, library: ModelLibrary) -> None:
    shelf.models["tunedModels/x"] = TunedModel("tunedModels/x", FAILED, "FAILED")

    report = library.delete(library.plan_deletion(failed=True))

    assert outcomes(report.deletions) == ["skipped"]
    assert "does not tell when it was created" in report.deletions[0].detail


@pytest.mark.parametrize("method", ["get", "delete"])
@pytest.mark.parametrize(
    "error",
    [
        ServiceError("No.", status=403, advice=Advice("Call it().", "Run it.")),
        ServiceUnreachableError("http://x", "timed out"),
    ],
)
def test_one_that_fails_does_not_keep_the_others_and_a_rerun_finishes_the_rest(
    shelf: Shelf, library: ModelLibrary, method: str, error: TunedGeminiError
) -> None:
    put(shelf, v1=FAILED, v2=FAILED)
    plan = library.plan_deletion(failed=True)

    def refuse(asked: str, name: str) -> None:
        if (asked, name) == (method, name_of("v1")):
            raise error

    shelf.before = refuse
    report = library.delete(plan)
    shelf.before = lambda method, name: None
    again = library.delete(plan)

    assert outcomes(report.deletions) == ["failed", "deleted"]
    assert report.deletions[0].detail == str(error)
    assert report.deletions[0].for_command_line == error.for_command_line
    assert outcomes(again.deletions) == ["deleted", "gone"]
    assert again.is_complete
    assert [line["outcome"] for line in audited(library)] == [
        "failed",
        "deleted",
        "deleted",
        "gone",
    ]


def test_records_that_can_not_be_read_protect_everything(
    shelf: Shelf, records: Records, library: ModelLibrary
) -> None:
    put(shelf, v1=FAILED)
    plan = library.plan_deletion(failed=True)
    records.path.write_text("[")

    report = library.delete(plan, force=True)

    assert outcomes(report.deletions) == ["failed"]
    assert "is no TOML" in report.deletions[0].detail
    assert shelf.deleted == []


def test_without_a_place_for_the_audit_nothing_is_deleted(
    shelf: Shelf, records: Records, tmp_path: Path
) -> None:
    put(shelf, v1=FAILED)
    library = ModelLibrary(shelf, records, audit=tmp_path)  # a directory
    plan = library.plan_deletion(failed=True)

    with pytest.raises(
        ParameterError, match=r"can't be written: Is a directory\. Nothing was deleted"
    ):
        library.delete(plan)

    assert shelf.deleted == []


def test_a_torn_line_of_the_audit_does_not_spoil_the_next_one(
    shelf: Shelf, library: ModelLibrary
) -> None:
    path = library.records.path.with_suffix(".audit.jsonl")
    path.write_text('{"at": "2026-01-01", "by": "a')
    put(shelf, v1=FAILED, v2=FAILED)

    library.delete(library.plan_deletion(failed=True))

    torn, *whole = path.read_text().splitlines()
    assert torn == '{"at": "2026-01-01", "by": "a'
    assert [json.loads(line)["outcome"] for line in whole] == ["deleted", "deleted"]


def test_the_audit_is_not_written_through_a_link(
    shelf: Shelf, library: ModelLibrary, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    library.records.path.with_suffix(".audit.jsonl").symlink_to(precious)
    put(shelf, v1=FAILED)
    plan = library.plan_deletion(failed=True)

    with pytest.raises(ParameterError, match="symbolic link, which is not followed"):
        library.delete(plan)

    assert precious.read_text() == "as it was"
    assert shelf.deleted == []


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, asyncio.CancelledError])
def test_an_interruption_is_written_down_and_leaves_nothing_half_done(
    shelf: Shelf, library: ModelLibrary, interrupt: type[BaseException]
) -> None:
    put(shelf, v1=FAILED, v2=FAILED, v3=FAILED)
    plan = library.plan_deletion(failed=True)

    def stop(method: str, name: str) -> None:
        if (method, name) == ("delete", name_of("v2")):
            raise interrupt

    shelf.before = stop
    with pytest.raises(interrupt):
        if interrupt is KeyboardInterrupt:
            library.delete(plan)
        else:
            asyncio.run(library.adelete(plan))

    assert [line["outcome"] for line in audited(library)] == ["deleted", "interrupted"]
    shelf.before = lambda method, name: None
    assert outcomes(library.delete(plan).deletions) == ["gone", "deleted", "deleted"]


def test_the_asynchronous_twins_do_the_same(shelf: Shelf, library: ModelLibrary) -> None:
    put(shelf, v1=FAILED, v2=ACTIVE)

    async def both() -> tuple[DeletionPlan, Any]:
        plan = await library.aplan_deletion(failed=True)
        return plan, await library.adelete(plan)

    plan, report = asyncio.run(both())

    assert plan.names == report.deleted == (name_of("v1"),)


# What happens in between, and where: before each request, chosen by the search.

VERSIONS = ("v1", "v2", "v3", "v4")
RECORDED = ("v1", "v2")
EVENTS = st.sampled_from(["nothing", "flip", "delete", "reuse", "point", "fail", "lose the answer"])


@dataclass
class Trouble:
    """A schedule: for the nth request, what happens just before, and to which version.

    What happens between the last look at a model and the request to delete it can't be seen by
    anybody, since the API takes no condition along: there, it happens to another model.
    """

    shelf: Shelf
    records: Records
    schedule: list[tuple[str, str, TunedModelState]]
    turn: Iterator[tuple[str, str, TunedModelState]] = field(init=False)
    loses: bool = False
    pointed_at: str = ""
    wronged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turn = iter(self.schedule)
        self.shelf.before, self.shelf.after = self.before, self.after

    def before(self, method: str, name: str) -> None:
        event, version, state = next(self.turn, ("nothing", "v1", ACTIVE))
        self.loses = event == "lose the answer"
        if method == "delete" and name == self.pointed_at:
            self.wronged.append(name)
        if event == "fail":
            raise ServiceUnreachableError("http://nowhere", "timed out")
        if method == "delete" and name == name_of(version):
            return
        match event:
            case "flip":
                self.shelf.flip(name_of(version), state)
            case "delete":
                self.shelf.models.pop(name_of(version), None)
            case "reuse":
                self.shelf.put(name_of(version), state)
            case "point" if version in RECORDED:
                point(self.records, version)
                self.pointed_at = name_of(version)

    def after(self, method: str, name: str) -> None:
        if self.loses:
            raise ServiceUnreachableError("http://nowhere", "reset after the request")


STATES = st.sampled_from([ACTIVE, FAILED, CREATING])
SCHEDULES = st.lists(st.tuples(EVENTS, st.sampled_from(VERSIONS), STATES), max_size=16)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    states=st.tuples(*[STATES] * len(VERSIONS)),
    wish=st.sampled_from(["failed", "names", "prune"]),
    force=st.booleans(),
    schedule=SCHEDULES,
)
def test_whatever_happens_nothing_else_is_deleted_and_a_rerun_finishes_the_rest(
    tmp_path_factory: pytest.TempPathFactory,
    states: tuple[TunedModelState, ...],
    wish: str,
    force: bool,
    schedule: list[tuple[str, str, TunedModelState]],
) -> None:
    records = Records(tmp_path_factory.mktemp("records") / "tuned-models.toml")
    shelf = Shelf()
    library = ModelLibrary(shelf, records, user="ann")
    put(shelf, **dict(zip(VERSIONS, states, strict=True)))
    record(records, *RECORDED)
    wishes: dict[str, Any] = {
        "failed": {"failed": True},
        "names": {"names": [name_of("v1"), name_of("v3")]},
        "prune": {"prune": ("sql-expert", 1)},
    }
    plan = library.plan_deletion(**wishes[wish])
    meant = {(planned.name, planned.create_time) for planned in plan.deletions}

    trouble = Trouble(shelf, records, schedule)
    report = library.delete(plan, force=force)

    # Nothing outside the plan is deleted, and nothing that an alias has come to point to.
    assert set(shelf.deleted) <= meant
    assert trouble.wronged == []
    assert set(report.deleted) <= {name for name, _ in shelf.deleted}
    trouble.schedule, trouble.turn = [], iter([])
    again = library.delete(plan, force=force)
    assert set(shelf.deleted) <= meant
    assert trouble.wronged == []
    # What is still there is not what was planned, or there is a reason to keep it.
    assert {deletion.outcome for deletion in again.deletions} <= {
        DeletionOutcome.DELETED,
        DeletionOutcome.GONE,
        DeletionOutcome.SKIPPED,
        DeletionOutcome.PROTECTED,
    }
    in_use = {change.version for change in records.load().families["sql-expert"].history}
    for planned in plan.deletions:
        model = shelf.models.get(planned.name)
        assert (
            model is None
            or model.create_time != planned.create_time
            or model.state is not planned.state
            or planned.version in in_use
        )
    third = library.delete(plan, force=force)
    assert third.deleted == ()


def test_the_search_would_notice_a_model_that_is_not_read_again(
    shelf: Shelf, records: Records, library: ModelLibrary
) -> None:
    """The double tells incarnations apart, or the property above could not fail."""
    put(shelf, v1=FAILED)
    (planned,) = library.plan_deletion(failed=True).deletions
    shelf.put(name_of("v1"), FAILED)

    shelf.delete(planned.name)

    assert shelf.deleted != [(planned.name, planned.create_time)]
