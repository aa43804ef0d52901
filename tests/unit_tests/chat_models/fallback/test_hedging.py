"""When a second model is asked beside a slow one: seldom, and never for long."""

from __future__ import annotations

import random
import threading
from statistics import quantiles

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgeAfter, HedgePolicy


def policy_after(calls: int, after: HedgeAfter = 0.5) -> HedgePolicy:
    """A policy that has counted so many calls."""
    policy = HedgePolicy(after)
    for _ in range(calls):
        policy.count_call()
    return policy


@pytest.mark.parametrize(("calls", "delay"), [(0, None), (19, None), (20, 0.5), (21, 0.5)])
def test_twenty_calls_pay_for_one_hedge(calls: int, delay: float | None) -> None:
    policy = policy_after(calls)

    assert policy.delay(is_streamed=False) == delay
    assert policy.spend() is (delay is not None)


@given(st.lists(st.sampled_from(["call", "hedge"]), max_size=300))
def test_no_more_than_one_call_in_twenty_is_ever_hedged(steps: list[str]) -> None:
    policy = HedgePolicy(0.5)
    calls = hedges = 0
    for step in steps:
        if step == "call":
            policy.count_call()
            calls += 1
        else:
            hedges += policy.spend()
        assert hedges <= calls / 20


def test_quiet_times_save_up_for_ten_hedges_and_not_for_an_outage() -> None:
    policy = policy_after(10_000)

    assert [policy.spend() for _ in range(11)] == [True] * 10 + [False]


def test_the_percentile_is_not_known_before_twenty_calls() -> None:
    policy = policy_after(20, "p95")
    for n in range(1, 20):
        policy.observe(n, is_streamed=False)

    assert policy.delay(is_streamed=False) is None
    policy.observe(20, is_streamed=False)
    assert policy.delay(is_streamed=False) == 19


@given(st.lists(st.floats(0.001, 100), min_size=20, max_size=500))
def test_the_percentile_is_that_of_the_last_two_hundred_calls(seconds: list[float]) -> None:
    policy = policy_after(20, "p95")
    for duration in seconds:
        policy.observe(duration, is_streamed=True)

    delay = policy.delay(is_streamed=True)

    last = seconds[-200:]
    assert delay in last
    assert sum(duration <= delay for duration in last) >= 0.95 * len(last)
    assert sum(duration < delay for duration in last) < 0.95 * len(last)


def test_a_stream_and_a_whole_answer_have_each_their_own_percentile() -> None:
    policy = policy_after(20, "p95")
    for _ in range(20):
        policy.observe(3.0, is_streamed=False)
        policy.observe(0.2, is_streamed=True)

    assert policy.delay(is_streamed=False) == 3.0
    assert policy.delay(is_streamed=True) == 0.2


def test_a_slow_tail_is_cut_off_for_few_calls_more() -> None:
    """3 in 100 calls take a second, as in Google's measurements; the base model takes 150 ms."""
    chance = random.Random(7)
    policy, hedges, waits = HedgePolicy("p95"), 0, []
    for _ in range(20_000):
        policy.count_call()
        needed = chance.gauss(1.0, 0.05) if chance.random() < 0.03 else chance.gauss(0.1, 0.01)
        delay = policy.delay(is_streamed=False)
        if delay is not None and needed > delay and policy.spend():
            hedges += 1
            policy.observe(min(needed, delay + 0.15), is_streamed=False)
            needed = min(needed, delay + 0.15)
        else:
            policy.observe(needed, is_streamed=False)
        waits.append(needed)

    assert quantiles(waits, n=100)[98] < 0.3
    assert hedges / len(waits) <= 0.05


def test_many_threads_spend_no_hedge_twice() -> None:
    policy, spent = policy_after(200), []

    def spend() -> None:
        spent.extend(policy.spend() for _ in range(10))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(spent) == 10
