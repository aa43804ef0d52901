"""The parts of a tuned model, known so surely that it may be deleted, or be called gone.

One wrong 404 must not make a model look gone, or half of it: what is not found is looked for
twice, and what other records say of it must agree. Where they do not, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable

from langchain_tuned_gemini.errors import (
    ServiceError,
    TunedModelNameError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import (
    Kind,
    TunedModelName,
    is_number,
    is_same_project,
)
from langchain_tuned_gemini.services import Deployments, TunedModelParts
from langchain_tuned_gemini.services.error_translation import JsonObject
from langchain_tuned_gemini.services.vertex import resources
from langchain_tuned_gemini.services.vertex.api import Flow, VertexRequest
from langchain_tuned_gemini.services.vertex.resolution import (
    pages,
    project_number,
    unless_forbidden,
)
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

_DEFAULT = "default"
"""The alias of the version that a model's name means without one; there is always one."""


_ENDPOINTS: frozenset[Kind] = frozenset({"endpoints"})


def parts_of(name: TunedModelName) -> Flow[TunedModelParts]:
    """Finds out what there is of a tuned model, by whichever of its names.

    Raises:
        TunedModelNotFoundError: There is nothing (any more) of that name.
        TunedModelNotDeletableError: Several versions and none is named, the default version of
            several, a tuning that goes on, or nothing left but the record of a tuning job.
        ServiceError: Something could not be read, or records contradict each other.
    """
    record = yield from look_for(name)
    exact = _in_its_words(name, record)
    job_name, job, unseen = yield from _job_of(exact, record)
    meant = name if name.kind == "models" else _model_of(exact, record or {}, job or {})
    about = record if meant is name else (yield from look_for(meant)) if meant else None
    model = _in_its_words(meant, about) if meant else None
    if model:
        yield from _check_that_it_is_of_one_project(exact, model)
    known = [exact] if name.kind == "endpoints" else []
    known += resources.endpoints_of_job(job or {}) + resources.endpoints_of_model(about or {})
    endpoints = yield from _those_there(known)
    _check_that_they_agree(model, about, endpoints)
    if about is None and not endpoints:
        yield from _check_that_it_is_not_listed([exact, *([model] if model else []), *known])
        raise _nothing_left(name, job)
    left, is_only = None, True
    if meant and model and about is not None:
        left, is_only = yield from _version_of(meant, model, about)
    serving = {endpoint.key for endpoint in resources.endpoints_of_model(about or {})}
    there = {e: _deployments(told, left, e.key in serving) for e, told in endpoints.items()}
    keys = {endpoint.key for endpoint in endpoints}
    lost = tuple(one for one in known if one.key not in keys)
    if not (endpoints or job):
        unseen |= _ENDPOINTS
    parts = TunedModelParts(job_name, left, is_only, there, lost, unseen)
    if not parts.deletable:
        raise _nothing_left(name, job)
    return parts


def look_for(name: TunedModelName) -> Flow[JsonObject | None]:
    """A resource; None where two looks find none of that name."""
    for _ in range(2):
        try:
            return (yield VertexRequest.get(name))
        except TunedModelNotFoundError:
            continue
    return None


def _in_its_words(name: TunedModelName, record: JsonObject | None) -> TunedModelName:
    """A name as its own record tells it: with the project's number, and a version's number."""
    try:
        told = TunedModelName.parse(str((record or {}).get("name", "")))
    except TunedModelNameError:
        return name
    if told.key != name.key:
        return name
    version = str((record or {}).get("versionId") or name.version)
    return TunedModelName(name.id, name.kind, told.project, name.location, version)


def _job_of(
    name: TunedModelName, record: JsonObject | None
) -> Flow[tuple[TunedModelName | None, JsonObject | None, frozenset[Kind]]]:
    """The tuning job that made an endpoint or a model; it may be forbidden to look for it."""
    if name.kind == "tuningJobs":
        if record is not None:
            _check_that_it_has_ended(name, record)
        return name, record, frozenset()
    labelled = resources.job_in_labels(name, record or {})
    if labelled:
        return labelled, (yield from unless_forbidden(look_for(labelled))), frozenset()
    jobs = yield from unless_forbidden(pages(name, "tuningJobs", {}))
    for job in jobs or ():
        made = [*resources.endpoints_of_job(job), resources.model_of_job(job)]
        if any(part and _is_made(part, name) for part in made):
            return TunedModelName.parse(str(job["name"])), job, frozenset()
    return None, None, frozenset({"tuningJobs"}) if jobs is None else frozenset()


def _is_made(part: TunedModelName, name: TunedModelName) -> bool:
    """Whether two names, both told for one project, are of one thing."""
    return part.key == name.key and (
        part.version == name.version or not part.version or not name.version
    )


def _model_of(name: TunedModelName, record: JsonObject, job: JsonObject) -> TunedModelName | None:
    """The model, with its version where that is known."""
    deployed = {model for model in resources.deployed_models(record).values() if model}
    if len(deployed) > 1:
        raise TunedModelNotDeletableError(
            f"{name} answers for several models: {', '.join(sorted(map(str, deployed)))}. Name "
            "the one that is to be deleted.",
            name=str(name),
        )
    return next(iter(deployed), None) or resources.model_of_job(job)


