"""From a request to a new tuning job: what is checked, and what is filled in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName, published
from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
from langchain_tuned_gemini.emulator.vertex.errors import invalid, missing
from langchain_tuned_gemini.emulator.vertex.progress import FAILED
from langchain_tuned_gemini.emulator.vertex.tuning_job import (
    Error,
    Source,
    TuningJobRecord,
    checkpoint_count,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.store import World
    from langchain_tuned_gemini.emulator.vertex.tuning_job import ModelVersion

DISPLAY_NAME_LENGTH = 128
"""Characters (discovery document, `TuningJob.tunedModelDisplayName`)."""

# What Vertex AI takes where a request says nothing depends on the data set and is not
# published: guesses.
DEFAULT_EPOCHS = 3
DEFAULT_MULTIPLIER = 1.0
DEFAULT_ADAPTER_SIZE = "ADAPTER_SIZE_FOUR"
ADAPTER_SIZES = (
    "ADAPTER_SIZE_UNSPECIFIED",
    "ADAPTER_SIZE_ONE",
    "ADAPTER_SIZE_TWO",
    "ADAPTER_SIZE_FOUR",
    "ADAPTER_SIZE_EIGHT",
    "ADAPTER_SIZE_SIXTEEN",
    "ADAPTER_SIZE_THIRTY_TWO",
)
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


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The hyperparameters that a job is run with."""

    epochs: int
    multiplier: float
    adapter_size: str
    asked: JsonObject


def new_job(world: World, parent: str, request: Message) -> TuningJobRecord:
    """Makes the job that a create request asks for.

    Training data that no URI leads to makes the job fail: it is read when the job runs.

    Raises:
        ApiError: 400 for a base model, data set or number that can't be; 404 for a tuned
            model to go on from that does not exist; 501 for a kind of tuning that is not
            emulated.
    """
    spec, registry = _spec(request), world.vertex
    source = _source(world, request)
    parameters = _parameters(spec.message("hyperParameters"))
    display_name, uri = _display_name(request), _training_uri(spec)
    name = f"{parent}/tuningJobs/{registry.new_id()}"
    last_only = spec.get("exportLastCheckpointOnly") is True
    count = checkpoint_count(parameters.epochs, last_only=last_only)
    learnt = (*registry.files.get(uri, ()), *(source.examples if source else ()))
    return TuningJobRecord(
        name=name,
        base_model=_base_model(world, request) if source is None else source.base_model,
        create_time=world.now(),
        progression=world.options.progression,
        examples=ExampleIndex(learnt),
        training_uri=uri,
        validation_uri=spec.text("validationDatasetUri"),
        endpoint_ids=tuple(registry.new_id() for _ in range(count)),
        model_id=_next_version_of(source, display_name) or registry.new_id(),
        display_name=display_name or (source.display_name if source else ""),
        description=request.text("description"),
        labels=_labels(request),
        asked=parameters.asked,
        epochs=parameters.epochs,
        learning_rate_multiplier=parameters.multiplier,
        adapter_size=parameters.adapter_size,
        last_checkpoint_only=last_only,
        source=source,
        fails=_failure(world, {name, _last(name), display_name}, uri),
    )


def _next_version_of(source: Source | None, display_name: str) -> str:
    """The id of the model that a job makes a new version of; empty for a new model.

    "If a new display name is provided, the tuning job will create a new model instead of a
    new version" (discovery document, `TuningJob.tunedModelDisplayName`).
    """
    if source is None or display_name not in ("", source.display_name):
        return ""
    return _last(source.model)


def _display_name(request: Message) -> str:
    display_name = request.text("tunedModelDisplayName")
    if len(display_name) > DISPLAY_NAME_LENGTH:
        raise invalid("tuned_model_display_name", f"at most {DISPLAY_NAME_LENGTH} characters")
    return display_name


def _failure(world: World, names: set[str], uri: str) -> Error | None:
    if world.options.fails & names:
        return FAILED
    if uri not in world.vertex.files:
        return Error(
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


def _base_model(world: World, request: Message) -> str:
    name = request.text("baseModel")
    base = published(name)
    model_id = base[1] if base else name.removeprefix("models/")
    if f"models/{model_id}" not in world.base_models:
        raise invalid("base_model", f"Base model {name} is not supported.")
    return model_id


def _source(world: World, request: Message) -> Source | None:
    source = request.message("preTunedModel")
    name = source.text("tunedModelName")
    if not name:
        return None
    version = _version(world, name)
    if version is None:
        raise missing(name)
    checkpoint_id = source.text("checkpointId")
    if checkpoint_id and checkpoint_id not in {c.id for c in version.checkpoints}:
        raise invalid("pre_tuned_model.checkpoint_id", f"{name} has no checkpoint {checkpoint_id}.")
    return Source(
        tuned_model_name=name,
        model=version.name,
        base_model=version.base_model,
        display_name=version.display_name,
        checkpoint_id=checkpoint_id,
        examples=version.examples,
    )


def _version(world: World, name: str) -> ModelVersion | None:
    try:
        ResourceName.parse(name)
    except ValueError:
        return None
    return world.vertex.version(world.vertex.canonical(name))


def _parameters(request: Message) -> _Parameters:
    epochs, multiplier = request.integer("epochCount"), request.number("learningRateMultiplier")
    size = request.enum("adapterSize", ADAPTER_SIZES)
    if epochs is not None and epochs < 1:
        raise invalid("supervised_tuning_spec.hyper_parameters.epoch_count", "must be positive.")
    if multiplier is not None and multiplier <= 0:
        field = "supervised_tuning_spec.hyper_parameters.learning_rate_multiplier"
        raise invalid(field, "must be positive.")
    if size == _TOO_LARGE:
        # github.com/googleapis/python-genai/issues/908
        raise ApiError(400, "The adapter size is not supported for this base model.")
    asked: JsonObject = {}
    if epochs:
        asked["epochCount"] = str(epochs)
    if multiplier:
        asked["learningRateMultiplier"] = multiplier
    if size != ADAPTER_SIZES[0]:
        asked["adapterSize"] = size
    return _Parameters(
        epochs=epochs or DEFAULT_EPOCHS,
        multiplier=multiplier or DEFAULT_MULTIPLIER,
        adapter_size=asked.get("adapterSize", DEFAULT_ADAPTER_SIZE),
        asked=asked,
    )


def _labels(request: Message) -> dict[str, str]:
    labels = request.message("labels")
    return {key: labels.text(key) for key in labels.fields}


def _last(name: str) -> str:
    return name.rpartition("/")[2]
