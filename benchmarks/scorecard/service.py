"""The emulator in a process of its own, for one run."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.scorecard.task import TRAINING_SET, TUNED
from langchain_tuned_gemini.emulator import Emulator

_GENERATE = frozenset({"generateContent", "streamGenerateContent"})
_GONE = "models/{} is not found for API version v1beta, or is not supported for generateContent."


class Service:
    """Gives the emulator in the other process its orders.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.address: str = pipe.recv()

    def break_(self, model: str, faults: list[dict[str, Any]], *, deletes: bool) -> None:
        """Lets things go wrong with a model from now on."""
        if deletes and model == TUNED:
            self._order("delete", model)
        elif deletes:
            self._order("fault", {"model": model, "status": 404, "message": _GONE.format(model)})
        for fault in faults:
            self._order("fault", {"model": model, **fault})

    def requests(self, model: str) -> int:
        """How many requests for an answer reached a model so far."""
        return int(self._order("requests", model))

    def _order(self, what: str, value: Any) -> Any:
        self._pipe.send((what, value))
        return self._pipe.recv()


@contextmanager
def service() -> Iterator[Service]:
    """Serves, with the tuned model in place."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield Service(ours)
    finally:
        ours.send(("stop", None))
        process.join(5)
        process.kill()


def _serve(pipe: Connection) -> None:
    # asyncio warns of each chunk that is sent to a client that has gone.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=TRAINING_SET)
        pipe.send(gemini.base_url)
        while True:
            match pipe.recv():
                case "fault", fault:
                    pipe.send(gemini.fault(**fault).hits)
                case "delete", name:
                    gemini.delete_tuned_model(name)
                    pipe.send(None)
                case "requests", model:
                    asked = (r for r in gemini.requests if r.call in _GENERATE)
                    pipe.send(sum(r.model in {model, f"models/{model}"} for r in asked))
                case _:
                    return
