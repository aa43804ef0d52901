"""A name's tuned model, learnt with as few requests and rights as possible.

An account often has `aiplatform.endpoints.predict` and little else. So what is not needed to
tell whether a model can serve may be forbidden: it is left out.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from langchain_tuned_gemini.errors import ServiceError, TunedModelNotFoundError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName, is_number
from langchain_tuned_gemini.services.error_translation import JsonObject
from langchain_tuned_gemini.services.pages import PAGE_SIZE, Pages
from langchain_tuned_gemini.services.vertex import resources
from langchain_tuned_gemini.services.vertex.api import Flow, VertexRequest
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

_T = TypeVar("_T")


def tuned_model(name: TunedModelName) -> Flow[TunedModel]:
    """Describes what a name stands for as it is now.

    | name | requests |
    | --- | --- |
    | endpoint | the endpoint; the model, where the endpoint is not labelled with its base |
    | model | the model |
    | tuning job | the job; the endpoint, once the job has one; the model, if that was deleted |
    """
    match name.kind:
        case "endpoints":
            return (yield from _endpoint(name))
        case "models":
            return resources.model(name, (yield VertexRequest.get(name)))
        case _:
            return (yield from _tuning_job(name))


def tuned_models(parent: TunedModelName, condition: str | None) -> Flow[list[TunedModel]]:
    """Describes all tuning jobs of a place, oldest first, but those whose model was deleted.

    A job's record can't be deleted, so without the lists of endpoints and models, or the right
    to see them, nothing would tell a deleted model from one that can serve.

    Args:
        parent: Any name in the place.
        condition: Google's filter of tuning jobs; None for all.
    """
    query = {"filter": condition} if condition else {}
    jobs = yield from pages(parent, "tuningJobs", query)
    models = [resources.tuning_job(str(job.get("name", "")), job) for job in jobs]
    if any(model.endpoint for model in models):
        endpoints = yield from unless_forbidden(pages(parent, "endpoints", {}))
        if endpoints is not None:
            models = yield from _those_left(parent, models, endpoints)
    return sorted(models, key=lambda model: (model.create_time is not None, model.create_time))


def _those_left(
    parent: TunedModelName, models: list[TunedModel], endpoints: list[JsonObject]
) -> Flow[list[TunedModel]]:
    """The models of which there is more than the tuning job's record."""
    there = {_id(str(endpoint.get("name", ""))): endpoint for endpoint in endpoints}
    lost = [m for m in models if m.endpoint and _id(m.endpoint) not in there]
    registered = (yield from _registered(parent, lost)) if lost else set()
    left = []
    for model in models:
        endpoint = there.get(_id(model.endpoint))
        if endpoint is not None:
            left.append(_at_endpoint(model, endpoint))
        elif not model.endpoint:
            left.append(model)
        elif _id(model.model) in registered:
            left.append(_undeployed(model))
    return left


def _registered(parent: TunedModelName, models: list[TunedModel]) -> Flow[set[str]]:
    """Which of the models are in the registry, as `M@V`; none where it may not be seen."""
    listed = (yield from unless_forbidden(pages(parent, "models", {}))) or []
    known = {_id(str(record.get("name", ""))).partition("@")[0] for record in listed}
    registered = set()
    for id_ in {_id(model.model).partition("@")[0] for model in models} & known:
        path = f"{parent.parent}/models/{id_}:listVersions"
        versions = yield from unless_forbidden(pages(parent, "models", {}, path=path))
        registered |= {f"{id_}@{version.get('versionId')}" for version in versions or ()}
    return registered


def _endpoint(name: TunedModelName) -> Flow[TunedModel]:
    record = yield VertexRequest.get(name)
    described = resources.endpoint(name, record)
    deployed = [model for model in resources.deployed_models(record).values() if model]
    if not described.base_model and deployed:
        about = yield from _if_seen(deployed[0])
        described = replace(described, base_model=resources.base_in_labels(about))
    job = resources.job_in_labels(name, record)
    if job and (not described.base_model or not deployed):
        about = yield from _if_seen(job)
        described = _completed_by_job(described, about) if about else described
    return described


def _completed_by_job(described: TunedModel, record: JsonObject) -> TunedModel:
    """Adds what the endpoint does not tell: the base, and why nothing is deployed to it."""
    told = resources.tuning_job(described.name, record)
    if described.state is TunedModelState.UNKNOWN and told.state is not TunedModelState.ACTIVE:
        return replace(told, endpoint=described.endpoint)
    return replace(described, base_model=described.base_model or told.base_model)


