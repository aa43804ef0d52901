"""A process of an application in which first one, then two instrumentations are switched on.

In a process of its own, because `uninstrument` leaves some of them in place. Prints as JSON what
each call has used and what OpenTelemetry was told of it.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.google_genai import GoogleGenAiSdkInstrumentor
from opentelemetry.instrumentation.langchain import LangchainInstrumentor

from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from tests.otel import Ask, Recording, ainvoke, astream, invoke, providers, stream

TUNED, BASE = "tunedModels/next-number", "gemini-2.5-flash"
EXAMPLES = [{"text_input": str(n), "output": str(n + 1)} for n in range(40)]
WAYS: list[Ask] = [invoke, ainvoke, stream, astream]


def used(answer: Any) -> dict[str, int]:
    """What the answer says that it has cost."""
    chunks = answer if isinstance(answer, list) else [answer]
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    return {kind: sum(one[f"{kind}_tokens"] for one in usages) for kind in ("input", "output")}


def tokens(recorded: Recording) -> list[dict[str, Any]]:
    """What was counted, by scope, model and kind of token."""
    return [
        {
            "scope": scope,
            "model": told.get("gen_ai.request.model") or told["gen_ai.response.model"],
            "kind": told["gen_ai.token.type"],
            "sum": point.sum,
        }
        for (scope, name), metric in recorded.metrics().items()
        if name == "gen_ai.client.token.usage"
        for point in metric.data.data_points
        for told in [dict(point.attributes)]
    ]


def spans(recorded: Recording) -> list[dict[str, Any]]:
    """The spans, in the order in which they began."""
    names = {span.context.span_id: span.name for span in recorded.spans() if span.context}
    return [
        {
            "name": span.name,
            "parent": names.get(span.parent.span_id) if span.parent else None,
            "scope": span.instrumentation_scope.name if span.instrumentation_scope else None,
            "attributes": list(span.attributes or {}),
        }
        for span in recorded.spans()
    ]


def look(ask: Ask, model: FallbackChatModel) -> dict[str, Any]:
    """Asks, and says what the call has used and what was told of it."""
    recorded = Recording()
    with trace.get_tracer("app").start_as_current_span("caller") as caller:
        spent = used(ask(model, "7"))
        is_clean = trace.get_current_span() is caller
    seen = {"spans": spans(recorded), "tokens": tokens(recorded)}
    recorded.stop()
    return {"way": ask.__name__, "used": spent, "is_clean": is_clean, **seen}


def main() -> None:
    """Asks a healthy model and one without quota, in each way, as each instrumentation is added."""
    providers()
    told = []
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=EXAMPLES)
        model = ChatTunedGemini(model=TUNED, api_key="any-key", base_url=gemini.base_url)
        robust = model.with_few_shot_fallback(BASE, examples=EXAMPLES, circuit_breaker=False)
        invoke(robust)  # the first call also asks for the model's state
        for instrumentor in (GoogleGenAiSdkInstrumentor(), LangchainInstrumentor()):
            # The one of google-genai 1.3b0 refuses google-genai 3, and works with it all the same.
            instrumentor.instrument(skip_dep_check=True)
            told += [look(ask, robust) for ask in WAYS]
            with gemini.fault(model=TUNED, status=429):
                told += [look(ask, robust) for ask in WAYS]
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
