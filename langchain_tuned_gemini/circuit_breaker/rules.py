"""The rules of a circuit: two pure functions, `acquire` and `report`, over an immutable record.

Nothing here keeps time, draws lots, locks or remembers: `now` and `chance` come in, the record
after it goes out. So every rule can be tested as a table, and any place that can swap one value
for another atomically can hold the record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from langchain_tuned_gemini.circuit_breaker.policy import CircuitPolicy
from langchain_tuned_gemini.circuit_breaker.record import (
    Circuit,
    CircuitState,
    Opening,
    Outcome,
    Permit,
    Rejection,
    Span,
)


def acquire(
    circuit: Circuit, now: float, policy: CircuitPolicy, *, chance: float, deadline: float
) -> tuple[Circuit, Permit | Rejection]:
    """Says whether a call may be made. The same circuit comes back where nothing changes.

    A probe's slot is kept for the caller's deadline and a margin; then another may probe.
    """
    if circuit.forced == "open":
        return circuit, Rejection(CircuitState.OPEN, "forced", None)
    if circuit.opening is None:
        return _throttle(circuit, now, policy, chance)
    opening = circuit.opening.anchored(now, policy.max_cooldown)
    if wait := opening.wait(now):
        if opening is not circuit.opening:
            circuit = replace(circuit, opening=opening)
        return circuit, Rejection(circuit.state(now), opening.reason, wait)
    lease = Span(now, min(deadline + policy.lease_margin, policy.max_cooldown))
    probing = replace(circuit, epoch=circuit.epoch + 1, opening=replace(opening, lease=lease))
    return probing, Permit(probing.epoch, now, is_probe=True)


def report(
    circuit: Circuit,
    permit: Permit,
    outcome: Outcome,
    now: float,
    policy: CircuitPolicy,
    *,
    chance: float,
    reason: str | None = None,
    retry_after: float | None = None,
) -> Circuit:
    """Takes the outcome of a call in. The same circuit comes back where nothing changes.

    A failure that has no reason is called by the outcome's name.
    """
    if circuit.forced or permit.epoch != circuit.epoch:
        return circuit
    hint = max(0.0, retry_after or 0.0)  # in this order, a NaN is no hint
    if circuit.opening is None:
        circuit, opens = _after_call(circuit, permit, outcome, now, policy, hint)
    else:
        circuit, opens = _after_probe(circuit, circuit.opening, outcome)
    return _open(circuit, outcome, now, policy, chance, reason, hint) if opens else circuit


def force(circuit: Circuit, forced: Literal["open", "closed"] | None) -> Circuit:
    """Keeps a circuit open or closed; None lets it decide again, closed and knowing nothing.

    While it is forced it learns nothing, so one that is forced closed has no reason to open.
    """
    return Circuit(epoch=circuit.epoch + 1, forced=forced)


def transition(before: Circuit, after: Circuit) -> tuple[CircuitState, CircuitState] | None:
    """From which state to which one a change has led; None if the circuit stays in its state.

    A circuit becomes half-open with the probe that is let through, since nothing happens at the
    moment when its cooldown is over. A probe that gives its slot back changes nothing; the next
    one counts as half-open again.
    """
    if before.epoch == after.epoch:
        return None
    states = _state_at(before), _state_at(after)
    return None if states[0] is states[1] else states


def retry_after(circuit: Circuit, now: float, policy: CircuitPolicy) -> float | None:
    """The seconds until a call or a probe is let through, at the latest; None for never."""
    if circuit.forced == "open":
        return None
    if circuit.opening is None:
        return 0.0
    return circuit.opening.anchored(now, policy.max_cooldown).wait(now)


def share_held_back(circuit: Circuit, now: float, policy: CircuitPolicy) -> float:
    """The share of calls that the throttle holds back now, of [0, 1)."""
    if not _is_short_of_quota(circuit, now, policy):
        return 0.0
    recent = circuit.window.last(policy.throttle_window, now)
    requests, accepted = sum(s.requests for s in recent), sum(s.outcomes for s in recent)
    return policy.share_held_back(requests, accepted)


def outcomes_and_failures(circuit: Circuit, now: float, policy: CircuitPolicy) -> tuple[int, int]:
    """How many calls lately told of the model's health, and how many of them that it is sick."""
    recent = circuit.window.last(policy.window, now)
    return sum(s.outcomes for s in recent), sum(s.failed for s in recent)


def _state_at(circuit: Circuit) -> CircuitState:
    """The state that the last change has led to, whatever time has made of it since."""
    if circuit.forced:
        return CircuitState(circuit.forced)
    if circuit.opening is None:
        return CircuitState.CLOSED
    return CircuitState.HALF_OPEN if circuit.opening.lease else CircuitState.OPEN


