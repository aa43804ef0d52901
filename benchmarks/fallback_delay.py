"""How long the fallback's answer takes when the tuned model fails: 20 runs for each fault."""

from __future__ import annotations

import logging
import statistics
import time

from benchmarks.results import record
from benchmarks.serving import BASE, EXAMPLES, KEY, TUNED, serving
from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.testing import ScriptedChatModel

RUNS = 20
TIMEOUT = 0.5
QUESTION = "what comes after 7"


def measure(what: str, robust: FallbackChatModel) -> float:
    """Prints the time to the answer, and returns what of it is not the base model's own."""
    totals, added = [], []
    for _ in range(RUNS):
        start = time.perf_counter()
        answer = robust.invoke(QUESTION)
        total = time.perf_counter() - start
        attempts = answer.response_metadata["tuned_gemini"]["attempts"]
        totals.append(total * 1e3)
        added.append((total - attempts[-1]["duration_s"]) * 1e3)
    print(
        f"{what:28} {statistics.median(totals):8.1f} {max(totals):8.1f}"
        f" {statistics.median(added):12.1f} {max(added):8.1f}"
    )
    return round(statistics.median(added), 1)


def main() -> None:
    """Measures each fault."""
    delays = {}
    logging.getLogger("langchain_tuned_gemini").setLevel(logging.ERROR)
    print(f"{RUNS} runs, ms{'':16} {'median':>8} {'max':>8} {'before base':>12} {'max':>8}")
    with serving() as (address, order):
        tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address, timeout=TIMEOUT)
        # Without the circuit, which would spare most of these calls the tuned model.
        robust = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, circuit_breaker=False)
        robust.invoke(QUESTION)
        for what, fault in {
            "503": {"status": 503},
            "429": {"status": 429},
            f"hang (timeout={TIMEOUT})": {"hang": True},
            "connection reset": {"reset": True},
        }.items():
            order(fault)
            delays[what] = measure(what, robust)
    with Emulator() as gone:
        address = gone.base_url
    tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
    base = ScriptedChatModel(answers=["from another provider"])
    robust = tuned.with_few_shot_fallback(base, examples=EXAMPLES, circuit_breaker=False)
    delays["connection refused"] = measure("connection refused", robust)
    record("fallback_delay", delays)


if __name__ == "__main__":
    main()
