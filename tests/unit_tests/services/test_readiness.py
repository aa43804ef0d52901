"""The gate's memory, with a service that is told what to answer and a clock that is turned."""

import asyncio
import copy
import os
import pickle
import sys
import threading
import timeit
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from langchain_tuned_gemini.errors import (
    ServiceError,
    ServiceUnreachableError,
    TunedGeminiError,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.readiness import Answer, Memory, ReadinessGate, ReadinessPolicy
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

NAME = "tunedModels/sql-expert-v1"


def model(raw_state: str, **told) -> TunedModel:
    return TunedModel(NAME, TunedModelState.parse(raw_state), raw_state, **told)


CREATING, ACTIVE, FAILED = model("CREATING"), model("ACTIVE"), model("FAILED")
CANCELLED, STRANGE = model("JOB_STATE_CANCELLED"), model("DEPLOYING")
DELETED = TunedModelNotFoundError.of(NAME)
FORBIDDEN, OVERLOADED = ServiceError("403", status=403), ServiceError("503", status=503)
UNREACHABLE = ServiceUnreachableError("http://127.0.0.1:1", "refused")
EVERYTHING = [
    CREATING, ACTIVE, FAILED, CANCELLED, STRANGE, DELETED, FORBIDDEN, OVERLOADED, UNREACHABLE,
]  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Service:
    """Answers what it is told to, and counts."""

    def __init__(self, answer: Answer | Exception = ACTIVE) -> None:
        self.answer = answer
        self.requests = 0

    def get(self, name: str | TunedModelName) -> TunedModel:
        self.requests += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def __reduce__(self):
        return Service, ()


class SlowService(Service):
    """Answers only when it is released."""

    def __init__(self, answer: Answer | Exception = ACTIVE) -> None:
        super().__init__(answer)
        self.asked = threading.Event()
        self.released = threading.Event()

    def get(self, name: str | TunedModelName) -> TunedModel:
        self.asked.set()
        assert self.released.wait(30.0)
        return super().get(name)


def at_once(run: Callable[[], None]) -> None:
    run()


class Later:
    """Keeps what is to run in the background until it is told to run it."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def __call__(self, run: Callable[[], None]) -> None:
        self.waiting.append(run)

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Service:
    return Service()


async def _check(gate: ReadinessGate) -> None:
    gate.check()


async def _acheck(gate: ReadinessGate) -> None:
    await gate.acheck()


@pytest.fixture(params=[_check, _acheck], ids=["sync", "async"])
def check(request) -> Callable[[ReadinessGate], Awaitable[None]]:
    return request.param


def gate_of(service: Service, clock: Clock, in_background=at_once, **policy) -> ReadinessGate:
    return ReadinessGate(
        service,  # type: ignore[arg-type]
        NAME,
        policy=ReadinessPolicy(**policy),
        clock=clock,
        in_background=in_background,
    )


# What each answer means, and for how long: (answer, error, seconds)
MEANINGS = [
    (ACTIVE, None, 300.0),
    (CREATING, TunedModelNotReadyError, 5.0),
    (FAILED, TunedModelFailedError, 60.0),
    (CANCELLED, TunedModelFailedError, 60.0),
    (DELETED, TunedModelNotFoundError, 60.0),
    (STRANGE, None, 10.0),
    (OVERLOADED, None, 10.0),
    (UNREACHABLE, None, 10.0),
    (FORBIDDEN, None, 60.0),
]


@pytest.mark.parametrize("meaning", MEANINGS)
async def test_an_answer_is_believed_for_its_time(check, service, clock, meaning):
    service.answer, error, seconds = meaning
    gate = gate_of(service, clock)

    for instant in (0.0, seconds / 2, seconds * 0.999):
        clock.now = 1000.0 + instant
        assert await _raised(check, gate) is error
    assert service.requests == 1

    clock.now = 1000.0 + seconds
    assert await _raised(check, gate) is error
    assert service.requests == 2


async def _raised(check, gate: ReadinessGate) -> type[Exception] | None:
    try:
        await check(gate)
    except TunedGeminiError as error:
        return type(error)
    return None


@pytest.mark.parametrize("answer", [FORBIDDEN, OVERLOADED, UNREACHABLE, STRANGE])
async def test_unknown_raises_for_those_who_want_it(check, service, clock, answer):
    service.answer = answer
    gate = gate_of(service, clock, when_unknown="raise")

    for _ in range(2):
        with pytest.raises(ServiceError, match=f"not known whether the tuned model {NAME}"):
            await check(gate)

    assert service.requests == 1


async def test_an_error_tells_the_state_and_what_to_do(check, service, clock):
    service.answer = CREATING

    with pytest.raises(TunedModelNotReadyError, match=r"is CREATING.*wait_until_active") as raised:
        await check(gate_of(service, clock))

    assert raised.value.name == NAME
    assert raised.value.state is TunedModelState.CREATING
    assert raised.value.is_retryable


async def test_every_call_gets_an_error_of_its_own(check, service, clock):
    """An instance that is raised twice collects the tracebacks of both."""
    service.answer = FAILED
    gate = gate_of(service, clock)

    with pytest.raises(TunedModelFailedError) as first:
        await check(gate)
    with pytest.raises(TunedModelFailedError) as second:
        await check(gate)

    assert first.value is not second.value


async def test_a_stale_active_is_served_while_one_refresh_runs(check, service, clock):
    later = Later()
    gate = gate_of(service, clock, at_once)
    await check(gate)
    gate._in_background = later
    clock.now += 300.0
    service.answer = FAILED

    for _ in range(100):
        await check(gate)
    assert len(later.waiting) == 1

    later.run()
    with pytest.raises(TunedModelFailedError):
        await check(gate)
    assert service.requests == 2


async def test_a_model_stays_active_while_the_control_plane_is_down(check, service, clock):
    gate = gate_of(service, clock, when_unknown="raise")
    await check(gate)
    service.answer = UNREACHABLE

    for _ in range(1000):
        clock.now += 10.0
        await check(gate)

    assert gate.state == ACTIVE
    assert service.requests <= 1000


async def test_what_was_creating_is_tried_when_nobody_can_tell_any_more(check, service, clock):
    """An outage of the control plane must not keep a model that is ready by now out of use."""
    service.answer = CREATING
    gate = gate_of(service, clock)
    assert await _raised(check, gate) is TunedModelNotReadyError

    clock.now += 5.0
    service.answer = OVERLOADED

    assert await _raised(check, gate) is None
    assert gate.state == CREATING


async def test_forgetting_makes_the_next_call_ask(check, service, clock):
    gate = gate_of(service, clock)
    await check(gate)
    service.answer = DELETED

    gate.forget()

    assert gate.state is None
    with pytest.raises(TunedModelNotFoundError):
        await check(gate)
    assert service.requests == 2


async def test_an_answer_that_was_under_way_when_forgetting_is_not_believed(check, service, clock):
    later = Later()
    gate = gate_of(service, clock, later, timeout=0.0)
    await check(gate)

    gate.forget()
    later.run()

    assert gate.state == ACTIVE  # better than nothing, …
    await check(gate)
    assert len(later.waiting) == 1  # … but it is asked for again at once


async def test_a_model_created_again_replaces_the_one_that_is_remembered(check, service, clock):
    old = replace(FAILED, create_time=datetime(2026, 1, 1, tzinfo=UTC))
    new = replace(ACTIVE, create_time=datetime(2026, 2, 1, tzinfo=UTC))
    service.answer = old
    gate = gate_of(service, clock)
    assert await _raised(check, gate) is TunedModelFailedError

    service.answer = new
    clock.now += 60.0

    await check(gate)
    assert gate.state == new


async def test_a_slow_control_plane_holds_calls_up_only_until_its_deadline(check, clock):
    service, later = Service(FAILED), Later()
    gate = gate_of(service, clock, later, timeout=0.0)

    for _ in range(100):
        await check(gate)  # unknown: try
    assert len(later.waiting) == 1

    later.run()
    with pytest.raises(TunedModelFailedError):
        await check(gate)


async def test_a_slow_control_plane_raises_for_those_who_want_it(check, service, clock):
    gate = gate_of(service, clock, Later(), timeout=0.0, when_unknown="raise")

    with pytest.raises(ServiceError, match="no answer within 0 s") as raised:
        await check(gate)

    assert raised.value.is_retryable


async def test_an_answer_that_lands_while_a_call_makes_up_its_mind_is_used(check, service, clock):
    gate = gate_of(service, clock)

    class LateLock:
        """Lets somebody else's answer land at the last moment."""

        def acquire(self, blocking: bool) -> bool:
            gate._memory = gate._policy.remember(None, ACTIVE, clock.now)
            return True

        def release(self) -> None:
            pass

    gate._lock = LateLock()

    await check(gate)
    assert service.requests == 0


async def test_a_bug_of_the_service_reaches_those_who_wait(check, service, clock, caplog):
    service.answer = KeyError("a bug")  # type: ignore[assignment]
    gate = gate_of(service, clock)

    with pytest.raises(KeyError, match="a bug"):
        await check(gate)
    service.answer = ACTIVE
    await check(gate)

    assert "a bug" in caplog.text


async def test_a_bug_in_the_background_is_logged_and_not_repeated_at_once(check, service, clock):
    gate = gate_of(service, clock)
    await check(gate)
    clock.now += 300.0
    service.answer = KeyError("a bug")  # type: ignore[assignment]

    for _ in range(100):
        await check(gate)

    assert service.requests == 2


async def test_a_process_without_threads_left_tries_the_model(check, service, clock):
    def exhausted(run: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    gate = gate_of(service, clock, exhausted)

    await check(gate)
    await check(gate)

    assert service.requests == 0


def test_a_bad_name_is_refused_before_anything_is_asked(service):
    with pytest.raises(TunedModelNameError):
        ReadinessGate(service, "models/gemini-3.5-flash")


# From here on with real threads, tasks and event loops.


def test_a_thousand_threads_make_one_request():
    service = SlowService()
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=30.0))  # type: ignore[arg-type]
    start = threading.Barrier(1000)

    def ask() -> None:
        start.wait()
        gate.check()

    with ThreadPoolExecutor(1000) as pool:
        asked = [pool.submit(ask) for _ in range(1000)]
        assert service.asked.wait(30.0)
        service.released.set()
        for each in asked:
            each.result(30.0)

    assert service.requests == 1


