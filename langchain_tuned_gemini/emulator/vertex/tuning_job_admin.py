"""Tuned models behind Vertex AI's back: a test adds, moves and removes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import Status
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, last_part
from langchain_tuned_gemini.emulator.model.examples import TrigramIndex, read_examples
from langchain_tuned_gemini.emulator.state.progression import manual
from langchain_tuned_gemini.emulator.state.tuning_job import (
    CANCELLED,
    DELIVERS,
    FAILED,
    MOST_CHECKPOINTS,
    OVER,
    JobState,
    Standing,
    TuningJobRecord,
    TuningState,
    checkpoint_count,
)
from langchain_tuned_gemini.tuned_models.locations import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.state.store import Store

TUNABLE = "gemini-3.5-flash"
SEEDED_URI = "gs://emulator/train.jsonl"
"""Where the training data of a model that was added, not created, is said to be."""

_KINDS = ("endpoints", "tuningJobs")
_ERRORS = {JobState.FAILED: FAILED, JobState.CANCELLED: CANCELLED}


@dataclass(frozen=True, slots=True)
class VertexModel:
    """The names of all that belongs to one tuned model of Vertex AI.

    Attributes:
        job: Its tuning job, `projects/P/locations/L/tuningJobs/J`.
        endpoint: Where it answers, `projects/P/locations/L/endpoints/E`. A job that has not
            succeeded has none yet; it will have this one.
        model: It in the registry with its version, `projects/P/locations/L/models/M@1`; empty
            until the job has succeeded.
        checkpoints: The endpoints of its checkpoints, the default one last; empty if it has
            none of its own.
    """

    job: str
    endpoint: str
    model: str
    checkpoints: tuple[str, ...]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Every endpoint that answers: one of each checkpoint, or the only one."""
        return self.checkpoints or (self.endpoint,)


def add_vertex_model(
    store: Store,
    name: str,
    *,
    examples: Examples = (),
    state: str = "JOB_STATE_SUCCEEDED",
    base_model: str = TUNABLE,
    job: str | None = None,
    model: str | None = None,
    checkpoints: int = 0,
    display_name: str = "",
    description: str = "",
    labels: Mapping[str, str] | None = None,
    create_time: float | None = None,
    error: tuple[int, str] | None = None,
) -> VertexModel:
    """Adds a tuned model to Vertex AI, with its tuning job, as if it had been tuned before.

    Args:
        store: The emulator's.
        name: Of its endpoint, `projects/P/locations/L/endpoints/E`, or of its job,
            `projects/P/locations/L/tuningJobs/J`. What is not named gets a new id.
        examples: What it has learnt: what `add_file` takes.
        state: The job's: any `JOB_STATE_…`, or a `TUNING_JOB_STATE_…` of a running one.
            Only a job that SUCCEEDED has a model and an endpoint.
        base_model: A base model that the emulator knows.
        job: The name or id of the job.
        model: The name or id of the model. If there is such a model, this is its next
            version.
        checkpoints: How many checkpoints it has, up to 10, each with its own endpoint;
            0 for a model that exports the last one only, which has no list of them.
        display_name: Of the model and of the endpoint.
        description: What it is for.
        labels: Of the job, the model and the endpoint.
        create_time: Seconds since the epoch; now by default.
        error: Code and message of a job that FAILED or was CANCELLED.

    Returns:
        The names of the job, the endpoint, the model and its checkpoints.

    Raises:
        ValueError: A name of another form or already there, or a state or a base model that
            does not exist.
    """
    vertex = store.vertex
    parsed = _parse(vertex.canonical(name) if "/" in name else name)
    job_id = parsed.id if parsed.kind == "tuningJobs" else last_part(job) or vertex.new_id()
    endpoint_id = parsed.id if parsed.kind == "endpoints" else vertex.new_id()
    if not 0 <= checkpoints <= MOST_CHECKPOINTS:
        msg = f"a tuned model has 0 to {MOST_CHECKPOINTS} checkpoints, not {checkpoints}"
        raise ValueError(msg)
    epochs = max(checkpoints, 1)
    count = checkpoint_count(epochs, last_only=not checkpoints)
    record = TuningJobRecord(
        name=f"{parsed.parent}/tuningJobs/{job_id}",
        base_model=store.base_model(f"models/{last_part(base_model)}").id,
        create_time=store.time_of(create_time),
        progression=manual(),
        examples=TrigramIndex(read_examples(examples)),
        training_uri=SEEDED_URI,
        endpoint_ids=(*(vertex.new_id() for _ in range(count - 1)), endpoint_id),
        model_id=last_part(model) or vertex.new_id(),
        display_name=display_name,
        description=description,
        labels=dict(labels or {}),
        epochs=epochs,
        last_checkpoint_only=not checkpoints,
    )
    _check_free(store, record)
    before = vertex.standing(record, record.create_time)
    standing = _standing(record, before, state, record.create_time, error)
    vertex.change_job(record, standing=standing)
    vertex.settle(store.now())
    return _names(vertex.jobs[record.name])


