"""How long `tuned-gemini` takes to say something: each run in a process of its own."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time

from langchain_tuned_gemini.emulator import Emulator

RUNS = 10
MODELS = 200


def seconds(*arguments: str, **environment: str) -> tuple[float, float]:
    """How long a command takes at best, and how much of a processor it takes as a rule.

    The first of several runs is left out: it warms the disk's cache.
    """
    taken, busy = [], []
    for _ in range(RUNS + 1):
        start, before = time.perf_counter(), _children()
        subprocess.run(
            [sys.executable, "-m", "langchain_tuned_gemini", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        taken.append(time.perf_counter() - start)
        busy.append(_children() - before)
    return min(taken[1:]), statistics.median(busy[1:])


def _children() -> float:
    """How long the processes that have ended kept a processor busy, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures the help, and lists of many models on both platforms."""
    with Emulator() as gemini:
        for number in range(MODELS):
            name = f"m-v{number}"
            gemini.add_tuned_model(f"tunedModels/{name}")
            job = f"projects/acme/locations/us-central1/tuningJobs/{number}"
            gemini.add_vertex_model(job, display_name=name)
        here = {"TUNED_GEMINI_BASE_URL": gemini.base_url}
        place = ("--project", "acme", "--location", "us-central1")
        for what, arguments in (
            ("--help", ("--help",)),
            ("list --help", ("list", "--help")),
            (f"list, {MODELS} models, Developer API", ("list",)),
            (f"list, {MODELS} models, Vertex AI", ("list", *place)),
        ):
            taken, busy = seconds(*arguments, **here)
            print(f"{what:36} {taken:.2f} s at best, {busy:.2f} s of a processor")


if __name__ == "__main__":
    main()
