"""Deleting a tuned model of Vertex AI, which is three things in a certain order.

Its deployments are undone, its endpoints deleted, and then the model is; each step is a
long-running operation that is awaited. What there is to do is read from what is there, so that
a deletion that failed in the middle goes on when it is asked for again, by any of its names.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from langchain_tuned_gemini.errors import (
    DeletionIncompleteError,
    ServiceError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names import TunedModelName
from langchain_tuned_gemini.services.vertex import records
from langchain_tuned_gemini.services.vertex.flows import Call, Flow, JsonObject
from langchain_tuned_gemini.services.vertex.operations import completed
from langchain_tuned_gemini.services.vertex.reading import pages, unless_forbidden
from langchain_tuned_gemini.tuned_model import TunedModelState


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is there of a tuned model.

    Attributes:
        model: The model, with the version that is to go; None where it is gone.
        is_whole: Whether the model has no other version.
        endpoints: The endpoints, and what they say.
    """

    model: TunedModelName | None
    is_whole: bool
    endpoints: dict[TunedModelName, JsonObject]


def deletion(name: TunedModelName) -> Flow[None]:
    """Deletes the endpoints and the model that a name stands for.

    Raises:
        TunedModelNotFoundError: There is nothing (any more) of that name.
        TunedModelNotDeletableError: Several versions and none is named, a tuning that goes on,
            or nothing left but the record of a tuning job.
        DeletionIncompleteError: A step failed; it says what is done and what is left.
    """
    parts = yield from _parts_of(name)
    done: list[str] = []
    left = [str(part) for part in (*parts.endpoints, parts.model) if part]
    try:
        for endpoint, record in parts.endpoints.items():
            yield from _delete_endpoint(endpoint, record, parts.model)
            done.append(left.pop(0))
        if parts.model:
            yield from _delete_model(parts.model, is_whole=parts.is_whole)
    except ServiceError as error:
        raise DeletionIncompleteError(error, name=str(name), done=done, left=left) from error


def _parts_of(name: TunedModelName) -> Flow[_Parts]:
    """Finds out what is there, from the name's own record and from that of its tuning job."""
    record = yield from _there(name)
    job_name, job = (name, record) if name.kind == "tuningJobs" else (None, None)
    if job_name is None:
        job_name, job = yield from _job_of(name, record)
    elif job is not None:
        _check_that_it_has_ended(name, job)
    model = _model_of(name, record or {}, job or {})
    about = (yield from _there(model)) if model else None
    known = [name] if name.kind == "endpoints" else []
    known += records.endpoints_of_job(job or {}) + records.endpoints_of_model(about or {})
    endpoints = yield from _those_there(known)
    if model and about is not None:
        versions = yield from _versions(model)
        model = _one_of(model, about, versions)
        return _Parts(model, len(versions) == 1, endpoints)
    if not endpoints:
        raise _nothing_left(name, job)
    return _Parts(None, is_whole=True, endpoints=endpoints)


def _job_of(
    name: TunedModelName, record: JsonObject | None
) -> Flow[tuple[TunedModelName | None, JsonObject | None]]:
    """The tuning job that made an endpoint or a model; it may be forbidden to look for it."""
    labelled = records.job_in_labels(name, record or {})
    if labelled:
        job = yield from unless_forbidden(_there(labelled))
        return labelled, job
    jobs = (yield from unless_forbidden(pages(name, "tuningJobs", {}))) or []
    for job in jobs:
        made = [*records.endpoints_of_job(job), records.model_of_job(job)]
        if any(part and _is_same(part, name) for part in made):
            return TunedModelName.parse(str(job["name"])), job
    return None, None


def _model_of(name: TunedModelName, record: JsonObject, job: JsonObject) -> TunedModelName | None:
    """The model, with its version where that is known."""
    if name.kind == "models":
        return name
    deployed = {model for model in records.deployed_models(record).values() if model}
    if len({(model.id, model.version) for model in deployed}) > 1:
        raise TunedModelNotDeletableError(
            f"{name} answers for several models: {', '.join(sorted(map(str, deployed)))}. Name "
            "the one that is to be deleted.",
            name=str(name),
        )
    return next(iter(deployed), None) or records.model_of_job(job)


