"""Prices of tokens: a table of the user's, since prices change and no service tells them."""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from langchain_tuned_gemini.errors import ParameterError

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """The prices of a model's tokens, for a million of them.

    Attributes:
        input: Tokens of a prompt.
        output: Tokens of an answer, those of thinking included.
        training: Tokens that a model is tuned with, for each epoch.
    """

    input: float = 0.0
    output: float = 0.0
    training: float | None = None

    def of_call(self, input_tokens: int, output_tokens: int) -> float:
        """The cost of a call."""
        return (input_tokens * self.input + output_tokens * self.output) / _MILLION

    def of_training(self, tokens: int) -> float | None:
        """The cost of tuning with so many tokens, all epochs; None without a price for it."""
        return None if self.training is None else tokens * self.training / _MILLION


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by model.

    A model is found under the name that its answers carry, which for a tuned model of Vertex AI is
    its endpoint's; a tuned one also under the name of its base model; or else under that of its
    candidate.

    Attributes:
        prices: By the model's name.
        currency: What they are in.

    Example:
        >>> table = PriceTable.of({"gemini-3.5-flash": {"input": 0.30, "output": 2.50}})
        >>> table.find("gemini-3.5-flash").of_call(input_tokens=1_000, output_tokens=200)
        0.0008
    """

    prices: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"

    @classmethod
    def of(cls, models: Mapping[str, Mapping[str, float]], *, currency: str = "USD") -> Self:
        """Makes a table of plain data.

        Args:
            models: By the model's name, the prices of a million tokens: `input`, `output`, and
                `training` where models are tuned.
            currency: What they are in.

        Raises:
            ParameterError: If a price has another name, or is no amount of money.
        """
        return cls({name: _price(name, told) for name, told in models.items()}, currency)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a table from a TOML file, or from a JSON file of the same form.

        ```toml
        currency = "USD"

        [models."gemini-3.5-flash"]  # for a million tokens
        input = 0.30
        output = 2.50
        training = 5.00
        ```

        Raises:
            ParameterError: If the file is not of this form; it says what is wrong.
            OSError: If the file can't be read.
        """
        text = Path(path).read_text(encoding="utf-8")
        try:
            told = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
            _check_table(told)
            return cls.of(told["models"], currency=told.get("currency", "USD"))
        except ValueError as error:
            raise ParameterError(f"{path} is no table of prices: {error}") from error
        except ParameterError as error:
            raise ParameterError(f"{path}: {error}") from None

    def find(self, *names: str) -> Price | None:
        """The price of the first of these names that has one.

        A resource's path need not stand there: `models/gemini-3.5-flash` is `gemini-3.5-flash`.
        """
        for name in names:
            for known in (name, name.rpartition("/")[2]):
                if known in self.prices:
                    return self.prices[known]
        return None


def _check_table(told: Mapping[str, Any]) -> None:
    if not isinstance(told.get("models"), Mapping) or told.keys() - {"currency", "models"}:
        raise ParameterError(f"it has {sorted(told)}, where 'models' and 'currency' should be.")


def _price(name: str, told: Any) -> Price:
    known = sorted(Price.__dataclass_fields__)
    if not isinstance(told, Mapping) or told.keys() - set(known) or not told:
        raise ParameterError(f"the price of {name!r} is {told!r}; it has some of {known}.")
    for amount in told.values():
        is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
        if not (is_number and math.isfinite(amount) and amount >= 0):
            raise ParameterError(f"a price of {name!r} is {amount!r}, which is no amount of money.")
    return Price(**told)
