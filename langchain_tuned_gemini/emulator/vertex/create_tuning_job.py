"""From a request to a new tuning job: what is checked, and what is filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError, Status
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, last_part, published
from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact, enum_values, snake_case
from langchain_tuned_gemini.emulator.model.examples import TrigramIndex
from langchain_tuned_gemini.emulator.state.tuning_job import (
    FAILED,
    TuningJobRecord,
    checkpoint_count,
)
from langchain_tuned_gemini.emulator.vertex.lookup import invalid, missing

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Message
    from langchain_tuned_gemini.emulator.state.store import Store
    from langchain_tuned_gemini.emulator.state.vertex_store import ModelVersion

DISPLAY_NAME_LENGTH = 128
"""Characters (discovery document, `TuningJob.tunedModelDisplayName`)."""

# What Vertex AI takes where a request says nothing depends on the data set and is not
# published: guesses.
DEFAULT_EPOCHS = 3
DEFAULT_MULTIPLIER = 1.0
DEFAULT_ADAPTER_SIZE = "ADAPTER_SIZE_FOUR"
ADAPTER_SIZES = enum_values("UNSPECIFIED ONE TWO FOUR EIGHT SIXTEEN THIRTY_TWO", "ADAPTER_SIZE_")
# Gemini models take adapters of up to 16 (https://cloud.google.com/vertex-ai/generative-ai/docs/
# models/gemini-supervised-tuning); 32 is for open models.
_TOO_LARGE = "ADAPTER_SIZE_THIRTY_TWO"
_NOT_EMULATED = (
    "distillationSpec",
    "fullFineTuningSpec",
    "partnerModelTuningSpec",
    "preferenceOptimizationSpec",
    "reinforcementTuningSpec",
    "veoLoraTuningSpec",
    "veoTuningSpec",
)


def new_job(store: Store, parent: str, request: Message) -> TuningJobRecord:
    """Makes the job that a create request asks for.

    Training data that no URI leads to makes the job fail: it is read when the job runs.
    """
    spec, labels, vertex = _spec(request), request.message("labels"), store.vertex
    pre_tuned = request.message("preTunedModel")
    source = _pre_tuned(store, pre_tuned)
    asked = _hyperparameters(spec.message("hyperParameters"))
    display_name, uri = display_name_of(request, "tunedModelDisplayName"), _training_uri(spec)
    name = f"{parent}/tuningJobs/{vertex.new_id()}"
    epochs = int(asked.get("epochCount", DEFAULT_EPOCHS))
    last_only = spec.get("exportLastCheckpointOnly") is True
    learnt = (*vertex.files.get(uri, ()), *(source.examples if source else ()))
    return TuningJobRecord(
        name=name,
        base_model=source.base_model if source else _base_model(store, request),
        create_time=store.now(),
        progression=store.options.progression,
        examples=TrigramIndex(learnt),
        training_uri=uri,
        validation_uri=spec.text("validationDatasetUri"),
        endpoint_ids=tuple(
            vertex.new_id() for _ in range(checkpoint_count(epochs, last_only=last_only))
        ),
        model_id=_next_version_of(source, display_name) or vertex.new_id(),
        display_name=display_name or (source.display_name if source else ""),
        description=request.text("description"),
        labels={key: labels.text(key) for key in labels.fields},
        asked=asked,
        epochs=epochs,
        learning_rate_multiplier=asked.get("learningRateMultiplier", DEFAULT_MULTIPLIER),
        adapter_size=asked.get("adapterSize", DEFAULT_ADAPTER_SIZE),
        last_checkpoint_only=last_only,
        source=compact(
            tunedModelName=pre_tuned.text("tunedModelName"),
            checkpointId=pre_tuned.text("checkpointId"),
            baseModel=source.base_model,
        )
        if source
        else None,
        fails=_failure(store, {name, last_part(name), display_name}, uri),
    )


def _pre_tuned(store: Store, request: Message) -> ModelVersion | None:
    """The tuned model that a job goes on from, if it does."""
    name, checkpoint_id = request.text("tunedModelName"), request.text("checkpointId")
    if not name:
        return None
    try:
        ResourceName.parse(name)
        version = store.vertex.version(store.vertex.canonical(name))
    except ValueError:
        version = None
    if version is None:
        raise missing(name)
    if checkpoint_id and checkpoint_id not in {c.id for c in version.checkpoints}:
        raise invalid("pre_tuned_model.checkpoint_id", f"{name} has no checkpoint {checkpoint_id}.")
    return version


def _next_version_of(source: ModelVersion | None, display_name: str) -> str:
    """The id of the model that a job makes a new version of; empty for a new model.

    "If a new display name is provided, the tuning job will create a new model instead of a
    new version" (discovery document, `TuningJob.tunedModelDisplayName`).
    """
    if source is None or display_name not in ("", source.display_name):
        return ""
    return last_part(source.name)


def display_name_of(request: Message, field: str) -> str:
    """The display name of a job or a model, if it is short enough."""
    display_name = request.text(field)
    if len(display_name) > DISPLAY_NAME_LENGTH:
        raise invalid(snake_case(field), f"at most {DISPLAY_NAME_LENGTH} characters")
    return display_name


def _failure(store: Store, names: set[str], uri: str) -> Status | None:
    if store.options.fails & names:
        return FAILED
    if uri not in store.vertex.files:
        return Status(
            3, f"Failed to read the data set {uri}: the emulator has no such file (add_file)."
        )
    return None


def _spec(request: Message) -> Message:
    for field in _NOT_EMULATED:
        if field in request:
            msg = f"The emulator tunes with a supervisedTuningSpec, not with a {field}."
            raise ApiError(501, msg)
    if "supervisedTuningSpec" not in request:
        raise invalid("tuning_spec", "Required field is not set.")
    return request.message("supervisedTuningSpec")


def _training_uri(spec: Message) -> str:
    uri = spec.text("trainingDatasetUri")
    if not uri.startswith(("gs://", "projects/")):
        raise invalid(
            "supervised_tuning_spec.training_dataset_uri", "a gs:// URI or a dataset is required."
        )
    return uri


def _base_model(store: Store, request: Message) -> str:
    name = request.text("baseModel")
    base = published(name)
    model_id = base[1] if base else name.removeprefix("models/")
    if f"models/{model_id}" not in store.base_models:
        raise invalid("base_model", f"Base model {name} is not supported.")
    return model_id


def _hyperparameters(request: Message) -> JsonObject:
    """The hyperparameters that are asked for, as a job shows them."""
    epochs, multiplier = request.integer("epochCount"), request.number("learningRateMultiplier")
    size = request.enum("adapterSize", ADAPTER_SIZES)
    field = "supervised_tuning_spec.hyper_parameters"
    if epochs is not None and epochs < 1:
        raise invalid(f"{field}.epoch_count", "must be positive.")
    if multiplier is not None and multiplier <= 0:
        raise invalid(f"{field}.learning_rate_multiplier", "must be positive.")
    if size == _TOO_LARGE:
        # github.com/googleapis/python-genai/issues/908
        raise ApiError(400, "The adapter size is not supported for this base model.")
    return compact(
        epochCount=str(epochs or ""),
        learningRateMultiplier=multiplier,
        adapterSize="" if size == ADAPTER_SIZES[0] else size,
    )
