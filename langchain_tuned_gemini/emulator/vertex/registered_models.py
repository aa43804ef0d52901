"""`models`: the registry of tuned models and their versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.http.wire import camel_case, compact
from langchain_tuned_gemini.emulator.vertex import tuning_job_resource
from langchain_tuned_gemini.emulator.vertex.create_tuning_job import DISPLAY_NAME_LENGTH
from langchain_tuned_gemini.emulator.vertex.errors import in_use, invalid
from langchain_tuned_gemini.emulator.vertex.lookup import (
    DEFAULT_PAGE_SIZE,
    listed,
    version_of,
)
from langchain_tuned_gemini.emulator.vertex.operations import DELETE, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.store import World
    from langchain_tuned_gemini.emulator.vertex.tuning_job import ModelVersion

_FILTERS = {"model": "name", "displayName": "displayName"}
# The fields of a Model that a client may change: where each is kept, and how it is read.
_MUTABLE: dict[str, tuple[str, Callable[[Message], object]]] = {
    "displayName": ("display_name", lambda request: request.text("displayName")),
    "description": ("description", lambda request: request.text("description")),
    "defaultCheckpointId": (
        "default_checkpoint_id",
        lambda request: request.text("defaultCheckpointId"),
    ),
    "labels": ("labels", lambda request: dict(request.message("labels").fields)),
}
_OF_ALL_VERSIONS = frozenset({"display_name", "description"})
# Discovery document, `Model.versionAliases`; `-alias` in a request takes one away.
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")


def get(world: World, call: Call) -> JsonObject:
    """One version of a model, by number or alias; the default one without either."""
    return tuning_job_resource.model(world.vertex, version_of(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the models of a location, each by its default version."""
    registry = world.vertex
    defaults = {name: registry.version(name) for name in registry.models}
    return listed(
        world,
        call,
        "models",
        {name: version for name, version in defaults.items() if version is not None},
        created=lambda version: version.create_time,
        shown=lambda version: tuning_job_resource.model(registry, version),
        fields=_FILTERS,
    )


def list_versions(world: World, call: Call) -> JsonObject:
    """A page of the versions of a model, with their numbers in their names."""
    registry = world.vertex
    versions = registry.models[version_of(world, call).name]
    ordered = [versions[number] for number in sorted(versions)]
    shown, token = page(call, ordered, lambda v: f"{v.version:09d}", default=DEFAULT_PAGE_SIZE)
    models = [tuning_job_resource.model(registry, version, versioned=True) for version in shown]
    return compact(models=models, nextPageToken=token)


def list_checkpoints(world: World, call: Call) -> JsonObject:
    """A page of the checkpoints of a version."""
    checkpoints = version_of(world, call).checkpoints
    shown, token = page(call, checkpoints, lambda c: f"{c.epoch:09d}", default=DEFAULT_PAGE_SIZE)
    return compact(
        checkpoints=[tuning_job_resource.checkpoint(item) for item in shown], nextPageToken=token
    )


def patch(world: World, call: Call) -> JsonObject:
    """Changes the fields of `updateMask`, or without one those that the body has.

    The reference requires a mask; google-genai sends none.

    Raises:
        ApiError: 400 for a field that can't be changed, or a checkpoint that is not there.
    """
    version, body = version_of(world, call), call.body
    mask = [camel_case(path.strip()) for path in call.parameter("updateMask").split(",") if path]
    for path in mask:
        if path not in _MUTABLE:
            raise invalid("update_mask", f"{path} can't be updated")
    fields = mask or [field for field in _MUTABLE if field in body]
    changes = {_MUTABLE[field][0]: _MUTABLE[field][1](body) for field in fields}
    _check(version, changes)
    registry = world.vertex
    of_all = {name: value for name, value in changes.items() if name in _OF_ALL_VERSIONS}
    for other in list(registry.models[version.name].values()):
        if other.version != version.version:
            registry.change_version(other, **of_all)
    changed = registry.change_version(version, update_time=world.now(), **changes)
    return tuning_job_resource.model(registry, changed)


