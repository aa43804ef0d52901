"""The figures that the pages show are those that were measured last."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import readme
from benchmarks.readme import BLOCKS, with_figures
from tests.pages import PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_was_recorded(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert with_figures(text) == text, "run: python -m benchmarks.readme"


@pytest.mark.parametrize("name", BLOCKS)
def test_every_table_stands_on_one_page(name: str) -> None:
    (page,) = [page for page in PAGES if f"<!-- {name} -->\n" in page.read_text(encoding="utf-8")]

    text = page.read_text(encoding="utf-8")
    start = text.index(f"<!-- {name} -->\n") + len(f"<!-- {name} -->\n")
    assert with_figures(text[:start] + "| by hand |\n" + text[start:]) == text


def test_ours_is_told_to_mislead_nobody_only_as_long_as_it_does_not() -> None:
    told = readme.scorecard().splitlines()

    column = told[0].split(" | ").index("ours")
    for line in told[2:]:
        cells = line.strip("| ").split(" | ")
        if cells[0] in {"LEAKED PARTIAL", "FALSE SUCCESS"}:
            assert line.split(" | ")[column] == "0"
