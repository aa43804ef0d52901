"""What OpenTelemetry is told of calls and attempts, seen with its own SDK."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import logging
import os
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.exceptions import ModelAuthenticationError, ModelRateLimitError
from langchain_core.messages import AIMessage
from opentelemetry import trace
from opentelemetry.sdk.trace import Span
from opentelemetry.trace import SpanKind, StatusCode

from langchain_tuned_gemini import (
    AllModelsFailedError,
    ContentBlockedError,
    FallbackChatModel,
    GuardCrashedError,
    OneOf,
    telemetry,
)
from langchain_tuned_gemini.provenance import AttemptRecord
from langchain_tuned_gemini.telemetry import METRICS, AttemptSpan, Request, metrics_table
from langchain_tuned_gemini.telemetry.isolation import _PATIENCE, Aside, ending, starting
from langchain_tuned_gemini.telemetry.metrics import Deferred
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.otel import (
    OURS,
    Ask,
    Recording,
    ainvoke,
    astream,
    broken,
    every_way,
    invoke,
    stream,
    until_done,
)
from tests.pages import ROOT, between_marks

SECRET = "AIza-canary"
FINE = AttemptRecord("tuned", "tuned", "ok")


def tuned(*answers: Any) -> ScriptedChatModel:
    return ScriptedChatModel(name="tuned", answers=answers)


def base(*answers: Any) -> ScriptedChatModel:
    return ScriptedChatModel(name="base", answers=answers or ["from the base"])


def robust(*answers: Any, **settings: Any) -> FallbackChatModel:
    return FallbackChatModel(models=[tuned(*answers), base()], **settings)


def attempt(model: str, outcome: str, error_type: str | None = None) -> dict[str, Any]:
    role = "tuned" if model == "tuned" else "base_fallback"
    told = {"model": model, "role": role, "outcome": outcome}
    return {**told, "error.type": error_type} if error_type else told


@every_way
def test_an_answer_of_the_tuned_model_is_one_request_and_one_attempt(
    ask: Ask, recorded: Recording
) -> None:
    ask(robust("fine"))

    assert recorded.points("tuned_gemini.requests") == [({"answered_by": "tuned"}, 1)]
    assert recorded.points("tuned_gemini.attempts") == [(attempt("tuned", "ok"), 1)]
    assert recorded.points("tuned_gemini.fallback.delay") == []


@every_way
def test_an_answer_of_the_base_model_says_why_and_after_how_long(
    ask: Ask, recorded: Recording
) -> None:
    model = robust(TimeoutError(), circuit_breaker=False)

    ask(model)
    ask(model)

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "base_fallback", "reason": "timeout"}, 2)
    ]
    assert recorded.points("tuned_gemini.attempts") == [
        (attempt("tuned", "error", "TimeoutError"), 2),
        (attempt("base", "ok"), 2),
    ]
    assert recorded.points("tuned_gemini.fallback.delay") == [
        ({"model": "base", "reason": "timeout"}, 2)
    ]


@every_way
def test_a_hiccup_is_two_attempts_and_still_the_tuned_models_answer(
    ask: Ask, recorded: Recording
) -> None:
    ask(robust(ConnectionResetError(), "fine"))

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "tuned", "reason": "connection"}, 1)
    ]
    assert recorded.points("tuned_gemini.attempts") == [
        (attempt("tuned", "error", "ConnectionResetError"), 1),
        (attempt("tuned", "ok"), 1),
    ]


@every_way
def test_a_model_behind_an_open_circuit_is_skipped(ask: Ask, recorded: Recording) -> None:
    model = robust("fine")
    assert model.circuit
    model.circuit.force_open()

    ask(model)

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "base_fallback", "reason": "forced"}, 1)
    ]
    assert recorded.points("tuned_gemini.attempts") == [
        (attempt("tuned", "skipped", "CircuitOpenError"), 1),
        (attempt("base", "ok"), 1),
    ]
    assert [span.name for span in recorded.attempts()] == ["attempt tuned", "attempt base"]


@every_way
def test_when_all_fail_nobody_has_answered(ask: Ask, recorded: Recording) -> None:
    model = FallbackChatModel(
        models=[tuned(TimeoutError()), base(ModelRateLimitError("out of quota"))]
    )

    with pytest.raises(AllModelsFailedError):
        ask(model)

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "none", "reason": "quota"}, 1)
    ]


@every_way
@pytest.mark.parametrize(
    ("error", "reason", "outcome"),
    [
        (ModelAuthenticationError("bad key"), "credentials", "error"),
        (TypeError("a bug"), "_OTHER", "error"),
        (KeyboardInterrupt(), "cancelled", "cancelled"),
    ],
    ids=["wrong key", "bug", "interrupt"],
)
def test_what_is_raised_ends_the_request_without_an_answer(
    ask: Ask, error: BaseException, reason: str, outcome: str, recorded: Recording
) -> None:
    with pytest.raises(type(error)):
        ask(robust(error))

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "none", "reason": reason}, 1)
    ]
    told = attempt("tuned", outcome, None if outcome == "cancelled" else type(error).__name__)
    assert recorded.points("tuned_gemini.attempts") == [(told, 1)]


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_cancelled_call_is_no_failure_of_the_model(
    is_streamed: bool, recorded: Recording
) -> None:
    has_started = asyncio.Event()

    class Hanging(ScriptedChatModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            has_started.set()
            await asyncio.Event().wait()

        async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            yield await self._agenerate()

    model = FallbackChatModel(models=[Hanging(name="tuned", answers=["x"]), base()])
    task = asyncio.ensure_future(model.ainvoke("Hi", stream=is_streamed))
    await has_started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert recorded.points("tuned_gemini.attempts") == [(attempt("tuned", "cancelled"), 1)]
    (span,) = recorded.attempts()
    assert span.status.status_code is StatusCode.UNSET


def test_a_stream_that_is_left_after_its_last_chunk_was_answered(recorded: Recording) -> None:
    chunks = robust("one two").stream("Hi")
    for chunk in chunks:
        if chunk.chunk_position == "last":
            break
    chunks.close()  # type: ignore[attr-defined]  # a generator

    assert recorded.points("tuned_gemini.requests") == [({"answered_by": "tuned"}, 1)]
    assert recorded.points("tuned_gemini.attempts") == [(attempt("tuned", "ok"), 1)]


def test_a_stream_that_is_left_half_read_is_cancelled(recorded: Recording) -> None:
    chunks = robust("one two three").stream("Hi")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]  # a generator

    assert recorded.points("tuned_gemini.attempts") == [(attempt("tuned", "cancelled"), 1)]
    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "none", "reason": "cancelled"}, 1)
    ]
    assert len(recorded.attempts()) == 1


@every_way
def test_a_blocked_answer_is_a_rejected_attempt_and_no_answer(
    ask: Ask, recorded: Recording
) -> None:
    blocked = AIMessage("", response_metadata={"finish_reason": "SAFETY"})

    with pytest.raises(ContentBlockedError):
        ask(robust(blocked))

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "none", "reason": "blocked"}, 1)
    ]
    assert recorded.points("tuned_gemini.attempts") == [
        (attempt("tuned", "rejected", "ContentBlockedError"), 1)
    ]
    assert recorded.points("tuned_gemini.guard.failures") == [
        ({"guard": "FinishReason", "reason": "blocked"}, 1)
    ]


@every_way
def test_a_guards_refusal_is_counted_by_guard(ask: Ask, recorded: Recording) -> None:
    ask(robust("maybe", guards=[OneOf(["from the base", "from the base "])], commit="complete"))

    assert recorded.points("tuned_gemini.guard.failures") == [
        ({"guard": "OneOf", "reason": "bad_output"}, 1)
    ]


@every_way
def test_a_guards_crash_is_counted_by_guard(ask: Ask, recorded: Recording) -> None:
    def picky(message: AIMessage) -> None:
        raise ZeroDivisionError(SECRET)

    with pytest.raises(GuardCrashedError):
        ask(robust("fine", guards=[picky], commit="complete"))

    assert recorded.points("tuned_gemini.guard.failures") == [
        ({"guard": "picky", "reason": "crashed"}, 1)
    ]
    assert SECRET not in recorded.everything()


@pytest.mark.parametrize("won", [True, False])
def test_a_hedge_is_counted_by_whether_it_won(won: bool, recorded: Recording) -> None:
    telemetry.hedge("base", won=won)

    assert recorded.points("tuned_gemini.hedges") == [({"model": "base", "won": won}, 1)]


def test_the_delay_runs_from_the_call_to_the_attempt_that_answered(recorded: Recording) -> None:
    times = iter([100.0, 100.0, 100.7])
    request = Request(clock=lambda: next(times))
    late = AttemptRecord("tuned", "tuned", "error", reason="timeout")
    AttemptSpan(request, "tuned", "tuned").end(late)
    AttemptSpan(request, "base", "base_fallback").end(AttemptRecord("base", "base_fallback", "ok"))
    request.end("timeout")

    metric = recorded.metrics()[OURS, "tuned_gemini.fallback.delay"]
    (point,) = metric.data.data_points
    assert point.sum == pytest.approx(0.7)
    assert metric.unit == "s"
    assert max(point.explicit_bounds) == 30.0
    assert min(point.explicit_bounds) == 0.001


def test_an_attempt_that_ends_after_the_call_changes_nothing_about_who_answered(
    recorded: Recording,
) -> None:
    request = Request()
    slow = AttemptSpan(request, "tuned", "tuned")
    AttemptSpan(request, "base", "base_fallback").end(AttemptRecord("base", "base_fallback", "ok"))
    request.end(None)
    slow.end(AttemptRecord("tuned", "tuned", "cancelled"))

    assert recorded.points("tuned_gemini.requests") == [({"answered_by": "base_fallback"}, 1)]
    assert [value for _, value in recorded.points("tuned_gemini.attempts")] == [1, 1]
    assert len(recorded.attempts()) == 2


def test_an_attempt_in_another_thread_is_under_the_callers_span_all_the_same(
    recorded: Recording,
) -> None:
    with trace.get_tracer("app").start_as_current_span("handle a request") as caller:
        request = Request()
        thread = threading.Thread(target=lambda: AttemptSpan(request, "tuned", "tuned").end(FINE))
        thread.start()
        thread.join()

    (span,) = recorded.attempts()
    assert span.parent
    assert span.parent.span_id == caller.get_span_context().span_id


@every_way
def test_each_attempt_is_a_span_under_the_callers(ask: Ask, recorded: Recording) -> None:
    with trace.get_tracer("app").start_as_current_span("handle a request") as caller:
        ask(robust(TimeoutError()))

    failed, answered = recorded.attempts()
    assert (failed.name, answered.name) == ("attempt tuned", "attempt base")
    for span in (failed, answered):
        assert span.parent
        assert span.parent.span_id == caller.get_span_context().span_id
        assert span.kind is SpanKind.INTERNAL
        assert not span.events
    assert dict(failed.attributes or {}) == {
        "tuned_gemini.model": "tuned",
        "tuned_gemini.role": "tuned",
        "tuned_gemini.outcome": "error",
        "tuned_gemini.reason": "timeout",
        "error.type": "TimeoutError",
    }
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, None)
    assert dict(answered.attributes or {}) == {
        "tuned_gemini.model": "base",
        "tuned_gemini.role": "base_fallback",
        "tuned_gemini.outcome": "ok",
    }
    assert answered.status.status_code is StatusCode.UNSET


class Instrumented(ScriptedChatModel):
    """Makes spans of its own while it computes, as instrumented clients do."""

    def _next(self, *args: Any) -> Any:
        with trace.get_tracer("http").start_as_current_span("POST"):
            return super()._next(*args)


@every_way
def test_the_models_own_spans_are_children_of_the_attempts(ask: Ask, recorded: Recording) -> None:
    ask(FallbackChatModel(models=[Instrumented(name="tuned", answers=["one two"]), base()]))

    (attempted,) = recorded.attempts()
    (request,) = [span for span in recorded.spans() if span.name == "POST"]
    assert request.parent
    assert attempted.context
    assert request.parent.span_id == attempted.context.span_id
    assert (attempted.end_time or 0) >= (request.end_time or 0)


def test_a_stream_leaves_no_span_behind_in_its_consumers_code(recorded: Recording) -> None:
    with trace.get_tracer("app").start_as_current_span("consumer") as consumer:
        for _ in robust("one two three").stream("Hi"):
            assert trace.get_current_span() is consumer
        assert trace.get_current_span() is consumer

    assert len(recorded.attempts()) == 1


async def test_an_async_stream_leaves_no_span_behind_in_its_consumers_code(
    recorded: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    with trace.get_tracer("app").start_as_current_span("consumer") as consumer:
        chunks = robust("one two three").astream("Hi")
        await anext(chunks)
        assert trace.get_current_span() is consumer
        # Whoever goes on reading is another task, in which nothing attached here can be detached.
        rest = await asyncio.create_task(_collect(chunks))
        assert trace.get_current_span() is consumer

    assert rest
    assert len(recorded.attempts()) == 1
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


async def _collect(chunks: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in chunks]


def test_the_span_of_a_stream_ends_with_the_stream(recorded: Recording) -> None:
    chunks = robust("one two three").stream("Hi")

    next(chunks)
    assert recorded.attempts() == []

    list(chunks)
    assert len(recorded.attempts()) == 1


@every_way
def test_an_sdk_that_raises_affects_no_answer(
    ask: Ask, recorded: Recording, caplog: pytest.LogCaptureFixture, a_broken_sdk: None
) -> None:
    model = robust(TimeoutError(), "fine", circuit_breaker=False)

    first, second = ask(model), ask(model)

    assert _text(first).strip() == "from the base"
    assert _text(second).strip() == "fine"
    told = [record for record in caplog.records if "Telemetry failed" in record.getMessage()]
    assert 1 <= len(told) < 8  # of dozens of failures
    assert SECRET not in caplog.text


@pytest.fixture
def a_broken_sdk(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO)
    harmless = telemetry.isolation.harmless
    before, harmless._failures = harmless._failures, iter(range(1, 1_000))
    broken.error = RuntimeError(f"exporter at https://key:{SECRET}@example")
    yield
    broken.error = None
    harmless._failures = before


def test_a_stream_closed_by_the_garbage_collector_does_not_call_into_a_locked_sdk(
    recorded: Recording,
) -> None:
    gc.collect()
    gc.disable()
    try:
        given_up: list[Any] = [robust("one two").stream("Hi")]
        next(given_up[0])
        given_up.append(given_up)  # from now on, only the collector can find it
        del given_up
        broken.does, broken.was_reentered = gc.collect, False

        robust("fine").invoke("Hi")
    finally:
        gc.enable()
        broken.does = None

    assert not broken.was_reentered
    assert len(recorded.attempts()) == 2  # it was told with the next thing that was told
    assert sorted(told["outcome"] for told, _ in recorded.points("tuned_gemini.attempts")) == [
        "cancelled",
        "ok",
    ]


# What is plugged into the SDK, and broken


def in_time(ask: Ask, model: FallbackChatModel) -> Any:
    """Asks, and fails where the answer is late, instead of waiting for ever."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask, model).result(5)


