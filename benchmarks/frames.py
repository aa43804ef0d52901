"""How long the trip of a call is: the package's frames, files and changes of file.

Calls of functions count, and generators each time that they go on. Coroutines count once, however
often the event loop wakes them. Comprehensions don't: from Python 3.12 on they are no frames.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import langchain_tuned_gemini
from benchmarks.results import record
from benchmarks.serving import BASE, EXAMPLES, KEY, TUNED, serving
from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitPolicy

QUESTION = "what comes after 7"
PACKAGE = f"{Path(langchain_tuned_gemini.__file__).parent}/"
REPEATS = 15
COMPREHENSIONS = {"<dictcomp>", "<genexpr>", "<listcomp>", "<setcomp>"}

Trip = list[CodeType]
"""What was called, in order."""


@contextmanager
def travelling() -> Iterator[Trip]:
    """Notes the frames of this thread inside."""
    trip: Trip = []
    awaited: list[FrameType] = []  # they are kept: a new frame must not be taken for an old one

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        path, name = code.co_filename, code.co_name
        if event != "call" or not path.startswith(PACKAGE) or name in COMPREHENSIONS:
            return
        if code.co_flags & inspect.CO_COROUTINE:
            if any(frame is one for one in awaited):
                return
            awaited.append(frame)
        trip.append(code)

    sys.setprofile(note)
    try:
        yield trip
    finally:
        sys.setprofile(None)


def trip_of(call: Callable[[], Any]) -> Trip:
    """The shortest trip of some: the first call connects, and a chunk may arrive in two pieces."""
    return min((_one(call) for _ in range(REPEATS)), key=len)


def atrip_of(call: Callable[[], Awaitable[Any]]) -> Trip:
    """The same of an asynchronous call."""

    async def one() -> Trip:
        with travelling() as trip:
            await call()
        return trip

    async def some() -> Trip:
        return min([await one() for _ in range(REPEATS)], key=len)

    return asyncio.run(some())


def _one(call: Callable[[], Any]) -> Trip:
    with travelling() as trip:
        call()
    return trip


def figures(trip: Trip) -> dict[str, int]:
    """How many frames and files, and how often a frame is of another file than the last one."""
    files = [code.co_filename for code in trip]
    changes = sum(one != other for one, other in pairwise(files))
    return {"frames": len(trip), "files": len(set(files)), "changes": changes}


def of_each_chunk(trip: Trip, chunks: int) -> dict[str, int]:
    """How many frames come once for each chunk of a stream, but perhaps the last one's."""
    return {"frames": sum(count // (chunks - 1) for count in Counter(trip).values())}


async def _drain(model: FallbackChatModel) -> None:
    async for _ in model.astream(QUESTION):
        pass


def measure(address: str, fail: Callable[[], Any]) -> dict[str, dict[str, int]]:
    """The trips of a call, of a failing one, and what each chunk adds.

    Args:
        address: Where the models are.
        fail: Has the tuned model answer 503 from now on.
    """
    tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
    robust = tuned.with_few_shot_fallback(BASE, examples=EXAMPLES)
    chunks = sum(1 for _ in robust.stream(QUESTION))
    invoke = trip_of(lambda: robust.invoke(QUESTION))
    ainvoke = atrip_of(lambda: robust.ainvoke(QUESTION))
    stream = trip_of(lambda: list(robust.stream(QUESTION)))
    astream = atrip_of(lambda: _drain(robust))
    fail()
    patient = CircuitBreaker("frames", policy=CircuitPolicy(failures=100, outcomes=100))
    robust = tuned.with_few_shot_fallback(
        BASE, examples=EXAMPLES, circuit_breaker=patient, retry_budget=RetryBudget(tokens=1000)
    )
    return {
        "invoke": figures(invoke),
        "ainvoke": figures(ainvoke),
        "chunk": of_each_chunk(stream, chunks),
        "achunk": of_each_chunk(astream, chunks),
        "503": figures(trip_of(lambda: robust.invoke(QUESTION))),
        "a503": figures(atrip_of(lambda: robust.ainvoke(QUESTION))),
    }


NAMES = {
    "invoke": "invoke",
    "ainvoke": "ainvoke",
    "chunk": "chunk of a stream",
    "achunk": "chunk of an astream",
    "503": "503, twice, then the base",
    "a503": "the same, async",
}


def main() -> None:
    """Prints the trips."""
    with serving() as (address, order):
        trips = measure(address, lambda: order({"status": 503}))
    print(f"{'Trip through the package':28} {'frames':>8} {'files':>7} {'changes':>9}")
    for kind, one in trips.items():
        files, changes = one.get("files", ""), one.get("changes", "")
        print(f"{NAMES[kind]:28} {one['frames']:8} {files:>7} {changes:>9}")
    record("frames", trips)


if __name__ == "__main__":
    main()
