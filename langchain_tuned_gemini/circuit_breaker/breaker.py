"""A circuit breaker: the rules, a place to keep the circuit, a clock and a die."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self, TypeVar

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.circuit_breaker import rules
from langchain_tuned_gemini.circuit_breaker.policy import CircuitPolicy
from langchain_tuned_gemini.circuit_breaker.record import (
    Circuit,
    CircuitState,
    Outcome,
    Permit,
    Rejection,
)
from langchain_tuned_gemini.circuit_breaker.store import (
    CircuitStore,
    MemoryCircuitStore,
    process_store,
)
from langchain_tuned_gemini.errors import Advice, CircuitOpenError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CircuitKey:
    """Whose health a circuit is about: a model as one key sees it at one address.

    Attributes:
        name: The model's name.
        fingerprint: Of the address and the API key; neither can be read from it.
    """

    name: str
    fingerprint: str

    @classmethod
    def of(cls, name: str, *, address: str | None, api_key: str | None) -> Self:
        """Names a circuit, the same way in every process.

        Example:
            >>> str(CircuitKey.of("tunedModels/x", address=None, api_key="secret"))
            'tunedModels/x#2aab681f4bf4ccec'
        """
        seen_by = json.dumps([address, api_key]).encode()
        return cls(name, hashlib.sha256(seen_by).hexdigest()[:16])

    def __str__(self) -> str:
        return f"{self.name}#{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class CircuitView:
    """What a circuit looks like at one moment.

    Attributes:
        state: Closed, open or half-open.
        forced: What somebody said it must be; None while it decides by itself.
        reason: What opened it; None while it is closed.
        retry_after: Seconds until a probe is let through, at the latest; 0 while it is closed;
            None as long as it is forced open.
        streak: The failures since the last success.
        outcomes: Calls of the policy's window that said something about the model's health.
        failures: Those of them that said it is sick.
        share_held_back: The share of calls that are not sent, for want of quota.
    """

    state: CircuitState
    forced: Literal["open", "closed"] | None
    reason: str | None
    retry_after: float | None
    streak: int
    outcomes: int
    failures: int
    share_held_back: float


class CircuitBreaker:
    """Keeps calls from a model that can't serve, and finds out when it can again.

    Ask for a permit before each call, and report its outcome after it, whatever it is. Breakers
    with the same key share one circuit in the whole process. Nothing here waits.

    Args:
        key: Whose circuit.
        store: Where it is kept; by default in this process, shared by key.
        policy: The numbers.
        clock: The time in seconds. Those who share a store outside the process need one that
            they share, too: `time.time`.
        chance: Draws a random number of [0, 1).

    Example:
        ```python
        breaker = CircuitBreaker(CircuitKey.of(name, address=base_url, api_key=key))
        permit = breaker.acquire()  # raises CircuitOpenError while the model can't serve
        outcome = Outcome.NEUTRAL
        try:
            answer = call()
            outcome = Outcome.SUCCESS
        except httpx.TransportError:
            outcome = Outcome.FAILURE
            raise
        finally:
            breaker.report(permit, outcome)
        ```
    """

    def __init__(
        self,
        key: CircuitKey,
        *,
        store: CircuitStore | None = None,
        policy: CircuitPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.key = key
        self.policy = policy or CircuitPolicy()
        self._id = str(key)
        self._store = process_store(self._id) if store is None else store
        self._clock = clock
        self._chance = chance
        telemetry.circuits.add(self)

    def acquire(self, *, deadline: float = 60.0) -> Permit:
        """Lets one call through.

        Args:
            deadline: Seconds after which the caller gives the call up. If it is a probe and is
                never reported, another may probe a little after that.

        Returns:
            What to report the call's outcome with.

        Raises:
            CircuitOpenError: The model must not be called now.
        """
        now, chance = self._clock(), self._chance()
        answer = self._change(
            partial(rules.acquire, now=now, policy=self.policy, chance=chance, deadline=deadline)
        )
        if isinstance(answer, Rejection):
            raise _error(self.key.name, answer)
        return answer

    def report(
        self,
        permit: Permit,
        outcome: Outcome,
        *,
        reason: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Says how a call went. A report that comes too late changes nothing.

        Args:
            permit: What allowed the call.
            outcome: What the call says about the model's health.
            reason: What to call a failure, for those who are refused because of it.
            retry_after: The seconds that the server asked to be left alone, if it did.
        """
        now, chance = self._clock(), self._chance()
        self._change(
            lambda circuit: (
                rules.report(
                    circuit,
                    permit,
                    outcome,
                    now,
                    self.policy,
                    chance=chance,
                    reason=reason,
                    retry_after=retry_after,
                ),
                None,
            ),
        )

    @property
    def state(self) -> CircuitState:
        """Whether calls pass."""
        return self._read().state(self._clock())

    def view(self) -> CircuitView:
        """Everything there is to see, at one moment."""
        circuit, now = self._read(), self._clock()
        outcomes, failures = rules.outcomes_and_failures(circuit, now, self.policy)
        return CircuitView(
            state=circuit.state(now),
            forced=circuit.forced,
            reason=circuit.opening.reason if circuit.opening else None,
            retry_after=rules.retry_after(circuit, now, self.policy),
            streak=circuit.streak,
            outcomes=outcomes,
            failures=failures,
            share_held_back=rules.share_held_back(circuit, now, self.policy),
        )

    def _read(self) -> Circuit:
        return self._store.update(self._id, lambda circuit: (circuit, circuit))

    def force_open(self) -> None:
        """Lets no call through, not even a probe, until `reset`."""
        self._force("open")

    def force_closed(self) -> None:
        """Lets every call through, however it went before, until `reset`."""
        self._force("closed")

    def reset(self) -> None:
        """Lets the circuit decide by itself again: it is closed and knows nothing."""
        self._force(None)

    def _force(self, forced: Literal["open", "closed"] | None) -> None:
        self._change(lambda circuit: (rules.force(circuit, forced), None))

    def _change(self, change: Callable[[Circuit], tuple[Circuit, T]]) -> T:
        """Puts what `change` makes of the circuit in its place, and tells if its state differs."""

        def remembering(before: Circuit) -> tuple[Circuit, tuple[Circuit, Circuit, T]]:
            after, result = change(before)
            return after, (before, after, result)

        before, after, result = self._store.update(self._id, remembering)
        if after is not before and (changed := rules.transition(before, after)):
            opened_by = None
            if changed[1] is CircuitState.OPEN:
                opened_by = after.opening.reason if after.opening else "forced"
            telemetry.circuit_changed(self.key.name, *changed, opened_by)
        return result

    def observed(self) -> telemetry.Observed:
        """What telemetry sees: breakers that share a circuit are one."""
        place = id(self._store) if isinstance(self._store, MemoryCircuitStore) else None
        return telemetry.Observed((self._id, place), self.key.name, self.state.value)

    def __repr__(self) -> str:
        return f"CircuitBreaker({self._id!r}, state={self.state.value!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """What another process needs to build its own, with that process's clock and die."""
        is_outside = not isinstance(self._store, MemoryCircuitStore)
        store = self._store if is_outside else None
        return partial(CircuitBreaker, self.key, store=store, policy=self.policy), ()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: copies of a chat model call the same tuned model."""
        return self


def _error(name: str, refusal: Rejection) -> CircuitOpenError:
    """Says why a call was not made, and what to do."""
    if refusal.retry_after is None:
        what = f"The circuit of {name} was forced open, so it is not called"
        then: Advice | str = "Reset it to have it called again."
    elif refusal.state is CircuitState.CLOSED:
        what = f"{name} is short of quota and does not say for how long, so this call is held back"
        then = "Send less, ask for more quota, or let a fallback answer."
    else:
        state = refusal.state.value.replace("_", "-")
        what = f"The circuit of {name} is {state} ({refusal.reason}), so it is not called"
        until = f"It is tried again in {refusal.retry_after:.1f} s at the latest; until then, let a"
        then = Advice(
            f"{until} fallback answer: with_few_shot_fallback(...).",
            f"{until} base model stand in: --fallback BASE --examples FILE.",
        )
    return CircuitOpenError(
        f"{what}.",
        advice=then,
        name=name,
        opened_by=refusal.reason,
        retry_after=refusal.retry_after,
    )
