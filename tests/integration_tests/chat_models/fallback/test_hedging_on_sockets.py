"""A model that is silent for too long gets company: the quicker answers, the other one stops."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError
from langchain_core.messages import AIMessageChunk
from langchain_core.tracers.base import BaseTracer
from langchain_core.tracers.schemas import Run

from langchain_tuned_gemini import (
    AllModelsFailedError,
    BrokenStreamError,
    FallbackChatModel,
    ParameterError,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.conftest import BASE, Deployed

WORDS = " ".join(f"word{n}" for n in range(60))
EXAMPLES = [{"text_input": "count", "output": WORDS}]
SOON = 0.1

Ask = Callable[..., list[Any]]


def invoke(model: FallbackChatModel, **config: Any) -> list[Any]:
    return [model.invoke("count", config)]


def ainvoke(model: FallbackChatModel, **config: Any) -> list[Any]:
    return [asyncio.run(model.ainvoke("count", config))]


def stream(model: FallbackChatModel, **config: Any) -> list[AIMessageChunk]:
    return list(model.stream("count", config))


def astream(model: FallbackChatModel, **config: Any) -> list[AIMessageChunk]:
    async def collect() -> list[AIMessageChunk]:
        return [chunk async for chunk in model.astream("count", config)]

    return asyncio.run(collect())


streamed = pytest.mark.parametrize("ask", [stream, astream])
every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


@pytest.fixture
def deployed(platform: str) -> Iterator[Deployed]:
    with Emulator() as gemini:
        yield Deployed.add(gemini, platform, EXAMPLES)


@pytest.fixture
def hedged(deployed: Deployed) -> Callable[..., FallbackChatModel]:
    """A tuned model with a base model; enough calls have been made to pay for a hedge."""
    tuned = deployed.chat()
    tuned.gate.check()

    def build(**settings: Any) -> FallbackChatModel:
        settings = {"hedge_after": SOON, "retry_budget": False, **settings}
        model = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, **settings)
        pay(model, 20)
        return model

    return build


def pay(model: FallbackChatModel, calls: int) -> None:
    assert model._hedge_policy is not None
    for _ in range(calls):
        model._hedge_policy.count_call()


def text(chunks: list[Any]) -> str:
    return "".join(chunk.text for chunk in chunks)


def said(chunks: list[Any]) -> dict[str, Any]:
    return chunks[-1].response_metadata["tuned_gemini"]


def outcomes(chunks: list[Any]) -> list[tuple[str, str | None]]:
    return [(attempt["outcome"], attempt["reason"]) for attempt in said(chunks)["attempts"]]


def asked(gemini: Emulator) -> list[str | None]:
    return [request.model for request in gemini.requests if request.body]


@every_way
def test_the_base_model_answers_when_the_tuned_one_is_slower(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model, began = hedged(), time.perf_counter()

    with deployed.emulator.fault(model=deployed.name, delay=5.0):
        chunks = ask(model)

    assert time.perf_counter() - began < 4.0
    assert text(chunks) == WORDS
    assert (said(chunks)["answered_by"], said(chunks)["reason"]) == ("base_fallback", "slow")
    assert said(chunks)["hedge"] == {"after_s": SOON, "won": True}
    assert outcomes(chunks) == [("cancelled", "slow"), ("ok", None)]
    assert asked(deployed.emulator) == [deployed.name, f"models/{BASE}"]
    assert model.circuit is not None
    assert model.circuit.view().failures == 0


@every_way
def test_a_quick_model_is_asked_alone(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    chunks = ask(hedged(hedge_after=5.0))

    assert said(chunks)["answered_by"] == "tuned"
    assert said(chunks)["hedge"] is None
    assert asked(deployed.emulator) == [deployed.name]


@every_way
def test_the_tuned_model_answers_when_its_hedge_is_slower_still(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.4),
        deployed.emulator.fault(model=f"models/{BASE}", delay=5.0),
    ):
        chunks = ask(model)

    assert text(chunks) == WORDS
    assert (said(chunks)["answered_by"], said(chunks)["reason"]) == ("tuned", None)
    assert said(chunks)["hedge"] == {"after_s": SOON, "won": False}
    assert outcomes(chunks) == [("ok", None), ("cancelled", None)]


@every_way
def test_a_hedge_that_is_under_way_takes_over_when_the_tuned_model_fails(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.3, status=503),
        deployed.emulator.fault(model=f"models/{BASE}", delay=0.3),
    ):
        chunks = ask(model)

    assert text(chunks) == WORDS
    assert said(chunks)["reason"] == "overloaded"
    assert outcomes(chunks) == [("error", "overloaded"), ("ok", None)]
    assert asked(deployed.emulator) == [deployed.name, f"models/{BASE}"]


@every_way
@pytest.mark.parametrize("fault", [{"status": 503}, {"blocked": True}, {"status": 401}], ids=str)
def test_a_hedge_that_fails_does_not_cost_the_answer(
    ask: Ask, fault: dict[str, Any], hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.4),
        deployed.emulator.fault(model=f"models/{BASE}", **fault),
    ):
        chunks = ask(model)

    assert text(chunks) == WORDS
    assert (said(chunks)["answered_by"], said(chunks)["reason"]) == ("tuned", None)


@every_way
def test_when_both_fail_one_error_holds_both(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.3, status=503),
        deployed.emulator.fault(model=f"models/{BASE}", status=429),
        pytest.raises(AllModelsFailedError) as raised,
    ):
        ask(model)

    assert sorted(a.reason or "" for a in raised.value.attempts) == ["overloaded", "quota"]
    assert len(asked(deployed.emulator)) == 2


@every_way
def test_what_only_the_hedge_can_tell_is_raised_when_the_tuned_model_fails(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.4, status=503),
        deployed.emulator.fault(model=f"models/{BASE}", status=401),
        pytest.raises(ModelAuthenticationError),
    ):
        ask(model)


@every_way
def test_a_wrong_key_is_raised_at_once_although_a_hedge_is_under_way(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model, began = hedged(), time.perf_counter()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.3, status=401),
        deployed.emulator.fault(model=f"models/{BASE}", delay=5.0),
        pytest.raises(ModelAuthenticationError),
    ):
        ask(model)

    assert time.perf_counter() - began < 4.0


@every_way
def test_without_savings_nobody_is_hedged(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with deployed.emulator.fault(model=deployed.name, delay=0.3):
        answers = [said(ask(model))["hedge"] for _ in range(3)]

    assert answers[0] is not None
    assert answers[1:] == [None, None]


@streamed
def test_a_stream_that_has_begun_is_never_swapped(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged(hedge_after=0.5, stall_timeout=0.8)
    with (
        deployed.emulator.fault(model=deployed.name, stall_after=2),
        pytest.raises(BrokenStreamError) as raised,
    ):
        ask(model)

    assert WORDS.startswith(raised.value.partial.strip())
    assert asked(deployed.emulator) == [deployed.name]


@streamed
def test_a_stream_is_hedged_until_it_is_complete_when_only_that_is_handed_out(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged(commit="complete")
    with deployed.emulator.fault(model=deployed.name, stall_after=2):
        chunks = ask(model)

    assert text(chunks) == WORDS
    assert outcomes(chunks) == [("cancelled", "slow"), ("ok", None)]


@streamed
def test_a_stream_may_be_restarted_with_the_model_that_was_only_slower(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged(on_broken_stream="restart")
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.3, cut_after=2),
        deployed.emulator.fault(model=f"models/{BASE}", times=1, delay=5.0),
    ):
        chunks = ask(model)

    marks = [chunk.response_metadata.get("tuned_gemini", {}).get("restarted") for chunk in chunks]
    assert text(chunks[marks.index(True) :]) == WORDS
    assert said(chunks)["reason"] == "connection"


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_cancelled_call_leaves_neither_its_model_nor_the_hedge_behind(
    is_streamed: bool, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model, before = hedged(), asyncio.all_tasks()
    call = anext(model.astream("count")) if is_streamed else model.ainvoke("count")
    with deployed.emulator.fault(hang=True):
        task = asyncio.ensure_future(call)
        # The emulator runs in another thread and has no event to wait for.
        while len(asked(deployed.emulator)) < 2 and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    left = [t for t in asyncio.all_tasks() - before if "google/genai/client.py" not in repr(t)]
    assert left == []


@pytest.mark.parametrize("ask", [invoke, stream])
def test_the_slower_ones_thread_ends_at_once(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged()
    with deployed.emulator.fault(model=deployed.name, hang=True):
        ask(model)
        threads = [t for t in threading.enumerate() if t.name == "tuned-gemini-helper"]
        for thread in threads:
            thread.join(4.0)

        assert not any(thread.is_alive() for thread in threads)


@every_way
def test_a_trace_shows_the_one_that_was_given_up(
    ask: Ask, hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    class Tracer(BaseTracer):
        """Keeps the finished runs."""

        def _persist_run(self, run: Run) -> None:
            self.root = run

    tracer, model = Tracer(), hedged()
    with (
        deployed.emulator.fault(model=deployed.name, delay=0.3),
        deployed.emulator.fault(model=f"models/{BASE}", hang=True),
    ):
        ask(model, callbacks=[tracer])

    children = {run.name: run for run in tracer.root.child_runs}
    assert {run.run_type for run in children.values()} == {"chain"}
    assert deployed.name in children
    assert BASE in children
    assert children[deployed.name].error is None


def test_a_hedge_that_won_is_no_warning(
    hedged: Callable[..., FallbackChatModel], deployed: Deployed, caplog: pytest.LogCaptureFixture
) -> None:
    model = hedged()
    with (
        caplog.at_level(logging.INFO, "langchain_tuned_gemini"),
        deployed.emulator.fault(model=deployed.name, delay=2.0),
    ):
        model.invoke("count")

    (record,) = [r for r in caplog.records if r.name == "langchain_tuned_gemini"]
    assert record.levelno == logging.INFO
    assert "had not answered after" in record.getMessage()
    assert record.getMessage().endswith(f"{BASE} answered instead.")


def test_a_percentile_is_learnt_from_the_calls(
    hedged: Callable[..., FallbackChatModel], deployed: Deployed
) -> None:
    model = hedged(hedge_after="p95")
    for _ in range(20):
        assert said(invoke(model))["hedge"] is None
    with deployed.emulator.fault(model=deployed.name, delay=3.0):
        hedge = said(invoke(model))["hedge"]

    assert hedge["won"]
    assert 0 < hedge["after_s"] < 1.0


def test_a_hedge_takes_two() -> None:
    with pytest.raises(ParameterError, match="second model"):
        FallbackChatModel(models=[ScriptedChatModel(answers=["x"])], hedge_after=1.0)
