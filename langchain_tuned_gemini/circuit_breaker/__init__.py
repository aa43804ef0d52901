"""A circuit breaker: calls that would fail are not made, and one at a time finds out more.

| module | its one idea |
| --- | --- |
| `policy` | the numbers, and their arithmetic |
| `record` | what is known about a model's health, as plain data |
| `rules` | `acquire` and `report`: what is known after a call, and whether the next may be made |
| `store` | where the record is kept, and how it changes atomically |
| `breaker` | all of it together, with a clock and a die |
"""

from __future__ import annotations

from langchain_tuned_gemini.circuit_breaker.breaker import CircuitBreaker, CircuitKey, CircuitView
from langchain_tuned_gemini.circuit_breaker.policy import CircuitPolicy
from langchain_tuned_gemini.circuit_breaker.record import CircuitState, Outcome, Permit
from langchain_tuned_gemini.circuit_breaker.store import CircuitStore, MemoryCircuitStore

__all__ = [
    "CircuitBreaker",
    "CircuitKey",
    "CircuitPolicy",
    "CircuitState",
    "CircuitStore",
    "CircuitView",
    "MemoryCircuitStore",
    "Outcome",
    "Permit",
]
