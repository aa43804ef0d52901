"""Where a tuning job stands at one moment, computed from its record and the clock alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from langchain_tuned_gemini.emulator.progression import SECOND
from langchain_tuned_gemini.emulator.vertex.tuning_job import (
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
        cancellation: How many nanoseconds a cancellation takes that was asked for.
    """
    standing = job.standing
    if standing is None:
        return _natural(job, now)
    if standing.cancels and now >= standing.time + cancellation:
        return _progress(job, ended_as_cancelled(standing, standing.time + cancellation))
    return _progress(job, standing)


def stand(
    before: Progress,
    state: JobState,
    time: int,
    *,
    tuning: TuningState | None = None,
    error: Error | None = None,
) -> Standing:
    """A state that a job is put into, after what it has done before."""
    total, started, steps = before.job.total_steps, before.started, before.completed_steps
    match state:
        case JobState.QUEUED | JobState.PENDING:
            started, steps = None, 0
        case JobState.SUCCEEDED | JobState.PARTIALLY_SUCCEEDED:
            started, steps = time if started is None else started, total
        case JobState.CANCELLING | JobState.CANCELLED | JobState.EXPIRED:
            pass
        case _:
            started, steps = time if started is None else started, min(steps, max(total - 1, 0))
    return Standing(state, time, started, steps, tuning, error)


def cancelling(before: Progress, time: int) -> Standing:
    """What a job stands at that somebody asks to cancel."""
    return replace(stand(before, JobState.CANCELLING, time), cancels=True)


def ended_as_cancelled(standing: Standing, time: int) -> Standing:
    """The end of a cancellation."""
    cancelled = JobState.CANCELLED
    return replace(standing, state=cancelled, time=time, error=CANCELLED, cancels=False)


def _progress(job: TuningJobRecord, standing: Standing) -> Progress:
    return Progress(
        job,
        standing.state,
        standing.tuning,
        standing.completed_steps,
        standing.started,
        standing.time,
        standing.error,
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
