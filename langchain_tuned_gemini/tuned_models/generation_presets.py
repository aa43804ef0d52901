"""Generation parameters that suit tuned models."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from langchain_tuned_gemini.tuned_models.base_models import BaseModel

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


_MOST_TOKENS = 65_535
"""The longest answer of a Gemini model, with its thoughts; what asks for more is refused."""

_SAMPLING = ("temperature", "top_p", "top_k")
_THINKING = frozenset({"thinking_budget", "thinking_level"})
_RULED = frozenset({*_SAMPLING, *_THINKING, "max_output_tokens"})
"""The parameters for which a base model has rules of its own."""


def generation_parameters(
    task: Task | None, given: Mapping[str, Any], base: BaseModel | None = None
) -> dict[str, Any]:
    """The parameters to send: the preset of the task, and over it what the user said.

    Without a task nothing is sent that the user did not set, so that the tuned model's own
    defaults hold (they are part of the tuned model and copied from its base), but one thing:
    where it is known how, the model is told to think as little as it can.

    Args:
        task: What the model was tuned to do, if the user said.
        given: The parameters that the user set; None stands for one that was not set.
        base: What is known of the model it was tuned from.

    Warns:
        UserWarning: For a temperature of 0.7 or more with `task="strict"`, and for sampling
            parameters that the base model ignores.

    Example:
        >>> generation_parameters("strict", {"max_output_tokens": 64, "top_k": None})
        {'temperature': 0.2, 'top_p': 0.8, 'top_k': 40, 'max_output_tokens': 64}
        >>> generation_parameters(None, {"temperature": None})
        {}
        >>> from langchain_tuned_gemini.tuned_models.base_models import find
        >>> generation_parameters("strict", {}, find("gemini-3.5-flash-lite"))
        {'max_output_tokens': 1024, 'thinking_level': 'minimal'}
    """
    parameters = _over_the_preset(task, given)
    if base is not None:
        _apply(base, parameters, given)
    if task == "strict" and parameters.get("temperature", 0.0) >= _WARM:
        warnings.warn(
            f"temperature={given['temperature']} with task='strict' makes a model that was tuned "
            f"to give one right answer give others. Leave it out (0.2), or stay below {_WARM}.",
            UserWarning,
            stacklevel=2,
        )
    return parameters


def base_model_parameters(
    task: Task | None, given: Mapping[str, Any], base: BaseModel | None
) -> dict[str, Any]:
    """The parameters for a base model that stands in for a tuned one with these.

    Each of them follows the base model's own rules. It thinks as little as it can, as the tuned
    model does, unless the user said how much it may: thoughts count against a limit of tokens,
    also against one of a single call. A budget that it has to think is added to the limit. A model
    that nothing is known of is told nothing about thinking.

    Args:
        task: What the tuned model was tuned to do, if the user said.
        given: The parameters that the user set for the tuned model; None for one that was not.
        base: What is known of the base model.

    Example:
        >>> from langchain_tuned_gemini.tuned_models.base_models import find
        >>> base_model_parameters(None, {"max_output_tokens": 64}, find("gemini-3.5-flash"))
        {'max_output_tokens': 64, 'thinking_level': 'minimal'}
        >>> base_model_parameters(None, {"max_output_tokens": 64}, find("gemini-2.5-pro"))
        {'max_output_tokens': 192, 'thinking_budget': 128}
    """
    parameters = _over_the_preset(task, given)
    said = {name: parameters.pop(name) for name in _THINKING if name in parameters}
    if base is None:
        return parameters
    if base.has_fixed_sampling:
        parameters = {name: it for name, it in parameters.items() if name not in _SAMPLING}
    thinking = base.thinking(said)
    if "max_output_tokens" in parameters:
        limit = parameters["max_output_tokens"]
        longest = max(limit, min(limit + thinking.get("thinking_budget", 0), _MOST_TOKENS))
        parameters["max_output_tokens"] = longest
    return {**parameters, **thinking}


def base_model_arguments(
    task: Task | None, given: Mapping[str, Any], base: BaseModel | None, arguments: dict[str, Any]
) -> dict[str, Any]:
    """A call's arguments, as a base model takes them: as if the tuned one had been built so.

    Args:
        task: As for `base_model_parameters`.
        given: As for `base_model_parameters`.
        base: What is known of the base model.
        arguments: Those of the call, in the words of langchain-google-genai.

    Example:
        >>> from langchain_tuned_gemini.tuned_models.base_models import find
        >>> base_model_arguments(None, {}, find("gemini-2.5-pro"), {"max_output_tokens": 64})
        {'max_output_tokens': 192, 'thinking_budget': 128}
    """
    said = {name: it for name, it in arguments.items() if it is not None}
    config = said.get("generation_config")
    if isinstance(config, Mapping) and _RULED & config.keys():  # it goes before the others
        said |= {name: config[name] for name in _RULED & config.keys()}
        said["generation_config"] = {k: it for k, it in config.items() if k not in _RULED}
    if (effort := said.pop("reasoning_effort", None)) is not None:
        said.setdefault("thinking_level", effort)
    if base is None or not _RULED & said.keys():
        return arguments
    ruled = base_model_parameters(task, {**given, **said}, base)
    rest = {name: it for name, it in said.items() if name not in _RULED}
    return {**rest, **{name: it for name, it in ruled.items() if name in _RULED}}


def _over_the_preset(task: Task | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the user set, and the task's for the rest."""
    said = {name: value for name, value in given.items() if value is not None}
    return {**(TASKS[task] if task else {}), **said}


def _apply(base: BaseModel, parameters: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Makes parameters suit a base model."""
    if base.has_fixed_sampling:
        if ignored := [name for name in _SAMPLING if given.get(name) is not None]:
            warnings.warn(
                f"{', '.join(ignored)}: {base.id} and what is tuned from it ignore that. It is "
                "not sent.",
                UserWarning,
                stacklevel=3,
            )
        for name in _SAMPLING:
            parameters.pop(name, None)
    if not _THINKING & parameters.keys():
        parameters.update(base.least_thinking)
