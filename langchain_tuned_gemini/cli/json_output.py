"""Tuned models as JSON has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import LibraryModel
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel


def model_data(model: TunedModel) -> dict[str, Any]:
    """Everything that a model holds, in JSON's types; times as ISO 8601."""
    data = asdict(model)
    for field in ("create_time", "update_time"):
        data[field] = data[field].isoformat() if data[field] else None
    return {
        **data,
        "hyperparameters": dict(model.hyperparameters),
        "percent": None if model.progress is None else round(100 * model.progress, 1),
        "loss": model.loss,
    }


def library_data(model: LibraryModel) -> dict[str, Any]:
    """A model in its place in the library."""
    described = model.model
    return {
        "name": model.name,
        "display_name": described.display_name,
        "platform": model.platform,
        **TunedModelName.parse(model.name).place,
        "state": model.state,
        "raw_state": described.raw_state,
        "error": described.error,
        "family": model.family,
        "version": model.version,
        "base_model": described.base_model,
        "create_time": described.create_time.isoformat() if described.create_time else None,
        "age_s": None if model.age is None else round(model.age, 1),
        "dataset": model.dataset,
        "aliases": list(model.aliases),
        "deployed": model.deployed,
        "endpoint": described.endpoint,
    }
