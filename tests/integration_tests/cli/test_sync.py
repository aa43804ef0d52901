"""`tuned-gemini sync`."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import NEXT_NUMBER
from tests.integration_tests.cli.terminal import rows


@pytest.fixture(scope="module")
def gemini() -> Iterator[Emulator]:
    """Two versions, of which one is recorded."""
    with Emulator() as emulator:
        for version in ("v1", "v2"):
            emulator.add_tuned_model(f"tunedModels/sql-expert-{version}", examples=NEXT_NUMBER)
        yield emulator


@pytest.fixture(autouse=True)
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One version that is there, and one that is not."""
    path = tmp_path / "tuned-models.toml"
    path.write_text(
        """[sql-expert.versions.v1]  # the first
model = "tunedModels/sql-expert-v1"
base_model = "models/gemini-1.5-flash-001-tuning"
[sql-expert.versions.v0]
model = "tunedModels/sql-expert-v0"
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("TUNED_MODELS", str(path))
    return path


def test_what_differs_is_shown_and_nothing_is_changed(run, records) -> None:
    before = records.read_text(encoding="utf-8")

    done = run("sync")

    assert done.code == ExitCode.FAILED
    assert rows(done.out) == [
        ["tunedModels/sql-expert-v2", "sql-expert v2 is not recorded.", "can be mended"],
        ["tunedModels/sql-expert-v0", "sql-expert v0 does not exist.", "can be mended"],
    ]
    assert "add --mend" in done.err
    assert records.read_text(encoding="utf-8") == before


def test_it_is_mended_and_then_nothing_differs(run, records) -> None:
    mended = run("sync", "--mend", "--json")
    again = run("sync")

    assert mended.code == again.code == ExitCode.OK
    assert {one["what"] for one in json.loads(mended.out)} == {"mended"}
    assert again.out == ""
    assert again.err == f"{records} is up to date.\n"
    text = records.read_text(encoding="utf-8")
    versions = tomllib.loads(text)["sql-expert"]["versions"]
    assert versions["v2"]["model"] == "tunedModels/sql-expert-v2"
    assert "deleted" in versions["v0"]
    assert "# the first" in text


def test_what_only_somebody_can_decide_stays(run, records) -> None:
    with records.open("a", encoding="utf-8") as file:
        file.write('[sql-expert.aliases]\nproduction = "v0"\n')

    done = run("sync", "--mend")

    assert done.code == ExitCode.FAILED
    assert [row[-1] for row in rows(done.out)] == ["mended", "mended", "by hand"]
    assert "sql-expert@production points to v0, which is deleted" in done.out
