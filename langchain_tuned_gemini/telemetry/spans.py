"""A call of a fallback model: who answered it, and a span for each attempt.

A span is to be current only while the model computes, never while a stream is in the hands of its
consumer: a context that was attached across a `yield` would stay behind in the consumer's code.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import (
    NoOpTracerProvider,
    ProxyTracerProvider,
    Span,
    StatusCode,
    Tracer,
    get_current_span,
    get_tracer,
    get_tracer_provider,
    set_span_in_context,
)

from langchain_tuned_gemini.provenance import AttemptRecord, Role
from langchain_tuned_gemini.telemetry.isolation import ending, harmless, is_aside, starting
from langchain_tuned_gemini.telemetry.metrics import (
    ATTEMPTS,
    FALLBACK_DELAY,
    OTHER,
    REQUESTS,
    known,
    record,
    scope,
)

_CANCELLED: Final = "cancelled"
_NOTHING: Final = nullcontext()


class Request:
    """One call of a fallback model, which is counted at its end.

    It begins when it is made. Its attempts may run side by side and in other threads; one that
    ends after the call is still recorded, and changes nothing about who answered.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self.started = clock()
        self.context = get_current()
        self.ended: list[tuple[AttemptRecord, float]] = []

    def skipped(self, attempt: AttemptRecord) -> None:
        """Tells of a model that was not asked."""
        AttemptSpan(self, attempt.model, attempt.role).end(attempt)

    def end(self, reason: str | None) -> None:
        """Counts the call by its attempts: how they ended, and after how long they had begun.

        Args:
            reason: Why the first model did not answer at once; what the answer says, too.
        """
        reason = known(reason) if reason else None
        answers = [one for one in self.ended if one[0].outcome == "ok"]
        if not answers:
            why = _why_it_ended(self.ended[-1][0]) if self.ended else OTHER
            record(REQUESTS, 1, {"answered_by": "none", "reason": why})
            return
        answer, delay = answers[0]
        record(REQUESTS, 1, {"answered_by": answer.role, "reason": reason})
        if answer.role != "tuned":
            record(FALLBACK_DELAY, delay, {"model": answer.model, "reason": reason})


class AttemptSpan:
    """One attempt: a span from now on, and a count when it has ended.

    The span is under the current one, or that of the call in another thread.
    """

    def __init__(self, request: Request, model: str, role: Role) -> None:
        self._request = request
        self._delay = request.clock() - request.started
        self._span: Span | None = None
        """None where nobody records it, or whoever does was too slow to begin it."""
        self.is_traced = _is_traced()
        if self.is_traced:
            starting.run(functools.partial(self._start, model, role, time.time_ns()))

    def end(self, attempt: AttemptRecord) -> None:
        """Ends it, as it went."""
        self._request.ended.append((attempt, self._delay))
        is_cancelled = attempt.outcome == _CANCELLED
        error_type = None if is_cancelled else attempt.error_type
        what = {"model": attempt.model, "role": attempt.role, "outcome": attempt.outcome}
        record(ATTEMPTS, 1, {**what, "error.type": error_type})
        if self.is_traced:
            ending.run(functools.partial(self._end, attempt, error_type, time.time_ns()))

    def _start(self, model: str, role: Role, started_at: int) -> None:
        span = _tracer().start_span(
            f"attempt {model}",
            _context_within(self._request.context),
            attributes={"tuned_gemini.model": model, "tuned_gemini.role": role},
            start_time=started_at,
        )
        if span.is_recording():
            self._span = span

    def _end(self, attempt: AttemptRecord, error_type: str | None, ended_at: int) -> None:
        if (span := self._span) is None:
            return
        with harmless:
            span.set_attribute("tuned_gemini.outcome", attempt.outcome)
            if reason := known(attempt.reason):
                span.set_attribute("tuned_gemini.reason", reason)
            if error_type:
                span.set_attribute("error.type", error_type)
                span.set_status(StatusCode.ERROR)  # without the text, which may be anybody's
        span.end(ended_at)

    @property
    def is_recorded(self) -> bool:
        """Whether anybody sees it."""
        return self._span is not None

    def current(self) -> AbstractContextManager[Any]:
        """Makes the model's own spans children of this one; nothing may be yielded inside."""
        return _NOTHING if self._span is None else _attached(self._span)


@contextmanager
def _attached(span: Span) -> Iterator[None]:
    """`use_span` would ask the span in the call's own thread, and it is anybody's code."""
    token = attach(set_span_in_context(span))
    try:
        yield
    finally:
        detach(token)


def _why_it_ended(attempt: AttemptRecord) -> str:
    """Why a call has ended with this attempt, and without an answer."""
    if attempt.outcome == _CANCELLED:
        return _CANCELLED
    return known(attempt.reason) or OTHER


def _context_within(call: Context) -> Context:
    """The current context, unless this is a thread that has none."""
    current = get_current()
    return current if get_current_span(current).get_span_context().is_valid else call


def _is_traced() -> bool:
    """Whether the application records spans, and it is not what records them that calls."""
    try:
        provider = get_tracer_provider()
    except Exception:  # it loads what is plugged in
        with harmless:
            raise
        return False
    is_recorded = not isinstance(provider, ProxyTracerProvider | NoOpTracerProvider)
    return is_recorded and not is_aside()


@functools.cache
def _tracer() -> Tracer:
    return get_tracer(*scope())
