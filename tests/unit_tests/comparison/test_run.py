"""All candidates are asked all questions; a failure of one is a result, a bug ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_tuned_gemini import (
    GuardCrashedError,
    ParameterError,
)
from langchain_tuned_gemini.comparison import (
    Candidate,
    ComparisonProgress,
    acompare,
    compare,
)
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.unit_tests.comparison.models import RIGHT, TEST, Adder, Compare, versioned


class TestAsking:
    def test_every_candidate_is_asked_every_question_once(self, run: Compare) -> None:
        one, other = Adder(), Adder(wrong=("3 + 1", "5 + 1"))

        comparison = run(versioned(one=one, other=other), TEST)

        assert sorted(one.asked) == sorted(other.asked) == sorted(text for text, _ in TEST)
        assert [figures.exact.passed for figures in comparison.figures] == [12, 10]
        assert [result.text for result in comparison.results["one"]] == RIGHT

    def test_no_more_are_asked_at_once_than_may_be(self, run: Compare) -> None:
        adder = Adder()

        run({"adder": adder}, TEST, max_concurrency=2)

        assert adder.most_at_once <= 2

    def test_the_candidates_take_turns_in_being_first(self) -> None:
        order: list[str] = []

        def told(progress: ComparisonProgress) -> None:
            if progress.answer:
                order.append(progress.answer.candidate)

        compare(versioned(a=Adder(), b=Adder()), TEST[:3], max_concurrency=1, on_progress=told)

        assert order == ["a", "b", "b", "a", "a", "b"]

    def test_a_conversation_is_asked_with_its_instruction_and_its_history(self) -> None:
        model = ScriptedChatModel(answers=["4"])
        rows = [
            {
                "messages": [
                    {"role": "system", "content": "Add."},
                    {"role": "user", "content": "1 + 1"},
                    {"role": "assistant", "content": "2"},
                    {"role": "user", "content": "And 2 more?"},
                    {"role": "assistant", "content": "4"},
                ]
            }
        ]

        compare({"model": model}, rows)

        asked = [(message.type, message.text) for message in model.calls[0]["messages"]]
        assert asked == [
            ("system", "Add."),
            ("human", "1 + 1"),
            ("ai", "2"),
            ("human", "And 2 more?"),
        ]

    def test_a_question_that_is_there_twice_is_asked_once_and_each_output_is_right(self) -> None:
        model = ScriptedChatModel(answers=["four"])

        comparison = compare({"model": model}, [("2 + 2", "4"), ("2 + 2", "four"), ("2 + 2", "4")])

        assert len(model.calls) == len(comparison.questions) == 1
        assert comparison.figures[0].exact.passed == 1

    def test_progress_is_told_at_the_start_and_after_each_answer(self, run: Compare) -> None:
        seen: list[ComparisonProgress] = []
        flaky = Adder(wrong=("3 + 1",), error=TimeoutError())

        run({"flaky": flaky}, TEST, on_progress=seen.append)

        assert [progress.done for progress in seen] == list(range(13))
        assert {progress.total for progress in seen} == {12}
        assert (seen[0].answer, seen[-1].failed) == (None, 1)

    @pytest.mark.parametrize(
        ("candidates", "settings", "said"),
        [
            ({}, {}, "nothing to compare"),
            ({" ": Adder()}, {}, "needs a name"),
            ([Candidate("a", Adder()), Candidate("a", Adder())], {}, "different names"),
            ({"a": Adder()}, {"max_concurrency": 0}, "must be 1 or more"),
        ],
    )
    def test_what_makes_no_sense_is_refused_before_anybody_is_asked(
        self, run: Compare, candidates, settings, said
    ) -> None:
        with pytest.raises(ParameterError, match=said):
            run(candidates, TEST, **settings)


class TestFailures:
    def test_a_failure_of_a_model_is_a_result_and_the_others_are_asked_on(
        self, run: Compare
    ) -> None:
        flaky = Adder(wrong=("3 + 1",), error=TimeoutError("key AIzaSyDoNotShowThisToAnybody"))

        comparison = run({"flaky": flaky}, TEST)

        failed = comparison.results["flaky"][3]
        assert failed.failure
        assert (failed.failure.reason, failed.failure.error_type) == ("timeout", "TimeoutError")
        assert failed.failure.text == "key [hidden]"
        assert not failed.passes("exact")
        assert not failed.passes("guards")
        assert comparison.figures[0].failures == {"timeout": 1}
        assert comparison.figures[0].exact.passed == 11

    @pytest.mark.parametrize("bug", [KeyError("a bug"), ZeroDivisionError()])
    def test_a_bug_ends_it_as_it_is_and_what_was_answered_is_kept(
        self, run: Compare, bug: Exception, tmp_path: Path
    ) -> None:
        journal = tmp_path / "answers.jsonl"
        buggy = Adder(wrong=("11 + 1",), error=bug)

        with pytest.raises(type(bug)):
            run({"buggy": buggy}, TEST, journal=journal, max_concurrency=1)

        assert len(journal.read_text().splitlines()) == 11

    async def test_a_bug_in_one_call_ends_the_other_calls(self) -> None:
        hangs = asyncio.Event()

        async def first_is_buggy(messages: list[Any]) -> AIMessage:
            if messages[-1].text == "0 + 1":
                await hangs.wait()
                raise KeyError("a bug")
            hangs.set()
            await asyncio.Event().wait()
            return AIMessage("never")

        async with asyncio.timeout(30):
            with pytest.raises(KeyError):
                await acompare({"buggy": RunnableLambda(first_is_buggy)}, TEST, max_concurrency=2)

        assert asyncio.all_tasks() == {asyncio.current_task()}

    def test_wrong_credentials_end_it_since_no_question_would_be_answered(
        self, run: Compare
    ) -> None:
        from langchain_core.exceptions import ModelAuthenticationError

        locked_out = Adder(wrong=("0 + 1",), error=ModelAuthenticationError("wrong key"))

        with pytest.raises(ModelAuthenticationError):
            run({"locked out": locked_out}, TEST, max_concurrency=1)

        assert locked_out.asked == ["0 + 1"]

    def test_a_guard_that_crashes_is_nobodys_wrong_answer(self, run: Compare) -> None:
        def crashing(message: AIMessage) -> bool:
            raise KeyError("a bug")

        with pytest.raises(GuardCrashedError):
            run({"adder": Adder()}, TEST, guards=[crashing])
