"""The one runner: what flows yield is done, blocking or not, and its errors come back to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from langchain_tuned_gemini.effects import Call, Flow, Run, SubFlow, Together, arun, run

Runner = Callable[[Flow[Any]], Awaitable[Any]]


async def blocking(flow: Flow[Any]) -> Any:
    return run(flow)


@pytest.fixture(params=[blocking, arun], ids=["blocking", "awaiting"])
def carry_out(request: pytest.FixtureRequest) -> Runner:
    return request.param


def double(number: int, *, plus: int = 0) -> int:
    if number < 0:
        raise ValueError(number)
    return 2 * number + plus


async def adouble(number: int, *, plus: int = 0) -> int:
    return double(number, plus=plus)


async def test_each_effect_gives_back_what_it_came_to(carry_out: Runner):
    def flow() -> Flow[list[Any]]:
        first = yield Call(double, adouble, 2, plus=1)
        second = yield Run(lambda: first + 1)
        both = yield Together([Call(double, adouble, first), Call(double, adouble, second)])
        return [first, second, both]

    assert await carry_out(flow()) == [5, 6, [10, 12]]


async def test_flows_are_carried_out_together_and_so_many_of_them_at_once(carry_out: Runner):
    on_their_way: set[int] = set()
    seen: list[int] = []

    def one(number: int) -> Flow[int]:
        on_their_way.add(number)
        seen.append(len(on_their_way))
        answer: int = yield Call(double, adouble, number)
        yield Run(lambda: None)
        on_their_way.discard(number)
        return answer

    def flow() -> Flow[list[int]]:
        return (yield Together([SubFlow(partial(one, n)) for n in range(5)], at_once=2))

    assert await carry_out(flow()) == [0, 2, 4, 6, 8]
    assert max(seen) <= 2


@pytest.mark.parametrize(
    "effect",
    [
        Call(double, adouble, -1),
        Run(lambda: double(-1)),
        Together([Call(double, adouble, -1)]),
        Together([Call(double, adouble, 1), Call(double, adouble, -1)]),
    ],
    ids=["a call", "an action", "one of one", "one of two"],
)
async def test_an_error_is_raised_where_the_flow_asked(carry_out: Runner, effect: Any):
    def flow() -> Flow[str]:
        try:
            yield effect
        except ValueError as error:
            return f"refused {error}"
        return "not refused"

    assert await carry_out(flow()) == "refused -1"


async def test_an_error_that_the_flow_does_not_expect_ends_it(carry_out: Runner):
    ended = []

    def flow() -> Flow[None]:
        try:
            yield Call(double, adouble, -1)
        finally:
            ended.append(True)

    with pytest.raises(ValueError, match="-1"):
        await carry_out(flow())
    assert ended == [True]


async def test_a_cancelled_flow_cleans_up():
    waits, ended = asyncio.Event(), []

    async def forever() -> None:
        waits.set()
        await asyncio.Event().wait()

    def flow() -> Flow[None]:
        try:
            yield Together([Call(double, forever)])
        finally:
            ended.append(True)

    task = asyncio.create_task(arun(flow()))
    await waits.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
