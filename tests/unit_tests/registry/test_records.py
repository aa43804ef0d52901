"""The records: what may stand in them, how they are changed, and that nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import (
    AliasName,
    ParameterError,
    RecordNotFoundError,
    Records,
    RecordsError,
    TunedModel,
    TunedModelNameError,
    TunedModelState,
)
from langchain_tuned_gemini.registry import Catalog, ChangeRecord, DatasetRecord, VersionRecord
from langchain_tuned_gemini.registry.editing import Editor
from langchain_tuned_gemini.registry.toml_lines import line_of

AT = datetime(2026, 11, 28, 14, tzinfo=UTC)
PRODUCTION = AliasName.parse("sql-expert@production")
HASH = "0123456789abcdef" * 4

BY_HAND = f"""\
# Written by hand.

[sql-expert]
task = "strict"   # one right answer
system_instruction = "Answer with one SQL query."
guards = [{{ sql = "sqlite" }}, {{ one_of = ["a", "b"], ignore_case = true }}, "json"]
fallback = {{ base_model = "gemini-3.5-flash", k = 4, form = "block" }}

[sql-expert.versions.v2]   # the best so far
model = "tunedModels/sql-expert-v2"
base_model = "models/gemini-1.5-flash-001-tuning"
dataset = {{ path = "data/train.jsonl", hash = "{HASH}" }}

[sql-expert.versions.v1]
model = "tunedModels/sql-expert-v1"
task = "creative"
keep = true

[sql-expert.aliases]
production = "v2"
staging = "v2"

