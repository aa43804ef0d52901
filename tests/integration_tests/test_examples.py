"""Every example runs as it stands, on the emulator and in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.plugin import announce_plugin

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(
    name: str, *arguments: str, by: Sequence[str] = (), typed: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("GOOGLE_API_KEY", "GEMINI_API_KEY")}
    return subprocess.run(
        [sys.executable, *by, str(EXAMPLES / name), *arguments],
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**clean, "COLUMNS": "120", **environment},
    )


def test_every_example_is_tried_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    for example in EXAMPLES.glob("[!_]*.py"):
        assert f'"{example.name}"' in source


def test_the_quickstart_answers() -> None:
    done = run("quickstart.py")

    assert (done.stdout, done.stderr) == (
        "SELECT COUNT(*) AS bikes FROM bikes AS b WHERE b.kind = 'electric';\n",
        "",
    )


def test_waiting_shows_progress_and_ends_on_failure() -> None:
    done = run("wait_until_active.py")

    assert done.stderr == ""
    assert "CREATING" in done.stdout
    assert "ACTIVE 100 % loss" in done.stdout
    assert "SELECT COUNT(*)" in done.stdout
    assert "tunedModels/sql-expert-broken is FAILED" in done.stdout


def test_the_chain_keeps_answering() -> None:
    done = run("fallback_chain.py")

    assert done.returncode == 0
    answered = [line for line in done.stdout.splitlines() if "answered by" in line]
    assert answered == [
        "  answered by tunedModels/sql-expert-v1, reason: None",
        "  answered by gemini-3.5-flash, reason: overloaded",
        "  answered by gemini-3.5-flash, reason: quota",
    ]
    queries = [line for line in done.stdout.splitlines() if line.startswith("SELECT")]
    assert len(queries) == 3
    assert len(set(queries)) == 1


def test_the_pipeline_answers_from_documents_whoever_answers() -> None:
    done = run("rag_pipeline.py")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "How much is the monthly plan?",
        "  19 euros, the first 30 minutes of each ride included. [prices]",
        "  answered by tunedModels/rental-expert",
    ]
    answers = [line for line in lines if line.startswith("  ") and "answered by" not in line]
    assert answers[:2] == answers[2:]
    assert [line.split()[-1] for line in lines if "answered by" in line] == [
        *["tunedModels/rental-expert"] * 2,
        *["gemini-3.5-flash"] * 2,
    ]
    assert done.stderr.count("gemini-3.5-flash answered instead.") == 1  # told once


def test_the_agent_goes_on_with_its_tools_while_the_tuned_model_is_down() -> None:
    done = run("agent_with_tools.py")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "> How many free bikes are there at Harbour?",
        "  tunedModels/rental-expert: free_bikes{'station': 'Harbour'}",
        "  free_bikes says: There are 4 free bikes at Harbour.",
        "  tunedModels/rental-expert: There are 4 free bikes at Harbour.",
        "> Please report the damage of bike 31: the wheel is bent.",
        "  gemini-3.5-flash: report_damage{'bike': 31, 'part': 'wheel'}",
        "  report_damage says: The workshop knows about the wheel of bike 31.",
        "  gemini-3.5-flash: The workshop knows about the wheel of bike 31.",
        "> Do I pay for a flat tyre?",
        "  tunedModels/rental-expert: No. Wear is ours, damage by intent is yours. [damage]",
    ]


def test_the_graph_sorts_messages_and_asks_a_human_for_emergencies() -> None:
    done = run("langgraph_support_bot.py")

    assert done.returncode == 0, done.stderr
    sorted_by = [line.strip() for line in done.stdout.splitlines() if " says " in line]
    assert sorted_by == [
        "lock, says tunedModels/support-sorter",
        "emergency, says tunedModels/support-sorter",
        "lock, says gemini-3.5-flash",
        "emergency, says gemini-3.5-flash",
    ]
    assert done.stdout.count("Help is on its way.") == 2


def test_records_are_extracted_from_free_text() -> None:
    done = run("structured_extraction.py")

    assert done.returncode == 0, done.stderr
    records = [line.split("  from ") for line in done.stdout.splitlines()]
    assert [record for record, _ in records] == [
        "Repair(bike=12, part='saddle', can_be_ridden=True)",
        "Repair(bike=44, part='tyre', can_be_ridden=False)",
        "Repair(bike=7, part='brakes', can_be_ridden=False)",
    ] * 2
    assert [why for _, why in records] == [
        *["tunedModels/repair-clerk, reason: None"] * 3,
        *["gemini-3.5-flash, reason: forced"] * 3,
    ]


def test_the_chat_streams_what_was_typed_through_an_outage() -> None:
    typed = "How many bikes do we have?\n/down\nHow many riders do we have?\n\n/up\n"

    done = run("streaming_chat.py", typed=f"{typed}How many bikes do we have of each kind?\n")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "SELECT COUNT(*) AS bikes FROM bikes AS b;",
        "  (tunedModels/sql-expert)",
        "SELECT COUNT(*) AS riders FROM riders AS r;",
        "  (gemini-3.5-flash)",
        "SELECT b.kind, COUNT(*) AS bikes FROM bikes AS b GROUP BY b.kind ORDER BY b.kind;",
        "  (tunedModels/sql-expert)",
    ]


def test_on_google_an_example_takes_the_name_of_your_model() -> None:
    """Without a key here: the error says where to put one, and nothing is asked."""
    done = run("rag_pipeline.py", "tunedModels/mine")

    assert done.returncode == 1
    assert "GOOGLE_API_KEY" in done.stderr.splitlines()[-1]


def test_the_figures_of_an_outage_add_up() -> None:
    done = run("outage_metrics.py")

    assert (done.returncode, done.stderr) == (0, "")
    told = [line.split() for line in done.stdout.splitlines()]
    rows = {tuple(words[:-1]): words[-1] for words in told if words}
    assert [words[-1] for words in told[1:4]] == ["closed", "open", "closed"]
    tuned, base = int(rows["tuned", "-"]), int(rows["base_fallback", "overloaded"])
    assert tuned + base == 120
    assert int(rows["tunedModels/sql-expert-v1", "ok", "-"]) == tuned
    assert int(rows["gemini-2.5-flash", "ok", "-"]) == base
    assert base > int(rows["tunedModels/sql-expert-v1", "skipped", "CircuitOpenError"]) > 0
    assert rows["closed", "open", "overloaded"] == rows["half_open", "closed", "-"] == "1"
    assert rows["p50", "<=", "1"] == "ms"


def test_versions_are_compared_and_the_comparison_goes_on_where_it_was(tmp_path: Path) -> None:
    report, journal = tmp_path / "report.html", tmp_path / "answers.jsonl"

    done = run("compare_versions.py", "--html", str(report), "--journal", str(journal))

    assert done.stderr.splitlines() == [f"{n} of 117 answers" for n in (0, 40, 80, 117)]
    assert done.stdout.splitlines()[0].startswith("39 questions from ")
    for row in ("router-v1      35.9 %", "router-v2      66.7 %", "base+few-shot  66.7 %"):
        assert f"\n{row}" in done.stdout
    assert done.stdout.endswith("\npromote it\n")
    assert "<b>router-v2</b> is better than <b>router-v1</b>" in report.read_text()
    assert len(journal.read_text().splitlines()) == 117


def test_an_application_is_tested_offline(tmp_path: Path) -> None:
    pytest_quietly, path = ("-m", "pytest", "-q"), announce_plugin(tmp_path)

    done = run("pytest_your_app_offline.py", by=pytest_quietly, PYTHONPATH=path)

    assert (done.returncode, done.stderr) == (0, "")
    assert "\n6 passed in " in done.stdout


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_failed_models_are_deleted_only_when_told_to(is_dry_run: bool) -> None:
    done = run("delete_failed_models.py", *([] if is_dry_run else ["--delete"]))

    verb = "would delete" if is_dry_run else "deleted"
    assert done.stdout.splitlines()[-2:] == [
        f"{verb} tunedModels/sql-expert-v1",
        f"{verb} tunedModels/sql-expert-v3",
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_versions_are_promoted_rolled_back_and_pruned() -> None:
    done = run("manage_versions.py")

    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1  # the warning of the fallback
    answered = [line.split("by ")[1] for line in done.stdout.splitlines() if "answered by" in line]
    assert answered == [
        "tunedModels/sql-expert-v2, reason: None",
        "tunedModels/sql-expert-v3, reason: None",
        "gemini-3.5-flash, reason: overloaded",
        "tunedModels/sql-expert-v2, reason: None",
    ]
    assert "the next one is sql-expert-v5" in done.stdout
    assert "sql-expert@production stays as it is" in done.stdout
    assert "v3 is sick: back to v2" in done.stdout
    assert "deleted: tunedModels/sql-expert-v4, tunedModels/sql-expert-v1" in done.stdout


STORIES = {
    "developer": (
        "tunedModels/sql-expert-v1 in",
        "loss",
        "deleted tunedModels/sql-expert-bad-labels",
        "deleted tunedModels/sql-expert-too-few",
    ),
    "vertex": (
        "projects/demo/locations/us-central1/tuningJobs/",
        "JOB_STATE_SUCCEEDED",
        "JOB_STATE_FAILED sql-expert-bad-labels",
        "JOB_STATE_FAILED sql-expert-too-few",
        "can't delete the record of a tuning job",
    ),
}


@pytest.mark.parametrize("platform", STORIES)
def test_the_demo_tells_the_whole_story(platform: str) -> None:
    done = run("demo.py", "--platform", platform)

    assert (done.returncode, done.stderr) == (0, "")
    story = done.stdout
    for part in (
        "Tuning sql-expert-v1",
        "it answers 503",
        "it answers 429",
        "is deleted",
        "answers again",
        *STORIES[platform],
        "Who answered",
    ):
        assert part in story, story
    table = story[story.index("Who answered") :]
    for reason in ("overloaded", "quota", "gone"):
        assert table.count(reason) == 2


@pytest.mark.parametrize(
    ("arguments", "environment", "said", "code"),
    [
        (["--model", "tunedModels/x"], {}, "GOOGLE_API_KEY", 2),
        (["--model", "gemini-2.5-flash"], {"GOOGLE_API_KEY": "k"}, "tunedModels/ID", 1),
        (
            ["--model", "projects/p1/locations/us-central1/endpoints/42"],
            {"GOOGLE_APPLICATION_CREDENTIALS": "/missing.json"},
            "/missing.json was not found",
            1,
        ),
        (["--model", "projects/p1/endpoints/42"], {}, "lacks its location", 1),
        (["--platform", "mars"], {}, "vertex", 2),
        (["--modle", "x"], {}, "--modle", 2),
    ],
)
def test_a_users_mistake_in_the_demo_is_a_sentence_and_no_stack_trace(
    arguments: list[str], environment: dict[str, str], said: str, code: int
) -> None:
    done = run("demo.py", *arguments, **environment)

    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
