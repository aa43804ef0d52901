"""How a model is tuned: hyperparameters under one name on both platforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.tuned_models.platform import Platform

_OWN_NAMES: Final = {
    "epochCount": "epochs",
    "batchSize": "batch_size",
    "learningRate": "learning_rate",
    "learningRateMultiplier": "learning_rate_multiplier",
    "adapterSize": "adapter_size",
}
_ADAPTER_SIZES: Final = {"ONE": 1, "TWO": 2, "FOUR": 4, "EIGHT": 8, "SIXTEEN": 16, "THIRTY_TWO": 32}
_VERTEX_ONLY: Final = frozenset({"learning_rate_multiplier", "adapter_size"})
_STEP: Final = frozenset({"learning_rate", "learning_rate_multiplier"})


@dataclass(frozen=True, slots=True)
class TuningSettings:
    """How a model is tuned; what is None is left to the platform.

    Attributes:
        epochs: How often each example is used.
        batch_size: The examples of one step.
        learning_rate: The size of a step.
        learning_rate_multiplier: The size of a step as a multiple of the usual one; Vertex AI.
        adapter_size: 1, 2, 4, 8, 16 or 32: the more, the more can be learnt; Vertex AI.
    """

    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    learning_rate_multiplier: float | None = None
    adapter_size: int | None = None

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> Self:
        """Reads what a platform tells that a model was tuned with, in the platform's names.

        Example:
            >>> TuningSettings.of({"epochCount": "3", "adapterSize": "ADAPTER_SIZE_FOUR"}).given
            {'epochs': 3, 'adapter_size': 4}
        """
        found: dict[str, Any] = {}
        for name, value in hyperparameters.items():
            match _OWN_NAMES.get(name):
                case "adapter_size":
                    found["adapter_size"] = _ADAPTER_SIZES.get(
                        str(value).removeprefix("ADAPTER_SIZE_")
                    )
                case "epochs" | "batch_size" as own:
                    found[own] = int(value)
                case str() as own:
                    found[own] = float(value)
        return cls(**found)

    def over(self, other: TuningSettings, platform: Platform) -> TuningSettings:
        """These settings, and where these say nothing, those of another one that fit.

        A step's size is said once, as a rate or as a multiple of the usual one; and what only
        the other platform takes is left out.

        Example:
            >>> before = TuningSettings(epochs=3, learning_rate=0.001)
            >>> TuningSettings(learning_rate_multiplier=2.0).over(before, "vertex").given
            {'epochs': 3, 'learning_rate_multiplier': 2.0}
        """
        kept = other.given
        if not _STEP.isdisjoint(self.given):
            kept = {name: value for name, value in kept.items() if name not in _STEP}
        if platform == "developer":
            kept = {name: value for name, value in kept.items() if name not in _VERTEX_ONLY}
        return TuningSettings(**{**kept, **self.given})

    @property
    def given(self) -> dict[str, Any]:
        """Those that are not left to the platform."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def check(self, platform: Platform) -> None:
        """Returns if a platform takes them.

        Raises:
            ParameterError: It does not.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not value > 0:
                raise ParameterError(f"{field.name}={value!r} must be more than 0.")
            if value is not None and platform == "developer" and field.name in _VERTEX_ONLY:
                raise ParameterError(f"{field.name} is Vertex AI's; the Developer API has none.")
