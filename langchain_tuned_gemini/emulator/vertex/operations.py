"""Long-running operations: how they start, get, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.vertex import tuning_job_resource
from langchain_tuned_gemini.emulator.vertex.errors import missing
from langchain_tuned_gemini.emulator.vertex.lookup import name_of
from langchain_tuned_gemini.emulator.vertex.tuning_job import OperationRecord

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

DELETE = "DeleteOperationMetadata"
UNDEPLOY = "UndeployModelOperationMetadata"


def start(world: World, call: Call, target: str, kind: str, *, deployment: str = "") -> JsonObject:
    """Starts an operation; without a duration it is done at once, and its answer says so."""
    registry, now = world.vertex, world.now()
    name = f"{ResourceName.parse(target).resource}/operations/{registry.new_id()}"
    registry.operations[name] = OperationRecord(
        name=name,
        kind=kind,
        create_time=now,
        due=now + registry.operation_time,
        target=target,
        deployment=deployment,
    )
    registry.settle(now)
    return tuning_job_resource.operation(registry.operations[name], call.version)


def get(world: World, call: Call) -> JsonObject:
    """One operation, below its resource or below the location (which google-genai asks)."""
    return tuning_job_resource.operation(_find(world, call), call.version)


def _find(world: World, call: Call) -> OperationRecord:
    name = name_of(world, call)
    parsed = ResourceName.parse(name)
    for operation in world.vertex.operations.values():
        inside = ResourceName.parse(operation.name)
        short = f"{inside.parent}/{inside.rest}"
        if name == operation.name or (parsed.kind == "operations" and name == short):
            return operation
    raise missing(name)


HANDLERS = {
    "operations.get": get,
    # The reference lets `wait` answer before its timeout: "the server may return the latest
    # state before". The emulator's clock may stand still, so it never blocks.
    "operations.wait": get,
}