async def test_a_thousand_tasks_make_one_request():
    service = SlowService(FAILED)
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=30.0))  # type: ignore[arg-type]
    tasks = [asyncio.create_task(gate.acheck()) for _ in range(1000)]
    await asyncio.to_thread(service.asked.wait, 30.0)

    service.released.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(result) for result in results} == {TunedModelFailedError}
    assert service.requests == 1


async def test_cancelling_one_task_leaves_the_others_their_answer():
    service = SlowService(FAILED)
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=30.0))  # type: ignore[arg-type]
    first, second = asyncio.create_task(gate.acheck()), asyncio.create_task(gate.acheck())
    await asyncio.to_thread(service.asked.wait, 30.0)

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    service.released.set()

    with pytest.raises(TunedModelFailedError):
        await second


def test_a_gate_serves_one_event_loop_after_the_other():
    service = Service()
    gate = ReadinessGate(service, NAME)  # type: ignore[arg-type]

    for _ in range(3):
        asyncio.run(gate.acheck())
        gate.forget()

    assert service.requests == 3


def test_a_request_in_the_air_outlives_the_event_loop_that_asked(caplog):
    service = SlowService()
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=0.01))  # type: ignore[arg-type]
    asyncio.run(gate.acheck())

    service.released.set()
    gate._flight and gate._flight.landing.result(30.0)

    assert gate.state == ACTIVE
    assert caplog.text == ""


