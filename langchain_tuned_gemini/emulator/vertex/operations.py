"""Long-running operations: how they start, get, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.resource_names import ResourceName
from langchain_tuned_gemini.emulator.http.wire import JsonObject, timestamp
from langchain_tuned_gemini.emulator.state.vertex_store import OperationRecord
from langchain_tuned_gemini.emulator.vertex.lookup import missing, name_of

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store

_TYPE_URL = "type.googleapis.com/google.cloud.aiplatform."


def start(store: Store, call: MethodCall, target: str, *, deployment: str = "") -> JsonObject:
    """Starts to delete something, or to undeploy from it.

    Without a duration the operation is done at once, and its answer says so.
    """
    vertex, now = store.vertex, store.now()
    name = f"{ResourceName.parse(target).resource}/operations/{vertex.new_id()}"
    due = now + vertex.operation_time
    vertex.operations[name] = OperationRecord(name, now, due, target, deployment)
    vertex.settle(now)
    return _shown(vertex.operations[name], call.version)


def get(store: Store, call: MethodCall) -> JsonObject:
    """One operation, below its resource or below the location (which google-genai asks)."""
    name = name_of(store, call)
    parsed = ResourceName.parse(name)
    for operation in store.vertex.operations.values():
        inside = ResourceName.parse(operation.name)
        short = f"{inside.parent}/{inside.rest}"
        if name == operation.name or (parsed.kind == "operations" and name == short):
            return _shown(operation, call.version)
    raise missing(name)


def _shown(record: OperationRecord, version: str) -> JsonObject:
    updated = record.due if record.done else record.create_time
    kind = "UndeployModelOperationMetadata" if record.deployment else "DeleteOperationMetadata"
    message: JsonObject = {
        "name": record.name,
        "metadata": {
            "@type": f"{_TYPE_URL}{version}.{kind}",
            "genericMetadata": {
                "createTime": timestamp(record.create_time),
                "updateTime": timestamp(updated),
            },
        },
    }
    if record.done:
        message["done"] = True
        undeployed = f"{_TYPE_URL}{version}.UndeployModelResponse"
        empty = "type.googleapis.com/google.protobuf.Empty"
        message["response"] = {"@type": undeployed if record.deployment else empty}
    return message
