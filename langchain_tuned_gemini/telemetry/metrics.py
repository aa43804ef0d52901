"""Which metrics there are, and how one is recorded.

Names, units and kinds follow the semantic conventions of OpenTelemetry:
https://opentelemetry.io/docs/specs/semconv/general/metrics/
"""

from __future__ import annotations

import functools
import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Generic, Literal, TypeVar

from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter

from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork
from langchain_tuned_gemini.telemetry.isolation import harmless

K = TypeVar("K", bound=Hashable)
Value = str | bool
Attributes = Mapping[str, Value]

OTHER = "_OTHER"
"""What OpenTelemetry calls a value that is none of the known ones."""

_REASONS = frozenset({*(reason.value for reason in Reason), "forced"})


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric as its readers see it.

    Attributes:
        name: Its name.
        kind: What kind of instrument it is.
        unit: Its unit, as UCUM writes it.
        description: What it counts.
        attributes: The attributes that its points may have; each has few values.
    """

    name: str
    kind: Literal["counter", "histogram", "updowncounter"]
    unit: str
    description: str
    attributes: tuple[str, ...]


REQUESTS = Metric(
    "tuned_gemini.requests",
    "counter",
    "{request}",
    "Calls of a fallback model, by who answered (`tuned`, `base_fallback`, `none`) and why the "
    "tuned model did not, or not at once; with `none`, why the call ended.",
    ("answered_by", "reason"),
)
ATTEMPTS = Metric(
    "tuned_gemini.attempts",
    "counter",
    "{attempt}",
    "What became of asking a model: `ok`, `error`, `rejected`, `skipped` without a call, or "
    "`cancelled`.",
    ("model", "role", "outcome", "error.type"),
)
FALLBACK_DELAY = Metric(
    "tuned_gemini.fallback.delay",
    "histogram",
    "s",
    "Time from the start of a call to the start of the attempt that answered in place of the "
    "tuned model.",
    ("model", "reason"),
)
CIRCUIT_STATE = Metric(
    "tuned_gemini.circuit.state",
    "updowncounter",
    "{circuit}",
    "Circuits of this process in each state (`closed`, `open`, `half_open`): 1 or 0 where a model "
    "has one.",
    ("model", "state"),
)
CIRCUIT_TRANSITIONS = Metric(
    "tuned_gemini.circuit.transitions",
    "counter",
    "{transition}",
    "How often a circuit has changed its state; `reason` says what opened it.",
    ("model", "from", "to", "reason"),
)
READINESS_STATE = Metric(
    "tuned_gemini.readiness.state",
    "updowncounter",
    "{gate}",
    "Readiness gates of this process, one for each model object, by the state in which they last "
    "saw their tuned model.",
    ("model", "state"),
)
GUARD_FAILURES = Metric(
    "tuned_gemini.guard.failures",
    "counter",
    "{failure}",
    "Answers that a guard refused (`bad_output`, `blocked`), and guards that `crashed`.",
    ("guard", "reason"),
)
HEDGES = Metric(
    "tuned_gemini.hedges",
    "counter",
    "{hedge}",
    "Calls of a second model beside a slow one, by whether the second one answered first.",
    ("model", "won"),
)

METRICS = (
    REQUESTS,
    ATTEMPTS,
    FALLBACK_DELAY,
    CIRCUIT_STATE,
    CIRCUIT_TRANSITIONS,
    READINESS_STATE,
    GUARD_FAILURES,
    HEDGES,
)

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds in seconds, from an open circuit (below 1 ms) to a total timeout (30 s): the SDK's
own, which begin with 5, are meant for milliseconds."""


_MANY = 256
"""How many notes are kept one by one, before equal ones are counted."""