@pytest.fixture
def quick_to_recover() -> Iterator[None]:
    """Leaves nothing behind that would make the next test's telemetry late."""
    yield
    broken.error = broken.does = broken.starts = None
    for aside in (starting, ending):
        until_done(aside)


@every_way
@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), SystemExit(1), KeyboardInterrupt(), ValueError()]
)
def test_nothing_that_a_recorder_raises_reaches_a_call(
    ask: Ask, error: BaseException, recorded: Recording, quick_to_recover: None
) -> None:
    broken.error = error

    assert _text(ask(robust("fine"))).strip() == "fine"
    assert _text(ask(robust(TimeoutError()))).strip() == "from the base"

    broken.error = None
    ask(robust("fine"))
    assert recorded.attempts()[-1].name == "attempt tuned"


@every_way
def test_a_span_is_asked_nothing_in_the_thread_of_a_call(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, recorded: Recording
) -> None:
    """An SDK's own spans are anybody's code, too."""
    asked_in: set[int] = set()
    monkeypatch.setattr(Span, "is_recording", lambda _: asked_in.add(threading.get_ident()) or True)

    assert _text(ask(robust(TimeoutError()))).strip() == "from the base"

    assert asked_in
    assert threading.get_ident() not in asked_in


@every_way
@pytest.mark.parametrize("when", ["starts", "does"])
def test_a_recorder_that_blocks_holds_no_call_up(
    ask: Ask, when: str, recorded: Recording, quick_to_recover: None
) -> None:
    goes_on, model = threading.Event(), robust(*["fine"] * 20)
    setattr(broken, when, lambda: goes_on.wait(60))
    try:
        in_time(ask, model)  # waits a moment, once
        started = time.perf_counter()
        for _ in range(19):
            assert _text(in_time(ask, model)).strip() == "fine"
        waited = time.perf_counter() - started
    finally:
        goes_on.set()

    assert waited < 19 * _PATIENCE


