"""An emulator in a process of its own, so that its work is not counted as ours."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from langchain_tuned_gemini.emulator import Emulator

TUNED = "tunedModels/next-number"
BASE = "gemini-2.5-flash"
KEY = "any-key"
EXAMPLES = [
    {"text_input": f"what comes after {n}", "output": f"after {n} comes {n + 1} " + "word " * 60}
    for n in range(40)
]


def _serve(pipe: Connection, latency: float) -> None:
    with Emulator(latency=latency) as gemini:
        gemini.add_tuned_model(TUNED, examples=EXAMPLES)
        pipe.send(gemini.base_url)
        while (order := pipe.recv()) is not None:
            match order:
                case "connections":
                    pipe.send(gemini.connections)
                case {**fault}:
                    gemini.clear_faults()
                    if fault:
                        gemini.fault(model=TUNED, **fault)
                    pipe.send(None)


@contextmanager
def serving(latency: float = 0.0) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Serves, and yields the address and a function that gives the emulator orders.

    An order is `"connections"`, which answers how many were accepted, or a fault's parameters,
    which replace the fault before.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, latency), daemon=True)
    process.start()

    def order(what: Any) -> Any:
        ours.send(what)
        return ours.recv()

    try:
        yield ours.recv(), order
    finally:
        ours.send(None)
        process.join(5)