def test_a_request_in_the_background_ends_its_thread_and_keeps_no_interpreter_alive():
    service = SlowService()
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=0.0))  # type: ignore[arg-type]
    gate.check()
    [thread] = [t for t in threading.enumerate() if t.name == "tuned-model-state"]

    assert thread.daemon
    service.released.set()
    thread.join(30.0)

    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_does_not_wait_for_its_parents_request():
    service = SlowService()
    gate = ReadinessGate(service, NAME, policy=ReadinessPolicy(timeout=0.0))  # type: ignore[arg-type]
    gate.check()  # the request is in the air, and only the parent has the thread
    service.asked.wait(30.0)
    with gate._lock:  # the worst moment
        child = os.fork()
        if child == 0:
            service.released.set()
            gate._policy = ReadinessPolicy(timeout=30.0)
            gate.check()
            os._exit(0 if service.requests == 1 and gate.state == ACTIVE else 1)
    service.released.set()

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0


def test_an_unpickled_gate_learns_by_itself():
    gate = ReadinessGate(Service(), NAME, policy=ReadinessPolicy(active_for=7.0))  # type: ignore[arg-type]
    gate.check()

    there = pickle.loads(pickle.dumps(gate))

    assert there.state is None
    there.check()
    assert there.state == ACTIVE
    assert there._policy == ReadinessPolicy(active_for=7.0)