class Deferred(Generic[K]):
    """Notes what happens until somebody collects metrics, and then says how often it did.

    A note neither waits nor calls anybody, and is safe in the garbage collector. Where nobody
    collects, what is kept does not grow: equal things are counted.
    """

    def __init__(self) -> None:
        self._noted: deque[K] = deque()
        self._counts: Counter[K] = Counter()
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._counting = threading.Lock()

    def note(self, what: K) -> None:
        """Notes it; counts are left to another thread that is at it."""
        self._noted.append(what)
        if len(self._noted) >= _MANY and self._counting.acquire(blocking=False):
            try:
                self._count()
            finally:
                self._counting.release()

    def take(self) -> Counter[K]:
        """What was noted since the last time, and how often."""
        with self._counting:
            self._count()
            counts, self._counts = self._counts, Counter()
        return counts

    def _count(self) -> None:
        for _ in range(len(self._noted)):
            self._counts[self._noted.popleft()] += 1


_noted: Deferred[tuple[Metric, float, tuple[tuple[str, Value], ...]]] = Deferred()


def record(metric: Metric, value: float, attributes: Mapping[str, Value | None]) -> None:
    """Records one value when metrics are collected; an attribute that is None is left out.

    Of a time, three digits are kept, so that equal ones can be counted.
    """
    if metric.kind == "histogram":
        value = float(f"{value:.3g}")
    known_ones = tuple((name, one) for name, one in attributes.items() if one is not None)
    _noted.note((metric, value, known_ones))


def catch_up() -> None:
    """Tells OpenTelemetry what was recorded since the last time."""
    for (metric, value, attributes), times in _noted.take().items():
        with harmless:
            record_value = _recorder(metric)
            if metric.kind == "counter":
                record_value(value * times, dict(attributes))
                continue
            for _ in range(times):
                record_value(value, dict(attributes))


def known(reason: str | None) -> str | None:
    """A reason as an attribute: a word of somebody's own could be anything, and ever new."""
    return reason if reason is None or reason in _REASONS else OTHER


def observe(metric: Metric, look: Callable[[CallbackOptions], Iterable[Observation]]) -> None:
    """Has `look` asked for the values of a metric whenever metrics are collected.

    To be called at import: it runs what is plugged into OpenTelemetry.
    """
    with harmless:
        _meter().create_observable_up_down_counter(
            metric.name, callbacks=[look], unit=metric.unit, description=metric.description
        )


@functools.cache
def _recorder(metric: Metric) -> Callable[[float, Attributes], None]:
    """What records a metric, made when it is first needed."""
    if metric.kind == "histogram":
        return (
            _meter()
            .create_histogram(
                metric.name,
                unit=metric.unit,
                description=metric.description,
                explicit_bucket_boundaries_advisory=_BUCKETS,
            )
            .record
        )
    return _meter().create_counter(metric.name, metric.unit, metric.description).add


def _meter() -> Meter:
    return get_meter(*scope())


@functools.cache
def scope() -> tuple[str, str]:
    """The name and the version under which all of this is recorded."""
    try:
        return "langchain_tuned_gemini", version("langchain-tuned-gemini")
    except PackageNotFoundError:  # used from a checkout that was not installed
        return "langchain_tuned_gemini", ""


def circuit_changed(model: str, before: str, after: str, reason: str | None) -> None:
    """Counts a change of a circuit's state, by what opened it; None if it did not open."""
    changed = {"model": model, "from": before, "to": after, "reason": known(reason)}
    record(CIRCUIT_TRANSITIONS, 1, changed)


def hedge(model: str, *, won: bool) -> None:
    """Counts a call of a second model beside a slow one, by whether it answered first."""
    record(HEDGES, 1, {"model": model, "won": won})


def guard_failed(guard: str, reason: str) -> None:
    """Counts an answer that was refused, or a guard that crashed, reason `"crashed"`."""
    record(GUARD_FAILURES, 1, {"guard": guard, "reason": reason})


def metrics_table() -> str:
    """The metrics as a table in Markdown, for `docs/monitoring.md`.

    Example:
        >>> print(metrics_table().splitlines()[-1][:44])
        | `tuned_gemini.hedges` | counter, `{hedge}`
    """
    rows = [
        f"| `{metric.name}` | {metric.kind}, `{metric.unit}` | {metric.description} "
        f"| {', '.join(f'`{name}`' for name in metric.attributes)} |"
        for metric in METRICS
    ]
    return "\n".join(
        ["| metric | kind, unit | counts | attributes |", "| --- | --- | --- | --- |", *rows]
    )
