"""What OpenTelemetry's own SDK has been told, as plain data."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_tuned_gemini import FallbackChatModel
from langchain_tuned_gemini.telemetry.isolation import Aside, ending
from langchain_tuned_gemini.telemetry.metrics import catch_up

OURS = "langchain_tuned_gemini"

Ask = Callable[..., Any]
"""Asks a model something, in one of the ways in which models are asked."""


def invoke(model: FallbackChatModel, question: str = "Hi") -> Any:
    return model.invoke(question)


def ainvoke(model: FallbackChatModel, question: str = "Hi") -> Any:
    return asyncio.run(model.ainvoke(question))


def stream(model: FallbackChatModel, question: str = "Hi") -> Any:
    return list(model.stream(question))


def astream(model: FallbackChatModel, question: str = "Hi") -> Any:
    async def collect() -> Any:
        return [chunk async for chunk in model.astream(question)]

    return asyncio.run(collect())


every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


class Broken(SpanProcessor, AlwaysOnExemplarFilter):
    """What an application may plug into its SDK, and what may be broken."""

    error: BaseException | None = None
    """What it raises."""

    starts: Callable[[], object] | None = None
    """What it does with the beginning of each span."""

    does: Callable[[], object] | None = None
    """What it does with the end of each span, while it holds a lock."""

    samples: Callable[[], object] | None = None
    """What it does with each value that is recorded."""

    was_reentered: bool = False
    """Whether it was called while it held the lock, so that it would have waited for ever."""

    def __init__(self) -> None:
        self._is_locked = False

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.error:
            raise self.error
        if self.starts:
            self.starts()

    def on_end(self, span: Any) -> None:
        if self.error:
            raise self.error
        if self.does:
            self.was_reentered |= self._is_locked
            self._is_locked = True
            try:
                self.does()
            finally:
                self._is_locked = False

    def should_sample(self, *args: Any) -> bool:
        if self.error:
            raise self.error
        if self.samples:
            self.samples()
        return True


broken = Broken()


def until_done(aside: Aside) -> None:
    """Waits until a thread of the telemetry has done what it was given before."""
    is_done = threading.Event()
    aside.run(is_done.set)
    assert is_done.wait(10)


@functools.cache
def providers() -> tuple[MeterProvider, TracerProvider]:
    """Those of this process, which can be set only once."""
    meters, tracers = MeterProvider(exemplar_filter=broken), TracerProvider()
    tracers.add_span_processor(broken)
    metrics.set_meter_provider(meters)
    trace.set_tracer_provider(tracers)
    return meters, tracers


class Recording:
    """Everything that is recorded from now on."""

    def __init__(self) -> None:
        catch_up()  # with what others have left
        self._meters, tracers = providers()
        self._reader, self._exporter = InMemoryMetricReader(), InMemorySpanExporter()
        self._meters.add_metric_reader(self._reader)
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))

    def stop(self) -> None:
        self._meters.remove_metric_reader(self._reader)
        self._exporter.shutdown()
        self._exporter.clear()

    def metrics(self) -> dict[tuple[str, str], Metric]:
        """By the scope that recorded them and their names."""
        data = self._reader.get_metrics_data()
        return {
            (scope.scope.name, metric.name): metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str, scope: str = OURS) -> list[tuple[dict[str, Any], Any]]:
        """The attributes and the value of each point; of a histogram, its count."""
        metric = self.metrics().get((scope, name))
        points = metric.data.data_points if metric else ()
        return [
            (dict(point.attributes or {}), point.count if hasattr(point, "count") else point.value)
            for point in points
        ]

    def states_of(self, name: str, model: str) -> dict[str, int]:
        """How much of a model is in which state; what nothing is in is left out."""
        return {
            told["state"]: value
            for told, value in self.points(name)
            if told["model"] == model and value
        }

    def spans(self) -> list[ReadableSpan]:
        """The ended spans of all scopes, in the order of their beginning."""
        until_done(ending)
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def attempts(self) -> list[ReadableSpan]:
        """The ended spans of attempts."""
        return [
            span
            for span in self.spans()
            if span.instrumentation_scope and span.instrumentation_scope.name == OURS
        ]

    def everything(self) -> str:
        """All that this package has told, in one text."""
        spans = [span.to_json() for span in self.attempts()]
        told = [
            json.loads(m.to_json()) for (scope, _), m in self.metrics().items() if scope == OURS
        ]
        return json.dumps([spans, told])
