"""One run: one contestant in one scenario, in a process of its own with an emulator of its own.

Nothing is left of one run for the next: no circuit, no cooldown, no connection.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from benchmarks.scorecard.contestants import ALL, Asker
from benchmarks.scorecard.outcomes import Outcome, judge, worst
from benchmarks.scorecard.scenarios import Mode, Scenario
from benchmarks.scorecard.service import service

# For the imports, the first call, and what the watchdog itself does not bound.
_GRACE = 60.0
# For a contestant's process to end by itself.
_LAST_WORDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run showed.

    Attributes:
        contestant: Its key.
        scenario: The scenario's id.
        mode: How it was asked.
        outcome: The worst outcome of its calls.
        calls: The outcomes of the calls.
        seconds: How long all calls took.
        sick_requests: How many requests reached the model that failed.
        words: How many words were handed out in the last call.
        error: The last exception, class and message.
    """

    contestant: str
    scenario: str
    mode: Mode
    outcome: Outcome
    calls: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    sick_requests: int = 0
    words: int = 0
    error: str | None = None


@dataclass(slots=True)
class Report:
    """What a contestant's process tells; filled as the calls go on."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    words: int = 0
    error: str | None = None


def measure(contestant: str, scenario: Scenario, mode: Mode, *, watchdog: float) -> Result:
    """Runs one contestant in one scenario.

    Args:
        contestant: Its key.
        scenario: What goes wrong.
        mode: How it is asked.
        watchdog: After how many seconds the run is ended.
    """
    report, sick_requests = _run(contestant, scenario, mode, watchdog)
    return Result(
        contestant=contestant,
        scenario=scenario.id,
        mode=mode,
        outcome=worst(report.outcomes or [Outcome.NOT_MEASURED]),
        calls=tuple(report.outcomes),
        seconds=report.seconds,
        sick_requests=sick_requests,
        words=report.words,
        error=report.error,
    )


def _run(key: str, scenario: Scenario, mode: Mode, watchdog: float) -> tuple[Report, int]:
    """What the contestant's process told, and how many requests the sick model got meanwhile."""
    context = multiprocessing.get_context("spawn")
    sick = ALL[key].sick
    with service() as gemini:
        ours, theirs = context.Pipe()
        asked = (theirs, key, gemini.address, mode, scenario.calls, watchdog)
        process = context.Process(target=_take_part, args=asked, daemon=True)
        process.start()
        try:
            report = _receive(ours, _GRACE)
            before = gemini.requests(sick)
            if report is None:
                gemini.break_(sick, scenario.faults[mode], deletes=scenario.deletes)
                ours.send(None)
                report = _receive(ours, watchdog + _GRACE)
            return report or Report(), gemini.requests(sick) - before
        finally:
            process.join(_LAST_WORDS)
            process.kill()


def _receive(pipe: Connection, timeout: float) -> Report | None:
    """What the contestant's process says; None is that it is ready."""
    try:
        if pipe.poll(timeout):
            report: Report | None = pipe.recv()
            return report
    except EOFError:
        return Report(error="its process died")
    return Report(error=f"its process said nothing for {timeout:.0f} s")


def _take_part(
    pipe: Connection, key: str, address: str, mode: Mode, calls: int, watchdog: float
) -> None:
    """The contestant's process: one call while all is well, then those that count."""
    warnings.simplefilter("ignore")
    _be_quiet()
    contestant = ALL[key]
    report = Report()
    try:
        asker = contestant.set_up(address)
        outcome = _call(asker, mode, contestant.packages, healthy := Report())
    except Exception as error:  # a peer may raise anything, and then it can't take part
        pipe.send(Report(error=_told(error)))
        return
    if outcome is not Outcome.COMPLETE:
        pipe.send(Report(error=f"{outcome} while all is well: {healthy.error}"))
        return
    pipe.send(None)
    pipe.recv()

    def run() -> None:
        for _ in range(calls):
            report.outcomes.append(_call(asker, mode, contestant.packages, report))

    thread = threading.Thread(target=run, daemon=True)
    start = time.perf_counter()
    thread.start()
    thread.join(watchdog)
    report.seconds = time.perf_counter() - start
    if is_hanging := thread.is_alive():
        report.outcomes.append(Outcome.HANG)
    pipe.send(report)
    if is_hanging:  # threads that still wait for a silent server would keep the process alive
        os._exit(0)


def _call(asker: Asker, mode: Mode, packages: frozenset[str], report: Report) -> Outcome:
    pieces: list[str] = []
    finish_reason: str | None = None
    error: Exception | None = None

    def hand_out(text: str, reason: str | None) -> None:
        nonlocal finish_reason
        pieces.append(text)
        finish_reason = reason or finish_reason
        report.words = len("".join(pieces).split())

    report.words = 0
    try:
        asker.ask(mode, hand_out)
    except Exception as raised:  # what is raised is what is measured
        error = raised
        report.error = _told(raised)
    return judge("".join(pieces), error, finish_reason=finish_reason, packages=packages)


def _told(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}: {error}"[:300]


def _be_quiet() -> None:
    """Logs and advice of the contestants would break the table."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
