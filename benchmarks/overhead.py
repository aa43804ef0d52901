"""What a call costs in CPU over a bare ChatGoogleGenerativeAI: both in turns, in one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from langchain_google_genai import ChatGoogleGenerativeAI

from benchmarks.results import record
from benchmarks.serving import BASE, EXAMPLES, KEY, TUNED, serving
from langchain_tuned_gemini import ChatTunedGemini

ROUNDS = 40
CALLS = 25


def cpu(call: Callable[[], Any]) -> float:
    """Seconds of CPU for one call."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(CALLS):
        call()
    spent = time.process_time() - start
    gc.enable()
    return spent / CALLS


def compare(what: str, ours: Callable[[], Any], bare: Callable[[], Any], unit: int = 1) -> float:
    """Prints the medians of both, and returns the median of the ratios of neighbours."""
    for call in (ours, bare):
        cpu(call)
    pairs = []
    for turn in range(ROUNDS):
        first, second = (ours, bare) if turn % 2 else (bare, ours)
        one, two = cpu(first), cpu(second)
        pairs.append((one, two) if turn % 2 else (two, one))
    mine, theirs = (statistics.median(side) / unit * 1e3 for side in zip(*pairs, strict=True))
    ratio = statistics.median(our / their for our, their in pairs)
    print(f"{what:24} {mine:8.3f} ms {theirs:8.3f} ms   x {ratio:.3f}")
    return ratio


def main() -> None:
    """Compares invoke and stream."""
    with serving() as (address, _):
        bare = ChatGoogleGenerativeAI(
            model=TUNED, api_key=KEY, base_url=address, max_retries=1, timeout=30
        )
        tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
        robust = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES)
        question = "what comes after 7"
        chunks = sum(1 for _ in bare.stream(question))
        print(f"{'CPU per call':24} {'ours':>11} {'bare':>11}   ratio")
        invoke = compare("invoke", lambda: robust.invoke(question), lambda: bare.invoke(question))
        chunk = compare(
            f"chunk of a stream ({chunks})",
            lambda: list(robust.stream(question)),
            lambda: list(bare.stream(question)),
            chunks,
        )
    record("overhead", {"invoke": round(invoke, 3), "chunk": round(chunk, 3)})


if __name__ == "__main__":
    main()
