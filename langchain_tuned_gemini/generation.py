"""Generation parameters that suit tuned models."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

Task = Literal["strict", "creative"]

TASKS: Mapping[Task, Mapping[str, float | int]] = MappingProxyType(
    {
        # One right answer in a fixed form: labels, SQL, JSON.
        "strict": MappingProxyType(
            {"temperature": 0.2, "top_p": 0.8, "top_k": 40, "max_output_tokens": 1024}
        ),
        # Many good answers: the defaults of gemini-1.5-flash-001-tuning itself.
        "creative": MappingProxyType({"temperature": 1.0, "top_p": 0.95, "top_k": 64}),
    }
)
"""Presets for what a model was tuned to do."""

_WARM = 0.7
"""From this temperature on, a model that was tuned to one right answer starts to wander."""


def generation_parameters(task: Task | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """What to send: the preset of the task, and over it what the user said.

    Without a task nothing is sent that the user did not set, so that the tuned model's own
    defaults hold (they are part of the tuned model and copied from its base).

    Args:
        task: What the model was tuned to do, if the user said.
        given: The parameters that the user set; None stands for one that was not set.

    Warns:
        UserWarning: For a temperature of 0.7 or more with `task="strict"`.

    Example:
        >>> generation_parameters("strict", {"max_output_tokens": 64, "top_k": None})
        {'temperature': 0.2, 'top_p': 0.8, 'top_k': 40, 'max_output_tokens': 64}
        >>> generation_parameters(None, {"temperature": None})
        {}
    """
    said = {name: value for name, value in given.items() if value is not None}
    if task == "strict" and said.get("temperature", 0.0) >= _WARM:
        warnings.warn(
            f"temperature={said['temperature']} with task='strict' makes a model that was tuned "
            f"to give one right answer give others. Leave it out (0.2), or stay below {_WARM}.",
            UserWarning,
            stacklevel=2,
        )
    return {**(TASKS[task] if task else {}), **said}
