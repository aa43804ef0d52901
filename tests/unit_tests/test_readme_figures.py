"""The figures that the README shows are those that were measured last."""

from __future__ import annotations

import pytest

from benchmarks import readme
from benchmarks.readme import BLOCKS, README, with_figures


def test_the_readme_shows_what_was_recorded() -> None:
    text = README.read_text(encoding="utf-8")

    assert with_figures(text) == text, "run: python -m benchmarks.readme"


@pytest.mark.parametrize("name", BLOCKS)
def test_a_table_that_is_changed_by_hand_is_found(name: str) -> None:
    text = README.read_text(encoding="utf-8")
    start = text.index(f"<!-- {name} -->\n") + len(f"<!-- {name} -->\n")

    changed = text[:start] + "| by hand |\n" + text[start:]

    assert with_figures(changed) == text


def test_a_readme_without_a_table_is_an_error() -> None:
    with pytest.raises(LookupError, match="<!-- costs -->"):
        with_figures("# Nothing")


def test_ours_is_told_to_mislead_nobody_only_as_long_as_it_does_not() -> None:
    told = readme.scorecard().splitlines()

    column = told[0].split(" | ").index("ours")
    for line in told[2:]:
        cells = line.strip("| ").split(" | ")
        if cells[0] in {"LEAKED PARTIAL", "FALSE SUCCESS"}:
            assert line.split(" | ")[column] == "0"
