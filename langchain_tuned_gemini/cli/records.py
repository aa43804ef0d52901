"""A tuned model as JSON has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_tuned_gemini.tuned_model import TunedModel


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
