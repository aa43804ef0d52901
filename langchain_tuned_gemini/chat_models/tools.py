"""What each model is asked: tools in its provider's form, and only what is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from langchain_tuned_gemini.chat_models.arguments import TUNED_ONLY, in_geminis_words
from langchain_tuned_gemini.chat_models.conversation import own_thoughts
from langchain_tuned_gemini.chat_models.fallback.candidate import Candidate
from langchain_tuned_gemini.errors import ParameterError

_OF_ONE_MODEL = ("cached_content", "model")
"""Arguments of a call that name what another model has not: they are the first one's."""


def neutral(
    tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
    tool_choice: str | None,
) -> dict[str, Any]:
    """Call arguments that any model's `bind_tools` can be given later."""
    arguments: dict[str, Any] = {"tools": [_neutral_tool(tool) for tool in tools]}
    if tool_choice is not None:
        arguments["tool_choice"] = tool_choice
    return arguments


def _neutral_tool(tool: Any) -> Any:
    """A JSON schema; a provider's own tool (`types.Tool`, `{"google_search": {}}`) as it is."""
    if isinstance(tool, dict) and not {"type", "name", "title"} & tool.keys():
        return tool
    if isinstance(tool, BaseModel) and not isinstance(tool, BaseTool):
        return tool
    return convert_to_openai_tool(tool)


def asked_of(
    candidate: Candidate, messages: list[BaseMessage], arguments: Mapping[str, Any]
) -> tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]:
    """A model, what it is told of a conversation, and its call arguments.

    Neutral tools are turned into its provider's form, and other models' thoughts left out.

    Raises:
        ParameterError: If there are tools and the model does not take them, or does not bind
            them to itself, or for a `tuned_only` that holds no arguments.
    """
    model, told = candidate.model, own_thoughts(messages, candidate.name)
    if not arguments:
        return model, told, dict(candidate.arguments)
    rest = in_geminis_words(_own(candidate, arguments), model)
    tools = rest.pop("tools", None)
    if not tools:
        return model, told, {**rest, **candidate.arguments}
    choice = {"tool_choice": rest.pop("tool_choice")} if "tool_choice" in rest else {}
    try:
        binding = model.bind_tools(tools, **choice)
    except (NotImplementedError, ValueError) as error:
        raise ParameterError(
            f"{candidate.name}, a {type(model).__name__}, does not take these tools: "
            f"{type(error).__name__}. Offer tools that all models of a FallbackChatModel take."
        ) from error
    if not isinstance(binding, RunnableBinding) or not isinstance(binding.bound, BaseChatModel):
        raise ParameterError(
            f"{type(model).__name__}.bind_tools() makes a {type(binding).__name__}, not a model "
            "with tools, so it can't be one of the models of a FallbackChatModel that has tools."
        )
    return binding.bound, told, {**rest, **binding.kwargs, **candidate.arguments}


def _own(candidate: Candidate, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call without those that are another model's."""
    rest = dict(arguments)
    tuned_only = rest.pop(TUNED_ONLY, None) or {}
    if not isinstance(tuned_only, Mapping):
        raise ParameterError(
            f"{TUNED_ONLY} holds arguments for the first model alone, such as "
            f'{TUNED_ONLY}={{"labels": {{"team": "sql"}}}}, not a {type(tuned_only).__name__}.'
        )
    if rest.get("model") == candidate.name:
        del rest["model"]  # it is asked all the same
    if candidate.role == "tuned":
        return {**rest, **tuned_only}
    return {name: value for name, value in rest.items() if name not in _OF_ONE_MODEL}
