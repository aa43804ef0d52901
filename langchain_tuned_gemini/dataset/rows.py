"""The shapes in which a row holds an example; each row tells its own.

- `{"text_input": ..., "output": ...}` as the Developer API takes it, or a pair of two texts.
- `{"contents": [...], "systemInstruction": ...}` as Vertex AI takes it:
  https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning/prepare-data
- `{"messages": [...]}` or a list of messages, as LangChain has them.
"""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from langchain_tuned_gemini.dataset.problems import Severity
from langchain_tuned_gemini.dataset.turns import (
    ExampleFields,
    Flaw,
    Role,
    Turn,
    check_text,
    conversation,
    has_errors,
)

TEXT_INPUT, OUTPUT = "text_input", "output"
"""The fields of an example, named as the Developer API's `TuningExample` names them."""

SYSTEM_INSTRUCTION, HISTORY = "system_instruction", "history"
"""Further fields, which the Developer API does not have."""

CONTENTS, MESSAGES = "contents", "messages"
_SYSTEM_SPELLINGS = ("systemInstruction", SYSTEM_INSTRUCTION)
"""Vertex AI's documentation writes it both ways."""

_PLAIN = {TEXT_INPUT, OUTPUT, SYSTEM_INSTRUCTION, HISTORY}
_LISTS = (list, tuple)
_SIDES = ("user", "model")  # a tuple: what is looked for in it may be unhashable
_NUMBER = re.compile(r"\[\d+\]")
_ROLES: Mapping[object, Role | None] = {
    "user": "user",
    "human": "user",
    "model": "model",
    "assistant": "model",
    "ai": "model",
    "system": None,
    "developer": None,
}
"""What LangChain and others call the sides of a conversation; None is the system."""


def read_row(row: object, flaws: list[Flaw]) -> ExampleFields | None:
    """Reads a row of any shape.

    Args:
        row: The row, as JSON has it, or with LangChain's messages in it.
        flaws: Where to add what is wrong with it.

    Returns:
        The example's fields, or None where there are errors.
    """
    if isinstance(row, Mapping):
        if CONTENTS in row:
            return _read_contents(row, flaws)
        if MESSAGES in row:
            _leave_out(row, {MESSAGES}, "", flaws)
            return _read_messages(row[MESSAGES], flaws)
        return _read_texts(row, flaws)
    if isinstance(row, _LISTS) and [isinstance(text, str) for text in row] == [True, True]:
        return _read_texts(dict(zip((TEXT_INPUT, OUTPUT), row, strict=True)), flaws)
    if isinstance(row, _LISTS) and row and not isinstance(row[0], str | int | float):
        return _read_messages(row, flaws)
    message = f"must be an object with {TEXT_INPUT!r} and {OUTPUT!r}, not {reprlib.repr(row)}."
    flaws.append(Flaw(None, message))
    return None


def _read_texts(row: Mapping[Any, Any], flaws: list[Flaw]) -> ExampleFields | None:
    for name in (TEXT_INPUT, OUTPUT):
        if name in row:
            check_text(row[name], name, flaws)
        else:
            flaws.append(Flaw(name, _missing(row, name)))
    history = _read_history(row[HISTORY], flaws) if HISTORY in row else ()
    if (system := row.get(SYSTEM_INSTRUCTION)) is not None:
        check_text(system, SYSTEM_INSTRUCTION, flaws)
    if not row.keys() <= _PLAIN:
        _leave_out(row, _PLAIN, "", flaws)
    if flaws and has_errors(flaws):
        return None
    return row[TEXT_INPUT], row[OUTPUT], history, system


def _missing(row: Mapping[Any, Any], name: str) -> str:
    others = [str(other) for other in row if other not in _PLAIN]
    if nearest := difflib.get_close_matches(name, others, n=1):
        return f"is missing. The row has {nearest[0]!r}: rename that to {name!r}."
    if others or not row:
        return f"is missing. The row has {', '.join(map(repr, others)) or 'nothing'} instead."
    return "is missing."


def _read_history(history: object, flaws: list[Flaw]) -> tuple[Turn, ...]:
    """Reads `[{"role": "user", "text": ...}, ...]`, as `TuningExample.as_dict` writes it."""
    if not isinstance(history, _LISTS):
        message = f"must be a list of turns, not {reprlib.repr(history)}."
        flaws.append(Flaw(HISTORY, message, "turns"))
        return ()
    turns = []
    for number, turn in enumerate(history):
        field = f"{HISTORY}[{number}]"
        if not isinstance(turn, Mapping) or turn.get("role") not in _SIDES:
            message = (
                f'must be {{"role": "user" or "model", "text": ...}}, not {reprlib.repr(turn)}.'
            )
            flaws.append(Flaw(field, message, "turns"))
            continue
        check_text(turn.get("text"), f"{field}.text", flaws)
        turns.append(Turn(turn["role"], turn.get("text", "")))
    return tuple(turns)


