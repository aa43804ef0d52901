"""Retries are paid for by successes, so that they can't double the load of a service in trouble."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import httpx
import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.testing import ScriptedChatModel


def test_a_full_bucket_holds_ten_tokens() -> None:
    assert RetryBudget().tokens == 10


@pytest.mark.parametrize(
    ("before", "tokens", "may_retry"),
    [
        ("", 9.0, True),
        ("fff", 6.0, True),
        ("ffff", 5.0, False),  # half is not more than half
        ("fffff", 4.0, False),
        ("ffffs", 5.1, True),
        ("ffff" + "s" * 9, 5.9, True),
        ("s", 9.0, True),  # a full bucket takes nothing more
        ("f" * 30, 0.0, False),  # and an empty one gives nothing
        ("f" * 30 + "s", 0.0, False),
    ],
)
def test_a_failure_takes_a_token_and_a_success_gives_a_tenth_back(
    before: str, tokens: float, may_retry: bool
) -> None:
    budget = RetryBudget()
    for outcome in before:
        if outcome == "f":
            budget.spend()
        else:
            budget.earn()

    assert budget.spend() is may_retry

    assert budget.tokens == tokens


@pytest.mark.parametrize(
    ("tokens", "per_success"),
    [(0.0, 0.1), (-1.0, 0.1), (1000.1, 0.1), (10.0, 0.0), (10.0, 0.0004), (10.0, -0.1)],
)
def test_numbers_out_of_their_range_are_refused(tokens: float, per_success: float) -> None:
    with pytest.raises(ParameterError) as refused:
        RetryBudget(tokens, per_success)

    assert str(refused.value) == (
        f"RetryBudget(tokens={tokens}, per_success={per_success}) is out of range: it holds more "
        "than 0 and at most 1000 tokens, and a success gives at least 0.001 back."
    )


@pytest.mark.parametrize(("tokens", "per_success"), [(1000.0, 0.001), (0.001, 1.0), (0.5, 2.0)])
def test_numbers_at_the_edge_of_their_range_are_taken(tokens: float, per_success: float) -> None:
    budget = RetryBudget(tokens, per_success)
    budget.earn()

    assert budget.tokens == tokens


def test_a_thousandth_of_a_token_can_be_earned() -> None:
    budget = RetryBudget(10.0, 0.001)
    budget.spend()
    budget.earn()

    assert budget.tokens == 9.001


@given(st.lists(st.booleans(), max_size=300))
def test_the_bucket_counts_exactly(successes: list[bool]) -> None:
    budget, expected = RetryBudget(), Fraction(10)

    for is_success in successes:
        if is_success:
            budget.earn()
            expected = min(expected + Fraction(1, 10), Fraction(10))
        else:
            expected = max(expected - 1, Fraction(0))
            assert budget.spend() is (expected > 5)

    assert budget.tokens == float(expected)


def test_when_everything_fails_there_are_four_retries_in_all() -> None:
    budget = RetryBudget()

    assert sum(budget.spend() for _ in range(1000)) == 4


def test_no_token_is_lost_between_threads() -> None:
    budget = RetryBudget(1000.0, 0.5)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: budget.spend(), range(500)))
        list(pool.map(lambda _: budget.earn(), range(500)))

    assert budget.tokens == 750


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_does_not_wait_for_a_lock_of_its_parents_threads() -> None:
    budget = RetryBudget()
    taken, released = threading.Event(), threading.Event()

    def hold() -> None:
        with budget._lock:
            taken.set()
            released.wait(30.0)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30.0)
    child = os.fork()  # the worst moment
    if child == 0:
        signal.alarm(5)
        os._exit(0 if budget.spend() else 1)
    released.set()
    holder.join()

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


async def ask(model: FallbackChatModel, way: str) -> None:
    match way:
        case "invoke":
            model.invoke("Hi")
        case "ainvoke":
            await model.ainvoke("Hi")
        case "stream":
            list(model.stream("Hi"))
        case "astream":
            [chunk async for chunk in model.astream("Hi")]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_in_a_call_a_failure_takes_a_token_and_an_answer_pays_for_a_part_of_one(
    way: str,
) -> None:
    refused = httpx.ConnectError("refused")
    first = ScriptedChatModel(name="first", answers=[refused, "at the second try", *["9"] * 5])
    second = ScriptedChatModel(name="second", answers=["8"])
    budget = RetryBudget()
    model = FallbackChatModel(models=[first, second], retry_budget=budget)

    await ask(model, way)
    assert budget.tokens == pytest.approx(9.1)

    for _ in range(5):
        await ask(model, way)
    assert budget.tokens == pytest.approx(9.6)


def test_a_second_try_that_fails_takes_a_token_of_its_own_and_is_the_last() -> None:
    first = ScriptedChatModel(name="first", answers=[httpx.ConnectError("refused")] * 3)
    budget = RetryBudget()
    model = FallbackChatModel(
        models=[first, ScriptedChatModel(name="second", answers=["9"])], retry_budget=budget
    )

    assert model.invoke("Hi").text == "9"

    assert budget.tokens == 8.0
