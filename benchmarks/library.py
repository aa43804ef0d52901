"""How long a library of 200 tuned models takes to list, with each SDK and on each platform."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.results import record
from benchmarks.serving import KEY
from langchain_tuned_gemini import (
    GenAIService,
    GenerativeAIService,
    ModelLibrary,
    Records,
    TunedModelService,
    VertexService,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.registry import VersionRecord

MODELS = 200
FAMILIES = 20
AT = "projects/acme/locations/us-central1"
ROUNDS = 5
EXAMPLES = [(str(number), str(number + 1)) for number in range(15)]


def _serve(pipe: Connection) -> None:
    with Emulator() as gemini:
        for number in range(MODELS):
            name = f"family-{number % FAMILIES}-v{number // FAMILIES + 1}"
            gemini.add_tuned_model(f"tunedModels/{name}", examples=EXAMPLES)
            gemini.add_vertex_model(
                f"{AT}/endpoints/{number + 1}", examples=EXAMPLES, display_name=name
            )
        pipe.send(gemini.base_url)
        pipe.recv()


@contextmanager
def serving() -> Iterator[str]:
    """200 models on each platform, in a process of their own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(5)


def recorded(path: Path) -> Records:
    """A file that has all of the Developer API's models."""
    records = Records(path)
    with records.edit() as (_, editor):
        for number in range(MODELS):
            family, label = f"family-{number % FAMILIES}", f"v{number // FAMILIES + 1}"
            version = VersionRecord(model=f"tunedModels/{family}-{label}")
            editor.add_version(family, label, version)
    return records


def timed(action: Callable[[], object]) -> float:
    """The median time of some rounds, after one that does not count, in seconds."""
    action()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Lists the library in each way."""
    with serving() as address, tempfile.TemporaryDirectory() as directory:
        records = recorded(Path(directory) / "tuned-models.toml")
        services: dict[str, TunedModelService] = {
            "google-genai": GenAIService.from_api_key(KEY, base_url=address),
            "google-generativeai": GenerativeAIService(KEY, address),
            "Vertex AI": VertexService("acme", "us-central1", api_key=KEY, base_url=address),
        }
        took = {}
        for name, service in services.items():
            library = ModelLibrary(service, records)
            listed = library.list()
            assert len(listed) == MODELS
            took[name] = timed(library.list)
            print(f"list of {MODELS} models, {name:20} {took[name] * 1e3:6.0f} ms")
        library = ModelLibrary(services["google-genai"], records)
        took["google-genai, async"] = timed(lambda: asyncio.run(library.alist()))
        print(f"... asynchronously {took['google-genai, async'] * 1e3:31.0f} ms")
        reading = timed(records.load)
        print(f"reading the records of {MODELS} versions {reading * 1e3:14.0f} ms")
        print(f"on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    record("library", {name: round(seconds, 3) for name, seconds in took.items()})


if __name__ == "__main__":
    main()
