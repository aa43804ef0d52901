"""The rules of a circuit, one table each."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.circuit_breaker import CircuitPolicy, CircuitState, Outcome, Permit
from langchain_tuned_gemini.circuit_breaker.record import (
    Circuit,
    Opening,
    Rejection,
    Slice,
    Span,
    Window,
)
from langchain_tuned_gemini.circuit_breaker.rules import (
    acquire,
    force,
    outcomes_and_failures,
    report,
    retry_after,
    share_held_back,
    transition,
)
from langchain_tuned_gemini.circuit_breaker.store import decode, encode
from langchain_tuned_gemini.errors import ParameterError

NOW = 10_000.0
POLICY = CircuitPolicy()
NEW = Circuit()
OUTCOMES = {
    "s": Outcome.SUCCESS,
    "f": Outcome.FAILURE,
    "t": Outcome.TIMEOUT,
    "0": Outcome.SILENCE,
    "x": Outcome.FATAL,
    "q": Outcome.QUOTA,
    "n": Outcome.NEUTRAL,
}


def ask(
    circuit: Circuit,
    now: float = NOW,
    *,
    policy: CircuitPolicy = POLICY,
    chance: float = 0.999,
    deadline: float = 60.0,
) -> tuple[Circuit, Permit | Rejection]:
    return acquire(circuit, now, policy, chance=chance, deadline=deadline)


def after(
    outcomes: str,
    circuit: Circuit = NEW,
    *,
    now: float = NOW,
    gap: float = 0.0,
    policy: CircuitPolicy = POLICY,
    hint: float | None = None,
    chance: float = 0.0,
    reason: str | None = None,
) -> Circuit:
    """A circuit after calls, one after the other; each begins when the one before has ended."""
    for n, letter in enumerate(outcomes):
        at = now + n * gap
        circuit, permit = ask(circuit, at, policy=policy)
        assert isinstance(permit, Permit), f"call {n} of {outcomes} was refused"
        circuit = report(
            circuit,
            permit,
            OUTCOMES[letter],
            at,
            policy,
            chance=chance,
            reason=reason,
            retry_after=hint,
        )
    return circuit


def cooldown(circuit: Circuit) -> float:
    assert circuit.opening
    return circuit.opening.cooldown.lasts


def probing(circuit: Circuit, now: float) -> tuple[Circuit, Permit]:
    circuit, permit = ask(circuit, now)
    assert isinstance(permit, Permit)
    assert permit.is_probe
    return circuit, permit


# When it opens


@pytest.mark.parametrize(
    ("outcomes", "gap", "is_open"),
    [
        # so many failures without a success between them
        ("ffff", 0, False),
        ("fffff", 0, True),
        ("ffffsffff", 0, False),
        ("s" * 50 + "fffff", 0, True),
        ("ffnff", 0, False),  # neutral is neither
        ("ffnffnf", 0, True),
        ("ffqffqf", 0, True),
        ("ttttt", 0, True),  # one after the other, timeouts are no stall
        ("tttt", 0, False),
        ("ftftf", 0, True),
        # or so large a share of enough outcomes
        ("sfsfsfsfs", 0, False),  # 4 of 9
        ("fsfsfsfsf", 0, False),  # 5 of 9: not enough outcomes
        ("sfsfsfsfsf", 0, True),  # 5 of 10
        ("ssfsfsfsfsf", 0, False),  # 5 of 11
        ("sfsfsnfsqfsf", 0, True),  # neutral and quota are no outcomes
        # in this time
        ("sfsfsfsfsf", 6.6, True),
        ("sfsfsfsfsf", 7.0, False),
        ("ffff" + "s" * 2 + "ffff", 0.1, True),
        # or one that is fatal
        ("x", 0, True),
        ("sssx", 0, True),
        ("q", 0, False),
        ("n" * 30, 0, False),
    ],
)
def test_a_circuit_opens_when_the_model_is_sick(outcomes: str, gap: float, is_open: bool) -> None:
    circuit = after(outcomes, gap=gap)

    assert (circuit.opening is not None) is is_open


def test_the_numbers_that_open_a_circuit_can_be_chosen() -> None:
    assert after("ff", policy=CircuitPolicy(failures=2)).opening
    assert after("sssf", policy=CircuitPolicy(outcomes=4, failed_share=0.25)).opening
    assert not after("ssssf", policy=CircuitPolicy(outcomes=4, failed_share=0.25)).opening
    assert not after("sfsf", gap=5.0, policy=CircuitPolicy(outcomes=4, window=10.0)).opening


@pytest.mark.parametrize(
    ("began", "ended", "streak"),
    [
        ([0, 0, 0, 0, 0, 0, 0], [9, 9, 9, 9, 9, 9, 9], 1),  # one stall ends them all
        ([0, 0, 0, 0, 0, 0, 0], [9, 9.1, 9.2, 9.4, 9.6, 9.8, 9.99], 1),
        ([0, 0, 0, 0], [9, 9.5, 10, 10.5], 2),  # a second later, it is another event
        ([0, 0], [9, 9.99], 1),
        ([0, 0], [9, 10], 2),
        ([0, 9, 18, 27], [9, 18, 27, 36], 4),  # one after the other
        ([0, 0.1, 0.2, 0.3], [0.1, 0.2, 0.3, 0.4], 4),  # … however fast
        ([0, 8.9], [9, 9.2], 1),
        ([0, 0], [9, 8], 2),  # the clock was set back: no evidence of a stall
    ],
)
def test_timeouts_of_one_stall_count_once(
    began: list[float], ended: list[float], streak: int
) -> None:
    circuit = Circuit()
    for start, end in zip(began, ended, strict=True):
        permit = Permit(0, NOW + start)
        circuit = report(circuit, permit, Outcome.TIMEOUT, NOW + end, POLICY, chance=0)

    assert circuit.streak == streak
    assert outcomes_and_failures(circuit, NOW + ended[-1], POLICY) == (streak, streak)


def silent(circuit: Circuit, began: float, ended: float) -> Circuit:
    """A circuit after a call of which nothing at all was heard."""
    permit = Permit(circuit.epoch, NOW + began)
    return report(circuit, permit, Outcome.SILENCE, NOW + ended, POLICY, chance=0, reason="timeout")


@pytest.mark.parametrize(
    ("answered", "began", "ended", "is_open"),
    [
        (None, 0, 9, True),  # never anything but silence
        (-1, 0, 9, True),  # it did answer, but that was before
        (0, 0, 9, False),
        (5, 0, 9, False),  # while this call waited, another one was answered
        (9, 0, 9, False),
        (10, 0, 9, True),  # the clock was set back: no evidence of life
    ],
)
def test_silence_opens_a_circuit_unless_somebody_was_answered_meanwhile(
    answered: float | None, began: float, ended: float, is_open: bool
) -> None:
    circuit = Circuit() if answered is None else after("s", now=NOW + answered)

    circuit = silent(circuit, began, ended)

    assert (circuit.opening is not None) is is_open
    assert is_open or circuit.streak == 1
    assert not circuit.opening or circuit.opening.reason == "timeout"


def test_silence_for_some_counts_like_a_timeout() -> None:
    circuit = after("s")
    for n in range(5):
        assert circuit.opening is None
        circuit = after("s", circuit, now=NOW + 10 * n)
        circuit = silent(replace(circuit, streak=n), 10 * n, 10 * n + 9)

    assert circuit.opening


def test_silences_of_one_moment_are_one() -> None:
    circuit = silent(silent(after("s", now=NOW + 1), 0, 9), 0, 9.5)

    assert (circuit.streak, circuit.opening) == (1, None)


def test_a_probe_that_hears_nothing_opens_the_circuit_for_longer() -> None:
    again = after("0", after("x"), now=NOW + 15)

    assert cooldown(again) == 30.0


def test_a_success_ends_the_streak_but_not_the_stall_before_it() -> None:
    circuit = after("tts")

    assert circuit.streak == 0
    assert circuit.timeout_at is None


# For how long


@pytest.mark.parametrize(
    ("trips", "hint", "chance", "seconds"),
    [
        (0, 0.0, 0.0, 15.0),
        (0, 0.0, 0.5, 22.5),
        (0, 0.0, 1.0, 30.0),
        (1, 0.0, 0.0, 30.0),
        (2, 0.0, 1.0, 120.0),
        (3, 0.0, 1.0, 240.0),
        (4, 0.0, 1.0, 300.0),
        (4, 0.0, 0.0, 150.0),
        (2**53, 0.0, 1.0, 300.0),
        (0, 20.0, 0.0, 20.0),
        (0, 20.0, 1.0, 30.0),
        (0, 299.0, 0.0, 299.0),
        (0, 86_400.0, 0.0, 300.0),
        (0, math.inf, 0.0, 300.0),
    ],
)
def test_a_cooldown_is_the_larger_of_hint_and_backoff_and_has_a_cap(
    trips: int, hint: float, chance: float, seconds: float
) -> None:
    assert POLICY.cooldown_for(trips, hint, chance) == seconds


def test_the_backoff_of_a_model_that_was_down_for_years_is_still_a_number() -> None:
    policy = CircuitPolicy(cooldown=1e-9, max_cooldown=1e30)

    assert policy.cooldown_for(10**9, 0.0, 1.0) == policy.cooldown_for(64, 0.0, 1.0) == 1e-9 * 2**64


@given(
    st.integers(0, 10**9),
    st.floats(0, allow_nan=False),
    st.floats(0, 1, exclude_max=True),
    st.floats(0.1, 1000),
    st.floats(0.1, 1000),
)
def test_no_cooldown_passes_its_cap(
    trips: int, hint: float, chance: float, base: float, cap: float
) -> None:
    policy = CircuitPolicy(cooldown=base, max_cooldown=cap)

    assert 0 < policy.cooldown_for(trips, hint, chance) <= cap


@pytest.mark.parametrize(
    ("outcome", "hint", "seconds"),
    [
        ("x", None, 15.0),
        ("x", 0.0, 15.0),
        ("x", 0.5, 15.0),
        ("x", 100.0, 100.0),
        ("x", 1e9, 300.0),
        ("x", -5.0, 15.0),
        ("x", math.nan, 15.0),
        ("x", math.inf, 300.0),
        ("q", 7.0, 7.0),  # a quota's hint is taken at its word
        ("q", 0.5, 0.5),
        ("q", 1e9, 300.0),
    ],
)
def test_the_servers_hint_says_how_long(outcome: str, hint: float | None, seconds: float) -> None:
    assert cooldown(after(outcome, hint=hint)) == seconds


@pytest.mark.parametrize("hint", [None, 0.0, -1.0, math.nan])
def test_quota_without_a_hint_does_not_open(hint: float | None) -> None:
    assert after("q", hint=hint).opening is None


def test_each_failed_probe_doubles_the_cooldown_and_a_successful_one_starts_again() -> None:
    circuit, now, lengths = after("x"), NOW, []
    for _ in range(6):
        lengths.append(cooldown(circuit))
        now += cooldown(circuit)
        circuit = after("f", circuit, now=now)

    assert lengths == [15.0, 30.0, 60.0, 120.0, 150.0, 150.0]
    now += cooldown(circuit)
    assert cooldown(after("sx", circuit, now=now)) == 15.0


def test_a_probe_that_is_refused_for_quota_does_not_make_the_next_cooldown_longer() -> None:
    circuit = after("x")
    again = after("q", circuit, now=NOW + 15)
    hinted = after("q", circuit, now=NOW + 15, hint=4.0)

    assert (cooldown(again), again.opening.trips) == (30.0, 1)  # type: ignore[union-attr]
    assert (cooldown(hinted), hinted.opening.trips) == (4.0, 1)  # type: ignore[union-attr]


def test_quota_is_no_sickness_so_the_backoff_after_it_starts_at_the_beginning() -> None:
    circuit = after("q", hint=7.0)

    assert cooldown(after("f", circuit, now=NOW + 7)) == 15.0


@pytest.mark.parametrize(
    ("given", "expected"), [(None, "fatal"), ("gone", "gone"), ("timeout", "timeout")]
)
def test_a_refusal_gives_the_reason_that_opened_the_circuit(
    given: str | None, expected: str
) -> None:
    _, refusal = ask(after("x", reason=given))

    assert refusal == Rejection(CircuitState.OPEN, expected, 15.0)


def test_an_epoch_ends_when_the_circuit_opens_lets_a_probe_through_or_closes() -> None:
    opened = after("x")
    half_open, _ = probing(opened, NOW + 15)

    assert [c.epoch for c in (opened, half_open, after("s", opened, now=NOW + 15))] == [1, 2, 3]
    assert after("ssffqnt", after("s", opened, now=NOW + 15), now=NOW + 16).epoch == 3


# One probe


CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def test_a_change_of_state_is_a_transition_and_nothing_else_is() -> None:
    opened = after("x")
    half_open, probe = probing(opened, NOW + 300.0)
    reported = {
        outcome: report(half_open, probe, outcome, NOW + 301.0, POLICY, chance=0.0)
        for outcome in Outcome
    }
    given_back = reported[Outcome.NEUTRAL]

    assert transition(NEW, after("s")) is None
    assert transition(NEW, after("ffff")) is None
    assert transition(NEW, opened) == (CLOSED, OPEN)
    assert transition(opened, half_open) == (OPEN, HALF_OPEN)
    assert transition(half_open, reported[Outcome.SUCCESS]) == (HALF_OPEN, CLOSED)
    assert transition(half_open, reported[Outcome.FAILURE]) == (HALF_OPEN, OPEN)
    assert transition(half_open, given_back) is None
    assert transition(given_back, probing(given_back, NOW + 302.0)[0]) == (OPEN, HALF_OPEN)
    abandoned = probing(half_open, NOW + 600.0)[0]  # the lease is over, so another may probe
    assert transition(half_open, abandoned) is None


@pytest.mark.parametrize(
    ("forced", "expected"),
    [("open", (CLOSED, OPEN)), ("closed", None), (None, None)],
)
def test_forcing_a_closed_circuit_is_a_transition_if_it_opens_it(
    forced: Any, expected: object
) -> None:
    assert transition(NEW, force(NEW, forced)) == expected


def test_letting_a_circuit_decide_again_closes_it() -> None:
    assert transition(force(NEW, "open"), force(force(NEW, "open"), None)) == (OPEN, CLOSED)
    assert transition(force(NEW, "open"), force(NEW, "open")) is None


def test_an_open_circuit_lets_nothing_through_before_its_time() -> None:
    circuit = after("x")

    for seconds in (0.0, 1.0, 14.9):
        same, refusal = ask(circuit, NOW + seconds)
        assert same is circuit
        assert isinstance(refusal, Rejection)
        assert refusal.state is CircuitState.OPEN
        assert refusal.retry_after == pytest.approx(15 - seconds)


def test_then_one_probe_and_no_other_until_it_is_reported() -> None:
    circuit, permit = probing(after("x", reason="gone"), NOW + 15)
    assert permit == Permit(circuit.epoch, NOW + 15, is_probe=True)

    same, refusal = ask(circuit, NOW + 20)

    assert same is circuit
    assert refusal == Rejection(CircuitState.HALF_OPEN, "gone", 60.0)
    closed = report(circuit, permit, Outcome.SUCCESS, NOW + 21, POLICY, chance=0)
    assert closed == Circuit(circuit.epoch + 1)


@pytest.mark.parametrize(
    ("deadline", "expires"), [(60.0, 65.0), (1.0, 6.0), (295.0, 300.0), (1e9, 300.0)]
)
def test_a_prober_that_dies_frees_the_slot_after_its_deadline_and_a_margin(
    deadline: float, expires: float
) -> None:
    at = NOW + 15
    circuit, dead = ask(after("x"), at, deadline=deadline)
    assert isinstance(dead, Permit)

    assert isinstance(ask(circuit, at + expires - 0.01)[1], Rejection)
    circuit, permit = probing(circuit, at + expires)

    assert permit.epoch == dead.epoch + 1
    assert report(circuit, dead, Outcome.SUCCESS, at + 400, POLICY, chance=0) is circuit


def test_a_probe_that_outlives_its_lease_is_still_believed_if_no_other_has_begun() -> None:
    circuit, permit = probing(after("x"), NOW + 15)

    circuit = report(circuit, permit, Outcome.SUCCESS, NOW + 1000, POLICY, chance=0)

    assert circuit.opening is None


def test_a_neutral_probe_gives_its_slot_back_and_is_neither_success_nor_failure() -> None:
    before = after("x")
    circuit, permit = probing(before, NOW + 15)

    circuit = report(circuit, permit, Outcome.NEUTRAL, NOW + 16, POLICY, chance=0)

    assert circuit.opening == before.opening
    assert probing(circuit, NOW + 16)[1].epoch == permit.epoch + 1


@pytest.mark.parametrize("outcome", Outcome)
def test_a_probe_that_gave_its_slot_back_can_not_be_reported_again(outcome: Outcome) -> None:
    circuit, permit = probing(after("x"), NOW + 15)
    circuit = report(circuit, permit, Outcome.NEUTRAL, NOW + 16, POLICY, chance=0)

    assert report(circuit, permit, outcome, NOW + 17, POLICY, chance=0) is circuit


@pytest.mark.parametrize("outcome", Outcome)
def test_a_report_of_an_earlier_epoch_changes_nothing(outcome: Outcome) -> None:
    early = Permit(0, NOW)
    opened = after("x")
    half_open, probe = probing(opened, NOW + 15)
    closed = report(half_open, probe, Outcome.SUCCESS, NOW + 16, POLICY, chance=0)

    for circuit, permit in [(opened, early), (half_open, early), (closed, early), (closed, probe)]:
        assert (
            report(circuit, permit, outcome, NOW + 20, POLICY, chance=0, retry_after=9) is circuit
        )


# Clocks that jump


@pytest.mark.parametrize("jump", [-1e9, -3600.0, -15.0, -1.0, -0.1])
def test_a_clock_set_back_starts_the_cooldown_again_at_most(jump: float) -> None:
    circuit, refusal = ask(after("x"), NOW + jump)

    assert isinstance(refusal, Rejection)
    assert refusal.retry_after == 15.0
    assert isinstance(ask(circuit, NOW + jump + 15)[1], Permit)


def test_a_clock_set_back_during_a_probe_does_not_keep_its_lease_for_ever() -> None:
    circuit, _ = probing(after("x"), NOW + 15)

    circuit, refusal = ask(circuit, NOW - 3600)

    assert refusal == Rejection(CircuitState.HALF_OPEN, "fatal", 65.0)
    assert isinstance(ask(circuit, NOW - 3600 + 65)[1], Permit)


def test_a_clock_set_forward_lets_one_probe_through() -> None:
    circuit, _ = probing(after("x"), NOW + 1e9)

    assert isinstance(ask(circuit, NOW + 1e9)[1], Rejection)


def test_a_record_of_a_laxer_policy_is_cut_to_this_ones_cap() -> None:
    lax = CircuitPolicy(cooldown=1e6, max_cooldown=1e6)
    circuit = after("x", policy=lax)

    assert retry_after(circuit, NOW, POLICY) == 300
    circuit, refusal = ask(circuit)

    assert refusal == Rejection(CircuitState.OPEN, "fatal", 300.0)
    assert cooldown(circuit) == 300


def test_a_span_is_untouched_by_a_clock_that_goes_right() -> None:
    span = Span(NOW, 300.0)

    assert span.anchored(NOW, 300.0) is span
    assert span.anchored(NOW + 9, 301.0) is span
    assert span.anchored(NOW - 1, 300.0) == Span(NOW - 1, 300.0)
    assert span.anchored(NOW + 1, 299.0) == Span(NOW, 299.0)


# Quota without a hint: the throttle


def test_nothing_is_held_back_and_nothing_counted_ahead_while_quota_is_not_short() -> None:
    circuit = after("sf")

    same, permit = ask(circuit, chance=0.0)

    assert same is circuit
    assert permit == Permit(0, NOW)
    assert share_held_back(circuit, NOW, POLICY) == 0


@pytest.mark.parametrize(
    ("requests", "accepted", "share"),
    [(0, 0, 0.0), (1, 0, 0.5), (9, 0, 0.9), (10, 5, 0.0), (10, 4, 2 / 11), (10, 10, 0.0)],
)
def test_the_throttle_is_googles(requests: int, accepted: int, share: float) -> None:
    assert POLICY.share_held_back(requests, accepted) == pytest.approx(share)


@pytest.mark.parametrize(
    ("outcomes", "share"),
    [
        ("q", 1 / 2),
        ("qq", 2 / 3),
        ("sq", 0.0),
        ("sqq", 1 / 4),
        ("fqq", 1 / 4),  # a sick model has not refused
        ("nnnq", 1 / 2),  # neutral is neither
        ("qnnn", 1 / 2),
        ("s" * 100 + "q", 0.0),  # one of many, at random
        ("qs", 0.0),
        ("qqqs", 2 / 5),
    ],
)
def test_quota_without_a_hint_holds_back_the_share_that_is_not_accepted(
    outcomes: str, share: float
) -> None:
    assert share_held_back(after(outcomes), NOW, POLICY) == pytest.approx(share)


def test_a_call_is_held_back_by_chance_and_counted_all_the_same() -> None:
    circuit = after("q")

    held, refusal = ask(circuit, chance=0.499)
    sent, permit = ask(circuit, chance=0.5)

    assert refusal == Rejection(CircuitState.CLOSED, "quota", 0.0)
    assert permit == Permit(0, NOW, is_counted=True)
    assert held == sent
    assert share_held_back(held, NOW, POLICY) == pytest.approx(2 / 3)


def test_a_request_that_was_counted_ahead_is_not_counted_again() -> None:
    circuit, permit = ask(after("q"))
    assert isinstance(permit, Permit)

    for outcome, requests in [
        (Outcome.SUCCESS, 2),
        (Outcome.FAILURE, 2),
        (Outcome.QUOTA, 2),
        (Outcome.NEUTRAL, 1),
    ]:
        (counts,) = report(circuit, permit, outcome, NOW, POLICY, chance=0).window.slices
        assert counts.requests == requests


def test_a_timeout_of_the_same_stall_takes_its_request_back() -> None:
    circuit = after("qt", now=NOW - 0.5)
    circuit, permit = ask(circuit, NOW - 0.6)
    assert isinstance(permit, Permit)

    circuit = report(circuit, permit, Outcome.TIMEOUT, NOW, POLICY, chance=0)

    assert [s.requests for s in circuit.window.slices] == [2]


@pytest.mark.parametrize(
    ("later", "is_throttled"), [(0.0, True), (119.9, True), (120.0, False), (-1.0, False)]
)
def test_the_throttle_forgets_after_two_minutes(later: float, is_throttled: bool) -> None:
    circuit = after("qqqq")

    assert (share_held_back(circuit, NOW + later, POLICY) > 0) is is_throttled
    _, permit = ask(circuit, NOW + later)
    assert isinstance(permit, Permit)
    assert permit.is_counted is is_throttled


def test_the_throttle_sends_little_more_than_is_accepted() -> None:
    """A model that has quota for 2 of the 10 calls of each second, for ten minutes."""
    circuit, sent, accepted = Circuit(), 0, 0
    for call in range(6000):
        now = NOW + call / 10
        # A sequence that fills [0, 1) evenly stands for chance.
        circuit, permit = ask(circuit, now, chance=call * 0.618034 % 1)
        if isinstance(permit, Rejection):
            continue
        has_quota = call % 5 == 0
        sent, accepted = sent + 1, accepted + has_quota
        outcome = Outcome.SUCCESS if has_quota else Outcome.QUOTA
        circuit = report(circuit, permit, outcome, now, POLICY, chance=0)

    assert circuit.opening is None
    assert sent < 0.5 * 6000
    assert accepted > 0.15 * sent


# The window


def test_the_window_moves_in_steps_of_ten_seconds() -> None:
    circuit = after("f")  # in the slice of 10,000 to 10,010

    assert outcomes_and_failures(circuit, NOW + 59.9, POLICY) == (1, 1)
    assert outcomes_and_failures(circuit, NOW + 60, POLICY) == (0, 0)
    assert outcomes_and_failures(circuit, NOW + 60, CircuitPolicy(window=60.1)) == (1, 1)


def test_what_no_window_reaches_is_dropped() -> None:
    circuit = after("s" * 100, gap=10.0)

    assert [s.number for s in circuit.window.slices] == list(range(1088, 1100))
    assert CircuitPolicy(window=500.0).memory == 500.0
    assert CircuitPolicy(throttle_window=500.0).memory == 500.0


@pytest.mark.parametrize(
    ("jump", "slices"),
    [
        (-3600.0, [(640, 1)]),  # what lies ahead is forgotten
        (-20.0, [(998, 1)]),
        (-10.0, [(1000, 2)]),  # so much the clocks of a fleet may differ
        (0.0, [(1000, 2)]),
        (10.0, [(1000, 1), (1001, 1)]),
        (119.9, [(1000, 1), (1011, 1)]),
        (120.0, [(1012, 1)]),
    ],
)
def test_counts_survive_a_clock_that_jumps_a_little(
    jump: float, slices: list[tuple[int, int]]
) -> None:
    window = after("s").window.counting(NOW + jump, 120.0, requests=1)

    assert [(s.number, s.requests) for s in window.slices] == slices


def test_a_slice_that_lies_ahead_is_forgotten_and_those_before_it_are_not() -> None:
    window = Window((Slice(999, 1), Slice(1000, 1), Slice(1002, 1)))

    assert window.counting(NOW, 120.0, requests=1).slices == (Slice(999, 1), Slice(1000, 2))


def test_counting_adds_to_each_number() -> None:
    window = Window().counting(NOW, 120.0, requests=1, succeeded=2, failed=3)
    window = window.counting(NOW, 120.0, requests=10, succeeded=20, failed=30)

    assert window.slices == (Slice(1000, 11, 22, 33),)
    assert window.slices[0].outcomes == 55


def test_a_request_is_taken_back_from_the_slice_that_holds_it() -> None:
    window = Window((Slice(999, 2), Slice(1000, 2, 1), Slice(1001, 0)))

    assert window.without_request(NOW + 5).slices[1] == Slice(1000, 1, 1)
    assert window.without_request(NOW + 5).slices[0] == Slice(999, 2)
    assert window.without_request(NOW + 15) == window  # never below zero
    assert window.without_request(NOW + 9000) == window


def test_a_clock_may_start_below_zero() -> None:
    window = Window().counting(-1.0, 120.0, requests=1)

    assert window.slices == (Slice(-1, 1),)
    assert window.last(10.0, -1.0) == [Slice(-1, 1)]
    assert window.without_request(-1.0).slices == (Slice(-1, 0),)


# By hand


def test_a_circuit_forced_open_lets_nothing_through_for_ever() -> None:
    circuit = force(Circuit(), "open")

    assert ask(circuit, NOW + 1e9) == (circuit, Rejection(CircuitState.OPEN, "forced", None))
    assert retry_after(circuit, NOW, POLICY) is None


def test_a_circuit_forced_closed_lets_everything_through() -> None:
    circuit = force(after("x"), "closed")

    same, permit = ask(circuit)

    assert same is circuit
    assert permit == Permit(circuit.epoch, NOW)
    assert retry_after(circuit, NOW, POLICY) == 0


@pytest.mark.parametrize("forced", ["open", "closed"])
def test_a_forced_circuit_learns_nothing_and_begins_anew(forced: str) -> None:
    before = after("ffff")
    circuit = force(before, forced)  # type: ignore[arg-type]

    for permit in (Permit(circuit.epoch, NOW), Permit(before.epoch, NOW)):
        assert report(circuit, permit, Outcome.FATAL, NOW, POLICY, chance=0) is circuit
    released = force(circuit, None)
    assert released == Circuit(epoch=circuit.epoch + 1)
    assert circuit.epoch == before.epoch + 1


@pytest.mark.parametrize(
    ("circuit", "later", "state"),
    [
        (Circuit(), 0, CircuitState.CLOSED),
        (after("ffff"), 0, CircuitState.CLOSED),
        (after("x"), 0, CircuitState.OPEN),
        (after("x"), 14.9, CircuitState.OPEN),
        (after("x"), 15, CircuitState.HALF_OPEN),
        (probing(after("x"), NOW + 15)[0], 16, CircuitState.HALF_OPEN),
        (probing(after("x"), NOW + 15)[0], 1000, CircuitState.HALF_OPEN),
        (force(after("x"), "closed"), 0, CircuitState.CLOSED),
        (force(Circuit(), "open"), 1e9, CircuitState.OPEN),
    ],
)
def test_the_state_can_be_seen(circuit: Circuit, later: float, state: CircuitState) -> None:
    assert circuit.state(NOW + later) is state


# The policy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("failures", 0),
        ("outcomes", 0),
        ("failed_share", 0.0),
        ("failed_share", 1.01),
        ("window", 0.0),
        ("window", 9.9),  # what is counted together is ten seconds long
        ("cooldown", 0.0),
        ("cooldown", -1.0),
        ("max_cooldown", math.inf),
        ("max_cooldown", math.nan),
        ("lease_margin", -0.1),
        ("timeout_gap", -0.1),
        ("throttle_factor", 0.99),
        ("throttle_window", 0.0),
        ("throttle_window", 9.9),
    ],
)
def test_a_policy_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(
        ParameterError,
        match=rf"^CircuitPolicy\({name}=.*\) is out of range; its docstring says which\.$",
    ):
        CircuitPolicy(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", dataclasses.fields(CircuitPolicy), ids=lambda field: field.name)
@pytest.mark.parametrize("value", ["60", True])
def test_a_text_is_no_number_of_a_policy(field: dataclasses.Field[float], value: object) -> None:
    with pytest.raises(ParameterError, match=rf"CircuitPolicy\({field.name}=.*a number is needed"):
        CircuitPolicy(**{field.name: value})  # type: ignore[arg-type]


def test_no_call_may_take_longer_than_a_probe_is_waited_for() -> None:
    policy = CircuitPolicy(max_cooldown=20.0)
    policy.check_deadline(20.0)
    policy.check_deadline(None)

    with pytest.raises(
        ParameterError, match=r"max_cooldown=20\) is shorter .* total_timeout=20\.1"
    ):
        policy.check_deadline(20.1)


@pytest.mark.parametrize(("deadline", "cooldown"), [(None, 300), (30, 300), (600, 600)])
def test_the_default_policy_waits_for_a_probe_as_long_as_a_call_may_take(
    deadline: float | None, cooldown: float
) -> None:
    assert CircuitPolicy.for_deadline(deadline).max_cooldown == cooldown


def test_a_policy_at_the_edge_of_its_range_is_taken() -> None:
    CircuitPolicy(
        failures=1,
        outcomes=1,
        failed_share=1.0,
        lease_margin=0.0,
        timeout_gap=0.0,
        throttle_factor=1.0,
    )
    CircuitPolicy(window=10.0, cooldown=0.1, max_cooldown=0.1, throttle_window=10.0)


def test_every_number_of_the_policy_is_described() -> None:
    for field in dataclasses.fields(CircuitPolicy):
        assert f"        {field.name}: " in (CircuitPolicy.__doc__ or "")


# The record outside the process

spans = st.builds(Span, st.floats(-1e12, 1e12), st.floats(0, 1e6))
counts = st.integers(0, 2**53)
circuits = st.builds(
    Circuit,
    epoch=counts,
    opening=st.none()
    | st.builds(
        Opening,
        cooldown=spans,
        trips=counts,
        reason=st.text(max_size=20),
        lease=st.none() | spans,
    ),
    forced=st.sampled_from([None, "open", "closed"]),
    streak=counts,
    timeout_at=st.none() | st.floats(-1e12, 1e12),
    quota_at=st.none() | st.floats(-1e12, 1e12),
    window=st.builds(
        Window, st.lists(st.builds(Slice, st.integers(), counts, counts, counts)).map(tuple)
    ),
)


@given(circuits)
def test_a_record_comes_back_as_it_went(circuit: Circuit) -> None:
    assert decode(encode(circuit)) == circuit
    assert decode(encode(circuit).decode()) == circuit


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"",
        "",
        "nonsense",
        b"\xff\xfe",
        "null",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 2, "circuit": {"epoch": 7}}',
        '{"version": "1", "circuit": {"epoch": 7}}',
        '{"version": 1, "circuit": null}',
        '{"version": 1, "circuit": {"epoch": -1}}',
        '{"version": 1, "circuit": {"epoch": true}}',
        '{"version": 1, "circuit": {"epoch": "7"}}',
        '{"version": 1, "circuit": {"epoch": 1e400}}',
        '{"version": 1, "circuit": {"epoch": 9007199254740993}}',
        '{"version": 1, "circuit": {"epoch": ' + "9" * 5000 + "}}",
        '{"version": 1, "circuit": {"forced": "ajar"}}',
        '{"version": 1, "circuit": {"timeout_at": NaN}}',
        '{"version": 1, "circuit": {"quota_at": Infinity}}',
        '{"version": 1, "circuit": {"opening": {"trips": 1, "reason": "x"}}}',
        (
            '{"version": 1, "circuit": {"opening": {"cooldown": {"since": 1.0, "lasts": -1.0},'
            ' "trips": 1, "reason": "x"}}}'
        ),
        '{"version": 1, "circuit": {"window": {"slices": [{"requests": 1}]}}}',
        json.dumps({"version": 1, "circuit": {"window": {"slices": [{"number": 1}] * 1001}}}),
        "[" * 100_000,
    ],
    ids=lambda text: str(text)[:60].replace("\\", ""),  # see tests/mutants.md
)
def test_a_poisoned_record_is_as_good_as_none(text: str | bytes | None) -> None:
    assert decode(text) == Circuit()


@given(circuits, st.floats(0, 1e9), st.sampled_from(Outcome), st.floats(0, 1, exclude_max=True))
def test_whatever_is_in_bounds_keeps_a_model_from_its_calls_no_longer_than_the_cap(
    circuit: Circuit, now: float, outcome: Outcome, chance: float
) -> None:
    circuit = replace(circuit, forced=None)

    after_asking, answer = ask(circuit, now, chance=chance)
    if isinstance(answer, Permit):
        after_report = report(after_asking, answer, outcome, now, POLICY, chance=chance)
        assert 0 <= retry_after(after_report, now, POLICY) <= POLICY.max_cooldown  # type: ignore[operator]
    else:
        assert 0 <= answer.retry_after <= POLICY.max_cooldown  # type: ignore[operator]
        later = now + POLICY.max_cooldown + 0.01
        _, answer = ask(after_asking, later, chance=0.9999999999999999)
        assert isinstance(answer, Permit) or answer.state is CircuitState.CLOSED
