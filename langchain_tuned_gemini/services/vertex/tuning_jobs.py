"""Starting and cancelling tuning jobs.

The body is written here, since google-genai's (3.6.1) is not what the API takes where a tuned
model is tuned further: it names the parts of `preTunedModel` in snake_case, and loses the
checkpoint when its configuration is a dict.
https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from langchain_tuned_gemini.errors import (
    Advice,
    LocalResourceError,
    ParameterError,
    ServiceError,
    TunedModelNameError,
    UntrustedCertificateError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.error_translation import JsonObject, not_geminis
from langchain_tuned_gemini.services.vertex import resources
from langchain_tuned_gemini.services.vertex.api import Flow, VertexRequest
from langchain_tuned_gemini.tuned_models.base_models import base_model_id
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
_ADAPTER_SIZES = {1: "ONE", 2: "TWO", 4: "FOUR", 8: "EIGHT", 16: "SIXTEEN", 32: "THIRTY_TWO"}


@dataclass(frozen=True, slots=True)
class TuningRequest:
    """A tuning job that is to be created.

    Attributes:
        base_model: A base model's id, or the name of a tuned model that is to be tuned further.
        training: The training examples' URI.
        validation: The validation examples' URI.
        checkpoint: Which checkpoint of a tuned model to start from; its default one when None.
        display_name: The name of the new model for people.
        hyperparameters: In the platform's names; those that are None are left to it.
    """

    base_model: str
    training: str
    validation: str | None
    checkpoint: str | None
    display_name: str | None
    hyperparameters: JsonObject


def hyperparameters(*, adapter_size: int | None, **named: float | None) -> JsonObject:
    """The hyperparameters that were given, in the platform's names.

    Raises:
        ParameterError: There is no such adapter size.

    Example:
        >>> hyperparameters(epochCount=3, batchSize=None, adapter_size=4)
        {'epochCount': 3, 'adapterSize': 'ADAPTER_SIZE_FOUR'}
    """
    given: JsonObject = {name: value for name, value in named.items() if value is not None}
    if adapter_size is None:
        return given
    if adapter_size not in _ADAPTER_SIZES:
        raise ParameterError(f"adapter_size={adapter_size!r} is none of {list(_ADAPTER_SIZES)}.")
    return {**given, "adapterSize": f"ADAPTER_SIZE_{_ADAPTER_SIZES[adapter_size]}"}


def creation(place: TunedModelName, request: TuningRequest) -> Flow[TunedModel]:
    """Starts a tuning job."""
    source = yield from _source(place, request)
    spec: JsonObject = {"trainingDatasetUri": request.training}
    if request.validation:
        spec["validationDatasetUri"] = request.validation
    body = {**source, "supervisedTuningSpec": {**spec, "hyperParameters": request.hyperparameters}}
    if request.display_name:
        body["tunedModelDisplayName"] = request.display_name
    try:
        record = yield VertexRequest(
            f"Creating a tuning job in {place.parent}",
            place.location,
            f"{place.parent}/tuningJobs",
            method="POST",
            body=body,
        )
    except ServiceError as error:
        _say_that_it_may_run(error, place)
        raise
    try:
        return resources.tuning_job(TunedModelName.parse(str(record.get("name", ""))), record)
    except TunedModelNameError as error:
        raise not_geminis("Creating") from error


def _say_that_it_may_run(error: ServiceError, place: TunedModelName) -> None:
    """Tells how to find a job that was perhaps created, though no answer says so."""
    was_sent = not isinstance(error.__cause__, _NOT_SENT) and not isinstance(
        error, UntrustedCertificateError | LocalResourceError
    )
    if not was_sent or (error.status is not None and error.status < 500 and error.status != 408):
        return
    error.is_retryable = False  # or there would be two jobs to pay for
    look = (
        "The job may have been created all the same, and may be running. Before you create it "
        "again, look for a new one that is CREATING, and cancel it if it is not wanted: "
        f"tuned-gemini list --project {place.project} --location {place.location}"
    )
    error.advise(Advice(f"{look}, or service.list().", f"{look}."))


def cancellation(name: TunedModelName) -> Flow[None]:
    """Asks a tuning job to stop, which it does some time later, or not at all.

    Raises:
        TunedModelNameError: It is not a tuning job's name.
    """
    if name.kind != "tuningJobs":
        raise TunedModelNameError(
            f"{name} can't be cancelled, only its tuning job: .../tuningJobs/J.", name=str(name)
        )
    yield VertexRequest(
        f"Cancelling {name}", name.location, f"{name}:cancel", method="POST", body={}, name=name
    )


def _source(place: TunedModelName, request: TuningRequest) -> Flow[JsonObject]:
    """The start of the tuning: a base model's id, which takes no path, or a tuned model."""
    if base := base_model_id(request.base_model):
        if request.checkpoint:
            raise ParameterError(f"checkpoint={request.checkpoint!r}, but {base} is a base model.")
        return {"baseModel": base}
    tuned = TunedModelName.parse(request.base_model, project=place.project, location=place.location)
    tuned = tuned.on("vertex")
    if tuned.kind == "endpoints":
        record = yield VertexRequest.get(tuned)
        made = next(iter(resources.deployed_models(record).values()), None)
    elif tuned.kind == "tuningJobs":
        record = yield VertexRequest.get(tuned)
        made = resources.model_of_job(record)
    else:
        made = tuned
    if made is None:
        raise ParameterError(f"{tuned} has no model that could be tuned further.")
    checkpoint = {"checkpointId": request.checkpoint} if request.checkpoint else {}
    return {"preTunedModel": {"tunedModelName": str(made), **checkpoint}}