def merge_version_aliases(world: World, call: Call) -> JsonObject:
    """Gives a version aliases, and takes those away that begin with `-`.

    An alias that another version has moves here.

    Raises:
        ApiError: 400 for an alias of another form.
    """
    version, registry = version_of(world, call), world.vertex
    wanted = [str(alias) for alias in call.body.values("versionAliases")]
    if not wanted or not all(_ALIAS.fullmatch(alias.removeprefix("-")) for alias in wanted):
        raise invalid("version_aliases", f"must match {_ALIAS.pattern}")
    added = {alias for alias in wanted if not alias.startswith("-")}
    removed = {alias.removeprefix("-") for alias in wanted if alias.startswith("-")}
    if "default" in removed:
        # "There will be exactly one default version" (discovery document, models.get).
        raise invalid("version_aliases", "default can be moved, not removed")
    for other in list(registry.models[version.name].values()):
        kept = tuple(alias for alias in other.aliases if alias not in added)
        registry.change_version(other, aliases=kept)
    present = registry.models[version.name][version.version]
    aliases = tuple(alias for alias in present.aliases if alias not in removed)
    changed = registry.change_version(
        present, aliases=(*aliases, *sorted(added)), update_time=world.now()
    )
    return tuning_job_resource.model(registry, changed)


def delete(world: World, call: Call) -> JsonObject:
    """Starts to delete a model with all its versions.

    Raises:
        ApiError: 400 while it is deployed, as the reference says.
    """
    if ResourceName.parse(call.name).version:
        raise invalid("name", "has a version: see deleteVersion")
    version = version_of(world, call)
    _check_undeployed(world, version, version.name)
    return start(world, call, version.name, DELETE)


def delete_version(world: World, call: Call) -> JsonObject:
    """Starts to delete one version.

    Raises:
        ApiError: 400 while it is deployed, for the only version, and for the default one
            (the last of the three is a guess).
    """
    if not ResourceName.parse(call.name).version:
        raise invalid("name", "a version ID must be explicitly included")
    version = version_of(world, call)
    _check_undeployed(world, version, version.full_name)
    if len(world.vertex.models[version.name]) == 1:
        msg = "Deleting the only version in the Model is not allowed. Use DeleteModel instead."
        raise in_use(msg)
    if "default" in version.aliases:
        raise in_use(f"{version.full_name} is the default version: move the alias first.")
    return start(world, call, version.full_name, DELETE)


def _check(version: ModelVersion, changes: dict[str, object]) -> None:
    wanted = changes.get("default_checkpoint_id", version.default_checkpoint_id)
    if wanted != version.default_checkpoint_id and wanted not in {
        checkpoint.id for checkpoint in version.checkpoints
    }:
        raise invalid("default_checkpoint_id", f"{version.full_name} has no checkpoint {wanted}")
    if len(str(changes.get("display_name", ""))) > DISPLAY_NAME_LENGTH:
        raise invalid("display_name", f"at most {DISPLAY_NAME_LENGTH} characters")


def _check_undeployed(world: World, version: ModelVersion, target: str) -> None:
    whole = target == version.name
    endpoints = [
        endpoint.name
        for endpoint, deployment in world.vertex.deployments(version.name)
        if whole or deployment.version == version.version
    ]
    if endpoints:
        where = ", ".join(endpoints)
        # Seen up to "Endpoint(s)", in an error of BigQuery ML that passes it on.
        msg = "is deployed or being deployed at the following Endpoint(s)"
        raise in_use(f"The Model {target} {msg}: {where}.")


def refuse(call: Call) -> NoReturn:
    """Refuses to generate: only endpoints and models of Google's do.

    Raises:
        ApiError: 400, in Google's words (python-genai issue 1679).
    """
    msg = (
        f"The Model name {call.name} is malformed and it should be in form of "
        "projects/{project}/locations/{location}/publishers/google/models/{model}"
    )
    raise ApiError(400, msg)


HANDLERS = {
    "models.get": get,
    "models.list": list_,
    "models.listVersions": list_versions,
    "models.listCheckpoints": list_checkpoints,
    "models.patch": patch,
    "models.mergeVersionAliases": merge_version_aliases,
    "models.delete": delete,
    "models.deleteVersion": delete_version,
}
