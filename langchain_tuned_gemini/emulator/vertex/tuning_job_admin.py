"""What a test does to tuned models of Vertex AI behind the API's back: add, move, remove."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.places import LOCATIONS
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.model.examples import read_examples
from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
from langchain_tuned_gemini.emulator.progression import SECOND, manual
from langchain_tuned_gemini.emulator.vertex.progress import (
    CANCELLED,
    FAILED,
    Progress,
    ended_as_cancelled,
    stand,
)
from langchain_tuned_gemini.emulator.vertex.tuning_job import (
    DELIVERS,
    MOST_CHECKPOINTS,
    OVER,
    Error,
    JobState,
    Standing,
    TuningJobRecord,
    TuningState,
    checkpoint_count,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.store import World

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


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexSeed:
    """A tuned model to be added; the fields are described at `Emulator.add_vertex_model`."""

    name: str
    examples: Examples
    state: str
    base_model: str
    job: str | None
    model: str | None
    checkpoints: int
    display_name: str
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)
    create_time: float | None
    error: tuple[int, str] | None


def add(world: World, seed: VertexSeed) -> VertexModel:
    """Adds a tuned model with its job in a state.

    Raises:
        ValueError: A name of another form or already there, or a state or a base model that
            does not exist.
    """
    registry = world.vertex
    name = _name(registry.canonical(seed.name) if "/" in seed.name else seed.name)
    job_id = name.id if name.kind == "tuningJobs" else _last(seed.job) or registry.new_id()
    endpoint_id = name.id if name.kind == "endpoints" else registry.new_id()
    _check_free(
        world, f"{name.parent}/tuningJobs/{job_id}", f"{name.parent}/endpoints/{endpoint_id}"
    )
    base = _base_model(world, seed.base_model)
    epochs = max(seed.checkpoints, 1)
    count = _checkpoints(seed.checkpoints)
    job = TuningJobRecord(
        name=f"{name.parent}/tuningJobs/{job_id}",
        base_model=base,
        create_time=world.now() if seed.create_time is None else int(seed.create_time * SECOND),
        progression=manual(),
        examples=ExampleIndex(read_examples(seed.examples)),
        training_uri=SEEDED_URI,
        endpoint_ids=(*(registry.new_id() for _ in range(count - 1)), endpoint_id),
        model_id=_last(seed.model) or registry.new_id(),
        display_name=seed.display_name,
        description=seed.description,
        labels=dict(seed.labels),
        epochs=epochs,
        last_checkpoint_only=not seed.checkpoints,
    )
    before = registry.progress(job, job.create_time)
    registry.change_job(job, standing=_standing(before, seed.state, job.create_time, seed.error))
    registry.settle(world.now())
    return names_of(registry.jobs[job.name])


def names_of(job: TuningJobRecord) -> VertexModel:
    """All names that belong to a job."""
    parent = ResourceName.parse(job.name).parent
    endpoints = tuple(f"{parent}/endpoints/{endpoint_id}" for endpoint_id in job.endpoint_ids)
    return VertexModel(
        job=job.name,
        endpoint=endpoints[-1],
        model="" if job.version is None else f"{parent}/models/{job.model_id}@{job.version}",
        checkpoints=() if job.last_checkpoint_only else endpoints,
    )


def set_state(world: World, name: str, state: str, error: tuple[int, str] | None) -> None:
    """Puts a job into a state, now. What it has delivered comes and goes with it."""
    registry, job, now = world.vertex, find(world, name), world.now()
    standing = _standing(registry.progress(job, now), state, now, error)
    if standing.state not in DELIVERS:
        job = registry.withdraw(job)
    registry.change_job(job, standing=standing)
    registry.settle(now)


def advance(world: World, name: str, steps: int | None) -> None:
    """Makes tuning steps by hand; to the end without a number."""
    registry, job, now = world.vertex, find(world, name), world.now()
    progress = registry.progress(job, now)
    if progress.state in OVER:
        msg = f"{job.name} is {progress.state}: only a job that has not ended can advance"
        raise ValueError(msg)
    missing = job.total_steps - progress.completed_steps
    if job.standing is not None and job.standing.cancels:
        changes: dict[str, object] = {"standing": ended_as_cancelled(job.standing, now)}
    elif steps is not None and steps < missing:
        made = progress.completed_steps + steps
        changes = {"steps_by_hand": made, "standing": None}
    elif job.fails is not None:
        changes = {"standing": stand(progress, JobState.FAILED, now, error=job.fails)}
    else:
        changes = {"standing": stand(progress, JobState.SUCCEEDED, now)}
    registry.change_job(job, **changes)
    registry.settle(now)


def delete(world: World, name: str) -> None:
    """Removes a tuned model and its endpoints; its job stays, as jobs do."""
    job = find(world, name)
    version = job.version
    world.vertex.change_job(world.vertex.withdraw(job), version=version)


def find(world: World, name: str) -> TuningJobRecord:
    """The job of this name, or the one that has, or will have, this endpoint or model.

    Raises:
        LookupError: There is none.
    """
    wanted = world.vertex.canonical(name)
    for job in world.vertex.jobs.values():
        names = names_of(job)
        model = names.model.partition("@")[0]
        if wanted in (names.job, names.model, model, *names.endpoints):
            return job
    known = ", ".join(sorted(world.vertex.jobs)) or "none at all"
    msg = f"the emulator has no tuning job or endpoint {name!r}; its jobs are: {known}"
    raise LookupError(msg)


def _name(text: str) -> ResourceName:
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


def _check_free(world: World, job: str, endpoint: str) -> None:
    jobs = world.vertex.jobs
    promised = {name for other in jobs.values() for name in names_of(other).endpoints}
    for name in {job, endpoint} & {*jobs, *promised, *world.vertex.endpoints}:
        msg = f"{name} is there already: choose another name"
        raise ValueError(msg)


def _base_model(world: World, name: str) -> str:
    base = name.rpartition("/")[2]
    if f"models/{base}" not in world.base_models:
        msg = f"the emulator knows no base model {base!r}: see Emulator.add_base_model"
        raise ValueError(msg)
    return base


def _checkpoints(wanted: int) -> int:
    if not 0 <= wanted <= MOST_CHECKPOINTS:
        msg = f"a tuned model has 0 to {MOST_CHECKPOINTS} checkpoints, not {wanted}"
        raise ValueError(msg)
    return checkpoint_count(max(wanted, 1), last_only=not wanted)


def _standing(before: Progress, state: str, time: int, error: tuple[int, str] | None) -> Standing:
    """A state by the name of a JobState, or of a TuningJobState, which makes the job RUNNING."""
    try:
        if state.startswith("TUNING_JOB_STATE_"):
            return stand(before, JobState.RUNNING, time, tuning=TuningState(state))
        wanted = JobState(state)
    except ValueError:
        names = ", ".join([*JobState, *TuningState])
        msg = f"a tuning job can't be {state!r}, only {names}"
        raise ValueError(msg) from None
    given = _ERRORS.get(wanted) if error is None else Error(*error)
    return stand(before, wanted, time, error=given)


def _last(name: str | None) -> str:
    return (name or "").rpartition("/")[2]
