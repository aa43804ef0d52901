"""Reports show what was compared, and nothing of it does harm."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import langchain_tuned_gemini.comparison
from langchain_tuned_gemini import (
    TuningDataset,
    TuningExample,
)
from langchain_tuned_gemini.comparison import (
    compare,
)
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.unit_tests.comparison.models import TEST, compared


class TestReports:
    def test_the_table_has_a_row_for_each_candidate_and_says_what_it_comes_to(self) -> None:
        comparison = compared(["no"] * 10 + ["yes"] * 10, ["yes"] * 19 + [TimeoutError()])

        lines = str(comparison).splitlines()

        assert lines[0] == "20 questions from examples, 95 % intervals"
        assert lines[2].split("  ")[0] == "candidate"
        assert lines[3].startswith("old        50.0 % (29.9 to 70.1)")
        assert lines[4].startswith("new        95.0 % (76.4 to 99.1)")
        assert "+45.0 (+14.5 to +67.4)" in lines[4]
        assert lines[4].endswith("1 timeout")
        assert lines[-1].startswith("new is better than old")

    def test_the_json_has_every_answer(self, tmp_path: Path) -> None:
        comparison = compared(["no", "yes"], ["yes", TimeoutError()])

        comparison.write_json(tmp_path / "comparison.json")

        told = json.loads((tmp_path / "comparison.json").read_text())
        assert told["data"] == {
            "source": "examples",
            "hash": TuningDataset.of([(f"question {n}", "yes") for n in range(2)]).content_hash(),
            "questions": 2,
        }
        assert told["questions"][0]["answers"]["old"]["text"] == "no"
        assert told["questions"][1]["answers"]["new"]["failure"]["reason"] == "timeout"
        assert told["figures"][1]["exact"]["value"] == 0.5
        assert told["differences"][0]["paired"]["gained"] == 1

    def test_no_name_moves_the_cursor(self) -> None:
        model = ScriptedChatModel(name="\x1b[2Jx", answers=[TimeoutError("\x1b[31m")])

        told = str(compare({"\x1b[2Jv1": model, "v2\u202e": model}, TEST[:1]))

        assert "\x1b" not in told
        assert "\u202e" not in told

    def test_a_report_of_thousands_of_questions_says_what_it_leaves_out(
        self, tmp_path: Path
    ) -> None:
        comparison = compared(["no"] * 700, ["yes"] * 700)

        comparison.write_html(tmp_path / "report.html")

        text = (tmp_path / "report.html").read_text()
        assert "<summary>700 that tell the candidates apart" in text
        assert "200 more are in the JSON" in text
        assert len(text) < 600_000

    def test_one_candidate_and_nothing_but_failures_still_make_a_report(
        self, tmp_path: Path
    ) -> None:
        model = ScriptedChatModel(answers=[TimeoutError()])

        comparison = compare({"v1": model}, [TuningExample("1", "2")])
        comparison.write_html(tmp_path / "report.html")

        assert "1 timeout" in str(comparison)
        assert "no answer: timeout" in (tmp_path / "report.html").read_text()


def test_nothing_that_a_report_is_made_from_knows_reports() -> None:
    """But for a comparison's `str` and `write_html`, which import what they call."""
    room = Path(langchain_tuned_gemini.comparison.__file__).parent
    known = {
        (path.name, getattr(function, "name", ""))
        for path in room.glob("*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.Module | ast.FunctionDef)
        for node in ast.iter_child_nodes(function)
        if isinstance(node, ast.ImportFrom) and "reports" in ast.unparse(node)
    }

    assert known == {("comparison.py", "write_html"), ("comparison.py", "__str__")}