def _tuning_job(name: TunedModelName) -> Flow[TunedModel]:
    record = yield VertexRequest.get(name)
    described = resources.tuning_job(name, record)
    endpoints = resources.endpoints_of_job(record)
    if described.state is not TunedModelState.ACTIVE or not endpoints:
        return described
    try:
        at_endpoint = yield VertexRequest.get(endpoints[0])
    except TunedModelNotFoundError:
        return (yield from _without_endpoint(described, resources.model_of_job(record)))
    except ServiceError:  # it is not needed
        return described
    return _at_endpoint(described, at_endpoint)


def _without_endpoint(described: TunedModel, model: TunedModelName | None) -> Flow[TunedModel]:
    """A model whose endpoint was not found. It is gone only where the registry says so, too."""
    try:
        about = (yield VertexRequest.get(model)) if model else None
    except ServiceError:
        return _undeployed(described)
    except TunedModelNotFoundError:
        about = None
    if about is None:
        raise TunedModelNotFoundError.of(described.name)
    if any(
        _id(str(name)) == _id(described.endpoint) for name in resources.endpoints_of_model(about)
    ):
        return described  # it is deployed: the 404 was wrong
    return _undeployed(described)


def _at_endpoint(described: TunedModel, record: JsonObject) -> TunedModel:
    """The model as its tuning job describes it, unless its endpoint can't answer any more."""
    if described.state is not TunedModelState.ACTIVE or resources.deployed_models(record):
        return described
    return _undeployed(described)


def _undeployed(described: TunedModel) -> TunedModel:
    """The model of a tuning job, when no endpoint answers for it."""
    return replace(described, state=TunedModelState.UNKNOWN, raw_state=resources.NOT_DEPLOYED)


def _if_seen(name: TunedModelName) -> Flow[JsonObject]:
    """A record that is not needed; empty where it is hidden, or can't be told right now."""
    try:
        return (yield VertexRequest.get(name))
    except (ServiceError, TunedModelNotFoundError):
        return {}


def unless_forbidden(flow: Flow[_T]) -> Flow[_T | None]:
    """A flow's outcome; None where it is forbidden. A passing failure is no answer."""
    try:
        return (yield from flow)
    except ServiceError as error:
        if error.status not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            raise
        return None


def project_number(name: TunedModelName) -> Flow[str]:
    """The number of the project that a name is in, which each answer about it tells.

    Returns:
        The number; empty where nothing is there that could tell it, or may be seen.
    """
    if is_number(name.project):
        return name.project
    if number := _number_in((yield from _if_seen(name))):
        return number
    for kind in ("tuningJobs", "endpoints", "models"):
        path = f"{name.parent}/{kind}"
        try:
            answer = yield VertexRequest(
                f"Listing the {kind} of {name.parent}", name.location, path, query={"pageSize": 1}
            )
        except ServiceError:
            continue
        for one in answer.get(kind) or ():
            if number := _number_in(one):
                return number
    return ""


def _number_in(record: JsonObject) -> str:
    place = str(record.get("name", "")).split("/")[:2]
    return place[-1] if place[0] == "projects" and is_number(place[-1]) else ""


def pages(
    parent: TunedModelName, kind: str, query: dict[str, str], *, path: str = ""
) -> Flow[list[JsonObject]]:
    """All resources of a kind.

    Args:
        parent: Any name in the place that they are in.
        kind: What they are called there, such as `endpoints`.
        query: What is asked besides the page.
        path: Where they are listed; `parent`'s place by default.
    """
    listed, token = Pages[JsonObject](), ""
    while True:
        answer = yield VertexRequest(
            f"Listing the {kind} of {parent.parent}",
            parent.location,
            path or f"{parent.parent}/{kind}",
            query={"pageSize": PAGE_SIZE, **query, **({"pageToken": token} if token else {})},
        )
        page = [item for item in answer.get(kind) or () if isinstance(item, dict)]
        token = str(answer.get("nextPageToken", ""))
        if not listed.add(((str(item.get("name", "")), item) for item in page), token):
            return listed.items


def _id(name: str) -> str:
    """The last part: Google names a project by its number, its user often by its id."""
    return name.rpartition("/")[2]
