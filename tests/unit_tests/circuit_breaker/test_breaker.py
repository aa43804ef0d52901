"""A circuit breaker: one probe at a time, whoever asks, whatever happens in between."""

from __future__ import annotations

import asyncio
import copy
import gc
import math
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from langchain_tuned_gemini.circuit_breaker import (
    CircuitBreaker,
    CircuitKey,
    CircuitPolicy,
    CircuitState,
    MemoryCircuitStore,
    Outcome,
    Permit,
    store as stores,
)
from langchain_tuned_gemini.circuit_breaker.record import Circuit, Rejection
from langchain_tuned_gemini.circuit_breaker.rules import acquire, force, report, retry_after
from langchain_tuned_gemini.circuit_breaker.store import decode, encode
from langchain_tuned_gemini.errors import CircuitOpenError, TunedModelError
from langchain_tuned_gemini.runtime import fork_safety
from langchain_tuned_gemini.runtime.fork_safety import SharedByKey

T = TypeVar("T")
NAME = "tunedModels/sql-expert-v1"
KEY = CircuitKey(NAME, "0123456789abcdef")


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = 10_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class TextStore:
    """Keeps circuits as text, as a store outside the process does."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def update(self, key: str, change: Callable[[Circuit], tuple[Circuit, T]]) -> T:
        after, result = change(decode(self.texts.get(key)))
        self.texts[key] = encode(after)
        return result


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=[MemoryCircuitStore, TextStore])
def breaker(clock: Clock, request: pytest.FixtureRequest) -> CircuitBreaker:
    return CircuitBreaker(KEY, store=request.param(), clock=clock, chance=lambda: 0.0)


def call(breaker: CircuitBreaker, outcome: Outcome, **details: object) -> None:
    breaker.report(breaker.acquire(), outcome, **details)  # type: ignore[arg-type]


# What the caller sees


def test_a_new_circuit_is_closed(breaker: CircuitBreaker) -> None:
    view = breaker.view()

    assert breaker.state is view.state is CircuitState.CLOSED
    assert (view.forced, view.reason, view.retry_after) == (None, None, 0.0)
    assert (view.streak, view.outcomes, view.failures, view.share_held_back) == (0, 0, 0, 0.0)


def test_an_open_circuit_can_be_seen(breaker: CircuitBreaker, clock: Clock) -> None:
    for outcome in [Outcome.SUCCESS, *[Outcome.FAILURE] * 4]:
        call(breaker, outcome, reason="overloaded")
    view = breaker.view()
    assert (view.state, view.streak, view.outcomes, view.failures) == ("closed", 4, 5, 4)

    call(breaker, Outcome.FAILURE, reason="overloaded")
    clock.now += 5

    view = breaker.view()
    assert (view.state, view.reason, view.retry_after) == ("open", "overloaded", 10.0)
    assert (view.streak, view.outcomes, view.failures) == (0, 0, 0)


def test_what_the_throttle_holds_back_can_be_seen(breaker: CircuitBreaker) -> None:
    call(breaker, Outcome.QUOTA)

    assert breaker.view().share_held_back == 0.5
    assert breaker.state is CircuitState.CLOSED


def test_what_the_server_asks_for_is_passed_on(breaker: CircuitBreaker) -> None:
    call(breaker, Outcome.QUOTA, retry_after=42.0)

    assert breaker.view().retry_after == 42.0


def test_the_deadline_says_how_long_a_probe_is_waited_for(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    call(breaker, Outcome.FATAL)
    clock.now += 15

    breaker.acquire(deadline=10.0)

    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.view().retry_after == 15.0


def test_a_probe_without_a_deadline_is_waited_for_a_minute(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    call(breaker, Outcome.FATAL)
    clock.now += 15

    breaker.acquire()

    assert breaker.view().retry_after == 65.0


def test_the_breaker_uses_its_policy(clock: Clock) -> None:
    policy = CircuitPolicy(failures=1, cooldown=7.0, lease_margin=1.0)
    breaker = CircuitBreaker(
        KEY, store=MemoryCircuitStore(), policy=policy, clock=clock, chance=lambda: 0.5
    )

    call(breaker, Outcome.FAILURE)

    assert breaker.view().retry_after == 5.25


@pytest.mark.parametrize(
    ("prepare", "reason", "wait", "message"),
    [
        (
            lambda b: call(b, Outcome.FATAL, reason="gone"),
            "gone",
            15.0,
            (
                f"The circuit of {NAME} is open (gone), so it is not called. It is tried again in 15.0 s "
                "at the latest; until then, let a fallback answer: with_few_shot_fallback(...)."
            ),
        ),
        (
            lambda b: (call(b, Outcome.QUOTA, retry_after=0.001), b._clock.tick(), b.acquire()),
            "quota",
            65.0,
            (
                f"The circuit of {NAME} is half-open (quota), so it is not called. It is tried again in "
                "65.0 s at the latest; until then, let a fallback answer: with_few_shot_fallback(...)."
            ),
        ),
        (
            lambda b: call(b, Outcome.QUOTA),
            "quota",
            0.0,
            (
                f"{NAME} is short of quota and does not say for how long, so this call is held back. "
                "Send less, ask for more quota, or let a fallback answer."
            ),
        ),
        (
            lambda b: b.force_open(),
            "forced",
            None,
            (
                f"The circuit of {NAME} was forced open, so it is not called. Reset it to have it called "
                "again."
            ),
        ),
    ],
)
def test_a_refusal_says_why_for_how_long_and_what_to_do(
    prepare: Callable[[CircuitBreaker], object],
    reason: str,
    wait: float | None,
    message: str,
) -> None:
    class Ticking(Clock):
        def tick(self) -> None:
            self.now += 1

    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=Ticking(), chance=lambda: 0.0)
    prepare(breaker)

    with pytest.raises(CircuitOpenError) as refused:
        breaker.acquire()

    assert isinstance(refused.value, TunedModelError)
    assert refused.value.name == NAME
    assert refused.value.opened_by == reason
    assert refused.value.retry_after == wait
    assert refused.value.is_retryable
    assert str(refused.value) == message


def test_a_circuit_can_be_forced_and_left_to_itself_again(breaker: CircuitBreaker) -> None:
    breaker.force_open()
    with pytest.raises(CircuitOpenError):
        breaker.acquire()
    assert (breaker.state, breaker.view().forced) == ("open", "open")
    assert (breaker.view().reason, breaker.view().retry_after) == (None, None)

    breaker.force_closed()
    for _ in range(10):
        call(breaker, Outcome.FATAL)
    assert (breaker.state, breaker.view().forced) == ("closed", "closed")

    breaker.reset()
    assert (breaker.state, breaker.view().forced) == ("closed", None)
    call(breaker, Outcome.FATAL)
    assert breaker.state is CircuitState.OPEN


def test_a_breaker_shows_its_name_and_state_and_no_key() -> None:
    key = CircuitKey.of(NAME, address="https://user:canary@example.com", api_key="canary")
    breaker = CircuitBreaker(key)

    assert repr(breaker) == f"CircuitBreaker('{NAME}#{key.fingerprint}', state='closed')"
    assert "canary" not in repr(breaker) + repr(key) + str(vars(breaker))


# Whose circuit it is


def test_a_circuit_belongs_to_a_model_an_address_and_a_key() -> None:
    keys = [
        CircuitKey.of(name, address=address, api_key=api_key)
        for name in ("tunedModels/a", "tunedModels/b")
        for address in (None, "https://a", "https://b")
        for api_key in (None, "k1", "k2")
    ]

    assert len({str(key) for key in keys}) == len(keys)


def test_a_circuit_has_the_same_key_in_every_process() -> None:
    key = CircuitKey.of(NAME, address="https://example.com", api_key="canary")

    assert str(key) == "tunedModels/sql-expert-v1#74112d1987245bc6"


def test_who_names_the_same_model_shares_its_circuit() -> None:
    one, other = CircuitBreaker(KEY), CircuitBreaker(KEY, policy=CircuitPolicy(failures=1))
    stranger = CircuitBreaker(CircuitKey(NAME, "another"))

    call(one, Outcome.FATAL)

    assert other.state is CircuitState.OPEN
    assert stranger.state is CircuitState.CLOSED


def test_what_nobody_holds_is_forgotten() -> None:
    gc.collect()  # what other tests held
    before = len(stores._shared._known)
    breaker = CircuitBreaker(CircuitKey(NAME, "short-lived"))
    call(breaker, Outcome.FATAL)
    assert len(stores._shared._known) == before + 1

    del breaker
    gc.collect()

    assert len(stores._shared._known) == before
    assert CircuitBreaker(CircuitKey(NAME, "short-lived")).state is CircuitState.CLOSED


def test_what_nobody_holds_is_forgotten_also_while_others_are_held() -> None:
    held = CircuitBreaker(KEY)
    call(CircuitBreaker(CircuitKey(NAME, "short-lived")), Outcome.FATAL)
    gc.collect()

    assert CircuitBreaker(CircuitKey(NAME, "short-lived")).state is CircuitState.CLOSED
    assert held.state is CircuitState.CLOSED


def test_a_store_keeps_circuits_apart(clock: Clock) -> None:
    store = MemoryCircuitStore()
    sick, well = (CircuitBreaker(CircuitKey(name, ""), store=store, clock=clock) for name in "ab")

    call(sick, Outcome.FATAL)

    assert (sick.state, well.state) == ("open", "closed")


def test_a_deep_copy_is_the_same_breaker_and_an_unpickled_one_shares_the_circuit() -> None:
    breaker = CircuitBreaker(KEY, policy=CircuitPolicy(failures=2))
    assert copy.deepcopy(breaker) is breaker

    there = pickle.loads(pickle.dumps(breaker))
    call(breaker, Outcome.FATAL)

    assert (there.key, there.policy) == (KEY, CircuitPolicy(failures=2))
    assert there.state is CircuitState.OPEN


def test_an_unpickled_breaker_keeps_a_store_outside_the_process() -> None:
    store = TextStore()
    breaker = CircuitBreaker(KEY, store=store)
    call(breaker, Outcome.FATAL)

    there = pickle.loads(pickle.dumps(breaker))

    assert there._store.texts == store.texts
    assert there.state is CircuitState.OPEN


# Many at once


def test_fifty_threads_send_one_probe(clock: Clock) -> None:
    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=clock, chance=lambda: 0.0)
    for _ in range(5):
        call(breaker, Outcome.FATAL)
        clock.now += 300
        start = threading.Barrier(50)

        def ask(start: threading.Barrier = start) -> Permit | None:
            start.wait()
            try:
                return breaker.acquire()
            except CircuitOpenError:
                return None

        with ThreadPoolExecutor(50) as pool:
            answers = [future.result() for future in [pool.submit(ask) for _ in range(50)]]

        (probe,) = [answer for answer in answers if answer]
        assert probe.is_probe
        breaker.report(probe, Outcome.SUCCESS)
        assert breaker.state is CircuitState.CLOSED


async def test_fifty_tasks_send_one_probe(clock: Clock) -> None:
    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=clock, chance=lambda: 0.0)
    call(breaker, Outcome.FATAL)
    clock.now += 15
    requests = 0

    async def ask() -> bool:
        nonlocal requests
        try:
            permit = breaker.acquire()
        except CircuitOpenError:
            return False
        requests += 1
        await asyncio.sleep(0)
        breaker.report(permit, Outcome.SUCCESS)
        return True

    answers = await asyncio.gather(*(ask() for _ in range(50)))

    assert sum(answers) == requests == 1
    assert breaker.state is CircuitState.CLOSED


def test_event_loops_in_threads_share_one_probe(clock: Clock) -> None:
    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=clock, chance=lambda: 0.0)
    call(breaker, Outcome.FATAL)
    clock.now += 15

    async def ask() -> int:
        try:
            return breaker.acquire().is_probe
        except CircuitOpenError:
            return 0

    async def ask_often() -> int:
        return sum(await asyncio.gather(*(ask() for _ in range(10))))

    with ThreadPoolExecutor(8) as pool:
        probes = pool.map(lambda _: asyncio.run(ask_often()), range(8))

        assert sum(probes) == 1


def test_no_report_is_lost_between_threads(clock: Clock) -> None:
    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=clock)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: call(breaker, Outcome.SUCCESS), range(2000)))

    assert breaker.view().outcomes == 2000


def test_a_store_is_made_once_for_all_threads() -> None:
    for _ in range(10):
        start, shared = threading.Barrier(8), SharedByKey(MemoryCircuitStore)

        def get(
            start: threading.Barrier = start, shared: SharedByKey[MemoryCircuitStore] = shared
        ) -> MemoryCircuitStore:
            start.wait()
            return shared.get("race")

        with ThreadPoolExecutor(8) as pool:
            found = [future.result() for future in [pool.submit(get) for _ in range(8)]]

        assert len(set(map(id, found))) == 1


def test_a_report_from_within_a_report_is_not_lost() -> None:
    """The garbage collector may close a stream, and so report it, in the middle of another call."""
    store, seen = MemoryCircuitStore(), []

    def outer(circuit: Circuit) -> tuple[Circuit, str]:
        seen.append(circuit.streak)
        if len(seen) == 1:
            store.update("k", lambda inner: (Circuit(streak=inner.streak + 10), None))
        return Circuit(streak=circuit.streak + 1), "told"

    assert store.update("k", outer) == "told"

    assert seen == [0, 10]
    assert store.update("k", lambda circuit: (circuit, circuit.streak)) == 11


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_process_does_not_wait_for_a_lock_of_its_parents_threads() -> None:
    breaker = CircuitBreaker(KEY)
    call(breaker, Outcome.FATAL)
    taken, released = threading.Event(), threading.Event()

    def hold() -> None:
        with breaker._store._lock, stores._shared._lock:  # type: ignore[attr-defined]
            taken.set()
            released.wait(30.0)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30.0)
    child = os.fork()  # the worst moment
    if child == 0:
        signal.alarm(5)
        try:
            CircuitBreaker(KEY).force_closed()
        finally:
            os._exit(0 if breaker.state is CircuitState.CLOSED else 1)
    released.set()
    holder.join()

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert breaker.state is CircuitState.OPEN  # a fork is another process


# Clients of other tests lose their sockets here, as in a fork, where they are still the parent's.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_locks_that_were_held_when_the_process_forked_are_replaced() -> None:
    breaker, taken = CircuitBreaker(KEY), threading.Event()
    with ThreadPoolExecutor(1) as other, breaker._store._lock, stores._shared._lock:  # type: ignore[attr-defined]
        fork_safety._renew_all()

        call_of_another_thread = other.submit(lambda: call(CircuitBreaker(KEY), Outcome.FATAL))
        call_of_another_thread.add_done_callback(lambda _: taken.set())
        assert taken.wait(30.0)

    call_of_another_thread.result()
    assert breaker.state is CircuitState.OPEN


# A whole outage


def outage(breaker: CircuitBreaker, clock: Clock, *, calls: int, every: float) -> list[float]:
    """When requests hit a model that is down for good, in seconds from the beginning."""
    began, hits = clock.now, []
    for _ in range(calls):
        try:
            permit = breaker.acquire()
        except CircuitOpenError:
            pass
        else:
            hits.append(clock.now - began)
            breaker.report(permit, Outcome.FAILURE)
        clock.now += every
    return hits


def test_a_model_that_is_down_for_good_gets_six_of_a_hundred_calls(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    hits = outage(breaker, clock, calls=100, every=0.2)

    assert hits[:5] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert hits[5:] == pytest.approx([15.8])


def test_in_a_day_of_outage_a_probe_is_sent_each_five_minutes_at_most(clock: Clock) -> None:
    breaker = CircuitBreaker(KEY, store=MemoryCircuitStore(), clock=clock, chance=lambda: 1 - 1e-16)

    hits = outage(breaker, clock, calls=86_400, every=1.0)

    assert len(hits) == 5 + 4 + 286  # to trip; after 30, 60, 120 and 240 s; then each 300 s


def test_recovery_takes_one_successful_probe(breaker: CircuitBreaker, clock: Clock) -> None:
    outage(breaker, clock, calls=100, every=1.0)
    clock.now += breaker.view().retry_after or 0

    call(breaker, Outcome.SUCCESS)

    assert breaker.state is CircuitState.CLOSED
    for _ in range(50):
        call(breaker, Outcome.SUCCESS)


def test_a_flapping_model_is_probed_again_soon_after_it_has_recovered(
    breaker: CircuitBreaker, clock: Clock
) -> None:
    for _ in range(5):
        call(breaker, Outcome.FATAL)
        assert breaker.view().retry_after == 15.0
        clock.now += 15
        call(breaker, Outcome.SUCCESS)


# Any order of events


class AnyOrder(RuleBasedStateMachine):
    """Acquire and report in any order, on a clock that goes and jumps as it likes."""

    permits: Bundle[Permit] = Bundle("permits")
    chances = st.floats(0, 1, exclude_max=True)
    outcomes = st.sampled_from([*Outcome, Outcome.FATAL, Outcome.FATAL])

    def __init__(self) -> None:
        super().__init__()
        self.policy = CircuitPolicy()
        self.circuit = Circuit()
        self.now = 10_000.0
        self.probed: set[int] = set()  # epochs
        self.lease_ends = -math.inf

    @rule(seconds=st.sampled_from([0.5, 15.0, 30.0, 300.0]) | st.floats(0, 400))
    def tick(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(-4000, 4000))
    def jump(self, seconds: float) -> None:
        self.now += seconds
        self.lease_ends = -math.inf  # on another clock, how long it holds is the circuit's business

    @rule(target=permits, chance=chances, deadline=st.floats(0.1, 100))
    def acquire(self, chance: float, deadline: float) -> object:
        before = self.circuit
        self.circuit, answer = acquire(
            before, self.now, self.policy, chance=chance, deadline=deadline
        )
        if before.opening is None and before.quota_at is None:
            assert isinstance(answer, Permit), "closed, and did not admit"
        if isinstance(answer, Rejection):
            return multiple()
        assert answer.is_probe is (before.opening is not None)
        if answer.is_probe:
            assert answer.epoch not in self.probed, "two probes in an epoch"
            assert self.now >= self.lease_ends, "a probe while another held the lease"
            self.probed.add(answer.epoch)
            self.lease_ends = self.now + deadline
        return answer

    @rule(
        permit=consumes(permits),
        outcome=outcomes,
        hint=st.none() | st.floats(0, 1e6),
        chance=chances,
    )
    def report(self, permit: Permit, outcome: Outcome, hint: float | None, chance: float) -> None:
        before = self.circuit
        self.circuit = report(
            before, permit, outcome, self.now, self.policy, chance=chance, retry_after=hint
        )
        if permit.epoch != before.epoch:
            assert self.circuit is before, "a late report changed something"
        elif permit.is_probe:
            is_closed = self.circuit.opening is None
            assert is_closed is (outcome is Outcome.SUCCESS), "only a success closes"
            again = report(self.circuit, permit, Outcome.SUCCESS, self.now, self.policy, chance=0)
            assert again is self.circuit, "the second report of a probe changed something"
            self.lease_ends = -math.inf

    @rule(permit=permits, outcome=outcomes)
    def force(self, permit: Permit, outcome: Outcome) -> None:
        for forced in ("open", "closed"):
            circuit = force(self.circuit, forced)  # type: ignore[arg-type]
            same, answer = acquire(circuit, self.now, self.policy, chance=0, deadline=9)
            assert same is circuit
            assert isinstance(answer, Permit) is (forced == "closed")
            for told in (permit, answer):
                if isinstance(told, Permit):
                    assert report(same, told, outcome, self.now, self.policy, chance=0) is same
        self.circuit = force(circuit, None)
        self.lease_ends = -math.inf

    @invariant()
    def the_cooldown_never_passes_its_cap(self) -> None:
        wait = retry_after(self.circuit, self.now, self.policy)
        assert wait is not None
        assert 0 <= wait <= self.policy.max_cooldown
        if opening := self.circuit.opening:
            assert opening.cooldown.lasts <= self.policy.max_cooldown

    @invariant()
    def a_store_outside_gives_the_record_back_as_it_was(self) -> None:
        assert decode(encode(self.circuit)) == self.circuit

    @invariant()
    def the_record_stays_small(self) -> None:
        assert len(self.circuit.window.slices) <= 13
        assert len(encode(self.circuit)) < 2000


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=200, stateful_step_count=40)
