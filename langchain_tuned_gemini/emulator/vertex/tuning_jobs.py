"""`tuningJobs`: create, get, list, cancel. There is no way to delete one.

Resources have their fields in the order of real bodies.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import mean, median
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact, number, timestamp
from langchain_tuned_gemini.emulator.model.prompts import estimate_tokens
from langchain_tuned_gemini.emulator.state.tuning_job import (
    DELIVERS,
    ENDS,
    OVER,
    CheckpointRecord,
    JobState,
    Standing,
    TuningJobRecord,
)
from langchain_tuned_gemini.emulator.vertex.create_tuning_job import new_job
from langchain_tuned_gemini.emulator.vertex.lookup import found, listed, name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.state.store import Store
    from langchain_tuned_gemini.emulator.state.vertex_store import ModelVersion

_FILTERS = {
    "state": "state",
    "baseModel": "baseModel",
    "displayName": "tunedModelDisplayName",
    "tunedModelDisplayName": "tunedModelDisplayName",
}
# As in the real body of a job of 2024: three examples, cut, and six buckets.
_SHOWN_EXAMPLES = 3
_SHOWN_CHARACTERS = 400
_BUCKETS = 6


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
    return listed(store, call, store.vertex.jobs, lambda job: _shown(store, call, job), _FILTERS)


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


def tuning_job(
    job: TuningJobRecord, standing: Standing, version: str, tuned: ModelVersion | None
) -> JsonObject:
    """A TuningJob resource; `tuned` is what it has delivered, if that is still there."""
    resource: JsonObject = {"name": job.name}
    resource |= compact(
        tunedModelDisplayName=job.display_name, description=job.description, labels=dict(job.labels)
    )
    if job.source is None:
        resource["baseModel"] = job.base_model
    else:
        resource["preTunedModel"] = job.source
    resource["supervisedTuningSpec"] = _supervised_tuning_spec(job, standing)
    resource["state"] = standing.state.value
    resource |= compact(
        createTime=timestamp(job.create_time),
        startTime="" if standing.started is None else timestamp(standing.started),
        endTime=timestamp(standing.time) if standing.state in ENDS else "",
        updateTime=timestamp(standing.time),
        experiment=_experiment(job, standing),
    )
    if standing.error is not None:
        resource["error"] = standing.error._asdict()
    if standing.state in DELIVERS:
        resource["tunedModel"] = _tuned_model(job, tuned)
        resource["tuningDataStats"] = _data_stats(job)
    # `tuningJobState` and `tuningJobMetadata` are in `v1beta1` only.
    return resource if version == "v1" else resource | _detail(job, standing)


def checkpoint(record: CheckpointRecord) -> JsonObject:
    """A Checkpoint of a model."""
    return {"checkpointId": record.id, "epoch": str(record.epoch), "step": str(record.step)}


def _supervised_tuning_spec(job: TuningJobRecord, standing: Standing) -> JsonObject:
    parameters = job.asked
    if standing.started is not None:
        # "hyperParameters" of a PENDING job are what was asked; the service fills them in.
        parameters = {
            "epochCount": str(job.epochs),
            "learningRateMultiplier": number(job.learning_rate_multiplier),
            "adapterSize": job.adapter_size,
        }
    spec: JsonObject = {"trainingDatasetUri": job.training_uri}
    spec |= compact(validationDatasetUri=job.validation_uri)
    spec["hyperParameters"] = parameters
    return spec | compact(exportLastCheckpointOnly=job.last_checkpoint_only)


def _experiment(job: TuningJobRecord, standing: Standing) -> str:
    if standing.started is None:
        return ""
    started = "".join(c for c in timestamp(standing.started) if c.isdigit())
    return f"{job.parent}/metadataStores/default/contexts/tuning-experiment-{started}"


def _tuned_model(job: TuningJobRecord, tuned: ModelVersion | None) -> JsonObject:
    """A TunedModel; its endpoint is that of the default checkpoint, which may be changed."""
    ids = [item.id for item in job.checkpoints]
    default = tuned.default_checkpoint_id if tuned else ""
    resource: JsonObject = {
        "model": f"{job.model}@{job.version}",
        "endpoint": job.endpoints[ids.index(default) if default else -1],
    }
    if not job.last_checkpoint_only:
        resource["checkpoints"] = [
            checkpoint(item) | {"endpoint": name}
            for item, name in zip(job.checkpoints, job.endpoints, strict=True)
        ]
    return resource


def _detail(job: TuningJobRecord, standing: Standing) -> JsonObject:
    if standing.started is None and standing.tuning is None:
        return {}
    steps, total = standing.completed_steps, job.total_steps
    epochs = steps * job.epochs // total if total else 0
    tuning = standing.tuning if standing.state is JobState.RUNNING else None
    return compact(
        tuningJobState=tuning and tuning.value,
        # An int64 is a string in JSON, and absent when it is 0.
        tuningJobMetadata=compact(
            completedEpochCount=str(epochs or ""), completedStepCount=str(steps or "")
        ),
    )


def _data_stats(job: TuningJobRecord) -> JsonObject:
    """`tuningDataStats`, with tokens counted as the emulator counts them everywhere.

    A job without examples, which a test has put into its state, has none.
    """
    examples = list(job.examples)
    if not examples:
        return {"supervisedTuningDataStats": {}}
    asked = [estimate_tokens(example.text_input) for example in examples]
    answered = [estimate_tokens(example.output) for example in examples]
    return {
        "supervisedTuningDataStats": {
            "tuningDatasetExampleCount": str(len(examples)),
            "userInputTokenDistribution": _distribution(asked),
            "userOutputTokenDistribution": _distribution(answered),
            "userMessagePerExampleDistribution": _distribution([2] * len(examples)),
            "userDatasetExamples": [
                {"role": role, "parts": [{"text": _cut(text)}]}
                for example in examples[:_SHOWN_EXAMPLES]
                for role, text in zip(("user", "model"), example, strict=True)
            ],
            "totalBillableTokenCount": str(sum(asked) + sum(answered)),
            "tuningStepCount": str(job.total_steps),
        }
    }


def _distribution(values: Sequence[int]) -> JsonObject:
    """A SupervisedTuningDatasetDistribution of one value for each example."""
    ordered = sorted(values)
    return {
        "sum": str(sum(ordered)),
        "min": ordered[0],
        "max": ordered[-1],
        "mean": number(mean(ordered)),
        "median": number(median(ordered)),
        "p5": ordered[int(0.05 * (len(ordered) - 1))],
        "p95": ordered[int(0.95 * (len(ordered) - 1))],
        "buckets": _buckets(ordered),
    }


def _buckets(ordered: Sequence[int]) -> list[JsonObject]:
    """Six buckets of whole numbers, of one width; fewer where there are not so many numbers.

    Split as the real ones: 54 to 602 after 145, 236, 328, 419 and 511.
    """
    least, numbers = ordered[0], ordered[-1] - ordered[0] + 1
    count = min(_BUCKETS, numbers)
    rights = [least + math.ceil(numbers * i / count) - 1 for i in range(1, count + 1)]
    lefts = [least, *(right + 1 for right in rights[:-1])]
    return [
        {"count": sum(left <= value <= right for value in ordered), "left": left, "right": right}
        for left, right in zip(lefts, rights, strict=True)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