def _throttle(
    circuit: Circuit, now: float, policy: CircuitPolicy, chance: float
) -> tuple[Circuit, Permit | Rejection]:
    """Lets a call of a closed circuit pass, or holds it back while quota is short."""
    if not _is_short_of_quota(circuit, now, policy):
        return circuit, Permit(circuit.epoch, now)
    held_back = share_held_back(circuit, now, policy)
    window = circuit.window.counting(now, policy.memory, requests=1)
    circuit = replace(circuit, window=window)
    if chance < held_back:
        return circuit, Rejection(CircuitState.CLOSED, Outcome.QUOTA.value, 0.0)
    return circuit, Permit(circuit.epoch, now, is_counted=True)


def _is_short_of_quota(circuit: Circuit, now: float, policy: CircuitPolicy) -> bool:
    """Whether quota was short lately. If not, nothing is held back and nothing counted ahead.

    Otherwise a hundred first calls on their way would look like a hundred refusals.
    """
    at = circuit.quota_at
    return at is not None and 0 <= now - at < policy.throttle_window


def _after_call(
    circuit: Circuit,
    permit: Permit,
    outcome: Outcome,
    now: float,
    policy: CircuitPolicy,
    hint: float,
) -> tuple[Circuit, bool]:
    """A closed circuit after a call, and whether it must open."""
    requests = 0 if permit.is_counted else 1
    match outcome:
        case Outcome.SUCCESS:
            window = circuit.window.counting(now, policy.memory, requests=requests, succeeded=1)
            quota_at = circuit.quota_at
            return Circuit(circuit.epoch, window=window, quota_at=quota_at, answered_at=now), False
        case Outcome.QUOTA:
            window = circuit.window.counting(now, policy.memory, requests=requests)
            return replace(circuit, window=window, quota_at=now), hint > 0
        case Outcome.TIMEOUT | Outcome.SILENCE if not _is_same_stall(circuit, permit, now, policy):
            circuit = replace(circuit, timeout_at=now)
        case Outcome.NEUTRAL | Outcome.TIMEOUT | Outcome.SILENCE:
            return _without_request(circuit, permit), False
        case Outcome.FAILURE | Outcome.FATAL:
            pass
        case _:
            assert_never(outcome)
    window = circuit.window.counting(now, policy.memory, requests=requests, failed=1)
    circuit = replace(circuit, window=window, streak=circuit.streak + 1)
    is_down = outcome is Outcome.FATAL or (
        outcome is Outcome.SILENCE and not _has_answered_since(circuit, permit, now)
    )
    return circuit, is_down or _is_sick(circuit, now, policy)


def _without_request(circuit: Circuit, permit: Permit) -> Circuit:
    """Forgets a request that said nothing about the model, if it was counted ahead."""
    if not permit.is_counted:
        return circuit
    return replace(circuit, window=circuit.window.without_request(permit.at))


def _after_probe(circuit: Circuit, opening: Opening, outcome: Outcome) -> tuple[Circuit, bool]:
    """A half-open circuit after its probe, and whether it must open again."""
    if opening.lease is None:  # the slot has been given back: this probe was reported before
        return circuit, False
    match outcome:
        case Outcome.SUCCESS:
            return Circuit(circuit.epoch + 1), False
        case Outcome.NEUTRAL:
            return replace(circuit, opening=replace(opening, lease=None)), False
        case _:
            return circuit, True


def _open(
    circuit: Circuit,
    outcome: Outcome,
    now: float,
    policy: CircuitPolicy,
    chance: float,
    reason: str | None,
    hint: float,
) -> Circuit:
    """Opens a circuit: for as long as a quota asks for, for longer each time if it is sick."""
    trips = circuit.opening.trips if circuit.opening else 0
    is_quota = outcome is Outcome.QUOTA
    if is_quota and hint:
        lasts = min(hint, policy.max_cooldown)
    else:
        lasts = policy.cooldown_for(trips, hint, chance)
    trips = trips if is_quota else trips + 1
    return Circuit(circuit.epoch + 1, Opening(Span(now, lasts), trips, reason or outcome.value))


def _is_sick(circuit: Circuit, now: float, policy: CircuitPolicy) -> bool:
    """Whether there have been too many failures, one after the other or among others."""
    if circuit.streak >= policy.failures:
        return True
    outcomes, failures = outcomes_and_failures(circuit, now, policy)
    return outcomes >= policy.outcomes and failures >= policy.failed_share * outcomes


def _has_answered_since(circuit: Circuit, permit: Permit, now: float) -> bool:
    """Whether somebody was answered while a call waited, so that not all is silent."""
    return circuit.answered_at is not None and permit.at <= circuit.answered_at <= now


def _is_same_stall(circuit: Circuit, permit: Permit, now: float, policy: CircuitPolicy) -> bool:
    """Whether a timeout and the last one that counted were one event."""
    at = circuit.timeout_at
    return at is not None and permit.at < at and 0 <= now - at < policy.timeout_gap
