"""Rows 59 to 72, as far as they need sockets: event loops, cancellation, threads, listeners."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatResult

from langchain_tuned_gemini import FallbackChatModel, GuardCrashedError
from langchain_tuned_gemini.circuit_breaker import CircuitState
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel
from tests.integration_tests.fault_matrix.clock import Clock, breaker_with
from tests.integration_tests.fault_matrix.contract import Circuit, answered, degraded
from tests.integration_tests.fault_matrix.experiment import check, observe
from tests.integration_tests.fault_matrix.stacks import AIOHTTP, HTTPX, HTTPX2, OURS, Lab, quiet
from tests.integration_tests.fault_matrix.task import BASE_TEXT, QUESTION, TUNED, TUNED_TEXT
from tests.integration_tests.fault_matrix.ways import Ask, answer, every_way, invoke
from tests.tcp_proxy import TcpProxy

pytestmark = quiet

DEVIATIONS = {
    71: "A guard that crashes is raised as GuardCrashedError: an answer that nobody could judge "
    "must not pass as one that was.",
}
"""Where the product does not do what the row says, and why."""


@pytest.mark.parametrize("stack", [OURS, HTTPX, HTTPX2, AIOHTTP])
def test_row_60_a_client_of_a_closed_event_loop_is_no_evidence_about_the_model(
    stack: str, gemini: Emulator, lab: Lab
) -> None:
    """Before google-genai 3, a plain model on httpx fails once in each further event loop."""
    model = lab.robust(stack, gemini.base_url)

    answers = [asyncio.run(model.ainvoke(QUESTION)) for _ in range(3)]

    tries = [len(answer.response_metadata["tuned_gemini"]["attempts"]) for answer in answers]
    assert {answer.text for answer in answers} == {TUNED_TEXT}
    assert tries in ([[1, 1, 1]] if stack in (OURS, AIOHTTP) else [[1, 1, 1], [1, 2, 2]])
    assert model.circuit is not None
    assert model.circuit.view().failures == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del model
        gc.collect()


class StandsStill(ScriptedChatModel):
    """Stops the event loop with its tenth call, as somebody's computation would."""

    async def _agenerate(self, *told: Any, **further: Any) -> ChatResult:
        self.calls.append(further)
        if len(self.calls) == 10:
            threading.Event().wait(0.5 + 1.2)
        await asyncio.Event().wait()
        raise AssertionError("nothing was waited for")


async def test_row_61_timeouts_of_one_stall_are_one_failure() -> None:
    """Who knows what the model has said in the meantime."""
    models = [StandsStill(answers=["never"]), ScriptedChatModel(answers=[BASE_TEXT])]
    model = FallbackChatModel(models=models, total_timeout=0.5)

    answers = await asyncio.gather(*(model.ainvoke(QUESTION) for _ in range(10)))

    assert {answer.text for answer in answers} == {BASE_TEXT}
    assert model.circuit is not None
    assert (model.circuit.view().failures, model.circuit.state) == (1, CircuitState.CLOSED)


def requests_of_the_tuned_model(gemini: Emulator) -> int:
    return sum(request.model == TUNED and bool(request.body) for request in gemini.requests)


async def first_chunk(model: FallbackChatModel) -> object:
    return await anext(model.astream(QUESTION))


async def whole_stream(model: FallbackChatModel) -> object:
    return [chunk async for chunk in model.astream(QUESTION)]


async def whole_answer(model: FallbackChatModel) -> object:
    return await model.ainvoke(QUESTION)


Acall = Callable[[FallbackChatModel], Coroutine[Any, Any, object]]
in_every_coroutine = pytest.mark.parametrize("call", [whole_answer, whole_stream, first_chunk])


@in_every_coroutine
async def test_row_62_a_call_can_be_cancelled_wherever_it_waits(
    call: Acall, gemini: Emulator, lab: Lab
) -> None:
    model, before = lab.robust(OURS, gemini.base_url), asyncio.all_tasks()
    assert await call(model)
    assert model.circuit is not None
    model.circuit.reset()
    ended = 0

    for steps in range(0, 60, 2):
        task = asyncio.ensure_future(call(model))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        (how,) = await asyncio.gather(task, return_exceptions=True)
        ended += isinstance(how, asyncio.CancelledError)

    assert ended > 3
    assert await left_behind(before) == set()
    view = model.circuit.view()
    assert (view.failures, view.state) == (0, CircuitState.CLOSED)


@in_every_coroutine
async def test_row_62_a_call_of_a_silent_model_is_cancelled_at_once(
    call: Acall, gemini: Emulator, lab: Lab
) -> None:
    model, before = lab.robust(OURS, gemini.base_url), asyncio.all_tasks()

    with gemini.fault(model=TUNED, hang=True), pytest.raises(TimeoutError):
        await asyncio.wait_for(call(model), 0.1)

    assert await left_behind(before) == set()
    assert model.circuit is not None
    assert model.circuit.view().outcomes == 0


