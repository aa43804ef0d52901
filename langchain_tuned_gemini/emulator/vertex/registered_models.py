"""`models`: the registry of tuned models and their versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.http.wire import (
    JsonObject,
    compact,
    etag,
    snake_case,
    timestamp,
)
from langchain_tuned_gemini.emulator.vertex.create_tuning_job import display_name_of
from langchain_tuned_gemini.emulator.vertex.lookup import found, in_use, invalid, listed, name_of
from langchain_tuned_gemini.emulator.vertex.operations import start
from langchain_tuned_gemini.emulator.vertex.tuning_jobs import checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tuned_gemini.emulator.http.requests import Message, MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store
    from langchain_tuned_gemini.emulator.state.vertex_store import ModelVersion, VertexStore

_FILTERS = {"model": "name", "displayName": "displayName"}
# The fields of a Model that a client may change, and how each is read from a request.
_MUTABLE: dict[str, Callable[[Message], object]] = {
    "displayName": lambda request: display_name_of(request, "displayName"),
    "description": lambda request: request.text("description"),
    "defaultCheckpointId": lambda request: request.text("defaultCheckpointId"),
    "labels": lambda request: dict(request.message("labels").fields),
}
_OF_ALL_VERSIONS = frozenset({"display_name", "description"})
# Discovery document, `Model.versionAliases`; `-alias` in a request takes one away.
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9]")


def get(store: Store, call: MethodCall) -> JsonObject:
    """One version of a model, by number or alias; the default one without either."""
    return _shown(store.vertex, _find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the models of a location, each by its default version."""
    vertex = store.vertex
    defaults = {name: vertex.version(name) for name in vertex.models}
    present = {name: version for name, version in defaults.items() if version is not None}
    return listed(store, call, present, lambda version: _shown(vertex, version), _FILTERS)


def list_versions(store: Store, call: MethodCall) -> JsonObject:
    """A page of the versions of a model, with their numbers in their names."""
    versions = store.vertex.models[_find(store, call).name]
    return page(
        call,
        "models",
        [versions[number] for number in sorted(versions)],
        key=lambda version: f"{version.version:09d}",
        shown=lambda version: _shown(store.vertex, version) | {"name": version.full_name},
    )


def list_checkpoints(store: Store, call: MethodCall) -> JsonObject:
    """A page of the checkpoints of a version."""
    records = _find(store, call).checkpoints
    return page(call, "checkpoints", records, lambda record: f"{record.epoch:09d}", checkpoint)


def patch(store: Store, call: MethodCall) -> JsonObject:
    """Changes the fields of `updateMask`, or without one those that the body has.

    The reference requires a mask; google-genai sends none.
    """
    version, body, mask = _find(store, call), call.body, call.update_mask
    for path in mask:
        if path not in _MUTABLE:
            raise invalid("update_mask", f"{path} can't be updated")
    fields = mask or [field for field in _MUTABLE if field in body]
    changes = {snake_case(field): _MUTABLE[field](body) for field in fields}
    _check(version, changes)
    vertex = store.vertex
    of_all = {name: value for name, value in changes.items() if name in _OF_ALL_VERSIONS}
    for other in list(vertex.models[version.name].values()):
        if other.version != version.version:
            vertex.change_version(other, **of_all)
    changed = vertex.change_version(version, update_time=store.now(), **changes)
    return _shown(vertex, changed)


def merge_aliases(store: Store, call: MethodCall) -> JsonObject:
    """Gives a version aliases, and takes those away that begin with `-`.

    An alias that another version has moves here.
    """
    version, vertex = _find(store, call), store.vertex
    wanted = [str(alias) for alias in call.body.values("versionAliases")]
    if not wanted or not all(_ALIAS.fullmatch(alias.removeprefix("-")) for alias in wanted):
        raise invalid("version_aliases", f"must match {_ALIAS.pattern}")
    added = {alias for alias in wanted if not alias.startswith("-")}
    removed = {alias.removeprefix("-") for alias in wanted if alias.startswith("-")}
    if "default" in removed:
        # "There will be exactly one default version" (discovery document, models.get).
        raise invalid("version_aliases", "default can be moved, not removed")
    for other in list(vertex.models[version.name].values()):
        kept = tuple(alias for alias in other.aliases if alias not in added)
        vertex.change_version(other, aliases=kept)
    present = vertex.models[version.name][version.version]
    aliases = tuple(alias for alias in present.aliases if alias not in removed)
    changed = vertex.change_version(
        present, aliases=(*aliases, *sorted(added)), update_time=store.now()
    )
    return _shown(vertex, changed)


def delete(store: Store, call: MethodCall) -> JsonObject:
    """Starts to delete a model with all its versions; 400 while it is deployed (reference)."""
    if ResourceName.parse(call.name).version:
        raise invalid("name", "has a version: see deleteVersion")
    version = _find(store, call)
    _check_undeployed(store, version, version.name)
    return start(store, call, version.name)


def delete_version(store: Store, call: MethodCall) -> JsonObject:
    """Starts to delete one version; 400 while it is deployed (reference)."""
    if not ResourceName.parse(call.name).version:
        raise invalid("name", "a version ID must be explicitly included")
    version = _find(store, call)
    _check_undeployed(store, version, version.full_name)
    if len(store.vertex.models[version.name]) == 1:
        msg = "Deleting the only version in the Model is not allowed. Use DeleteModel instead."
        raise in_use(msg)
    if "default" in version.aliases:  # a guess
        raise in_use(f"{version.full_name} is the default version: move the alias first.")
    return start(store, call, version.full_name)


def _check(version: ModelVersion, changes: dict[str, object]) -> None:
    wanted = changes.get("default_checkpoint_id", version.default_checkpoint_id)
    if wanted != version.default_checkpoint_id and wanted not in {
        checkpoint.id for checkpoint in version.checkpoints
    }:
        raise invalid("default_checkpoint_id", f"{version.full_name} has no checkpoint {wanted}")


def _check_undeployed(store: Store, version: ModelVersion, target: str) -> None:
    whole = target == version.name
    endpoints = [
        endpoint.name
        for endpoint, deployment in store.vertex.deployments(version.name)
        if whole or deployment.version == version.version
    ]
    if endpoints:
        where = ", ".join(endpoints)
        # Seen up to "Endpoint(s)", in an error of BigQuery ML that passes it on.
        msg = "is deployed or being deployed at the following Endpoint(s)"
        raise in_use(f"The Model {target} {msg}: {where}.")


def _find(store: Store, call: MethodCall) -> ModelVersion:
    return found(store, call, store.vertex.version(name_of(store, call)))


def _shown(vertex: VertexStore, record: ModelVersion) -> JsonObject:
    refs = [
        compact(
            endpoint=endpoint.name,
            deployedModelId=deployment.id,
            checkpointId=deployment.checkpoint_id,
        )
        for endpoint, deployment in vertex.deployments(record.name)
        if deployment.version == record.version
    ]
    versions = vertex.models[record.name].values()
    return compact(
        name=record.name,
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
        etag=etag(record.update_time),
        labels=dict(record.labels),
        checkpoints=[checkpoint(item) for item in record.checkpoints],
        defaultCheckpointId=record.default_checkpoint_id,
    )
