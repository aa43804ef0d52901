"""Conversations as a Gemini model takes them: not empty, and signed by nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.provenance import METADATA_KEY

_SIGNATURES_OF_CALLS = "__gemini_function_call_thought_signatures__"
"""Where langchain-google-genai keeps them in `additional_kwargs`."""

_THOUGHTS = frozenset({"thinking", "redacted_thinking", "reasoning", "function_call_signature"})
_SIGNATURES = frozenset({"signature", "thought_signature"})


def require_contents(messages: Sequence[BaseMessage]) -> None:
    """Refuses a conversation of which nothing is left to answer.

    langchain-google-genai sends no empty messages and takes system messages out, and google-genai
    says "contents are required" then, as a `ValueError`; and examples in front of such a
    conversation would be answered as if somebody had asked something.

    Raises:
        ParameterError: If there are system messages and empty ones at the most.
    """
    if not any(map(_is_sent, messages)):
        raise ParameterError(
            "There is nothing to answer in the conversation: it has no message, or none but system "
            "messages and empty ones. Gemini takes no such request: add a human message."
        )


def own_thoughts(messages: list[BaseMessage], name: str) -> list[BaseMessage]:
    """The conversation without the thoughts and thought signatures of other models.

    A signature is a model's encrypted thought, and another model may refuse a request with it.
    Where a model requires one, langchain-google-genai puts Google's placeholder for it:
    https://ai.google.dev/gemini-api/docs/thought-signatures

    Args:
        messages: The conversation. Messages that don't say who wrote them are left alone.
        name: The model that is asked, as the provenance or `model_name` has it.
    """
    return [
        _unsigned(m) if isinstance(m, AIMessage) and _author_of(m) not in {"", name} else m
        for m in messages
    ]


def _is_sent(message: BaseMessage) -> bool:
    if isinstance(message, HumanMessage):
        return bool(message.content)
    return not isinstance(message, SystemMessage | ToolMessage)  # which go with other messages


def _author_of(message: AIMessage) -> str:
    """The model that wrote a message; empty where it does not say."""
    metadata = message.response_metadata
    told = metadata.get(METADATA_KEY) or {}
    return told.get("model") or metadata.get("model_name") or ""


def _unsigned(message: BaseMessage) -> BaseMessage:
    content = message.content
    if isinstance(content, list):
        content = [_bare(block) for block in content if not _is_thought(block)]
    kept = {k: v for k, v in message.additional_kwargs.items() if k != _SIGNATURES_OF_CALLS}
    return message.model_copy(update={"content": content, "additional_kwargs": kept})


def _is_thought(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _THOUGHTS


def _bare(block: Any) -> Any:
    """A block of content without the signature that it may have."""
    if not isinstance(block, dict):
        return block
    bare = {key: value for key, value in block.items() if key not in _SIGNATURES}
    if isinstance(extras := bare.get("extras"), dict):
        bare["extras"] = {key: value for key, value in extras.items() if key not in _SIGNATURES}
    return bare