[router.versions.001]
model = "projects/acme/locations/us-central1/endpoints/42"
"""


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path / "tuned-models.toml")


@pytest.fixture
def by_hand(records: Records) -> Records:
    records.path.write_text(BY_HAND, encoding="utf-8")
    return records


def change(version: str, before: str = "", *, rollback: bool = False) -> ChangeRecord:
    return ChangeRecord(
        alias="production", version=version, before=before, by="ann", at=AT, rollback=rollback
    )


def test_a_file_that_is_not_there_is_empty(records: Records) -> None:
    assert records.load().versions == []


def test_a_version_has_the_settings_of_its_family_and_its_own_go_before(by_hand: Records) -> None:
    first, second = by_hand.load().version("sql-expert", "v1"), by_hand.load().target(PRODUCTION)

    assert (first.record.task, second.record.task) == ("creative", "strict")
    for version in (first, second):
        assert version.record.system_instruction == "Answer with one SQL query."
        assert version.record.fallback is not None
        assert version.record.fallback.k == 4
    assert second.record.dataset.hash == HASH
    assert second.examples == str(by_hand.path.parent / "data/train.jsonl")
    assert first.examples is None


def test_guards_are_built_from_their_names(by_hand: Records) -> None:
    sql, one_of, json = by_hand.load().target(PRODUCTION).guards()

    assert [sql(AIMessage("SELECT 1")), one_of(AIMessage("A")), json(AIMessage("1"))] == [None] * 3
    assert all(guard(AIMessage("no such thing")) for guard in (sql, one_of, json))


def test_a_json_schema_is_read_from_beside_the_records(records: Records) -> None:
    records.path.write_text(
        '[x]\nguards = [{ json = "schema.json" }, { regex = "[0-9]+" }]\n'
        '[x.versions.v1]\nmodel = "tunedModels/x-v1"\n'
    )
    version = records.load().version("x", "v1")
    with pytest.raises(ParameterError, match=r"schema\.json can't be read"):
        version.guards()

    (records.path.parent / "schema.json").write_text('{"type": "integer"}')

    schema, regex = version.guards()
    assert (schema(AIMessage("1")), regex(AIMessage("1"))) == (None, None)
    assert schema(AIMessage('"text"'))


def test_a_version_is_found_by_each_of_its_names(by_hand: Records) -> None:
    catalog = by_hand.load()

    for name in (
        "sql-expert@staging",
        "sql-expert-v2",
        "sql-expert-v2",
        "tunedModels/sql-expert-v2",
    ):
        assert str(catalog.find(name)) == "sql-expert v2", name
    assert catalog.aliases_of(catalog.find("sql-expert-v2")) == (
        "sql-expert@production",
        "sql-expert@staging",
    )


NOT_THERE = [
    ("sql-expert@nobody", r"its aliases are: sql-expert@production, sql-expert@staging"),
    ("sql-expert-v9", "its versions are: v2, v1"),
    ("unknown-v1", "it has no versions"),
    ("tunedModels/unknown", "its models are: tunedModels/sql-expert-v2"),
]


@pytest.mark.parametrize(("name", "told"), NOT_THERE)
def test_what_is_not_recorded_is_an_error_that_tells_what_is(
    by_hand: Records, name: str, told: str
) -> None:
    with pytest.raises(RecordNotFoundError, match=told):
        by_hand.load().find(name)


@pytest.mark.parametrize("project", ["acme", "123456"])
@pytest.mark.parametrize("name", ["name", "endpoint", "model"])
def test_a_model_is_recognised_by_each_of_its_names_and_by_its_projects_number(
    by_hand: Records, project: str, name: str
) -> None:
    names = {
        "name": "tunedModels/other",
        name: f"projects/{project}/locations/us-central1/endpoints/42",
    }

    model = TunedModel(state=TunedModelState.ACTIVE, raw_state="ACTIVE", **names)

    found = by_hand.load().of(model, {"acme": "123456"})

    assert str(found) == "router 001"


@pytest.mark.parametrize("project", ["acme-dev", "654321", "example.com:acme"])
def test_a_model_of_another_project_is_not_recognised_by_its_id(
    by_hand: Records, project: str
) -> None:
    name = f"projects/{project}/locations/us-central1/endpoints/42"

    found = by_hand.load().of(TunedModel(name, TunedModelState.ACTIVE, "ACTIVE"), {})

    assert found is None


def test_what_has_one_id_in_several_projects_is_recorded_side_by_side(records: Records) -> None:
    for label, project in {"v1": "acme-dev", "v2": "acme-prod", "v3": "654321"}.items():
        with records.edit() as (_, editor):
            name = f"projects/{project}/locations/us-central1/endpoints/42"
            editor.add_version("x", label, VersionRecord(model=name))

    assert [version.label for version in records.load().versions] == ["v1", "v2", "v3"]


MISTAKES = [
    ("[a", None, "is no TOML"),
    ("[a]\nb = \n", 2, "is no TOML"),
    ("x = 1\n", 1, "x: Input should be a valid dictionary"),
    ("[x-v2]\n", 1, "can't be a family"),
    ('[x]\ntazk = "strict"\n', 2, "x.tazk: nobody knows this key"),
    ('[x]\n\n# a comment\ntask = "strickt"\n', 4, "'strict' or 'creative'"),
    ("[x]\nguards = [\n  'json',\n  'sql',\n]\n", 2, "a guard is one of one_of, regex, json, sql"),
    ("[x]\nguards = [{ one_of = [] }]\n", 2, "at least 1 item"),
    ("[x]\nguards = [{ one_of = ['a'], regex = 'b' }]\n", 2, "a guard is one of"),
    ("[x]\nguards = [{ regex = 'b', read_only = true }]\n", 2, "no option of regex, but of sql"),
    ("[x]\nfallback = { k = 3 }\n", 2, "base_model: Field required"),
    ("[x]\nfallback = { base_model = 'g', k = 0 }\n", 2, "greater than or equal to 1"),
    ("[x.versions.v1]\n", 1, "model: Field required"),
    ("[x.versions.v1]\nmodel = 'tunedModels/a#x'\n", 2, "not a tuned model's name"),
    ("[x.versions.v1]\nmodel = '42'\n", 2, "no full name"),
    ("[x.versions.v1]\nmodel = 'tunedModels/x'\ndataset = { hash = 'abc' }\n", 3, "should match"),
    ("[x.aliases]\nv3 = 'v3'\n", 2, "can't be an alias"),
    ("[x.aliases]\nproduction = 'v3'\n", 2, "x v3 is not in .*; it has no versions"),
    (
        "[x.versions.v1]\nmodel = 'tunedModels/x'\n[y.versions.v1]\nmodel = 'tunedModels/x'\n",
        4,
        "tunedModels/x is x v1 already",
    ),
    (
        "[x.versions.v1]\nmodel = 'tunedModels/x'\n[x.versions.001]\nmodel = 'tunedModels/y'\n",
        3,
        "001 and v1 are the same version",
    ),
]


@pytest.mark.parametrize(("text", "line", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_line(
    records: Records, text: str, line: int | None, told: str
) -> None:
    records.path.write_text(text)

    with pytest.raises(RecordsError, match=told) as caught:
        records.load()

    assert [problem.line for problem in caught.value.problems] == [line]
    assert str(caught.value).startswith(f"{records.path}:")


def test_all_mistakes_are_told_at_once(records: Records) -> None:
    records.path.write_text("[x]\ntask = 1\nguards = 2\n[y.versions.v1]\n")

    with pytest.raises(RecordsError) as caught:
        records.load()

    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]


def test_a_file_that_can_not_be_read_is_a_mistake(records: Records) -> None:
    records.path.write_bytes(b"\xff")

    with pytest.raises(RecordsError, match="can't be read"):
        records.load()


KEYS = st.from_regex(r"[a-z]{1,4}", fullmatch=True)


@given(st.lists(KEYS, min_size=1, max_size=6, unique=True), st.data())
def test_a_key_is_found_on_its_own_line(keys: list[str], data: st.DataObject) -> None:
    lines = [f"[{key}]\nvalue = '{key}'\nmore = [\n 1,\n]" for key in keys]
    key = data.draw(st.sampled_from(keys))
    text = "\n".join(lines)

    assert text.splitlines()[line_of(text, [key, "value"]) - 1] == f"value = '{key}'"
    assert text.splitlines()[line_of(text, [key, "more", 0]) - 1] == "more = ["


def test_a_change_leaves_comments_and_order_as_they_are(by_hand: Records) -> None:
    with by_hand.edit() as (_, editor):
        editor.add_version(
            "sql-expert",
            "v3",
            VersionRecord(
                model="tunedModels/sql-expert-v3", dataset=DatasetRecord(path="t.jsonl", hash=HASH)
            ),
        )
        editor.point(PRODUCTION, change("v3", "v2"))

    text = by_hand.path.read_text(encoding="utf-8")
    before, after = BY_HAND.splitlines(), text.splitlines()
    assert [line for line in before if line not in after] == ['production = "v2"']
    assert [line for line in after if line not in before] == [
        "[sql-expert.versions.v3]",
        'model = "tunedModels/sql-expert-v3"',
        f'dataset = {{path = "t.jsonl", hash = "{HASH}"}}',
        'production = "v3"',
        "[[sql-expert.history]]",
        'alias = "production"',
        'version = "v3"',
        'before = "v2"',
        'by = "ann"',
        "at = 2026-11-28T14:00:00Z",
    ]


def test_a_new_file_is_pleasant_to_read(records: Records) -> None:
    with records.edit() as (_, editor):
        for number in (1, 2):
            record = VersionRecord(model=f"tunedModels/x-v{number}", base_model="models/gemini")
            editor.add_version("x", f"v{number}", record)
        editor.point(AliasName("x", "production"), change("v1"))
    with records.edit() as (_, editor):
        editor.point(AliasName("x", "production"), change("v2", "v1"))
        editor.set_version("x", "v1", "keep", value=True)

    head, _, body = records.path.read_text(encoding="utf-8").partition("\n\n")
    assert head.startswith("# Tuned models")
    assert (
        body
        == """\