def test_a_deep_copy_shares_what_is_known():
    gate = ReadinessGate(Service(), NAME)  # type: ignore[arg-type]

    assert copy.deepcopy(gate) is gate


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer is slower than the gate")
def test_a_remembered_answer_costs_about_a_microsecond():
    gate = ReadinessGate(Service(), NAME)  # type: ignore[arg-type]
    gate.check()

    seconds = min(timeit.repeat(gate.check, number=10_000, repeat=5)) / 10_000

    assert seconds < 5e-6  # 0.2e-6 on an idle machine


# The memory as a whole.

answers = st.sampled_from(EVERYTHING)


@given(st.lists(st.tuples(answers, st.floats(0.0, 1000.0)), min_size=1))
def test_memory_follows_the_last_answer_unless_nobody_could_tell(told):
    policy = ReadinessPolicy()
    memory: Memory | None = None
    now = 0.0

    for answer, later in told:
        now += later
        before, memory = memory, policy.remember(memory, answer, now)

        assert now < memory.until <= now + 300.0
        if not isinstance(answer, ServiceError):
            assert memory.answer is answer
        elif before and before.answer is ACTIVE:
            assert memory.answer is ACTIVE
        assert memory.lets_pass == (policy.objection(memory, TunedModelName.parse(NAME)) is None)


class GateMachine(RuleBasedStateMachine):
    """Ticks, calls, answers and doubts in any order, against the simplest possible model of it.

    The requests wait in `later`, so that they land when the machine says so.
    """

    @initialize(when_unknown=st.sampled_from(["try", "raise"]))
    def begin(self, when_unknown) -> None:
        self.clock, self.service, self.later = Clock(), Service(), Later()
        self.gate = gate_of(
            self.service, self.clock, self.later, timeout=0.0, when_unknown=when_unknown
        )
        self.when_unknown = when_unknown
        self.last: Answer | None = None  # what counts; None after forgetting
        self.doubted = False  # whether it was forgotten while a request was in the air

    @rule(seconds=st.floats(0.0, 400.0))
    def tick(self, seconds) -> None:
        self.clock.now += seconds

    @rule()
    def call(self) -> None:
        try:
            self.gate.check()
        except TunedGeminiError as error:
            self._check_refusal(error)
        else:
            fresh = self.gate._memory and self.clock.now < self.gate._memory.until
            if fresh and isinstance(self.last, TunedModel | TunedModelNotFoundError):
                assert _error_for(self.last) is None
            if self.when_unknown == "raise":
                assert self.last is ACTIVE

    def _check_refusal(self, error: TunedGeminiError) -> None:
        assert self.last is not ACTIVE
        if isinstance(error, ServiceError):
            assert self.when_unknown == "raise"
        else:
            assert type(error) is _error_for(self.last)

    @rule()
    def forget(self) -> None:
        self.gate.forget()
        self.last = None
        self.doubted = bool(self.later.waiting)

    @precondition(lambda self: self.later.waiting)
    @rule(answer=answers)
    def land(self, answer) -> None:
        self.service.answer = answer
        self.later.run()
        if not (isinstance(answer, ServiceError) and self.last is ACTIVE):
            self.last = answer
        assert not (self.doubted and self.clock.now < self.gate._memory.until)
        self.doubted = False

    @invariant()
    def one_request_is_in_the_air(self) -> None:
        assert len(self.later.waiting) <= 1
        assert bool(self.later.waiting) == (self.gate._flight is not None)

    @invariant()
    def the_state_is_the_last_one_seen(self) -> None:
        if isinstance(self.last, TunedModel):
            assert self.gate.state is self.last
        if self.last is None or self.last is DELETED:
            assert self.gate.state is None


def _error_for(answer: Answer | None) -> type[Exception] | None:
    return next((error for told, error, _ in MEANINGS if told is answer), None)


test_the_gate_keeps_its_promises_in_any_order = GateMachine.TestCase
