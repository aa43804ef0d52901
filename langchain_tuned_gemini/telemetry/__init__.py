"""What OpenTelemetry is told: who answered, what each attempt was, how the tuned model is.

Only OpenTelemetry's API is used. Without its SDK nothing is recorded; with it, whatever the
application has configured gets the metrics of `METRICS` and a span for each attempt. No prompt,
no answer, no key and no text of a server or of an exception is in any of them. Whatever raises,
waits or calls a model here affects no call: none of it runs in a thread that makes one.

Tokens and the duration of model calls are left to the instrumentations of LangChain and of
google-genai. They count `gen_ai.client.token.usage` already: a second count would be a wrong
bill. For the same reason no span here has a `gen_ai` attribute, from which backends conclude
that a model was called and paid for.

| module | its one idea |
| --- | --- |
| `metrics` | which metrics there are; what is counted waits there until they are collected |
| `spans` | a call of a fallback model: who answered it, and a span for each attempt |
| `states` | the states that live circuits and gates are in |
| `isolation` | what is plugged into OpenTelemetry runs beside the calls |
"""

from __future__ import annotations

from langchain_tuned_gemini.telemetry.metrics import (
    METRICS,
    circuit_changed,
    guard_failed,
    hedge,
    metrics_table,
)
from langchain_tuned_gemini.telemetry.spans import AttemptSpan, Request
from langchain_tuned_gemini.telemetry.states import Observed, circuits, gates

__all__ = [
    "METRICS",
    "AttemptSpan",
    "Observed",
    "Request",
    "circuit_changed",
    "circuits",
    "gates",
    "guard_failed",
    "hedge",
    "metrics_table",
]
