"""The figures of an outage, as OpenTelemetry's SDK collects them: ten minutes in a few seconds.

Somebody asks every five seconds; for five minutes, the tuned model answers 503. The circuit
breaker gets a clock that is turned by hand, so that nobody has to wait for its cooldowns.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from itertools import accumulate
from pathlib import Path
from typing import Any

from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from langchain_tuned_gemini import ChatTunedGemini, CircuitBreaker, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator

TRAIN = Path(__file__).parent / "data" / "text_to_sql_train.jsonl"
MODEL = "tunedModels/sql-expert-v1"
SECONDS_BETWEEN = 5
MINUTES = [("healthy", 2), ("503", 5), ("healthy again", 3)]


class Clock:
    """Turned by hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Figures:
    """What has been recorded so far."""

    def __init__(self) -> None:
        # In an application, an exporter stands here, or `opentelemetry-instrument` sets it up.
        self._reader = InMemoryMetricReader()
        set_meter_provider(MeterProvider([self._reader]))

    def points(self, name: str) -> list[Any]:
        """The points of a metric."""
        data = self._reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"tuned_gemini.{name}"
            for point in metric.data.data_points
        ]

    def circuit(self) -> str:
        """The state of the circuit."""
        points = self.points("circuit.state")
        return next(str(point.attributes["state"]) for point in points if point.value)

    def show(self, name: str, *attributes: str) -> None:
        """Prints a counter as a table."""
        print(f"\n{name}")
        for point in self.points(name):
            told = [str(point.attributes.get(attribute, "-")) for attribute in attributes]
            print("  " + "".join(f"{one:<27}" for one in told) + f"{point.value:>5}")

    def show_delay(self) -> None:
        """Prints below which bounds the fallback's delay has stayed."""
        print("\nfallback.delay")
        for point in self.points("fallback.delay"):
            so_far = list(accumulate(point.bucket_counts))
            bounds = [*point.explicit_bounds, point.max]
            for share in (0.5, 0.95, 0.99):
                bound = bounds[bisect_left(so_far, share * point.count)]
                print(f"  p{share * 100:.0f}".ljust(29) + f"<= {bound * 1e3:g} ms")


def ask_for(minutes: int, model: FallbackChatModel, clock: Clock) -> None:
    """Asks every few seconds."""
    for _ in range(0, minutes * 60, SECONDS_BETWEEN):
        model.invoke("How many cargo bikes do we have?")
        clock.now += SECONDS_BETWEEN


def main() -> None:
    """Runs the outage, and prints its figures."""
    logging.getLogger("langchain_tuned_gemini").setLevel(logging.ERROR)  # each fallback is a line
    figures, clock = Figures(), Clock()
    with Emulator() as gemini:
        gemini.add_tuned_model(MODEL, examples=TRAIN)
        tuned = ChatTunedGemini(model=MODEL, api_key="any-key", base_url=gemini.base_url)
        circuit = CircuitBreaker(tuned.circuit_key, clock=clock, chance=lambda: 0.5)
        robust = tuned.with_few_shot_fallback(
            "gemini-2.5-flash", examples=TRAIN, circuit_breaker=circuit
        )
        print("circuit.state")
        for state, minutes in MINUTES:
            if state == "503":
                gemini.fault(model=MODEL, status=503)
            else:
                gemini.clear_faults()
            ask_for(minutes, robust, clock)
            print(f"  {f'{minutes} minutes {state}':<27}{figures.circuit()}")
    figures.show("requests", "answered_by", "reason")
    figures.show("attempts", "model", "outcome", "error.type")
    figures.show_delay()
    figures.show("circuit.transitions", "from", "to", "reason")


if __name__ == "__main__":
    main()
