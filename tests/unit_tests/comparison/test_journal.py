"""An interrupted comparison goes on from what was answered."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_tuned_gemini import (
    ComparisonCancelledError,
    JournalError,
)
from langchain_tuned_gemini.comparison import (
    Candidate,
    ComparisonProgress,
    acompare,
    compare,
)
from tests.unit_tests.comparison.models import TEST, Adder, Compare, versioned


class TestGoingOn:
    def test_an_interrupted_comparison_asks_for_the_rest_only(
        self, run: Compare, tmp_path: Path
    ) -> None:
        journal = tmp_path / "answers.jsonl"
        run(versioned(adder=Adder()), TEST[:8], journal=journal)
        seen: list[ComparisonProgress] = []
        again = Adder()

        comparison = run(versioned(adder=again), TEST, journal=journal, on_progress=seen.append)

        assert sorted(again.asked) == sorted(text for text, _ in TEST[8:])
        assert (seen[0].done, seen[0].reused) == (8, 8)
        assert comparison.figures[0].exact.passed == 12

    def test_a_line_that_was_being_written_is_written_again(
        self, run: Compare, tmp_path: Path
    ) -> None:
        journal = tmp_path / "answers.jsonl"
        run(versioned(adder=Adder()), TEST, journal=journal)
        whole = journal.read_bytes()
        journal.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 40])
        again = Adder()

        run(versioned(adder=again), TEST, journal=journal)

        assert len(again.asked) == 1
        assert [json.loads(line) for line in journal.read_text().splitlines()]
        assert len(journal.read_text().splitlines()) == 12

    def test_failures_are_asked_again(self, run: Compare, tmp_path: Path) -> None:
        journal = tmp_path / "answers.jsonl"
        run(versioned(adder=Adder(("3 + 1",), TimeoutError())), TEST, journal=journal)
        recovered = Adder()

        comparison = run(versioned(adder=recovered), TEST, journal=journal)

        assert recovered.asked == ["3 + 1"]
        assert comparison.figures[0].failures == {}

    def test_the_last_answer_counts_where_the_journal_has_two(self, tmp_path: Path) -> None:
        journal = tmp_path / "answers.jsonl"
        run_once = {"journal": journal, "max_concurrency": 1}
        compare(versioned(adder=Adder(("3 + 1",))), TEST, **run_once)
        first = journal.read_text()
        journal.unlink()
        compare(versioned(adder=Adder()), TEST, **run_once)
        journal.write_text(first + journal.read_text())

        comparison = compare(versioned(adder=Adder()), TEST, **run_once)

        assert comparison.figures[0].exact.passed == 12

    def test_a_right_answer_that_was_corrected_is_judged_anew_and_not_asked(
        self, run: Compare, tmp_path: Path
    ) -> None:
        journal = tmp_path / "answers.jsonl"
        first = run(versioned(adder=Adder()), [("1 + 1", "3")], journal=journal)
        again = Adder()

        second = run(versioned(adder=again), [("1 + 1", "2")], journal=journal)

        assert again.asked == []
        assert (first.figures[0].exact.passed, second.figures[0].exact.passed) == (0, 1)
        assert first.data_hash != second.data_hash

    def test_a_candidate_that_has_changed_is_noticed_and_asked_anew(
        self, run: Compare, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        journal = tmp_path / "answers.jsonl"
        run([Candidate("v2", Adder(), version="old")], TEST, journal=journal)
        changed = Adder()

        run([Candidate("v2", changed, version="new")], TEST, journal=journal)

        assert len(changed.asked) == 12
        assert "v2 has changed since it gave the 12 answers" in caplog.text

    def test_a_renamed_candidate_is_the_same(self, tmp_path: Path, caplog) -> None:
        journal = tmp_path / "answers.jsonl"
        compare([Candidate("v2", Adder(), version="x")], TEST, journal=journal)
        renamed = Adder()

        comparison = compare([Candidate("production", renamed, version="x")], TEST, journal=journal)

        assert renamed.asked == []
        assert comparison.figures[0].exact.passed == 12
        assert caplog.text == ""

    @pytest.mark.parametrize(
        "text", ["my notes\nof today\n", '{"text_input": "1", "output": "2"}\n\n']
    )
    def test_another_file_is_not_touched(self, run: Compare, tmp_path: Path, text: str) -> None:
        notes = tmp_path / "notes.txt"
        notes.write_text(text)

        with pytest.raises(JournalError, match=r"notes\.txt:1: is no line") as caught:
            run({"adder": Adder()}, TEST, journal=notes)

        assert (caught.value.line, notes.read_text()) == (1, text)

    def test_threads_are_cancelled_between_two_calls(self, tmp_path: Path) -> None:
        cancel, journal = threading.Event(), tmp_path / "answers.jsonl"

        def stop(progress: ComparisonProgress) -> None:
            if progress.done == 5:
                cancel.set()

        with pytest.raises(ComparisonCancelledError) as caught:
            compare(
                {"adder": Adder()},
                TEST,
                journal=journal,
                max_concurrency=1,
                on_progress=stop,
                cancel=cancel,
            )

        assert (caught.value.done, caught.value.total) == (5, 12)
        assert len(journal.read_text().splitlines()) == 5

    async def test_a_cancelled_task_leaves_nothing_running(self, tmp_path: Path) -> None:
        journal, begun = tmp_path / "answers.jsonl", asyncio.Event()
        quick = 3
        asked: list[str] = []

        async def slow(messages: list[Any]) -> AIMessage:
            asked.append(messages[-1].text)
            if len(asked) > quick:
                begun.set()
                await asyncio.Event().wait()
            return AIMessage("2")

        async with asyncio.timeout(30):
            model = RunnableLambda(slow)
            task = asyncio.create_task(
                acompare({"slow": model}, TEST, journal=journal, max_concurrency=1)
            )
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        assert len(journal.read_text().splitlines()) == quick
        assert asyncio.all_tasks() == {asyncio.current_task()}
