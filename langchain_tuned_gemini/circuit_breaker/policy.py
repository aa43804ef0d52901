"""The numbers of a circuit, and the arithmetic that they define."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from langchain_tuned_gemini.circuit_breaker.record import SLICE
from langchain_tuned_gemini.errors import ParameterError


@dataclass(frozen=True, slots=True)
class CircuitPolicy:
    """When a circuit opens, for how long, and how calls are held back. Durations are in seconds.

    The defaults are those of systems that have kept their promises for years: 5 failures, 30 s
    and 300 s of Envoy, equal jitter of Finagle, K = 2 over two minutes of Google.
    https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier

    Besides, one call opens the circuit if it shows that the model is gone, or if nothing was heard
    of it for a whole timeout while nobody else was answered; see `Outcome`.

    Attributes:
        failures: So many failures without a success between them open the circuit.
        failed_share: So does a share of failures, above 0 and at most 1, …
        outcomes: … once there have been so many outcomes …
        window: … in this time, which moves in steps of ten seconds, so at least 10.
        cooldown: How long the circuit stays open the first time. It doubles each time a probe
            fails, and starts again after one that succeeds.
        max_cooldown: The most that any cooldown may last, whatever the server asks for, and
            the most that a probe may keep others from probing.
        lease_margin: How much longer than its own deadline a probe keeps others from probing.
        timeout_gap: A timeout less than this after the last one that counted does not count
            if the two calls overlapped: a stall of the event loop ends many calls at once and
            says nothing about the model. One call after the other, every timeout counts.
        throttle_factor: While a model refuses calls for want of quota and does not say for how
            long, so many calls are sent for each that it accepts (K; 1 or more).
        throttle_window: How long a call and its refusal are remembered for that; at least 10.

    Raises:
        ParameterError: A number is out of its range.
    """

    failures: int = 5
    failed_share: float = 0.5
    outcomes: int = 10
    window: float = 60.0
    cooldown: float = 30.0
    max_cooldown: float = 300.0
    lease_margin: float = 5.0
    timeout_gap: float = 1.0
    throttle_factor: float = 2.0
    throttle_window: float = 120.0

    def __post_init__(self) -> None:
        at_least = {"throttle_factor": 1.0, "window": SLICE, "throttle_window": SLICE}
        at_most = {"failed_share": 1.0}
        may_be_zero = {"lease_margin", "timeout_gap"}
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if isinstance(value, str | bool):
                raise ParameterError.no_number(f"CircuitPolicy({name}={value!r})", value)
            is_in_range = at_least.get(name, 0) <= value <= at_most.get(name, value)
            if not (math.isfinite(value) and is_in_range and (value or name in may_be_zero)):
                raise ParameterError(
                    f"CircuitPolicy({name}={value!r}) is out of range; its docstring says which."
                )

    @classmethod
    def for_deadline(cls, deadline: float | None) -> CircuitPolicy:
        """The defaults, for calls that may take so many seconds; None for ever."""
        longest = cls().max_cooldown if deadline is None else max(cls().max_cooldown, deadline)
        return cls(max_cooldown=longest)

    def check_deadline(self, deadline: float | None) -> None:
        """Refuses a cooldown that ends before the call of a probe does.

        Args:
            deadline: How many seconds a call may take; None for ever.

        Raises:
            ParameterError: It is longer than `max_cooldown`.
        """
        if deadline is not None and deadline > self.max_cooldown:
            raise ParameterError(
                f"CircuitPolicy(max_cooldown={self.max_cooldown:g}) is shorter than a call may "
                f"take, total_timeout={deadline:g}: a probe that is still being answered would be "
                "taken for lost, and another one sent. Make max_cooldown as long, or "
                "total_timeout as short."
            )

    @property
    def memory(self) -> float:
        """How long calls are remembered."""
        return max(self.window, self.throttle_window)

    def cooldown_for(self, trips: int, hint: float, chance: float) -> float:
        """How long to stay open: the larger of the server's hint and a backoff with equal jitter.

        Equal jitter keeps half of the backoff and draws the other half, so that the machines of
        a fleet do not all come back in the same second.

        Args:
            trips: How often the circuit has opened since the last success; 0 the first time.
            hint: The seconds that the server asked for; 0 if it did not.
            chance: A random number of [0, 1).

        Example:
            >>> [CircuitPolicy().cooldown_for(trips, 0.0, 0.5) for trips in range(6)]
            [22.5, 45.0, 90.0, 180.0, 225.0, 225.0]
        """
        backoff = min(self.cooldown * 2.0 ** min(trips, 64), self.max_cooldown)
        return min(max(hint, backoff / 2 * (1 + chance)), self.max_cooldown)

    def share_held_back(self, requests: int, accepted: int) -> float:
        """The share of calls not to send, so that a model is not asked for much more than it gives.

        The adaptive throttling of the Google SRE book: it holds nothing back while at least one
        call in K is accepted. https://sre.google/sre-book/handling-overload/

        Args:
            requests: Calls that were to be made, those held back included.
            accepted: Calls that were not refused for want of quota.

        Example:
            >>> CircuitPolicy().share_held_back(requests=99, accepted=20)
            0.59
        """
        return max(0.0, (requests - self.throttle_factor * accepted) / (requests + 1))