@every_way
@pytest.mark.parametrize("when", ["starts", "does"])
def test_a_recorder_that_calls_a_model_is_not_told_of_its_own_call(
    ask: Ask, when: str, recorded: Recording, quick_to_recover: None
) -> None:
    said: list[str] = []
    inner = robust(*["from within"] * 20)
    setattr(broken, when, lambda: said.append(inner.invoke("Hi").text))

    assert _text(ask(robust("fine"))).strip() == "fine"

    assert len(recorded.attempts()) == 1
    assert said == ["from within"]


def test_a_recorder_that_calls_a_model_while_metrics_are_collected_calls_it_no_further(
    recorded: Recording, quick_to_recover: None
) -> None:
    said: list[str] = []
    samples: list[None] = []  # those of all circuits that there are, other tests' as well
    robust("fine").invoke("Hi")
    broken.samples = lambda: samples.append(None)
    recorded.metrics()
    inner = robust(*["from within"] * (len(samples) + 20))
    broken.samples = lambda: said.append(inner.invoke("Hi").text)
    try:
        recorded.metrics()
    finally:
        broken.samples = None

    assert 1 <= len(said) < len(samples) + 20


def test_streams_that_were_closed_early_cost_no_later_call_anything(recorded: Recording) -> None:
    model = robust(*["one two three"] * 1_000)
    chunks = [model.stream("Hi") for _ in range(400)]
    for one in chunks:
        next(one)
    for one in chunks:
        one.close()  # type: ignore[attr-defined]  # a generator

    assert model.invoke("Hi").text == "one two three"
    assert sorted(recorded.points("tuned_gemini.attempts"), key=lambda point: point[1]) == [
        (attempt("tuned", "ok"), 1),
        (attempt("tuned", "cancelled"), 400),
    ]