def _check_that_it_is_of_one_project(name: TunedModelName, model: TunedModelName) -> Flow[None]:
    """An endpoint may answer for another project's model, which nobody has named."""
    numbers: dict[str, str] = {}
    if is_same_project(name.project, model.project, numbers) is None:
        for one in (name, model):
            if number := (yield from project_number(one)):
                numbers[one.project] = number
    if not is_same_project(name.project, model.project, numbers):
        raise TunedModelNotDeletableError(
            f"{name} answers for {model}, which is not known to be of the same project. Name the "
            "model itself to delete it.",
            name=str(name),
        )


def _check_that_they_agree(
    model: TunedModelName | None,
    about: JsonObject | None,
    endpoints: dict[TunedModelName, JsonObject],
) -> None:
    """A model that is deployed is there, and so is each endpoint that it is deployed to."""
    there = {endpoint.key for endpoint in endpoints}
    for endpoint in resources.endpoints_of_model(about or {}):
        if endpoint.key not in there:
            raise _contradiction(f"{model} is deployed to {endpoint}", endpoint)
    for endpoint, record in endpoints.items():
        for deployed in resources.deployed_models(record).values():
            if model and about is None and deployed and _is_made(deployed, model):
                raise _contradiction(f"{endpoint} answers for {deployed}", deployed)


def _check_that_it_is_not_listed(names: list[TunedModelName]) -> Flow[None]:
    """Checks that no list has what two looks did not find; a list may be forbidden to see."""
    for name in names:
        if name.kind == "tuningJobs":
            continue
        whole = name.whole
        listed = yield from unless_forbidden(pages(name, name.kind, {}))
        is_there = any(str(one.get("name", "")).endswith(f"/{name.id}") for one in listed or ())
        if is_there and name.version:
            numbers = [str(one.get("versionId")) for one in (yield from _versions(whole))]
            is_there = name.version in numbers or not is_number(name.version)
        if is_there:
            raise _contradiction(f"{whole} is in the list of {name.kind}", name)


def _contradiction(told: str, name: TunedModelName) -> ServiceError:
    return ServiceError(
        f"Vertex AI contradicts itself: {told}, and {name} does not exist. So what there is can't "
        "be told, and nothing was deleted. Try again in a while.",
        is_retryable=True,
    )


def _version_of(
    meant: TunedModelName, model: TunedModelName, about: JsonObject
) -> Flow[tuple[TunedModelName, bool]]:
    """The version that is meant, by its number, as an alias may move; and if it is the only one."""
    whole = model.whole
    numbers = [str(version.get("versionId")) for version in (yield from _versions(whole))]
    if not meant.version and len(numbers) > 1:
        raise TunedModelNotDeletableError(
            f"{meant} has the versions {', '.join(numbers)}. Name the one that is to be deleted: "
            f"{meant}@{numbers[0]}.",
            name=str(meant),
        )
    number = str(about.get("versionId", "1"))
    if _DEFAULT in (about.get("versionAliases") or ()) and len(numbers) > 1:
        newest = next(other for other in reversed(numbers) if other != number)
        raise TunedModelNotDeletableError(
            f"{whole}@{number} is the default version of {whole}, which can't be deleted as long "
            "as there are others. Make another one the default first, with "
            f'google-cloud-aiplatform: ModelRegistry("{whole}").add_version_aliases(["default"], '
            f'"{newest}").',
            name=f"{whole}@{number}",
        )
    return TunedModelName.parse(f"{whole}@{number}"), len(numbers) == 1


def _deployments(
    record: JsonObject,
    model: TunedModelName | None,
    is_told: bool,  # a verdict that is passed on
) -> Deployments:
    deployed = resources.deployed_models(record)
    ours = [id_ for id_, other in deployed.items() if model and other and _is_made(other, model)]
    return Deployments(tuple(ours), others=len(ours) < len(deployed), is_told=is_told)


def _versions(model: TunedModelName) -> Flow[list[JsonObject]]:
    return (yield from pages(model, "models", {}, path=f"{model.whole}:listVersions"))


def _those_there(names: Iterable[TunedModelName]) -> Flow[dict[TunedModelName, JsonObject]]:
    """The resources that are there, each once."""
    found: dict[TunedModelName, JsonObject] = {}
    for name in {name.key: name for name in names}.values():
        record = yield from look_for(name)
        if record is not None:
            found[_in_its_words(name, record)] = record
    return found


def _check_that_it_has_ended(name: TunedModelName, record: JsonObject) -> None:
    job = resources.tuning_job(name, record)
    if not job.state.is_terminal:
        raise TunedModelNotDeletableError(
            f"{name} is {job.state_text}: cancel it first, and delete it when it has ended.",
            name=str(name),
            state=job.state,
        )


def _nothing_left(
    name: TunedModelName, record: JsonObject | None
) -> TunedModelNotDeletableError | TunedModelNotFoundError:
    if name.kind != "tuningJobs" or record is None:
        return TunedModelNotFoundError.of(str(name))
    job = resources.tuning_job(name, record)
    why = (
        "was deleted"
        if job.state is TunedModelState.ACTIVE
        else f"was never made: {job.state_text}"
    )
    return TunedModelNotDeletableError(
        f"Nothing is left of {name} but its record, and Vertex AI can't delete the record of a "
        f"tuning job. Its model {why}. The record costs nothing: leave it.",
        name=str(name),
        state=job.state,
        is_gone=True,
    )
