"""Candidates are asked, answers kept and judged, and what they come to is told truly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_tuned_gemini import (
    ComparisonCancelledError,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    GuardCrashedError,
    JournalError,
    OneOf,
    ParameterError,
    TuningDataset,
    TuningExample,
)
from langchain_tuned_gemini.comparison import (
    Candidate,
    Comparison,
    ComparisonProgress,
    PriceTable,
    SameSQL,
    acompare,
    compare,
    is_better,
    same_json,
)
from langchain_tuned_gemini.testing import ScriptedChatModel

TEST = [(f"{n} + 1", str(n + 1)) for n in range(12)]
RIGHT = [output for _, output in TEST]

Compare = Callable[..., Comparison]


def in_threads(*args: Any, **settings: Any) -> Comparison:
    return compare(*args, **settings)


def in_tasks(*args: Any, **settings: Any) -> Comparison:
    return asyncio.run(acompare(*args, **settings))


@pytest.fixture(params=[in_threads, in_tasks])
def run(request: pytest.FixtureRequest) -> Compare:
    """Both ways to compare: everything holds for both."""
    return request.param


class Adder(RunnableLambda):
    """Adds one, of itself, so that it may be asked in any order; counts what it is asked."""

    def __init__(self, wrong: tuple[str, ...] = (), error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

        def answer(messages: list[Any]) -> AIMessage:
            question = messages[-1].text
            with self._lock:
                self.asked.append(question)
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
            try:
                if question in wrong and error:
                    raise error
                right = str(int(question.split()[0]) + 1)
                return AIMessage("wrong" if question in wrong else right)
            finally:
                with self._lock:
                    self._now -= 1

        super().__init__(answer)


def versioned(**models: Any) -> list[Candidate]:
    """Candidates whose versions are their names."""
    return [Candidate(name, model, version=name) for name, model in models.items()]


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

    async def test_a_bug_in_one_call_ends_the_other_calls_too(self) -> None:
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


class TestVersions:
    """What makes a candidate another one."""

    def model(self, examples: Any = (("1", "2"),), answers: Any = ("1",), **settings: Any) -> Any:
        base = ScriptedChatModel(answers=list(answers))
        shown = FewShotChatModel(wrapped=base, prompt=FewShotPrompt(list(examples)))
        return FallbackChatModel(models=[base, shown], **settings)

    def version(self, *args: Any, **settings: Any) -> str:
        return Candidate("x", self.model(*args, **settings)).version

    def test_the_same_settings_are_the_same_version(self) -> None:
        assert self.version(guards=[lambda m: True]) == self.version(guards=[lambda m: True])

    @pytest.mark.parametrize(
        "changed",
        [
            {"examples": [("1", "3")]},
            {"answers": ["2"]},
            {"total_timeout": 3.0},
            {"guards": [OneOf(["a"])]},
        ],
    )
    def test_other_settings_or_examples_are_another_one(self, changed: dict[str, Any]) -> None:
        assert self.version(**changed) != self.version()

    def test_a_bound_model_is_not_the_bare_one(self) -> None:
        model = ScriptedChatModel(answers=["1"])

        assert Candidate("x", model.bind(stop=["."])).version != Candidate("x", model).version

    def test_examples_are_looked_for_in_chains_too(self) -> None:
        def chain(output: str) -> Any:
            return FewShotPrompt([("1", output)]) | ScriptedChatModel(answers=["1"])

        assert Candidate("x", chain("2")).version == Candidate("x", chain("2")).version
        assert Candidate("x", chain("2")).version != Candidate("x", chain("3")).version


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
            ('{"a": {"b": true}}', '{"a": {"b": 1}}', False),
            ("[" * 100_000, "[]", False),
            ("", "", False),
        ],
    )
    def test_json_is_compared_by_what_it_says(self, answer, expected, is_same) -> None:
        assert same_json(answer, expected) is is_same

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


class TestCost:
    def of(self, prices: PriceTable | None, answers: Any = ("one two",)) -> Any:
        model = ScriptedChatModel(name="tunedModels/x", answers=list(answers))
        questions = [(f"question {n}", "x") for n in range(len(answers))]
        return compare({"v1": model}, questions, prices=prices, max_concurrency=1).figures[0]

    @pytest.mark.parametrize("name", ["tunedModels/x", "x", "v1"])
    def test_a_price_is_found_by_the_models_name_or_the_candidates(self, name: str) -> None:
        figures = self.of(PriceTable.of({name: {"input": 10, "output": 100}}))

        assert (figures.input_tokens, figures.output_tokens) == (2, 2)
        assert figures.cost == pytest.approx(220e-6)
        assert figures.cost_of_a_thousand == pytest.approx(0.22)

    def test_without_a_price_the_cost_is_not_known_and_it_is_said_of_whom(self) -> None:
        figures = self.of(PriceTable.of({"y": {"input": 10}}))

        assert (figures.cost, figures.unpriced) == (None, ("tunedModels/x",))

    def test_without_tokens_the_cost_is_not_known(self) -> None:
        prices = PriceTable.of({"v1": {"input": 10}})

        assert self.of(prices, ["one", AIMessage("two")]).cost is None
        assert self.of(None).cost is None

    def test_a_table_is_read_from_toml_and_from_json(self, tmp_path: Path) -> None:
        toml, plain = tmp_path / "prices.toml", tmp_path / "prices.json"
        toml.write_text('currency = "EUR"\n[models."m"]\ninput = 1\ntraining = 5.5\n')
        plain.write_text(
            json.dumps({"currency": "EUR", "models": {"m": {"input": 1, "training": 5.5}}})
        )

        assert PriceTable.read(toml) == PriceTable.read(plain)
        assert PriceTable.read(toml).find("models/m").of_training(2_000_000) == 11.0
        assert PriceTable.of({"m": {"input": 1}}).find("m").of_training(1) is None

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("not toml", "is no table of prices"),
            ("{", "is no table of prices"),
            ("[prices]\nm = 1\n", "where 'models'"),
            ("[models]\nm = 1\n", "the price of 'm' is 1"),
            ("[models.m]\n", "it has some of"),
            ("[models.m]\ninputs = 1\n", "it has some of"),
            ("[models.m]\ninput = -1\n", "no amount of money"),
            ("[models.m]\ninput = nan\n", "no amount of money"),
            ("[models.m]\ninput = true\n", "no amount of money"),
            ('[models.m]\ninput = "1"\n', "no amount of money"),
        ],
    )
    def test_a_table_that_makes_no_sense_says_why(
        self, tmp_path: Path, text: str, said: str
    ) -> None:
        path = tmp_path / "prices.toml"
        path.write_text(text)

        with pytest.raises(ParameterError, match=said) as caught:
            PriceTable.read(path)

        assert str(path) in str(caught.value)


def compared(old: list[Any], new: list[Any]) -> Comparison:
    """Two candidates that say what they are told to, where "yes" is right."""
    test = [(f"question {n}", "yes") for n in range(len(old))]
    models = {"old": ScriptedChatModel(answers=old), "new": ScriptedChatModel(answers=new)}
    return compare(models, test, max_concurrency=1)


class TestDeciding:
    @pytest.mark.parametrize(
        ("gained", "lost", "alike", "is_it"),
        [
            (6, 0, 0, True),
            (5, 0, 0, False),  # a coin falls so once in 16 times
            (5, 0, 500, False),
            (12, 2, 50, True),
            (8, 2, 50, False),
            (0, 6, 0, False),
            (0, 0, 500, False),
        ],
    )
    def test_better_is_what_chance_does_not_explain(self, gained, lost, alike, is_it) -> None:
        comparison = compared(
            ["no"] * gained + ["yes"] * (lost + alike),
            ["yes"] * gained + ["no"] * lost + ["yes"] * alike,
        )

        assert bool(is_better(comparison, "new")) is is_it

    @pytest.mark.parametrize(
        ("lost", "alike", "margin", "is_it"),
        [(0, 200, 0.05, True), (0, 20, 0.05, False), (2, 198, 0.05, True), (8, 192, 0.05, False)],
    )
    def test_not_worse_takes_enough_questions_to_know(self, lost, alike, margin, is_it) -> None:
        comparison = compared(["yes"] * (lost + alike), ["no"] * lost + ["yes"] * alike)

        assert bool(is_better(comparison, "new", margin=margin)) is is_it

    def test_an_outage_of_the_old_one_does_not_make_the_new_one_better(self) -> None:
        comparison = compared([TimeoutError()] * 10 + ["yes"], ["yes"] * 11)

        decision = is_better(comparison, "new")

        assert not decision
        assert (decision.difference.paired.of, decision.difference.left_out) == (1, 10)
        assert decision.why.endswith("1 question, 10 more left out")

    def test_an_outage_of_the_new_one_counts_against_it(self) -> None:
        comparison = compared(["no"] * 7 + ["yes"] * 7, ["yes"] * 7 + [TimeoutError()] * 7)

        decision = is_better(comparison, "new")

        assert not decision
        assert (decision.difference.paired.gained, decision.difference.paired.lost) == (7, 7)

    def test_a_decision_says_why(self) -> None:
        comparison = compared(["no"] * 20, ["no"] * 10 + ["yes"] * 10)

        assert is_better(comparison, "new").why == (
            "new is better than old: +50.0 points (+25.8 to +70.1), p = 0.002, 20 questions"
        )
        assert is_better(comparison, "old", "new", margin=0.02).why == (
            "old is not shown to be not worse by 2.0 points than new: "
            "-50.0 points (-70.1 to -25.8), p = 0.002, 20 questions"
        )

    @pytest.mark.parametrize("margin", [-0.1, 1.0, float("nan")])
    def test_a_margin_is_a_share(self, margin: float) -> None:
        with pytest.raises(ParameterError, match="must be a share"):
            is_better(compared(["no"], ["yes"]), "new", margin=margin)

    def test_who_was_not_compared_is_told(self) -> None:
        with pytest.raises(ParameterError, match="'v9' was not compared; these were: old, new"):
            is_better(compared(["no"], ["yes"]), "v9")


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