def test_a_span_that_begins_too_late_is_not_waited_for_and_still_ends(
    recorded: Recording, quick_to_recover: None
) -> None:
    goes_on = threading.Event()
    broken.starts = lambda: goes_on.wait(60)
    request = Request()
    late = AttemptSpan(request, "tuned", "tuned")
    goes_on.set()
    until_done(starting)

    late.end(FINE)

    (span,) = recorded.attempts()
    assert (span.attributes or {})["tuned_gemini.outcome"] == "ok"


def test_what_does_not_fit_into_the_queue_of_a_stuck_thread_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aside, goes_on, is_nearly_done = Aside(patience=0.0), threading.Event(), threading.Event()
    done: list[int] = []
    aside.run(lambda: goes_on.wait(60))

    for n in range(5_000):
        aside.run(is_nearly_done.set if n == 900 else functools.partial(done.append, n))
    goes_on.set()
    assert is_nearly_done.wait(10)
    until_done(aside)

    assert 900 < len(done) < 1_100
    assert done == sorted(done)
    assert "Telemetry failed with Full" in caplog.text


def test_a_forked_process_tells_by_itself(recorded: Recording) -> None:
    robust("fine").invoke("Hi")
    until_done(ending)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads that a fork leaves behind
        child = os.fork()
    if child == 0:
        is_done = threading.Event()
        ending.run(is_done.set)
        os._exit(0 if is_done.wait(10) else 1)

    assert os.waitpid(child, 0)[1] == 0


