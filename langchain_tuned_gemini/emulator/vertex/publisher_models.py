"""`publishers.models`: Google's own models in the Model Garden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import model_of
from langchain_tuned_gemini.emulator.http.wire import compact
from langchain_tuned_gemini.emulator.vertex.errors import missing_publisher_model
from langchain_tuned_gemini.emulator.vertex.lookup import DEFAULT_PAGE_SIZE

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World


def find(world: World, call: Call) -> BaseModel:
    """The base model that a call addresses.

    Raises:
        ApiError: 404 if there is none, or not in this location, or it is another publisher's.
    """
    model = world.base_models.get(model_of(call.name) or "")
    if model is None or not _is_served(model, call.asked_in):
        raise missing_publisher_model(call.name)
    return model


def _is_served(model: BaseModel, location: str | None) -> bool:
    return None in {location, model.locations} or location in (model.locations or ())


def get(world: World, call: Call) -> JsonObject:
    """One base model."""
    return _resource(find(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the base models."""
    google = call.name == "publishers/google/models"
    models = sorted(world.base_models.values(), key=lambda m: m.name) if google else []
    shown, token = page(call, models, lambda m: m.name, default=DEFAULT_PAGE_SIZE)
    return compact(publisherModels=[_resource(model) for model in shown], nextPageToken=token)


def _resource(model: BaseModel) -> JsonObject:
    return {
        "name": f"publishers/google/{model.name}",
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
    }


HANDLERS = {
    "publishers.models.get": get,
    "publishers.models.list": list_,
}
