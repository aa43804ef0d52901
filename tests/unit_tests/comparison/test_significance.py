"""A candidate is better beyond chance, or it is not."""

from __future__ import annotations

import pytest

from langchain_tuned_gemini import (
    ParameterError,
)
from langchain_tuned_gemini.comparison import (
    is_better,
)
from tests.unit_tests.comparison.models import compared


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
