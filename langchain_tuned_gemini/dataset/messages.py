"""Conversations as lists of messages: LangChain's, OpenAI's, PaLM's and ShareGPT's."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from langchain_tuned_gemini.dataset.problems import Severity
from langchain_tuned_gemini.dataset.turns import (
    ExampleFields,
    Flaw,
    Role,
    Turn,
    check_text,
    conversation,
    has_errors,
    joined,
    leave_out,
)

LISTS = (list, tuple)
_ROLES: Mapping[object, Role | None] = {
    "user": "user",
    "human": "user",
    "model": "model",
    "assistant": "model",
    "ai": "model",
    "bot": "model",  # PaLM's
    "gpt": "model",  # ShareGPT's
    "chatgpt": "model",
    "system": None,
    "developer": None,
}
"""What the sides of a conversation are called; None is the system."""

_TOOLS = ("tool", "function", "observation", "function_call", "function_response")
"""Who speaks where tools are called; tuples, since what is looked for may be unhashable."""

_NO_TEXT = (
    "tool_calls",
    "invalid_tool_calls",
    "function_call",
    "refusal",
    "audio",
    "reasoning_content",
)
"""What a message may hold beside its text, or in its place."""

_ABOUT = frozenset(
    {"id", "example", "response_metadata", "usage_metadata", "tool_call_chunks", "chunk_position"}
)
"""How a message came about, as LangChain writes it down: nothing that is said."""

_READ = frozenset({"role", "type", "author", "from", "content", "value", "weight"})


def read_messages(
    messages: object, field: str, system: str | None, flaws: list[Flaw]
) -> ExampleFields | None:
    """Reads a conversation.

    Args:
        messages: The messages: `{"role", "content"}`, `{"type", "content"}`, what langchain-core's
            `message_to_dict` and `dumpd` write, `("human", text)`, its message classes, PaLM's
            `{"author", "content"}`, or ShareGPT's `{"from", "value"}`.
        field: The field that holds them.
        system: What the model is told beside them, if anything.
        flaws: Where to add what is wrong.

    Returns:
        The example's fields, or None where there are errors.
    """
    if not isinstance(messages, LISTS):
        message = f"must be a list of messages, not {reprlib.repr(messages)}."
        flaws.append(Flaw(field, message, "turns"))
        return None
    turns = []
    for number, message in enumerate(messages):
        place = f"{field}[{number}]"
        said = _said(message)
        if said is None or said["role"] not in _ROLES:
            flaws.append(_no_message(said, message, place))
            continue
        role = _ROLES[said["role"]]
        text = _text(said, place, flaws)
        _check_weight(said, place, flaws, is_taught=number == len(messages) - 1)
        if role is not None:
            turns.append(Turn(role, text))
        elif number == 0 and system is None:
            system = text
        else:
            flaws.append(Flaw(place, "is a system message: only the first may be one.", "turns"))
    if has_errors(flaws):
        return None
    return conversation(turns, system, field, flaws)


def is_message(row: Mapping[Any, Any]) -> bool:
    """Whether a row is a single message, where there should be a conversation."""
    who = {"role", "author", "from", "type"} & row.keys()
    what = {"content", "value", "parts", "data"} & row.keys()
    return bool(who and what)


def _said(message: object) -> dict[str, Any] | None:
    """A message's fields, its role and content under these names; None if it is no message."""
    if isinstance(message, LISTS) and len(message) == 2:
        message = dict(zip(("role", "content"), message, strict=True))
    elif not isinstance(message, Mapping):
        from langchain_core.messages import BaseMessage, message_to_dict

        if not isinstance(message, BaseMessage):
            return None
        message = message_to_dict(message)
    inner = message.get("data", message.get("kwargs", message))
    if not isinstance(inner, Mapping):
        return None
    who = [inner.get(name) for name in ("role", "author", "from", "type")]
    role = next((one for one in who if one), message.get("type"))
    content = inner.get("content", inner.get("value"))
    if content is None and not any(map(inner.get, _NO_TEXT)):
        return None
    # The chunks of a stream are messages too: "AIMessageChunk".
    role = role.removesuffix("MessageChunk").lower() if isinstance(role, str) else ""
    return {**inner, "role": role, "content": content}


def _no_message(said: Mapping[str, Any] | None, message: object, place: str) -> Flaw:
    if said is not None and said["role"] in _TOOLS:
        return Flaw(place, "is a tool's message. Text is all that an example can hold.", "not-text")
    problem = f"must be a system, human or AI message, not {reprlib.repr(message)}."
    return Flaw(place, f"{problem} Text is all that is kept.", "turns")


def _text(said: Mapping[str, Any], place: str, flaws: list[Flaw]) -> str:
    more = said.get("additional_kwargs")
    more = more if isinstance(more, Mapping) else {}
    held = [name for name in _NO_TEXT if said.get(name)]
    held += [
        f"additional_kwargs.{name}" for name in _NO_TEXT if more.get(name) and name not in held
    ]
    for name in held:
        message = "can't be kept: an example holds text only."
        flaws.append(Flaw(f"{place}.{name}", message, "not-text"))
    leave_out(said, _READ | _ABOUT | {*_NO_TEXT, "additional_kwargs"}, f"{place}.", flaws)
    leave_out(more, _NO_TEXT, f"{place}.additional_kwargs.", flaws)
    content = said["content"]
    if held:  # whatever text is there besides is a filler
        return ""
    if not isinstance(content, LISTS):
        check_text(content, f"{place}.content", flaws)
        return content if isinstance(content, str) else ""
    texts = [
        block.get("text") if isinstance(block, Mapping) and block.get("type") == "text" else block
        for block in content
    ]
    for number, block in enumerate(content):
        if isinstance(block, Mapping) and block.get("type") == "text":
            leave_out(block, {"type", "text"}, f"{place}.content[{number}].", flaws)
    return joined(texts, content, f"{place}.content", flaws)


def _check_weight(
    said: Mapping[str, Any], place: str, flaws: list[Flaw], *, is_taught: bool
) -> None:
    """Heeds OpenAI's `weight`: 0 says that an answer is not to be learned, 1 is the default."""
    weight = said.get("weight")
    if weight in {None, 1}:
        return
    if weight == 0 and is_taught:
        message = (
            "is 0: this answer is not to be learned, and it is the one that the example would "
            "teach. Leave the row out, or end it with an answer to learn."
        )
        flaws.append(Flaw(f"{place}.weight", message, "turns"))
    else:
        message = "is not kept: Gemini may learn every answer of a conversation."
        flaws.append(Flaw("messages.weight", message, "not-kept", Severity.WARNING))
