"""What stands for an alias, while the file that says so changes, and can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.registry import RecordedVersion, Records
from langchain_tuned_gemini.registry.alias_resolver import FRESH_FOR, AliasResolver

TEXT = """\
[x.versions.v1]
model = "tunedModels/x-v1"
[x.versions.v2]
model = "tunedModels/x-v2"
[x.aliases]
production = "%s"
"""
PASSING = {
    "no file handle is left": OSError(24, "Too many open files"),
    "the disk stumbles": OSError(5, "Input/output error"),
    "the mode comes later": PermissionError(13, "Permission denied"),
}


class Stumbling(Records):
    """A file that can't be read while there is a problem."""

    problem: OSError | None = None

    def _read(self) -> str:
        if self.problem:
            raise self._problem(f"can't be read: {self.problem}") from self.problem
        return super()._read()


class Watched:
    """An alias, a clock, and what may stand in the way."""

    def __init__(self, path: Path) -> None:
        self.now = 0.0
        self.problem: Exception | None = None
        self.records = Stumbling(path)
        self.records.path.write_text(TEXT % "v1", encoding="utf-8")
        self.built: list[str] = []
        alias = AliasName.parse("x@production")
        self.resolver = AliasResolver(self.records, alias, self.build, clock=lambda: self.now)

    def build(self, version: RecordedVersion) -> str:
        self.built.append(version.label)
        if self.problem:
            raise self.problem
        return version.label

    def point(self, label: str) -> None:
        self.records.path.write_text(TEXT % label, encoding="utf-8")

    def later(self) -> str:
        self.now += FRESH_FOR
        return self.resolver.current()


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "tuned-models.toml")


@pytest.mark.parametrize("problem", PASSING.values(), ids=PASSING)
def test_a_change_is_seen_once_the_file_can_be_read_again(
    watched: Watched, problem: OSError, caplog: pytest.LogCaptureFixture
):
    watched.point("v2")
    watched.records.problem = problem

    assert [watched.later(), watched.later()] == ["v1", "v1"]
    assert len(caplog.records) == 1

    watched.records.problem = None

    assert watched.later() == "v2"


@pytest.mark.parametrize("problem", PASSING.values(), ids=PASSING)
def test_a_version_is_built_once_its_files_can_be_read_again(watched: Watched, problem: OSError):
    watched.point("v2")
    watched.problem = problem

    assert watched.later() == "v1"

    watched.problem = None

    assert watched.later() == "v2"


def test_what_is_wrong_is_not_built_again_until_the_file_is_replaced(
    watched: Watched, caplog: pytest.LogCaptureFixture
):
    watched.point("v2")
    watched.problem = ParameterError("no fallback")

    assert [watched.later(), watched.later(), watched.later()] == ["v1"] * 3
    assert watched.built == ["v1", "v2"]
    assert len(caplog.records) == 1

    watched.problem = None
    watched.records.path.write_text(f"# mended\n{TEXT % 'v2'}", encoding="utf-8")

    assert watched.later() == "v2"