async def left_behind(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Tasks that were not there before and don't end by themselves, as those do by which the loop
    closes a stream that was given up. Google-genai's own don't count: of clients collected."""
    new = {t for t in asyncio.all_tasks() - before if "google/genai/client.py" not in repr(t)}
    return (await asyncio.wait(new, timeout=5))[1] if new else set()


@contextmanager
def interrupted_by(interrupt: type[BaseException], gemini: Emulator) -> Iterator[None]:
    """A signal's handler raises this in the main thread, which waits for the tuned model.

    Earlier it might be raised where Python or pydantic make something else of it.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        raise interrupt

    def interrupt_when_it_waits() -> None:
        while requests_of_the_tuned_model(gemini) == asked and not is_over.wait(0.01):
            pass
        if not is_over.wait(0.05):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    asked, is_over = requests_of_the_tuned_model(gemini), threading.Event()
    interrupter = threading.Thread(target=interrupt_when_it_waits, daemon=True)
    before = signal.signal(signal.SIGALRM, handle)
    interrupter.start()
    try:
        yield
    finally:
        is_over.set()
        interrupter.join()
        signal.signal(signal.SIGALRM, before)


@every_way
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="threads take no signals here")
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_row_63_an_interrupt_is_raised_and_counts_for_nothing(
    ask: Ask, interrupt: type[BaseException], gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, hang=True), pytest.raises(interrupt):  # noqa: SIM117
        with interrupted_by(interrupt, gemini):
            answer(ask, model)

    assert model.circuit is not None
    assert model.circuit.view().outcomes == 0


def test_row_64_fifty_threads_and_fifty_tasks_send_one_probe(gemini: Emulator, lab: Lab) -> None:
    """The probe hangs until all others have been answered; then its connection breaks."""
    clock, fallbacks = Clock(), threading.Semaphore(0)

    with TcpProxy(gemini.base_url) as proxy, ThreadPoolExecutor(51) as threads:
        model = lab.robust(
            OURS,
            proxy.base_url,
            base_at=gemini.base_url,
            circuit_breaker=breaker_with(clock),
            on_fallback=lambda _: fallbacks.release(),
        )
        with gemini.fault(model=TUNED, status=404):
            model.invoke(QUESTION)
        clock.now += 400

        with proxy.fault(hits=f"{TUNED}:", after=0, then="hang"):
            tasks = threads.submit(asyncio.run, in_tasks(model, 50))
            calls = [threads.submit(model.invoke, QUESTION) for _ in range(50)]
            for _ in range(1 + 99):
                assert fallbacks.acquire(timeout=20)
            assert (proxy.hits, model.circuit.state) == (1, CircuitState.HALF_OPEN)
            proxy.drop()
            answers = [*tasks.result(), *(call.result() for call in calls)]

    assert {answer.text for answer in answers} == {BASE_TEXT}
    assert proxy.hits == 1


async def in_tasks(model: FallbackChatModel, count: int) -> list[AIMessage]:
    return await asyncio.gather(*(model.ainvoke(QUESTION) for _ in range(count)))


@every_way
@pytest.mark.parametrize("fault", [{}, {"status": 429}], ids=["healthy", "429"])
def test_row_71_a_listener_that_crashes_does_not_cost_the_answer(
    ask: Ask, fault: dict[str, Any], gemini: Emulator, lab: Lab
) -> None:
    told: list[dict[str, Any]] = []

    def listen(provenance: dict[str, Any]) -> None:
        told.append(provenance)
        raise RuntimeError("a bug in the listener")

    model = lab.robust(OURS, gemini.base_url, on_fallback=listen)
    with gemini.fault(model=TUNED, **(fault or {"headers": {"x-test": "1"}})):
        seen = observe(model, ask, gemini, key=lab.key)

    assert seen.text == (BASE_TEXT if fault else TUNED_TEXT)
    assert [provenance["reason"] for provenance in told] == (["quota"] if fault else [])


class BrokenTracer(BaseCallbackHandler):
    """Crashes at whatever it is told."""

    def on_chain_start(self, *told: Any, **further: Any) -> None:
        raise RuntimeError("a bug in the tracer")

    on_chain_error = on_chain_end = on_chat_model_start = on_llm_end = on_chain_start


@every_way
def test_row_71_a_tracer_that_crashes_does_not_cost_the_answer(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, status=503):
        messages: list[AIMessage] = []
        ask(model, messages, {"callbacks": [BrokenTracer()]})

    assert "".join(message.text for message in messages) == BASE_TEXT


@every_way
def test_row_71_a_guard_that_crashes_is_raised_and_says_nothing_about_the_model(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    def crash(message: object) -> bool:
        raise KeyError("a bug in the guard")

    model = lab.robust(OURS, gemini.base_url, guards=[crash], commit="complete")
    seen = observe(model, ask, gemini, key=lab.key)

    assert isinstance(seen.error, GuardCrashedError)
    assert (seen.asked, seen.circuit.outcomes) == ([TUNED], 0)


@pytest.mark.parametrize("fault", [None, {"status": 403}], ids=["healthy", "403"])
async def test_row_72_a_synchronous_call_within_an_event_loop_ends(
    fault: dict[str, Any] | None, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, **(fault or {"headers": {"x-test": "1"}})):
        whole = observe(model, invoke, gemini, key=lab.key)

    check(whole, answered() if fault is None else degraded("permission", 403, circuit=Circuit.OPEN))
    assert await model.ainvoke(QUESTION)
