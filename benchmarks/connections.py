"""What a model object costs, and how many connections and seconds 1,000 calls take."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from langchain_google_genai import ChatGoogleGenerativeAI

from benchmarks.results import record
from benchmarks.serving import KEY, TUNED, serving
from langchain_tuned_gemini import ChatTunedGemini

CALLS = 1_000
IN_FLIGHT = 32
QUESTION = "what comes after 7"
Make = Callable[[str], Any]


def ours(address: str) -> Any:
    """A model of this package."""
    return ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)


def bare(address: str) -> Any:
    """Upstream's model."""
    return ChatGoogleGenerativeAI(model=TUNED, api_key=KEY, base_url=address, max_retries=1)


def construction(name: str, make: Make) -> float:
    """Times the first, the second and the tenth model, which it returns; all are kept."""
    times, models = [], []
    for _ in range(10):
        start = time.perf_counter()
        models.append(make("http://127.0.0.1:9"))
        times.append((time.perf_counter() - start) * 1e3)
    print(
        f"construction, {name:6} 1st {times[0]:6.1f}  2nd {times[1]:5.1f}  10th {times[9]:5.1f} ms"
    )
    return round(times[9], 1)


def many(name: str, make: Make, latency: float, options: dict[str, Any]) -> dict[str, str]:
    """Runs 1,000 calls, once with threads and once on an event loop, and says how it went."""
    outcomes = {}
    with serving(latency) as (address, order):
        for path, run in {
            "batch": lambda model: model.batch([QUESTION] * CALLS, options),
            "abatch": lambda model: asyncio.run(model.abatch([QUESTION] * CALLS, options)),
        }.items():
            before = order("connections")
            start = time.perf_counter()
            try:
                run(make(address))
            except Exception as error:  # a peer's failure is a result, too
                outcome = f"failed: {type(error).__name__}: {error}"[:60]
            else:
                outcome = f"{time.perf_counter() - start:.1f} s"
            outcomes[path] = outcome
            opened = order("connections") - before
            print(f"{CALLS} calls, {path:6} {name:6} {outcome:>12} {opened:5} connections")
    return outcomes


def main() -> None:
    """Compares."""
    makers = {"ours": ours, "bare": bare}
    built = {name: construction(name, make) for name, make in makers.items()}
    print(f"\n{IN_FLIGHT} in flight, answers at once")
    for name, make in makers.items():
        many(name, make, 0.0, {"max_concurrency": IN_FLIGHT})
    print("\nas many in flight as by default, answers after 200 ms")
    outcomes = {
        name: many(name, make, 0.2, {})
        for name, make in makers.items()
        if name == "ours" or "--quick" not in sys.argv
    }
    record("connections", {"tenth_model_ms": built, "thousand_calls": outcomes})


if __name__ == "__main__":
    main()