def _one_of(model: TunedModelName, about: JsonObject, versions: list[JsonObject]) -> TunedModelName:
    """The version that is meant, by its number: an alias may move, and is not to be lost."""
    if not model.version and len(versions) > 1:
        numbers = ", ".join(str(version.get("versionId")) for version in versions)
        raise TunedModelNotDeletableError(
            f"{model} has the versions {numbers}. Name the one that is to be deleted: "
            f"{model}@{versions[0].get('versionId')}.",
            name=str(model),
        )
    return TunedModelName.parse(f"{model.parent}/models/{model.id}@{about.get('versionId', '1')}")


def _delete_endpoint(
    name: TunedModelName, record: JsonObject, model: TunedModelName | None
) -> Flow[None]:
    """Undeploys a model; deletes the endpoint, unless it answers for another model, too."""
    deployed = records.deployed_models(record)
    ours = [
        deployment
        for deployment, other in deployed.items()
        if not model or not other or _is_same(other, model)
    ]
    with suppress(TunedModelNotFoundError):  # somebody else was faster
        for deployment in ours:
            yield from completed(
                Call(
                    f"Undeploying {name}",
                    name.location,
                    f"{name}:undeployModel",
                    method="POST",
                    body={"deployedModelId": deployment},
                    name=name,
                )
            )
        if len(ours) == len(deployed):
            yield from completed(_delete(name, str(name)))


def _delete_model(model: TunedModelName, *, is_whole: bool) -> Flow[None]:
    whole = f"{model.parent}/models/{model.id}"
    with suppress(TunedModelNotFoundError):  # somebody else was faster
        yield from completed(_delete(model, whole if is_whole else f"{model}:deleteVersion"))


def _delete(name: TunedModelName, path: str) -> Call:
    return Call(f"Deleting {name}", name.location, path, method="DELETE", name=name)


def _versions(model: TunedModelName) -> Flow[list[JsonObject]]:
    whole = TunedModelName(model.id, "models", model.project, model.location)
    return (yield from pages(whole, "models", {}, path=f"{whole}:listVersions"))


def _there(name: TunedModelName) -> Flow[JsonObject | None]:
    """A resource; None where there is none of that name."""
    try:
        return (yield Call.get(name))
    except TunedModelNotFoundError:
        return None


def _those_there(names: Iterable[TunedModelName]) -> Flow[dict[TunedModelName, JsonObject]]:
    """The resources that are there, each once."""
    there: dict[TunedModelName, JsonObject] = {}
    for name in {name.id: name for name in names}.values():
        record = yield from _there(name)
        if record is not None:
            there[name] = record
    return there


def _is_same(one: TunedModelName, other: TunedModelName) -> bool:
    """Whether two names are of one thing: a project has an id and a number."""
    same = (one.kind, one.location, one.id) == (other.kind, other.location, other.id)
    return same and (one.version == other.version or not one.version or not other.version)


def _check_that_it_has_ended(name: TunedModelName, record: JsonObject) -> None:
    job = records.tuning_job(name, record)
    if not job.state.is_terminal:
        raise TunedModelNotDeletableError(
            f"{name} is {job.raw_state}: cancel it first, and delete it when it has ended.",
            name=str(name),
            state=job.state,
        )


def _nothing_left(
    name: TunedModelName, record: JsonObject | None
) -> TunedModelNotDeletableError | TunedModelNotFoundError:
    if name.kind != "tuningJobs" or record is None:
        return TunedModelNotFoundError.of(str(name))
    job = records.tuning_job(name, record)
    why = (
        "was deleted" if job.state is TunedModelState.ACTIVE else f"was never made: {job.raw_state}"
    )
    return TunedModelNotDeletableError(
        f"Nothing is left of {name} but its record, and Vertex AI can't delete the record of a "
        f"tuning job. Its model {why}. The record costs nothing: leave it.",
        name=str(name),
        state=job.state,
        is_gone=True,
    )