def _read_contents(row: Mapping[Any, Any], flaws: list[Flaw]) -> ExampleFields | None:
    contents, turns = row[CONTENTS], []
    if not isinstance(contents, _LISTS):
        message = f'must be a list of {{"role", "parts"}}, not {reprlib.repr(contents)}.'
        flaws.append(Flaw(CONTENTS, message, "turns"))
        return None
    for number, content in enumerate(contents):
        field = f"{CONTENTS}[{number}]"
        text = _text_of_parts(content, field, flaws)
        role = content.get("role") if isinstance(content, Mapping) else None
        if role not in _SIDES:
            message = f"must be 'user' or 'model', not {reprlib.repr(role)}."
            if role == "system":
                message += " A system instruction stands beside the contents, in systemInstruction."
            flaws.append(Flaw(f"{field}.role", message, "turns"))
        else:
            turns.append(Turn(cast("Role", role), text))
    system = None
    for name in _SYSTEM_SPELLINGS:
        if row.get(name) is not None:
            system = _text_of_parts(row[name], name, flaws)
    _leave_out(row, {CONTENTS, *_SYSTEM_SPELLINGS}, "", flaws)
    if has_errors(flaws):
        return None
    return conversation(turns, system, CONTENTS, flaws)


def _text_of_parts(content: object, field: str, flaws: list[Flaw]) -> str:
    """The text of a Vertex AI `Content`; several parts are one text, as the SDKs read them."""
    parts = content.get("parts") if isinstance(content, Mapping) else None
    if not isinstance(parts, _LISTS) or not isinstance(content, Mapping):
        message = (
            f'must be {{"role": ..., "parts": [{{"text": ...}}]}}, not {reprlib.repr(content)}.'
        )
        flaws.append(Flaw(field, message))
        return ""
    _leave_out(content, {"role", "parts"}, f"{field}.", flaws)
    texts = [
        part["text"] if isinstance(part, Mapping) and part.keys() == {"text"} else None
        for part in parts
    ]
    return _joined(texts, parts, f"{field}.parts", flaws)


def _read_messages(messages: object, flaws: list[Flaw]) -> ExampleFields | None:
    if not isinstance(messages, _LISTS):
        message = f"must be a list of messages, not {reprlib.repr(messages)}."
        flaws.append(Flaw(MESSAGES, message, "turns"))
        return None
    system, turns = None, []
    for number, message in enumerate(messages):
        field = f"{MESSAGES}[{number}]"
        said = _message(message)
        if said is None or said["role"] not in _ROLES:
            problem = f"must be a system, human or AI message, not {reprlib.repr(message)}."
            flaws.append(Flaw(field, f"{problem} Text is all that is kept.", "turns"))
            continue
        text = _text_of_message(said, field, flaws)
        role = _ROLES[said["role"]]
        if role is not None:
            turns.append(Turn(role, text))
        elif number == 0:
            system = text
        else:
            flaws.append(Flaw(field, "is a system message: only the first may be one.", "turns"))
    if has_errors(flaws):
        return None
    return conversation(turns, system, MESSAGES, flaws)


def _message(message: object) -> dict[str, Any] | None:
    """A message's role, content and tool calls; None if it is no message.

    Takes `{"role", "content"}`, `{"type", "content"}`, what langchain-core's
    `message_to_dict` and `dumpd` write, `("human", text)`, and its message classes.
    """
    if isinstance(message, _LISTS) and len(message) == 2:
        message = dict(zip(("role", "content"), message, strict=True))
    elif not isinstance(message, Mapping):
        from langchain_core.messages import BaseMessage, message_to_dict

        if not isinstance(message, BaseMessage):
            return None
        message = message_to_dict(message)
    inner = message.get("data", message.get("kwargs", message))
    if not isinstance(inner, Mapping) or "content" not in inner:
        return None
    role = inner.get("role") or inner.get("type") or message.get("type")
    # The chunks of a stream are messages too: "AIMessageChunk".
    role = role.removesuffix("MessageChunk").lower() if isinstance(role, str) else ""
    return {"role": role, "content": inner["content"], "calls": inner.get("tool_calls")}


def _text_of_message(said: Mapping[str, Any], field: str, flaws: list[Flaw]) -> str:
    if said["calls"]:
        flaws.append(Flaw(f"{field}.tool_calls", "can't be kept: an example holds text only."))
    content = said["content"]
    if not isinstance(content, _LISTS):
        check_text(content, f"{field}.content", flaws)
        return content if isinstance(content, str) else ""
    texts = [
        block.get("text") if isinstance(block, Mapping) and block.get("type") == "text" else block
        for block in content
    ]
    return _joined(texts, content, f"{field}.content", flaws)


def _joined(
    texts: Sequence[object], pieces: Sequence[object], field: str, flaws: list[Flaw]
) -> str:
    """The texts put together; where one is no text, its piece is a flaw."""
    known = [text for text in texts if isinstance(text, str)]
    for number, (text, piece) in enumerate(zip(texts, pieces, strict=True)):
        if not isinstance(text, str):
            held = map(repr, piece) if isinstance(piece, Mapping) else [reprlib.repr(piece)]
            message = f"holds {', '.join(held) or 'nothing'}. Text is all that an example can hold."
            flaws.append(Flaw(f"{field}[{number}]", message))
    joined = "".join(known)
    if len(known) == len(texts):
        check_text(joined, field, flaws)
    return joined


def _leave_out(row: Mapping[Any, Any], known: set[str], prefix: str, flaws: list[Flaw]) -> None:
    for name in row:
        if name not in known:
            # Without the turn's number: one warning for the field, not one for each turn.
            field = _NUMBER.sub("", f"{prefix}{name}")
            flaws.append(Flaw(field, "is not kept.", "not-kept", Severity.WARNING))
