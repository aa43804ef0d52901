"""The resources of Vertex AI that stand for a tuned model, and how they are read.

Three records stand for one: the tuning job, which knows state, progress and error; the model,
which has versions; and an endpoint for each checkpoint, which answers.
https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.error_translation import JsonObject
from langchain_tuned_gemini.tuned_models.tuned_model import Checkpoint, TunedModel, TunedModelState

DEPLOYED = "DEPLOYED"
"""The state of a model or an endpoint that can answer. A word of ours: neither has a state."""

NOT_DEPLOYED = "NOT_DEPLOYED"
"""The state of one that can't answer, or not yet: an endpoint comes before what is deployed."""

# Written by the tuning service; aiplatform's and google-genai's own code read them, too. A
# label can't hold a dot, so that `gemini-2.5-flash` is `gemini-2_5-flash` there.
# https://cloud.google.com/resource-manager/docs/labels-overview#requirements
_BASE_LABEL = "google-vertex-llm-tuning-base-model-id"
_JOB_LABEL = "google-vertex-llm-tuning-job-id"

_INTEGERS = frozenset({"epochCount", "batchSize"})


def tuning_job(name: TunedModelName | str, record: JsonObject) -> TunedModel:
    """Reads a tuning job."""
    raw_state = str(record.get("state", "JOB_STATE_UNSPECIFIED"))
    tuned = _object(record, "tunedModel")
    done = _object(record, "tuningJobMetadata")
    stats = _object(_object(record, "tuningDataStats"), "supervisedTuningDataStats")
    return TunedModel(
        name=str(name),
        state=TunedModelState.parse(raw_state),
        raw_state=raw_state,
        detail=str(record.get("tuningJobState", "")),
        endpoint=str(tuned.get("endpoint", "")),
        model=str(model_of_job(record) or ""),
        base_model=_base_of_job(record),
        display_name=str(record.get("tunedModelDisplayName", "")),
        create_time=_time(record, "createTime"),
        update_time=_time(record, "updateTime"),
        total_steps=_integer(stats, "tuningStepCount"),
        completed_steps=_integer(done, "completedStepCount"),
        completed_epochs=_integer(done, "completedEpochCount"),
        checkpoints=tuple(
            _checkpoint(told, str(told.get("endpoint", "")))
            for told in _objects(tuned, "checkpoints")
        ),
        error=_error(record),
        error_code=_integer(_object(record, "error"), "code"),
        hyperparameters=_hyperparameters(record),
    )


def model(name: TunedModelName, record: JsonObject) -> TunedModel:
    """Reads a model; where it is deployed to several endpoints, the default one counts."""
    endpoints = {
        str(ref.get("checkpointId", "")): str(ref.get("endpoint", ""))
        for ref in _objects(record, "deployedModels")
    }
    default = str(record.get("defaultCheckpointId", ""))
    endpoint = endpoints.get(default) or next(iter(endpoints.values()), "")
    return TunedModel(
        name=str(name),
        state=TunedModelState.ACTIVE if endpoint else TunedModelState.UNKNOWN,
        raw_state=DEPLOYED if endpoint else NOT_DEPLOYED,
        endpoint=endpoint,
        model=_with_version(name, record),
        base_model=base_in_labels(record),
        display_name=str(record.get("displayName", "")),
        create_time=_time(record, "versionCreateTime") or _time(record, "createTime"),
        update_time=_time(record, "versionUpdateTime") or _time(record, "updateTime"),
        checkpoints=tuple(
            _checkpoint(told, endpoints.get(str(told.get("checkpointId", "")), ""))
            for told in _objects(record, "checkpoints")
        ),
    )


def endpoint(name: TunedModelName, record: JsonObject) -> TunedModel:
    """Reads an endpoint."""
    can_answer = bool(_objects(record, "deployedModels"))
    models = {str(model or "") for model in deployed_models(record).values()}
    return TunedModel(
        name=str(name),
        state=TunedModelState.ACTIVE if can_answer else TunedModelState.UNKNOWN,
        raw_state=DEPLOYED if can_answer else NOT_DEPLOYED,
        endpoint=str(name),
        model=models.pop() if len(models) == 1 else "",
        base_model=base_in_labels(record),
        display_name=str(record.get("displayName", "")),
        create_time=_time(record, "createTime"),
        update_time=_time(record, "updateTime"),
    )


