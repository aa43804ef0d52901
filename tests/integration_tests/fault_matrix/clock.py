"""Time that moves when a test says so, and a circuit that goes by it."""

from __future__ import annotations

from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey, MemoryCircuitStore
from tests.integration_tests.fault_matrix.task import TUNED


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker_with(clock: Clock) -> CircuitBreaker:
    """A circuit of its own, for the tuned model."""
    key = CircuitKey.of(TUNED, address=None, api_key=None)
    return CircuitBreaker(key, store=MemoryCircuitStore(), clock=clock)
