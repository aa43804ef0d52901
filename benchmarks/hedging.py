"""What hedging does for the slowest calls: 3 in 100 calls of the tuned model take 25 times as long.

The share and the ratio are what is known of hosted models' tails; all durations are scaled down.
"""

from __future__ import annotations

import logging
import random
import statistics
import time

from benchmarks.results import record
from benchmarks.serving import BASE, EXAMPLES, KEY, TUNED, serving
from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgeAfter

CALLS = 500
USUAL = 0.02
SLOW = 0.5
SHARE = 0.03
QUESTION = "what comes after 7"


def measure(hedge_after: HedgeAfter | None) -> dict[str, float]:
    """Prints how long the calls took, and how many of them asked the base model, too."""
    chance, durations, hedges = random.Random(7), [], 0
    with serving(latency=USUAL) as (address, order):
        tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
        robust = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES, hedge_after=hedge_after)
        for _ in range(CALLS):
            order({"delay": SLOW, "times": 1} if chance.random() < SHARE else {})
            start = time.perf_counter()
            answer = robust.invoke(QUESTION)
            durations.append((time.perf_counter() - start) * 1e3)
            hedges += answer.response_metadata["tuned_gemini"]["hedge"] is not None
    cuts = statistics.quantiles(durations, n=100)
    print(
        f"{hedge_after or 'never'!s:>12} {cuts[49]:8.0f} {cuts[94]:8.0f} {cuts[97]:8.0f}"
        f" {cuts[98]:8.0f} {hedges / CALLS:12.1%}"
    )
    return {"p99_ms": round(cuts[98]), "more_calls": round(hedges / CALLS, 3)}


def main() -> None:
    """Compares no hedge, a fixed delay and the running percentile."""
    logging.getLogger("langchain_tuned_gemini").setLevel(logging.ERROR)
    print(f"{'hedge_after':>12} {'p50, ms':>8} {'p95':>8} {'p98':>8} {'p99':>8} {'more calls':>12}")
    settings: tuple[HedgeAfter | None, ...] = (None, 2 * USUAL, "p95")
    record("hedging", {str(hedge_after): measure(hedge_after) for hedge_after in settings})


if __name__ == "__main__":
    main()
