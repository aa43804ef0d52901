"""Conversations as lists of messages: LangChain's, OpenAI's, PaLM's and ShareGPT's."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

from langchain_tuned_gemini.dataset.problems import Flaw, check_text, has_errors, joined, leave_out
from langchain_tuned_gemini.dataset.turns import ExampleFields, Role, Turn, conversation
from langchain_tuned_gemini.errors.problem import Severity

LISTS = (list, tuple)
ROLES: Mapping[object, Role | None] = {
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
"""The names of the sides of a conversation; None is the system."""

_TOOLS = ("tool", "function", "observation", "function_call", "function_response")
"""Who speaks where tools are called; tuples, since what is looked for may be unhashable."""

NO_TEXT = (
    "tool_calls",
    "invalid_tool_calls",
    "function_call",
    "refusal",
    "audio",
    "reasoning_content",
)
"""Fields that a message may have beside its text, or in its place."""

_ABOUT = frozenset(
    {
        "lc",
        "id",
        "graph",
        "example",
        "response_metadata",
        "usage_metadata",
        "tool_call_chunks",
        "chunk_position",
    }
)
"""How a message came about, as LangChain writes it down: nothing that is said."""

_LEARNT = ("weight", "train", "loss")
"""Where 0 or false says that an answer is not to be learned: OpenAI's, Axolotl's and XTuner's."""

_TEXTS = ("text", "input_text", "output_text")
"""Types of blocks that hold text, the last two of OpenAI's Responses API."""

_READ = frozenset({"role", "type", "author", "from", "content", "value", *_LEARNT})
_KNOWN = _READ | _ABOUT | {*NO_TEXT, "additional_kwargs", "data", "kwargs"}


def read_messages(
    messages: object, field: str, system: str | None, flaws: list[Flaw]
) -> ExampleFields | None:
    """Reads the conversation of a field; gives an example's fields, or None where there are errors.

    Messages are `{"role", "content"}`, `{"type", "content"}`, what langchain-core's
    `message_to_dict` and `dumpd` write, `("human", text)`, its message classes, PaLM's
    `{"author", "content"}`, or ShareGPT's `{"from", "value"}`. `system` is what the model is told
    beside them, if anything.
    """
    if not isinstance(messages, LISTS):
        message = f"must be a list of messages, not {reprlib.repr(messages)}."
        flaws.append(Flaw(field, message, "turns"))
        return None
    turns = []
    for number, message in enumerate(messages):
        place = f"{field}[{number}]"
        said = fields_of(message)
        if said is None or said["role"] not in ROLES:
            flaws.append(_no_message(said, message, place))
            continue
        role = ROLES[said["role"]]
        has_more = len(said) > 2  # beside role and content, which are all that most have
        if has_more:
            _check_weight(said, place, flaws, is_taught=number == len(messages) - 1)
        is_filler = has_more and _holds_more(said, place, flaws)
        text = "" if is_filler else text_of(said["content"], f"{place}.content", flaws)
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
    who = [row[name] for name in ("role", "author", "from", "type") if name in row]
    what = {"content", "value", "parts", "data"} & row.keys()
    return bool(what) and any(map(is_speaker, who))


def is_speaker(name: object) -> bool:
    """Whether this is the name of a side of a conversation."""
    return isinstance(name, str) and name.lower() in {*ROLES, *_TOOLS}


def fields_of(message: object) -> dict[str, Any] | None:
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
    if inner.keys().isdisjoint({"content", "value", *NO_TEXT}):
        return None
    # The chunks of a stream are messages too: "AIMessageChunk".
    role = role.removesuffix("MessageChunk").lower() if isinstance(role, str) else ""
    around = {} if inner is message else message
    return {**around, **inner, "role": role, "content": content}


def _no_message(said: Mapping[str, Any] | None, message: object, place: str) -> Flaw:
    if said is not None and said["role"] in _TOOLS:
        return Flaw(place, "is a tool's message. Text is all that an example can hold.", "not-text")
    problem = f"must be a system, human or AI message, not {reprlib.repr(message)}."
    return Flaw(place, f"{problem} Text is all that is kept.", "turns")


def _holds_more(said: Mapping[str, Any], place: str, flaws: list[Flaw]) -> bool:
    """Whether a message holds what is no text; what text is there besides is then a filler."""
    held = [name for name in NO_TEXT if said.get(name)]
    if isinstance(more := said.get("additional_kwargs"), Mapping):
        held += [f"additional_kwargs.{n}" for n in NO_TEXT if more.get(n) and n not in held]
        leave_out(more, NO_TEXT, f"{place}.additional_kwargs.", flaws)
    for name in held:
        message = "can't be kept: an example holds text only."
        flaws.append(Flaw(f"{place}.{name}", message, "not-text"))
    leave_out(said, _KNOWN, f"{place}.", flaws)
    return bool(held)


def text_of(content: object, place: str, flaws: list[Flaw]) -> str:
    """The text of a message's content, which may stand in blocks; other blocks are flaws."""
    if not isinstance(content, LISTS):
        check_text(content, place, flaws)
        return content if isinstance(content, str) else ""
    texts = [
        block.get("text") if isinstance(block, Mapping) and _is_text(block) else block
        for block in content
    ]
    for number, block in enumerate(content):
        if isinstance(block, Mapping) and _is_text(block):
            leave_out(block, {"type", "text"}, f"{place}[{number}].", flaws)
    return joined(texts, content, place, flaws)


def _is_text(block: Mapping[str, Any]) -> bool:
    """Whether a block is text, of which Amazon's Bedrock says no type."""
    return block.get("type", "text") in _TEXTS


def _check_weight(
    said: Mapping[str, Any], place: str, flaws: list[Flaw], *, is_taught: bool
) -> None:
    """Heeds what says of an answer that it is not to be learned; 1 and true are the default."""
    for name in _LEARNT:
        weight = said.get(name)
        if weight is None or weight == 1:
            continue
        if weight == 0 and is_taught:
            message = (
                f"is {weight}: this answer is not to be learned, and it is the one that the "
                "example would teach. Leave the row out, or end it with an answer to learn."
            )
            flaws.append(Flaw(f"{place}.{name}", message, "turns"))
        else:
            message = "is not kept: Gemini may learn every answer of a conversation."
            flaws.append(Flaw(f"messages.{name}", message, "not-kept", Severity.WARNING))