def test_counts_of_many_threads_are_kept_while_they_are_taken() -> None:
    deferred: Deferred[str] = Deferred()
    taken: Counter[str] = Counter()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            noting = [
                pool.submit(lambda: [deferred.note("x") for _ in range(5_000)]) for _ in range(4)
            ]
            while not all(one.done() for one in noting):
                taken += deferred.take()
    finally:
        sys.setswitchinterval(before)

    assert taken + deferred.take() == Counter(x=20_000)


@every_way
def test_nothing_that_was_said_is_in_what_is_told(ask: Ask, recorded: Recording) -> None:
    failures = [TimeoutError(f"{SECRET} error"), ConnectionResetError(f"{SECRET} second")]
    model = FallbackChatModel(models=[tuned(*failures), base(f"{SECRET} answer")])

    ask(model, f"{SECRET} prompt")
    ask(model, f"{SECRET} prompt")

    assert recorded.points("tuned_gemini.requests")
    assert len(recorded.attempts()) >= 4
    assert SECRET not in recorded.everything()


def test_a_reason_of_somebodys_own_is_not_told(recorded: Recording) -> None:
    model = robust("fine")
    assert model.circuit
    from langchain_tuned_gemini.circuit_breaker import Outcome

    model.circuit.report(model.circuit.acquire(), Outcome.FATAL, reason=SECRET)

    invoke(model)

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "base_fallback", "reason": "_OTHER"}, 1)
    ]
    assert SECRET not in recorded.everything()


def test_every_metric_is_what_the_table_says(recorded: Recording) -> None:
    model = robust(json.JSONDecodeError("", "", 0), AIMessage(""), "fine")
    assert model.circuit
    for ask in (invoke, ainvoke, stream, astream):
        ask(model)
    model.circuit.force_open()
    telemetry.hedge("base", won=True)

    told = {name: metric for (scope, name), metric in recorded.metrics().items() if scope == OURS}

    declared = {metric.name: metric for metric in METRICS}
    assert told.keys() >= declared.keys() - {"tuned_gemini.readiness.state"}
    assert told.keys() <= declared.keys()
    for name, metric in told.items():
        assert (metric.unit, metric.description) == (
            declared[name].unit,
            declared[name].description,
        )
        for point in metric.data.data_points:
            assert set(point.attributes or {}) <= set(declared[name].attributes), name


def test_the_page_about_monitoring_shows_the_metrics_as_they_are() -> None:
    page = ROOT / "docs" / "monitoring.md"

    assert between_marks(page, "metrics") == metrics_table()


def _text(answer: Any) -> str:
    return answer.text if isinstance(answer, AIMessage) else "".join(c.text for c in answer)
