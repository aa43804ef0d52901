"""Where a tuning job stands at one moment, computed from its record and the clock alone."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_tuned_gemini.emulator.progression import SECOND
from langchain_tuned_gemini.emulator.vertex.records import (
    ENDS,
    Error,
    JobState,
    Standing,
    TuningJobRecord,
    TuningState,
)

CANCELLED = Error(1, "The tuning job was cancelled.")
"""The code is Google's (discovery document, `tuningJobs.cancel`), the words are not."""

FAILED = Error(13, "The tuning job failed. Please try again.")
"""Code (INTERNAL) and message of a failed job: no public source shows a real one."""

# The parts of a job's duration. Only their order is Google's.
_PENDING_UNTIL = 0.1
_PROCESSING_UNTIL = 0.2
_TUNING_UNTIL = 0.9


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one tuning job stands.

    Attributes:
        job: The job.
        state: Its state.
        tuning: What it is at, while it is running.
        completed_steps: How many tuning steps are done.
        started: When it began to run, if it did.
        updated: When its state last changed.
        error: Why it failed, or that it was cancelled.
    """

    job: TuningJobRecord
    state: JobState
    tuning: TuningState | None
    completed_steps: int
    started: int | None
    updated: int
    error: Error | None = None

    @property
    def ended(self) -> int | None:
        """When it ended, if the reference gives this state an end time."""
        return self.updated if self.state in ENDS else None

    @property
    def completed_epochs(self) -> int:
        """How many times all examples were seen."""
        total = self.job.total_steps
        return self.completed_steps * self.job.epochs // total if total else 0


def progress_of(job: TuningJobRecord, now: int, cancellation: int) -> Progress:
    """Where this job stands now.

    Args:
        job: The job.
        now: Nanoseconds since the epoch.
        cancellation: How many nanoseconds it takes to cancel a job.
    """
    standing = job.standing
    if standing is None and job.cancelled_at is not None:
        standing = _cancellation(job.cancelled_at, now, cancellation)
    if standing is not None:
        return _stood(job, standing)
    return _natural(job, now)


def _cancellation(asked: int, now: int, duration: int) -> Standing:
    if now < asked + duration:
        return Standing(JobState.CANCELLING, asked)
    return Standing(JobState.CANCELLED, asked + duration, error=CANCELLED)


def _stood(job: TuningJobRecord, standing: Standing) -> Progress:
    """A job in a state that it was put into; it has made the steps that it had made by then."""
    before = _natural(job, standing.time)
    started, steps = before.started, before.completed_steps
    match standing.state:
        case JobState.QUEUED | JobState.PENDING:
            started, steps = None, 0
        case JobState.SUCCEEDED | JobState.PARTIALLY_SUCCEEDED:
            started, steps = started or job.create_time, job.total_steps
        case JobState.RUNNING | JobState.UPDATING | JobState.PAUSED:
            started = started or standing.time
            steps = min(steps, max(job.total_steps - 1, 0))
    return Progress(
        job, standing.state, standing.tuning, steps, started, standing.time, standing.error
    )


def _natural(job: TuningJobRecord, now: int) -> Progress:
    """Where the clock has brought a job, or steps that were made by hand, if those are more."""
    clocked = _clocked(job, now)
    if clocked.state in ENDS or job.steps_by_hand <= clocked.completed_steps:
        return clocked
    started = clocked.started or job.create_time
    return Progress(job, JobState.RUNNING, TuningState.TUNING, job.steps_by_hand, started, started)


def _clocked(job: TuningJobRecord, now: int) -> Progress:
    duration = job.progression.duration or 0
    share = job.progression.share(now - job.create_time)
    start = job.create_time + int(_PENDING_UNTIL * duration * SECOND)
    if share >= 1:
        return _over(job, start, job.create_time + int(duration * SECOND))
    if share < _PENDING_UNTIL:
        return Progress(job, JobState.PENDING, None, 0, None, job.create_time)
    done = (share - _PROCESSING_UNTIL) / (_TUNING_UNTIL - _PROCESSING_UNTIL)
    steps = int(max(0.0, min(1.0, done)) * job.total_steps)
    if share < _PROCESSING_UNTIL:
        tuning = TuningState.PROCESSING_DATASET
    else:
        tuning = TuningState.TUNING if share < _TUNING_UNTIL else TuningState.POST_PROCESSING
    return Progress(job, JobState.RUNNING, tuning, steps, start, start)


def _over(job: TuningJobRecord, start: int, end: int) -> Progress:
    if job.fails is not None:
        return Progress(job, JobState.FAILED, None, 0, start, end, job.fails)
    return Progress(job, JobState.SUCCEEDED, None, job.total_steps, start, end)
