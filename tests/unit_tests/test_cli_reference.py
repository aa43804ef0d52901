"""The README says what the command line's own help says."""

from __future__ import annotations

from pathlib import Path

import pytest

from langchain_tuned_gemini.cli.exit_codes import exit_code_table
from langchain_tuned_gemini.cli.reference import command_table

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize(
    ("title", "made"), [("commands", command_table), ("exit codes", exit_code_table)]
)
def test_the_table_stands_in_the_readme(title: str, made) -> None:
    text = README.read_text(encoding="utf-8")

    table = text.partition(f"<!-- {title} -->\n")[2].partition(f"<!-- /{title} -->")[0].strip()

    assert table == made(), f"In the README, write between the marks of {title}:\n{made()}"
