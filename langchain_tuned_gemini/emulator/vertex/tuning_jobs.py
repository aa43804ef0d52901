"""`tuningJobs`: create, get, list, cancel. There is no way to delete one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.state.tuning_job import (
    OVER,
    JobState,
    Standing,
    TuningJobRecord,
)
from langchain_tuned_gemini.emulator.vertex.create_tuning_job import new_job
from langchain_tuned_gemini.emulator.vertex.lookup import found, listed, name_of
from langchain_tuned_gemini.emulator.vertex.tuning_job_resource import tuning_job

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.state.store import Store

_FILTERS = {
    "state": "state",
    "baseModel": "baseModel",
    "displayName": "tunedModelDisplayName",
    "tunedModelDisplayName": "tunedModelDisplayName",
}


def create(store: Store, call: MethodCall) -> JsonObject:
    """Starts a tuning job, and answers with it as it is PENDING, even if it is done at once."""
    parent = name_of(store, call).rpartition("/")[0]
    job = new_job(store, parent, call.body)
    store.vertex.jobs[job.name] = job
    return tuning_job(job, Standing(JobState.PENDING, job.create_time), call.version, None)


def get(store: Store, call: MethodCall) -> JsonObject:
    """One tuning job."""
    return _shown(store, call, _find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the tuning jobs of a location."""
    return listed(
        store,
        call,
        "tuningJobs",
        store.vertex.jobs,
        created=lambda job: job.create_time,
        shown=lambda job: _shown(store, call, job),
        fields=_FILTERS,
    )


def cancel(store: Store, call: MethodCall) -> JsonObject:
    """Asks for the end of a job; of one that has ended it changes nothing.

    The reference calls it "a best effort"; what it answers for a job that has ended is not
    published.
    """
    job, now = _find(store, call), store.now()
    standing = store.vertex.standing(job, now)
    if standing.state not in OVER | {JobState.CANCELLING}:
        cancelling = job.put_into(standing, JobState.CANCELLING, now)
        store.vertex.change_job(job, standing=replace(cancelling, cancels=True))
    return {}


def _find(store: Store, call: MethodCall) -> TuningJobRecord:
    return found(store, call, store.vertex.jobs.get(name_of(store, call)))


def _shown(store: Store, call: MethodCall, job: TuningJobRecord) -> JsonObject:
    vertex = store.vertex
    standing = vertex.standing(job, store.now())
    return tuning_job(job, standing, call.version, vertex.delivered(job))
