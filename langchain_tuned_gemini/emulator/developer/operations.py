"""`tunedModels.operations`: how far a creation has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import tuned_model_resource
from langchain_tuned_gemini.emulator.developer.tuned_model import Ending, State
from langchain_tuned_gemini.emulator.developer.tuned_models import find
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import compact

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import TunedModelRecord
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World

CANCELLED = (1, "The operation was cancelled.")


def get(world: World, call: Call) -> JsonObject:
    """One operation."""
    return tuned_model_resource.operation(world.training(_find(world, call)))


def list_(world: World, call: Call) -> JsonObject:
    """The operations of a tuned model: there is one, its creation."""
    record = find(world, _model(call))
    shown, token = page(call, [record], lambda r: r.operation_id)
    operations = [tuned_model_resource.operation(world.training(record)) for record in shown]
    return compact(operations=operations, nextPageToken=token)


def cancel(world: World, call: Call) -> JsonObject:
    """Stops tuning; of an operation that is done it changes nothing.

    What becomes of the model is not published: here it is FAILED, and its operation
    ends with the code that Google documents for a cancellation (1).
    """
    record = _find(world, call)
    if world.training(record).ended is None:
        world.change(record, ended=Ending(State.FAILED, world.now(), CANCELLED))
    return {}


def _find(world: World, call: Call) -> TunedModelRecord:
    record = find(world, _model(call))
    if call.name != f"{record.name}/operations/{record.operation_id}":
        raise ApiError(404, f"Operation {call.name} does not exist.")
    return record


def _model(call: Call) -> str:
    return call.model or ""


HANDLERS = {
    "operations.get": get,
    "operations.list": list_,
    "operations.cancel": cancel,
}
