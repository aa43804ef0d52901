"""Answers are judged by what is expected, and by guards."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage

from langchain_tuned_gemini import (
    FallbackChatModel,
    OneOf,
    ParameterError,
)
from langchain_tuned_gemini.comparison import (
    PriceTable,
    SameSQL,
    compare,
    same_json,
    same_text,
)
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.unit_tests.comparison.models import TEST, Adder


class TestJudging:
    def test_white_space_around_an_answer_does_not_make_it_wrong(self) -> None:
        model = ScriptedChatModel(answers=[" SELECT 1;\n", "select 1;"])

        comparison = compare(
            {"model": model}, [("a", "SELECT 1;"), ("b", "SELECT 1;")], max_concurrency=1
        )

        assert [result.exact for result in comparison.results["model"]] == [True, False]

    @pytest.mark.parametrize(
        ("answer", "expected", "is_same"),
        [
            ("select b.Name from Bikes b", "SELECT B.name FROM bikes AS b;", True),
            ("SELECT a FROM t WHERE x <> 1 /* all */", "SELECT a FROM t WHERE x != 1", True),
            ("SELECT 'A'", "SELECT 'a'", False),
            ("SELECT 'u\u0308'", "SELECT 'ü'", True),
            ("SELECT a, b FROM t", "SELECT b, a FROM t", False),
            ("SELECT 1; SELECT 2", "SELECT 1", False),
            ("```sql\nSELECT 1\n```", "SELECT 1", False),
            ("no SQL at all", "no SQL at all", False),
            ("(" * 5_000, "SELECT 1", False),
        ],
    )
    def test_sql_is_compared_by_what_it_says(self, answer, expected, is_same) -> None:
        assert SameSQL("sqlite")(answer, expected) is is_same

    @pytest.mark.parametrize(
        ("answer", "expected", "is_same"),
        [
            ('{"b": [1, {"c": null}], "a": 2}', '{"a":2.0,"b":[1,{"c":null}]}', True),
            ("[true]", "[1]", False),
            ('\ufeff{"u\u0308": "u\\u0308"}', '{"ü": "ü"}', True),
            ('{"a": {"b": true}}', '{"a": {"b": 1}}', False),
            ("[" * 100_000, "[]", False),
            ("", "", False),
        ],
    )
    def test_json_is_compared_by_what_it_says(self, answer, expected, is_same) -> None:
        assert same_json(answer, expected) is is_same

    @pytest.mark.parametrize(
        ("answer", "expected", "is_same"),
        [
            (" yes\n", "yes", True),
            ("Yes", "yes", False),
            ("Ru\u0308ckgabe", "Rückgabe", True),
            ("\ufeff yes", "yes", True),
            ("a\u200cb", "ab", False),
        ],
    )
    def test_text_is_compared_by_what_a_reader_sees(self, answer, expected, is_same) -> None:
        assert same_text(answer, expected) is is_same

    @pytest.mark.parametrize("dialect", ["", "nonsense"])
    def test_a_dialect_that_nobody_knows_is_refused(self, dialect: str) -> None:
        with pytest.raises(ParameterError, match="is no dialect of sqlglot"):
            SameSQL(dialect)

    def test_what_is_right_may_be_told(self) -> None:
        model = ScriptedChatModel(answers=["YES"])

        comparison = compare(
            {"model": model}, [("a", "yes")], matches=lambda a, b: a.casefold() == b.casefold()
        )

        assert comparison.figures[0].exact.passed == 1

    def test_no_guard_is_refused_before_anybody_is_asked(self) -> None:
        model = Adder()

        with pytest.raises(ParameterError, match="is no guard"):
            compare({"model": model}, TEST, guards=["sql"])

        assert model.asked == []

    def test_guards_say_what_is_wrong_with_an_answer(self) -> None:
        cut = AIMessage("yes", response_metadata={"finish_reason": "MALFORMED_FUNCTION_CALL"})
        model = ScriptedChatModel(answers=["yes", "perhaps", "", cut])

        comparison = compare(
            {"model": model},
            [(question, "yes") for question in "abcd"],
            guards=[OneOf(["yes", "no"])],
            metric="guards",
            max_concurrency=1,
        )

        refusals = [result.refusal or "" for result in comparison.results["model"]]
        assert [refusal.split(":")[0] for refusal in refusals] == [
            "",
            "OneOf",
            "NonEmpty",
            "FinishReason",
        ]
        assert [r.passes("guards") for r in comparison.results["model"]] == [
            True,
            False,
            False,
            False,
        ]
        assert [r.passes("exact") for r in comparison.results["model"]] == [
            True,
            False,
            False,
            True,
        ]

    def test_a_fallback_says_who_answered_why_and_what_all_of_it_took(self) -> None:
        tuned = ScriptedChatModel(name="tuned", answers=["what shall I say", "yes"])
        base = ScriptedChatModel(name="base", answers=["yes"])
        robust = FallbackChatModel(models=[tuned, base], guards=[OneOf(["yes", "no"])])

        comparison = compare(
            {"robust": robust},
            [("a", "yes"), ("b", "yes")],
            prices=PriceTable.of({"tuned": {"output": 1e6}, "base": {"output": 2e6}}),
            max_concurrency=1,
        )

        figures = comparison.figures[0]
        assert figures.answered_by == {"base": 1, "tuned": 1}
        assert figures.fell_back == {"bad_output": 1}
        assert figures.output_tokens == 4 + 1 + 1  # the refused answer is paid for, too
        assert figures.cost == 4 + 2 + 1
