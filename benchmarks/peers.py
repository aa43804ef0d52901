"""What a call costs while all is well, ours and its peers in turns, in one run: `make peers`.

All are asked the same question of the same server, a process of its own, and what is counted is
the CPU time of the asking process. Each is also asked without its fallback, so that what the
fallback adds stands apart from what its library costs anyhow.
"""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import time
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.results import record
from benchmarks.serving import BASE, EXAMPLES, KEY, TUNED, serving

# Read when it is imported: it would fetch its table of prices from the network.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

# LiteLLM puts every name behind /models/, so it can't address a tuned model: it asks this one,
# whose answer is shorter here.
INSTEAD_OF_TUNED = "gemini-3.5-flash"
QUESTION = "what comes after 7"
ROUNDS = 30
CALLS = 20

Ask = Callable[[], Any]
Run = Callable[[Coroutine[Any, Any, Any]], Any]


def langchain(address: str, _: Run) -> tuple[Ask, Ask]:
    """`with_fallbacks`, and the model alone."""
    from langchain_google_genai import ChatGoogleGenerativeAI

    model, base = (
        ChatGoogleGenerativeAI(
            model=name, api_key=KEY, base_url=address, max_retries=1, timeout=30, temperature=None
        )
        for name in (TUNED, BASE)
    )
    robust = model.with_fallbacks([base])
    return lambda: robust.invoke(QUESTION), lambda: model.invoke(QUESTION)


def ours(address: str, run: Run) -> tuple[Ask, Ask]:
    """A fallback model with its defaults, and upstream's model alone."""
    from langchain_tuned_gemini import ChatTunedGemini

    tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
    robust = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES)
    return lambda: robust.invoke(QUESTION), langchain(address, run)[1]


def litellm(address: str, run: Run) -> tuple[Ask, Ask]:
    """The Router, and `acompletion`; asynchronous, as its proxy uses them."""
    import litellm as library
    from litellm.router import Router

    library.suppress_debug_info = True
    at = {"api_base": f"{address}/v1beta", "api_key": KEY}
    router = Router(
        model_list=[
            {"model_name": name, "litellm_params": {"model": f"gemini/{model}", **at}}
            for name, model in {"first": INSTEAD_OF_TUNED, "second": BASE}.items()
        ],
        fallbacks=[{"first": ["second"]}],
    )
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    return (
        lambda: run(router.acompletion(model="first", messages=messages)),
        lambda: run(
            library.acompletion(model=f"gemini/{INSTEAD_OF_TUNED}", messages=messages, **at)
        ),
    )


def pydantic_ai(address: str, run: Run) -> tuple[Ask, Ask]:
    """An agent with a `FallbackModel`, and one with the model alone."""
    from pydantic_ai import Agent
    from pydantic_ai.models.fallback import FallbackModel
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(api_key=KEY, base_url=address)
    first, second = (GoogleModel(name, provider=provider) for name in (TUNED, BASE))
    robust, alone = Agent(FallbackModel(first, second)), Agent(first)
    return lambda: run(robust.run(QUESTION)), lambda: run(alone.run(QUESTION))


CONTESTANTS = {
    "this package": ours,
    "LangChain `with_fallbacks`": langchain,
    "pydantic-ai `FallbackModel`": pydantic_ai,
    "LiteLLM `Router`": litellm,
}


def cpu(ask: Ask) -> float:
    """Milliseconds of CPU for one call."""
    gc.collect()
    gc.disable()
    start = time.process_time()
    for _ in range(CALLS):
        ask()
    spent = time.process_time() - start
    gc.enable()
    return spent / CALLS * 1e3


def main() -> None:
    """Measures all in turns, and prints the medians."""
    warnings.simplefilter("ignore")
    with serving() as (address, _), asyncio.Runner() as runner:
        asks: dict[tuple[str, str], Ask] = {}
        for name, set_up in CONTESTANTS.items():
            asks[name, "robust"], asks[name, "alone"] = set_up(address, runner.run)
        for ask in asks.values():
            cpu(ask)
        times: dict[tuple[str, str], list[float]] = {key: [] for key in asks}
        for _ in range(ROUNDS):
            for key, ask in asks.items():
                times[key].append(cpu(ask))
    medians = {key: statistics.median(values) for key, values in times.items()}
    bare = medians["this package", "alone"]
    rows = []
    print(f"{'CPU of one invoke':30} {'with fallback':>14} {'alone':>10} {'added':>10}   of bare")
    for name in CONTESTANTS:
        robust, alone = medians[name, "robust"], medians[name, "alone"]
        figures = {"robust_ms": robust, "alone_ms": alone, "of_bare": robust / bare}
        rows.append({"name": name} | {key: round(value, 3) for key, value in figures.items()})
        print(
            f"{name:30} {robust:11.2f} ms {alone:7.2f} ms {robust - alone:7.2f} ms"
            f"   x {robust / bare:.2f}"
        )
    record("peers", rows)


if __name__ == "__main__":
    main()