[x.versions.v1]
model = "tunedModels/x-v1"
base_model = "models/gemini"
keep = true

[x.versions.v2]
model = "tunedModels/x-v2"
base_model = "models/gemini"

[x.aliases]
production = "v2"

[[x.history]]
alias = "production"
version = "v1"
by = "ann"
at = 2026-11-28T14:00:00Z

[[x.history]]
alias = "production"
version = "v2"
before = "v1"
by = "ann"
at = 2026-11-28T14:00:00Z
"""
    )


@pytest.mark.parametrize("label", ["v2", "v2.0", "002"])
def test_a_version_is_not_recorded_in_the_place_of_another_one(
    by_hand: Records, label: str
) -> None:
    other = VersionRecord(model="tunedModels/other")

    told = "v2 is recorded already, as tunedModels/sql-expert-v2"
    with pytest.raises(RecordsError, match=told), by_hand.edit() as (_, editor):
        editor.add_version("sql-expert", label, other)

    assert by_hand.path.read_text(encoding="utf-8") == BY_HAND


OTHER_FORMS = [
    "[x.versions]\nv1 = { model = 'tunedModels/x-v1' }\n[x.aliases]\nproduction = 'v1'\n",
    '["x"."versions"."v1"]\n"model" = "tunedModels/x-v1"\n[x]\naliases.production = "v1"\n',
]
FORMS_IN_THE_WAY = [
    "[x]\nversions = { v1 = { model = 'tunedModels/x-v1' } }\naliases = { production = 'v1' }\n",
    "x.versions.v1.model = 'tunedModels/x-v1'\nx.aliases.production = 'v1'\n",
]


def change_everything(records: Records) -> None:
    with records.edit() as (_, editor):
        editor.add_version("x", "v2", VersionRecord(model="tunedModels/x-v2"))
        editor.set_version("x", "v1", "keep", value=True)
        editor.point(AliasName("x", "production"), change("v2", "v1"))


@pytest.mark.parametrize("text", OTHER_FORMS)
def test_each_form_of_toml_can_be_changed(records: Records, text: str) -> None:
    records.path.write_text(text)
    alias = AliasName("x", "production")

    change_everything(records)

    catalog = records.load()
    assert (catalog.target(alias).label, catalog.version("x", "v1").record.keep) == ("v2", True)
    assert catalog.before(alias) == catalog.version("x", "v1")


@pytest.mark.parametrize("text", FORMS_IN_THE_WAY)
def test_a_form_that_can_not_be_changed_is_told_and_left_as_it_is(
    records: Records, text: str
) -> None:
    records.path.write_text(text)

    with pytest.raises(RecordsError, match=r"write tables: \[family\.versions\.v1\]"):
        change_everything(records)

    assert records.path.read_text() == text
    assert records.load().target(AliasName("x", "production")).label == "v1"


def test_what_is_said_of_a_version_can_be_taken_back(by_hand: Records) -> None:
    with by_hand.edit() as (_, editor):
        editor.set_version("sql-expert", "v1", "keep", value=None)
        editor.set_version("sql-expert", "v1", "never_said", value=None)

    assert by_hand.load().version("sql-expert", "v1").record.keep is False


def test_a_history_in_one_line_is_continued(records: Records) -> None:
    records.path.write_text(
        "[x]\nhistory = [{ alias = 'production', version = 'v1', at = 2026-11-28T14:00:00Z }]\n"
        "[x.versions.v1]\nmodel = 'tunedModels/x'\n[x.aliases]\nproduction = 'v1'\n"
    )

    with records.edit() as (_, editor):
        editor.point(AliasName("x", "production"), change("v1"))

    assert len(records.load().history(AliasName("x", "production"))) == 2


def test_a_change_that_would_not_be_in_order_changes_nothing(by_hand: Records) -> None:
    with pytest.raises(RecordsError, match="v9 is not in"), by_hand.edit() as (_, editor):
        editor.point(PRODUCTION, change("v9", "v2"))

    assert by_hand.path.read_text(encoding="utf-8") == BY_HAND
    assert sorted(path.name for path in by_hand.path.parent.iterdir()) == [
        ".tuned-models.toml.lock",
        "tuned-models.toml",
    ]


def test_an_error_in_the_middle_changes_nothing(by_hand: Records) -> None:
    with pytest.raises(KeyError), by_hand.edit() as (_, editor):
        editor.point(PRODUCTION, change("v1", "v2"))
        raise KeyError

    assert by_hand.path.read_text(encoding="utf-8") == BY_HAND


def test_what_an_editor_saves_in_the_same_moment_is_not_lost(by_hand: Records) -> None:
    with pytest.raises(RecordsError, match="in this moment"), by_hand.edit() as (_, editor):
        by_hand.path.write_text(f"{BY_HAND}# saved by an editor\n", encoding="utf-8")
        editor.point(PRODUCTION, change("v1", "v2"))

    assert by_hand.path.read_text(encoding="utf-8").endswith("# saved by an editor\n")


def test_a_link_stays_a_link_and_the_mode_stays_the_mode(by_hand: Records, tmp_path: Path) -> None:
    by_hand.path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(by_hand.path)

    with Records(link).edit() as (_, editor):
        editor.point(PRODUCTION, change("v1", "v2"))

    assert link.is_symlink()
    assert by_hand.load().target(PRODUCTION).label == "v1"
    assert by_hand.path.stat().st_mode & 0o777 == 0o640


def _add_versions(path: Path, first: int) -> None:
    for number in range(first, first + 5):
        with Records(path).edit() as (_, editor):
            editor.add_version("x", f"v{number}", VersionRecord(model=f"tunedModels/x-v{number}"))


def test_changes_of_many_processes_are_all_made(records: Records) -> None:
    spawn = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    writers = [spawn.Process(target=_add_versions, args=(records.path, n * 5)) for n in range(4)]

    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        tomllib.loads(records.path.read_text(encoding="utf-8") if records.path.exists() else "")
    for writer in writers:
        writer.join()

    assert {version.label for version in records.load().versions} == {f"v{n}" for n in range(20)}


WAY_BACK = [
    ([], "v3", None),
    ([("v3", "", False)], "v3", None),
    ([("v2", "v1", False)], "v2", "v1"),
    ([("v1", "", False), ("v2", "v1", False), ("v3", "v2", False)], "v3", "v2"),
    ([("v2", "v1", False), ("v3", "v2", False), ("v2", "v3", True)], "v2", "v1"),
    (
        [("v2", "v1", False), ("v3", "v2", False), ("v2", "v3", True), ("v1", "v2", True)],
        "v1",
        None,
    ),
    ([("v2", "v1", False), ("v1", "v2", True), ("v3", "v1", False)], "v3", "v1"),
    ([("v2", "v1", False)], "v3", "v2"),  # v3 by hand
    ([("v2", "v4", False), ("v3", "v2", False)], "v3", "v2"),
    ([("v4", "v1", False), ("v3", "v4", False)], "v3", "v1"),  # v4 was deleted
    ([("v9", "v1", False), ("v3", "v9", False)], "v3", "v1"),  # nobody knows v9 any more
]


@pytest.mark.parametrize(("history", "current", "expected"), WAY_BACK)
def test_the_way_back_is_the_way_that_was_gone(
    records: Records, history: list[tuple[str, str, bool]], current: str, expected: str | None
) -> None:
    with records.edit() as (_, editor):
        for number in range(1, 5):
            record = VersionRecord(
                model=f"tunedModels/sql-expert-v{number}", deleted=AT if number == 4 else None
            )
            editor.add_version("sql-expert", f"v{number}", record)
        for version, before, rollback in history:
            editor.point(PRODUCTION, change(version, before, rollback=rollback))
        editor._table("sql-expert", "aliases")["production"] = current

    before = records.load().before(PRODUCTION)

    assert (before and before.label) == expected


@given(st.lists(st.sampled_from(["v1", "v2", "v3", None]), max_size=12))
def test_going_back_is_the_reverse_of_going_on(steps: list[str | None]) -> None:
    """None is a rollback; a pile of versions says what it should come to."""
    here = Path("tuned-models.toml")
    editor, pile = Editor("", here), []
    for version in ("v1", "v2", "v3"):
        record = VersionRecord(model=f"tunedModels/sql-expert-{version}")
        editor.add_version("sql-expert", version, record)
    for step in steps:
        catalog = Catalog.parse(editor.text, here)
        before = catalog.before(PRODUCTION) if pile else None
        # A version that was promoted twice in a row is one floor of the pile.
        assert (before and before.label) == (pile[-2] if len(pile) > 1 else None)
        if step is None and before:
            editor.point(PRODUCTION, change(before.label, pile.pop(), rollback=True))
        elif step is not None and step != (pile[-1] if pile else None):
            editor.point(PRODUCTION, change(step, pile[-1] if pile else ""))
            pile.append(step)
        if pile:
            assert Catalog.parse(editor.text, here).target(PRODUCTION).label == pile[-1]


def test_the_file_is_found_by_a_path_by_a_variable_or_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TUNED_MODELS", raising=False)
    assert Records().path == Path("tuned-models.toml")

    monkeypatch.setenv("TUNED_MODELS", str(tmp_path / "models.toml"))
    assert Records().path == tmp_path / "models.toml"
    assert Records("mine.toml").path == Path("mine.toml")


@pytest.mark.parametrize("text", ["sql-expert", "@production", "x@", "x@v3", "x@Prod", "x-v1@prod"])
def test_what_is_no_alias_is_refused(text: str) -> None:
    with pytest.raises(TunedModelNameError):
        AliasName.parse(text)


@pytest.mark.parametrize("text", ["models/1@2", "projects/p/locations/l/models/1@2", "sql-expert"])
def test_other_names_are_no_aliases(text: str) -> None:
    assert AliasName.find(text) is None


@pytest.mark.parametrize("label", ["v1\\u001b[2J", "v1\\u202e", "", "v1\\n"])
def test_a_version_that_a_terminal_would_show_as_another_one_is_refused(
    records: Records, label: str
) -> None:
    records.path.write_text(f'[x.versions."{label}"]\nmodel = "tunedModels/x-v1"\n')

    with pytest.raises(RecordsError, match="can't be a version"):
        records.load()


def test_what_is_not_recorded_since_there_is_no_file_is_told_with_the_files_path(
    records: Records,
) -> None:
    with pytest.raises(RecordNotFoundError, match=f"there is no file {records.path}"):
        records.load().target(PRODUCTION)


ADDED_TO = [
    '[x.versions.v1]\nmodel = "tunedModels/x-v1"\n\n[x.aliases]\nproduction = "v1"\n',
    '# mine\n[x]\ntask = "creative"   # why\n\n[x.versions.v1]\nmodel = "tunedModels/x-v1"\n',
    '[x]\nguards = ["json"]\nversions.v1 = { model = "tunedModels/x-v1" }\n',
]


@pytest.mark.parametrize("text", ADDED_TO)
def test_what_is_said_of_a_family_is_said_of_its_versions(records: Records, text: str) -> None:
    records.path.write_text(text)
    fallback = {"base_model": "gemini-3.5-flash", "examples": "train.jsonl"}

    with records.edit() as (_, editor):
        editor.set_family("x", {"task": "strict", "guards": ["json"], "fallback": fallback})

    (version,) = records.load().versions
    assert version.missing == ()
    assert (version.record.task, len(version.guards())) == ("strict", 1)
    assert all(line in records.path.read_text() for line in text.splitlines() if "#" in line[:1])


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "a byte order mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_what_windows_editors_write_is_read_and_stays(
    records: Records, mark: str, line_end: str
) -> None:
    text = '# ours\n[x.versions.v1]\nmodel = "tunedModels/x-v1"\n'
    records.path.write_bytes((mark + text.replace("\n", line_end)).encode())

    with records.edit() as (catalog, editor):
        editor.point(AliasName("x", "production"), change("v1"))
    after = records.path.read_bytes().decode()

    assert [version.label for version in catalog.versions] == ["v1"]
    assert records.load().target(AliasName("x", "production")).label == "v1"
    assert after.startswith(f"{mark}# ours{line_end}")
    assert after.count("\n") == after.count(line_end)
    assert after.count("\ufeff") == len(mark)


def test_a_home_directory_is_spelled_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("TUNED_MODELS", "~/models.toml")

    assert Records().path == Records("~/models.toml").path == tmp_path / "models.toml"
