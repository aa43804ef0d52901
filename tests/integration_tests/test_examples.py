"""Every example runs as it stands, on the emulator and in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("GOOGLE_API_KEY", "GEMINI_API_KEY")}
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**clean, "COLUMNS": "120", **environment},
    )


def test_every_example_is_tried_here() -> None:
    source = Path(__file__).read_text(encoding="utf-8")

    for example in EXAMPLES.glob("*.py"):
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


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_failed_models_are_deleted_only_when_told_to(is_dry_run: bool) -> None:
    done = run("delete_failed_models.py", *([] if is_dry_run else ["--delete"]))

    verb = "would delete" if is_dry_run else "deleted"
    assert done.stdout.splitlines()[-2:] == [
        f"{verb} tunedModels/sql-expert-v1",
        f"{verb} tunedModels/sql-expert-v3",
    ]
    assert (done.returncode, done.stderr) == (0, "")


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
