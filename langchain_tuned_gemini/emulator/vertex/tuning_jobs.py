"""`tuningJobs`: create, get, list, cancel. There is no way to delete one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.vertex import tuning_job_resource
from langchain_tuned_gemini.emulator.vertex.create_tuning_job import new_job
from langchain_tuned_gemini.emulator.vertex.errors import missing
from langchain_tuned_gemini.emulator.vertex.lookup import listed, name_of
from langchain_tuned_gemini.emulator.vertex.progress import Progress, cancelling
from langchain_tuned_gemini.emulator.vertex.tuning_job import OVER, JobState, TuningJobRecord

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

_FILTERS = {
    "state": "state",
    "baseModel": "baseModel",
    "displayName": "tunedModelDisplayName",
    "tunedModelDisplayName": "tunedModelDisplayName",
}


def create(world: World, call: Call) -> JsonObject:
    """Starts a tuning job, and answers with it as it is PENDING, even if it is done at once."""
    parent = name_of(world, call).rpartition("/")[0]
    job = new_job(world, parent, call.body)
    world.vertex.jobs[job.name] = job
    pending = Progress(job, JobState.PENDING, None, 0, None, job.create_time)
    return tuning_job_resource.tuning_job(pending, call.version, None)


def get(world: World, call: Call) -> JsonObject:
    """One tuning job."""
    return _shown(world, call, _find(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the tuning jobs of a location."""
    return listed(
        world,
        call,
        "tuningJobs",
        world.vertex.jobs,
        created=lambda job: job.create_time,
        shown=lambda job: _shown(world, call, job),
        fields=_FILTERS,
    )


def cancel(world: World, call: Call) -> JsonObject:
    """Asks for the end of a job; of one that has ended it changes nothing.

    The reference calls it "a best effort"; what it answers for a job that has ended is not
    published.
    """
    job, now = _find(world, call), world.now()
    progress = world.vertex.progress(job, now)
    if progress.state not in OVER | {JobState.CANCELLING}:
        world.vertex.change_job(job, standing=cancelling(progress, now))
    return {}


def _find(world: World, call: Call) -> TuningJobRecord:
    job = world.vertex.jobs.get(name_of(world, call))
    if job is None:
        raise missing(world.vertex.canonical(call.name))
    return job


def _shown(world: World, call: Call, job: TuningJobRecord) -> JsonObject:
    registry = world.vertex
    tuned = registry.delivered(job)
    return tuning_job_resource.tuning_job(registry.progress(job, world.now()), call.version, tuned)


HANDLERS = {
    "tuningJobs.create": create,
    "tuningJobs.get": get,
    "tuningJobs.list": list_,
    "tuningJobs.cancel": cancel,
}
