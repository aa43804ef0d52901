"""The README says what the command line's own help says."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini.cli.app import app
from langchain_tuned_gemini.cli.errors import ExitCode
from tests.cli_reference import command_table, exit_code_table
from tests.pages import README, between_marks


@pytest.mark.parametrize(
    ("title", "made"), [("commands", command_table), ("exit codes", exit_code_table)]
)
def test_the_table_stands_in_the_readme(title: str, made) -> None:
    table = between_marks(README, title)

    assert table == made(), f"In the README, write between the marks of {title}:\n{made()}"


def test_every_exit_code_has_a_meaning_of_its_own() -> None:
    assert len({code.meaning for code in ExitCode}) == len(ExitCode)


def test_the_help_lists_each_command_under_its_heading() -> None:
    headings: dict[str, list[str]] = {}
    for one in [*app.registered_commands, *app.registered_groups]:
        headings.setdefault(str(one.rich_help_panel), []).append(str(one.name))

    assert headings == {
        "Tuned models": ["list", "show", "wait", "probe", "ask", "chat"],
        "Versions": ["versions", "create", "compare", "promote", "rollback", "set", "sync"],
        "Deleting": ["delete", "prune", "purge"],
        "Tools": ["doctor", "emulate", "data"],
    }
