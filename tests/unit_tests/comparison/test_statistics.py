"""The arithmetic of comparing, held to published figures and to its own definitions."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.comparison.statistics import PairedDifference, Rate, percentile

# Wilson: Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
WILSON = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

# Tango: the airway study, Fagerland, Lydersen and Laake 2014.
TANGO = [(1, 7, 21, -0.517, -0.026), (7, 1, 21, 0.026, 0.517)]

# McNemar, exact: twice the lower tail of a fair coin.
MCNEMAR = [
    (0, 0, 1.0),
    (1, 0, 1.0),
    (5, 0, 0.0625),
    (6, 0, 0.03125),
    (1, 7, 0.0703125),
    (10, 10, 1.0),
]

pairs = st.integers(0, 60).flatmap(
    lambda gained: st.integers(0, 60).flatmap(
        lambda lost: st.integers(0, 200).map(
            lambda alike: PairedDifference(gained, lost, gained + lost + alike)
        )
    )
)


@pytest.mark.parametrize(("passed", "of", "low", "high"), WILSON)
def test_wilsons_interval_is_the_published_one(passed, of, low, high) -> None:
    interval = Rate(passed, of).interval

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("gained", "lost", "of", "low", "high"), TANGO)
def test_tangos_interval_is_the_published_one(gained, lost, of, low, high) -> None:
    interval = PairedDifference(gained, lost, of).interval

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-4)


@pytest.mark.parametrize(("gained", "lost", "p"), MCNEMAR)
def test_mcnemars_test_is_that_of_a_fair_coin(gained, lost, p) -> None:
    assert PairedDifference(gained, lost, 100).p_value == p


@given(passed=st.integers(0, 300), failed=st.integers(0, 300))
def test_a_rate_is_within_its_interval(passed: int, failed: int) -> None:
    rate = Rate(passed, passed + failed)

    if rate.of:
        assert 0.0 <= rate.interval.low <= rate.value + 1e-12
        assert rate.value - 1e-12 <= rate.interval.high <= 1.0


@given(pairs)
def test_a_difference_is_within_its_interval_and_turns_around_with_its_sides(
    one: PairedDifference,
) -> None:
    other = PairedDifference(one.lost, one.gained, one.of)

    assert -1.0 <= one.interval.low <= one.value + 1e-9
    assert one.value - 1e-9 <= one.interval.high <= 1.0
    assert one.interval.low == pytest.approx(-other.interval.high, abs=1e-9)
    assert one.p_value == other.p_value


@given(pairs)
def test_a_difference_is_surely_not_zero_just_when_mcnemars_score_says_so(
    one: PairedDifference,
) -> None:
    differ = one.gained + one.lost
    score = (one.gained - one.lost) / math.sqrt(differ) if differ else 0.0

    if abs(abs(score) - 1.959964) > 1e-4:
        assert (one.interval.low > 0 or one.interval.high < 0) is (abs(score) > 1.959964)


def test_more_questions_make_an_interval_narrower() -> None:
    widths = [
        interval.high - interval.low
        for n in (1, 2, 4, 8, 100, 10_000)
        for interval in [PairedDifference(0, 0, n).interval]
    ]

    assert widths[0] < 2
    assert all(wide > narrow > 0 for wide, narrow in pairwise(widths))


def test_a_test_of_ten_thousand_questions_is_not_too_much() -> None:
    assert PairedDifference(5_000, 4_000, 10_000).p_value < 1e-20


def test_of_no_questions_nothing_is_known() -> None:
    nothing = PairedDifference(0, 0, 0)

    assert (Rate(0, 0).value, Rate(0, 0).interval.low, Rate(0, 0).interval.high) == (0.0, 0.0, 1.0)
    assert (nothing.value, nothing.interval.low, nothing.interval.high) == (0.0, -1.0, 1.0)
    assert nothing.p_value == 1.0


@given(st.lists(st.floats(0, 100), min_size=1), st.sampled_from([0.01, 0.5, 0.95, 1.0]))
def test_a_percentile_is_one_of_the_numbers_and_the_share_does_not_exceed_it(
    numbers, share
) -> None:
    found = percentile(numbers, share)

    assert found in numbers
    assert sum(number <= found for number in numbers) >= share * len(numbers)
    assert sum(number < found for number in numbers) < share * len(numbers)
