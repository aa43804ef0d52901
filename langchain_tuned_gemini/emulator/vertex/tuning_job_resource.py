"""Vertex AI's records as the API shows them, with the fields in the order of real bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.wire import compact, number, timestamp
from langchain_tuned_gemini.emulator.vertex.statistics import data_stats
from langchain_tuned_gemini.emulator.vertex.tuning_job import DELIVERS, JobState

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.vertex.progress import Progress
    from langchain_tuned_gemini.emulator.vertex.registry import Registry
    from langchain_tuned_gemini.emulator.vertex.tuning_job import (
        Checkpoint,
        Deployment,
        EndpointRecord,
        ModelVersion,
        OperationRecord,
        TuningJobRecord,
    )

_TYPE_URL = "type.googleapis.com/google.cloud.aiplatform."


def tuning_job(progress: Progress, version: str, tuned: ModelVersion | None) -> JsonObject:
    """A TuningJob resource.

    Args:
        progress: The job, and where it stands.
        version: Of the API: `tuningJobState` and `tuningJobMetadata` are in `v1beta1` only.
        tuned: What it has delivered, if that is still there.
    """
    job = progress.job
    resource: JsonObject = {"name": job.name}
    resource |= compact(
        tunedModelDisplayName=job.display_name, description=job.description, labels=dict(job.labels)
    )
    resource |= _source(job)
    resource["supervisedTuningSpec"] = _supervised_tuning_spec(progress)
    resource["state"] = progress.state.value
    resource |= compact(
        createTime=timestamp(job.create_time),
        startTime=_time(progress.started),
        endTime=_time(progress.ended),
        updateTime=timestamp(progress.updated),
        experiment=_experiment(progress),
    )
    if progress.error is not None:
        resource["error"] = {"code": progress.error.code, "message": progress.error.message}
    if progress.state in DELIVERS:
        resource["tunedModel"] = _tuned_model(job, tuned)
        resource["tuningDataStats"] = data_stats(job)
    return resource if version == "v1" else resource | _detail(progress)


def endpoint(record: EndpointRecord) -> JsonObject:
    """An Endpoint resource."""
    return compact(
        name=record.name,
        displayName=record.display_name,
        deployedModels=[_deployed_model(deployment) for deployment in record.deployed],
        trafficSplit={record.deployed[0].id: 100} if record.deployed else {},
        etag=_etag(record.update_time),
        labels=dict(record.labels),
        createTime=timestamp(record.create_time),
        updateTime=timestamp(record.update_time),
    )


def model(registry: Registry, record: ModelVersion, *, versioned: bool = False) -> JsonObject:
    """A Model resource: one version of it.

    Args:
        registry: Knows where it is deployed.
        record: The version.
        versioned: Whether the name has the version, as in the answer of `listVersions`.
    """
    refs = [
        compact(
            endpoint=endpoint.name,
            deployedModelId=deployment.id,
            checkpointId=deployment.checkpoint_id,
        )
        for endpoint, deployment in registry.deployments(record.name)
        if deployment.version == record.version
    ]
    versions = registry.models[record.name].values()
    return compact(
        name=record.full_name if versioned else record.name,
        versionId=str(record.version),
        versionAliases=list(record.aliases),
        versionCreateTime=timestamp(record.create_time),
        versionUpdateTime=timestamp(record.update_time),
        displayName=record.display_name,
        description=record.description,
        versionDescription=record.version_description,
        deployedModels=refs,
        createTime=timestamp(min(version.create_time for version in versions)),
        updateTime=timestamp(max(version.update_time for version in versions)),
        etag=_etag(record.update_time),
        labels=dict(record.labels),
        checkpoints=[checkpoint(item) for item in record.checkpoints],
        defaultCheckpointId=record.default_checkpoint_id,
    )


def checkpoint(record: Checkpoint) -> JsonObject:
    """A Checkpoint of a model."""
    return {
        "checkpointId": record.id,
        "epoch": str(record.epoch),
        "step": str(record.step),
    }


def operation(record: OperationRecord, version: str) -> JsonObject:
    """A long-running operation, as it stands."""
    updated = record.due if record.done else record.create_time
    message: JsonObject = {
        "name": record.name,
        "metadata": {
            "@type": f"{_TYPE_URL}{version}.{record.kind}",
            "genericMetadata": {
                "createTime": timestamp(record.create_time),
                "updateTime": timestamp(updated),
            },
        },
    }
    if record.done:
        message["done"] = True
        message["response"] = {"@type": _response_type(record, version)}
    return message


def _response_type(record: OperationRecord, version: str) -> str:
    if record.deployment:
        return f"{_TYPE_URL}{version}.UndeployModelResponse"
    return "type.googleapis.com/google.protobuf.Empty"


def _source(job: TuningJobRecord) -> JsonObject:
    if job.source is None:
        return {"baseModel": job.base_model}
    source = compact(
        tunedModelName=job.source.tuned_model_name,
        checkpointId=job.source.checkpoint_id,
        baseModel=job.base_model,
    )
    return {"preTunedModel": source}


def _supervised_tuning_spec(progress: Progress) -> JsonObject:
    job = progress.job
    parameters = job.asked
    if progress.started is not None:
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


def _experiment(progress: Progress) -> str:
    if progress.started is None:
        return ""
    parent = progress.job.name.rpartition("/tuningJobs/")[0]
    started = "".join(c for c in timestamp(progress.started) if c.isdigit())
    return f"{parent}/metadataStores/default/contexts/tuning-experiment-{started}"


def _tuned_model(job: TuningJobRecord, tuned: ModelVersion | None) -> JsonObject:
    """A TunedModel; its endpoint is that of the default checkpoint, which may be changed."""
    parent = job.name.rpartition("/tuningJobs/")[0]
    names = [f"{parent}/endpoints/{endpoint_id}" for endpoint_id in job.endpoint_ids]
    ids = [item.id for item in job.checkpoints]
    default = tuned.default_checkpoint_id if tuned else ""
    resource: JsonObject = {
        "model": f"{parent}/models/{job.model_id}@{job.version}",
        "endpoint": names[ids.index(default)] if default else names[-1],
    }
    if not job.last_checkpoint_only:
        resource["checkpoints"] = [
            checkpoint(item) | {"endpoint": name}
            for item, name in zip(job.checkpoints, names, strict=True)
        ]
    return resource


def _detail(progress: Progress) -> JsonObject:
    if progress.started is None and progress.tuning is None:
        return {}
    done = compact(
        completedEpochCount=_int64(progress.completed_epochs),
        completedStepCount=_int64(progress.completed_steps),
    )
    tuning = progress.tuning.value if progress.state is JobState.RUNNING and progress.tuning else ""
    return compact(tuningJobState=tuning, tuningJobMetadata=done)


def _deployed_model(deployment: Deployment) -> JsonObject:
    return compact(
        id=deployment.id,
        model=deployment.model,
        displayName=deployment.display_name,
        createTime=timestamp(deployment.create_time),
        modelVersionId=str(deployment.version),
        checkpointId=deployment.checkpoint_id,
    )


def _time(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else timestamp(nanoseconds)


def _int64(value: int) -> str:
    """An int64 is a string in JSON, and absent when it is 0."""
    return str(value) if value else ""


def _etag(update_time: int) -> str:
    return f"AMEw9y{update_time:x}"