def set_state(store: Store, name: str, state: str, error: tuple[int, str] | None) -> None:
    """Puts a job into a state, now. What it has delivered comes and goes with it."""
    vertex, job, now = store.vertex, _find(store, name), store.now()
    standing = _standing(job, vertex.standing(job, now), state, now, error)
    if standing.state not in DELIVERS:
        job = vertex.withdraw(job)
    vertex.change_job(job, standing=standing)
    vertex.settle(now)


def advance(store: Store, name: str, steps: int | None) -> None:
    """Makes tuning steps by hand; to the end without a number."""
    vertex, job, now = store.vertex, _find(store, name), store.now()
    before = vertex.standing(job, now)
    if before.state in OVER:
        msg = f"{job.name} is {before.state}: only a job that has not ended can advance"
        raise ValueError(msg)
    if job.standing is not None and job.standing.cancels:
        vertex.change_job(job, standing=job.standing.cancelled(now))
    elif steps is not None and steps < job.total_steps - before.completed_steps:
        vertex.change_job(job, steps_by_hand=before.completed_steps + steps, standing=None)
    else:
        state = JobState.SUCCEEDED if job.fails is None else JobState.FAILED
        vertex.change_job(job, standing=job.put_into(before, state, now, error=job.fails))
    vertex.settle(now)


def delete(store: Store, name: str) -> None:
    """Removes a tuned model and its endpoints; its job stays, as jobs do."""
    job = _find(store, name)
    store.vertex.change_job(store.vertex.withdraw(job), version=job.version)


def _names(job: TuningJobRecord) -> VertexModel:
    return VertexModel(
        job=job.name,
        endpoint=job.endpoints[-1],
        model="" if job.version is None else f"{job.model}@{job.version}",
        checkpoints=() if job.last_checkpoint_only else job.endpoints,
    )


def _find(store: Store, name: str) -> TuningJobRecord:
    """The job of this name, or the one that has, or will have, this endpoint or model."""
    wanted = store.vertex.canonical(name)
    for job in store.vertex.jobs.values():
        models = () if job.version is None else (job.model, f"{job.model}@{job.version}")
        if wanted in (job.name, *models, *job.endpoints):
            return job
    known = ", ".join(sorted(store.vertex.jobs)) or "none at all"
    msg = f"the emulator has no tuning job or endpoint {name!r}; its jobs are: {known}"
    raise LookupError(msg)


def _parse(text: str) -> ResourceName:
    try:
        name = ResourceName.parse(text)
    except ValueError:
        name = None
    if name is None or name.kind not in _KINDS or not name.id or name.rest or name.version:
        msg = (
            "a tuned model of Vertex AI is projects/P/locations/L/endpoints/E or "
            f"…/tuningJobs/J, not {text!r}"
        )
        raise ValueError(msg)
    if name.location not in LOCATIONS:
        msg = f"Vertex AI has no location {name.location!r}"
        raise ValueError(msg)
    return name


def _check_free(store: Store, job: TuningJobRecord) -> None:
    jobs = store.vertex.jobs
    promised = {name for other in jobs.values() for name in other.endpoints}
    for name in {job.name, job.endpoints[-1]} & {*jobs, *promised, *store.vertex.endpoints}:
        msg = f"{name} is there already: choose another name"
        raise ValueError(msg)


def _standing(
    job: TuningJobRecord, before: Standing, state: str, time: int, error: tuple[int, str] | None
) -> Standing:
    """A state by the name of a JobState, or of a TuningJobState, which makes the job RUNNING."""
    try:
        if state.startswith("TUNING_JOB_STATE_"):
            return job.put_into(before, JobState.RUNNING, time, tuning=TuningState(state))
        wanted = JobState(state)
    except ValueError:
        names = ", ".join([*JobState, *TuningState])
        msg = f"a tuning job can't be {state!r}, only {names}"
        raise ValueError(msg) from None
    given = _ERRORS.get(wanted) if error is None else Status(*error)
    return job.put_into(before, wanted, time, error=given)
