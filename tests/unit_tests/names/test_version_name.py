"""Versions: what names tell, in which order they are, and what comes next."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.names.version_name import (
    VersionName,
    check_family,
    next_label,
    same_version,
    version_of,
)

NAMES = [
    ("sql-expert-v2", "sql-expert", "v2"),
    ("sql-expert-v1-2", "sql-expert", "v1-2"),
    ("sql-expert-v1.2", "sql-expert", "v1.2"),
    ("sql-expert-001", "sql-expert", "001"),
    ("sql-expert-v2-rc1", "sql-expert", "v2-rc1"),
    ("SQL_Expert-v10-b2", "SQL_Expert", "v10-b2"),
    ("bert-340-v1", "bert-340", "v1"),
    ("v2-expert-v1", "v2-expert", "v1"),
]


@pytest.mark.parametrize(("name", "family", "label"), NAMES)
def test_a_name_tells_its_family_and_version(name: str, family: str, label: str) -> None:
    assert VersionName.parse(name) == VersionName(family, label)


WITHOUT = [
    "",
    "v2",
    "-v2",
    "sql-expert",
    "sql-expert-2",
    "sql-expert-20240501",
    "sql-expert-v",
    "sql-expert-v2-",
    "sql-expert-v2-rc",
    "sql-expert-v2-beta",
    "sql-expert-v2-clean-dataset",
    "sql-expert-v2-9wpmc1m920vq",
    "sql-expert-v2-901234567890",
    "sql-expert-v2-v3",
    "sql-expert-v1-2-3-4-5",
    "sql expert-v2",
    "sql-expert-v2\n",
    "sql-expert-v٣",
    "tunedModels/sql-expert-v2",
]


@pytest.mark.parametrize("name", WITHOUT)
def test_a_name_that_only_looks_like_that_has_no_version(name: str) -> None:
    assert VersionName.find(name) is None
    with pytest.raises(TunedModelNameError, match=r"sql-expert-v2"):
        VersionName.parse(name)


def test_versions_are_ordered_as_the_packages_of_python_are() -> None:
    labels = ["v10", "v2", "v2-rc1", "001", "v1-2", "v1-10", "v2-a1", "v2-b1"]

    assert sorted(labels, key=version_of) == [
        "001",
        "v1-2",
        "v1-10",
        "v2-a1",
        "v2-b1",
        "v2-rc1",
        "v2",
        "v10",
    ]


def test_labels_that_mean_the_same_are_the_same_version() -> None:
    assert same_version("v1-2", "v1.2")
    assert same_version("v2", "002")
    assert same_version("clean-dataset", "clean-dataset")
    assert not same_version("v2", "v2-rc1")
    assert not same_version("clean", "cleaner")


NEXT = [
    ([], "v1"),
    (["nonsense"], "v1"),
    (["v1", "v10", "v2"], "v11"),
    (["v9"], "v10"),
    (["v1-2", "v1-10"], "v1-11"),
    (["v1.2"], "v1.3"),
    (["001", "002"], "003"),
    (["009"], "010"),
    (["999"], "v1000"),
    (["v1", "v2-rc1"], "v2"),
    (["v2", "v2-rc1"], "v3"),
]


@pytest.mark.parametrize(("labels", "expected"), NEXT)
def test_the_next_version_is_counted_on_in_the_same_style(labels: list[str], expected: str) -> None:
    assert next_label(labels) == expected


LABELS = st.one_of(
    st.lists(st.integers(0, 99), min_size=1, max_size=4).map(lambda n: "v" + "-".join(map(str, n))),
    st.integers(0, 998).map("{:03}".format),
    st.tuples(st.integers(0, 99), st.sampled_from(["a", "b", "rc"]), st.integers(0, 99)).map(
        lambda parts: "v{}-{}{}".format(*parts)
    ),
)
FAMILIES = st.from_regex(r"[a-zA-Z]([a-zA-Z0-9_-]{0,20}[a-zA-Z0-9])?", fullmatch=True)


@given(st.lists(LABELS, max_size=8))
def test_what_comes_next_comes_after_all_that_there_is(labels: list[str]) -> None:
    following = version_of(next_label(labels))

    assert all(following > version_of(label) for label in labels)


@given(FAMILIES, LABELS)
def test_a_name_is_read_back_as_it_was_made(family: str, label: str) -> None:
    try:
        check_family(family)
    except TunedModelNameError:
        return
    name = VersionName(family, label)

    assert VersionName.find(str(name)) == name


@pytest.mark.parametrize(
    "family", ["", "2024", "x-v2", "sql-expert-v2", "sql expert", "a/b", "x@y", "x-"]
)
def test_what_can_not_be_a_family_is_refused(family: str) -> None:
    with pytest.raises(TunedModelNameError, match="can't be a family"):
        check_family(family)


def test_a_label_that_is_no_version_has_no_order() -> None:
    with pytest.raises(TunedModelNameError, match="'latest' is no version"):
        version_of("latest")


def test_names_that_google_will_refuse_are_refused_first() -> None:
    name = VersionName("a" * 38, "v1")

    name.check("vertex")
    with pytest.raises(TunedModelNameError, match="1 to 40"):
        name.check("developer")
    with pytest.raises(TunedModelNameError, match="1 to 40"):
        VersionName("SQL", "v1").check("developer")
    with pytest.raises(TunedModelNameError, match="at most 128 characters"):
        VersionName("a" * 126, "v1").check("vertex")
