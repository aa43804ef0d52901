"""Every row of the matrix is tested here, or elsewhere, or waits for what it is about."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.integration_tests.fault_matrix.contract import Row

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
ROWS = range(1, 81)

ELSEWHERE = {
    53: [
        "test_what_is_protected_is_deleted_by_force_only",
        "test_what_has_changed_since_is_skipped_whatever_the_force",
    ],
    54: [
        "test_what_is_gone_already_is_a_success",
        "test_what_is_not_what_was_planned_is_not_deleted",
    ],
    55: [
        "test_one_that_fails_does_not_keep_the_others_and_a_rerun_finishes_the_rest",
        "test_a_failure_at_any_request_is_told_and_a_rerun_finishes_the_rest",
    ],
    56: [
        "test_pages_give_each_model_once_in_the_order_of_arrival",
        "test_a_page_that_comes_again_is_an_error_and_not_an_endless_list",
    ],
    57: ["test_no_accepted_name_can_change_a_url"],
    58: [
        "test_nothing_is_left_that_a_terminal_acts_on",
        "test_an_answer_cannot_move_the_cursor",
        "test_why_it_failed_is_told_without_moving_the_cursor",
    ],
    59: [
        "test_a_clock_set_back_starts_the_cooldown_again_at_most",
        "test_a_clock_set_forward_lets_one_probe_through",
    ],
    65: ["test_a_prober_that_dies_frees_the_slot_after_its_deadline_and_a_margin"],
    66: [
        "test_a_forked_process_opens_connections_of_its_own",
        "test_a_child_process_does_not_wait_for_its_parents_request",
    ],
    68: ["test_a_poisoned_record_is_as_good_as_none"],
    73: [
        "test_the_last_examples_are_dropped_until_the_rest_fits",
        "test_a_conversation_that_is_too_long_is_refused_and_never_cut",
    ],
    74: [
        "test_examples_come_after_the_system_messages_and_before_all_else",
        "test_no_example_in_a_block_can_start_another_one",
    ],
    75: ["test_a_brace_is_a_brace"],
    77: ["test_a_cassette_holds_no_secret"],
    78: ["test_it_listens_on_loopback_only", "test_only_loopback_and_google_are_answered"],
    79: [
        "test_a_line_without_end_is_not_read_to_its_end",
        "test_what_is_no_json_text_is_named_by_its_line",
    ],
    80: ["test_a_model_that_is_loaded_does_not_send_the_key_where_its_json_says"],
}
"""Rows that need no socket, or one that another module has, and the tests of each."""

NOT_BUILT = {
    67: "a store of circuits in Redis",
    69: "a store of circuits in SQLite",
    70: "a store of circuits that two versions share",
}
"""Rows about something that this package does not have yet, and what that is."""


def modules() -> list[ModuleType]:
    package = ".".join(HERE.relative_to(ROOT).parts)
    return [importlib.import_module(f"{package}.{path.stem}") for path in HERE.glob("test_*.py")]


def rows_tested_in(module: ModuleType) -> set[int]:
    """The rows of the tables that tests are run for, and those that stand in tests' names."""
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    marks = [mark for test in tests for mark in getattr(test, "pytestmark", [])]
    tables: list[Any] = [mark.args[1] for mark in marks if mark.name == "parametrize"]
    cells = [cell for table in tables for case in table for cell in _cells(case)]
    of_tables = {cell.number for cell in cells if isinstance(cell, Row)}
    named = (re.match(r"test_row_(\d+)_", test.__name__) for test in tests)
    return of_tables | {int(match[1]) for match in named if match}


def _cells(case: object) -> tuple[object, ...]:
    return case if isinstance(case, tuple) else (case,)


HERE_TESTED = {row for module in modules() for row in rows_tested_in(module)}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_accounted_for_once(row: int) -> None:
    assert (row in HERE_TESTED) + (row in ELSEWHERE) + (row in NOT_BUILT) == 1


@pytest.mark.parametrize("test", [test for tests in ELSEWHERE.values() for test in tests])
def test_a_test_that_stands_elsewhere_is_there(test: str) -> None:
    places = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if f"def {test}(" in path.read_text(encoding="utf-8")
    ]

    assert places


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_deviation_is_one_from_a_row_that_is_tested_beside_it(module: ModuleType) -> None:
    assert getattr(module, "DEVIATIONS", {}).keys() <= rows_tested_in(module)


def test_no_row_is_invented() -> None:
    assert set(ROWS) >= HERE_TESTED