def _with_version(name: TunedModelName, record: JsonObject) -> str:
    """A model's name with the version that its record is about."""
    version = record.get("versionId")
    return f"{name.whole}@{version}" if version else str(name)


def base_in_labels(record: JsonObject) -> str:
    """The base model that a model or an endpoint is labelled with; empty where it is not."""
    return str(_object(record, "labels").get(_BASE_LABEL, "")).replace("_", ".")


def job_in_labels(where: TunedModelName, record: JsonObject) -> TunedModelName | None:
    """The tuning job that a model or an endpoint is labelled with."""
    job_id = _object(record, "labels").get(_JOB_LABEL, "")
    return _named(f"{where.parent}/tuningJobs/{job_id}") if job_id else None


def deployed_models(record: JsonObject) -> dict[str, TunedModelName | None]:
    """The models that are deployed to an endpoint, by the deployments' ids."""
    deployed = {}
    for told in _objects(record, "deployedModels"):
        name, version = str(told.get("model", "")), told.get("modelVersionId")
        full = f"{name}@{version}" if version and "@" not in name else name
        deployed[str(told.get("id", ""))] = _named(full)
    return deployed


def model_of_job(record: JsonObject) -> TunedModelName | None:
    """The model that a tuning job has made, with its version."""
    return _named(str(_object(record, "tunedModel").get("model", "")))


def endpoints_of_job(record: JsonObject) -> list[TunedModelName]:
    """The endpoints that a tuning job has made."""
    tuned = _object(record, "tunedModel")
    return _endpoints([tuned, *_objects(tuned, "checkpoints")])


def endpoints_of_model(record: JsonObject) -> list[TunedModelName]:
    """The endpoints that a model's version is deployed to."""
    return _endpoints(_objects(record, "deployedModels"))


def _endpoints(told: list[JsonObject]) -> list[TunedModelName]:
    """The endpoints that are named, each once."""
    names = dict.fromkeys(str(part.get("endpoint", "")) for part in told)
    return [name for name in map(_named, names) if name]


def _named(text: str) -> TunedModelName | None:
    """A name that the service has sent; None for what can't be put into a URL."""
    try:
        return TunedModelName.parse(text).on("vertex")
    except TunedModelNameError:
        return None


def _base_of_job(record: JsonObject) -> str:
    return str(record.get("baseModel") or _object(record, "preTunedModel").get("baseModel", ""))


def _checkpoint(told: JsonObject, endpoint: str) -> Checkpoint:
    return Checkpoint(
        id=str(told.get("checkpointId", "")),
        epoch=_integer(told, "epoch"),
        step=_integer(told, "step"),
        endpoint=endpoint,
    )


def _error(record: JsonObject) -> str | None:
    """The platform's own words; a cancelled job has a code and often no message."""
    told = _object(record, "error")
    return str(told.get("message", "")).strip() or (f"code {told.get('code')}" if told else None)


def _hyperparameters(record: JsonObject) -> Mapping[str, Any]:
    told = _object(_object(record, "supervisedTuningSpec"), "hyperParameters")
    return {
        name: _integer(told, name) if name in _INTEGERS else value for name, value in told.items()
    }


def _integer(record: JsonObject, name: str) -> int | None:
    """A count; an int64 is a text in JSON."""
    try:
        return max(int(record[name]), 0)
    except (KeyError, OverflowError, TypeError, ValueError):
        return None


def _time(record: JsonObject, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(str(record[name]))
    except (KeyError, ValueError):
        return None


def _object(record: JsonObject, name: str) -> JsonObject:
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _objects(record: JsonObject, name: str) -> list[JsonObject]:
    value = record.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
