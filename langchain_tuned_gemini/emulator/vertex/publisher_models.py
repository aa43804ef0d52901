"""`publishers.models`: Google's own models in the Model Garden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import model_of
from langchain_tuned_gemini.emulator.vertex.lookup import missing

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.state.store import Store


def find(store: Store, call: MethodCall) -> ServedModel:
    """The base model that a call addresses: Google's, and served in this location."""
    model = store.base_models.get(model_of(call.name) or "")
    if model is None or not model.is_served_in(call.asked_in):
        raise missing(call.name)
    return model


def get(store: Store, call: MethodCall) -> JsonObject:
    """One base model."""
    return _shown(find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the base models."""
    google = call.name == "publishers/google/models"
    models = sorted(store.base_models.values(), key=lambda m: m.name) if google else []
    return page(call, "publisherModels", models, lambda m: m.name, _shown)


def _shown(model: ServedModel) -> JsonObject:
    return {
        "name": f"publishers/google/{model.name}",
        "versionId": "default",
        "openSourceCategory": "PROPRIETARY",
    }
