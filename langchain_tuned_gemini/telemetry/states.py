"""The states that live circuits and gates are in, looked at whenever metrics are collected.

A state is counted, as OpenTelemetry has it, with a time series for each that is possible: 1 for
the one that something is in, 0 for the others, so that sums count what is in it.
https://opentelemetry.io/docs/specs/semconv/how-to-write-conventions/status-metrics

It is looked at, and not told: a circuit becomes half-open because time passes, and what nobody
holds any more must be gone from the sums.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from opentelemetry.metrics import CallbackOptions, Observation

from langchain_tuned_gemini.telemetry.isolation import harmless
from langchain_tuned_gemini.telemetry.metrics import (
    CIRCUIT_STATE,
    READINESS_STATE,
    Metric,
    catch_up,
    observe,
)


@dataclass(frozen=True, slots=True)
class Observed:
    """What something looks like at one moment.

    Attributes:
        identity: Equal for all who look at the same thing, so that it counts once.
        model: Which model it is about.
        state: The state that it is in, in the metric's words.
    """

    identity: Hashable
    model: str
    state: str


class Observable(Protocol):
    """Something that is in one of a few states."""

    def observed(self) -> Observed:
        """What it looks like now."""


class Watch:
    """Counts the states of whatever of one kind is alive; it keeps nothing alive."""

    def __init__(self, metric: Metric, states: Iterable[str]) -> None:
        self.states = tuple(states)
        # Not a WeakSet: that one can't be read while another thread adds to it.
        self._alive: weakref.WeakValueDictionary[int, Observable] = weakref.WeakValueDictionary()
        observe(metric, self._look)

    def add(self, one: Observable) -> None:
        """Watches something as long as it lives."""
        self._alive[id(one)] = one

    def _look(self, _: CallbackOptions) -> Iterator[Observation]:
        catch_up()  # whichever is looked at first: the SDK sums up after it has looked at all
        observed: dict[Hashable, Observed] = {}
        for reference in self._alive.valuerefs():
            with harmless:  # a store of circuits may be out of reach
                if (one := reference()) is not None:
                    seen = one.observed()
                    observed[seen.identity] = seen
        counts = Counter((one.model, one.state) for one in observed.values())
        for model in sorted({one.model for one in observed.values()}):
            for state in self.states:
                yield Observation(counts[model, state], {"model": model, "state": state})


circuits = Watch(CIRCUIT_STATE, ("closed", "open", "half_open"))
gates = Watch(
    READINESS_STATE, ("creating", "active", "failed", "cancelled", "not_found", "unknown")
)
