"""Rows whose turns call functions: examples for a prompt that shows turns as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from langchain_tuned_gemini.dataset.problems import Flaw, has_errors
from langchain_tuned_gemini.dataset.readers.messages import (
    LISTS,
    NO_TEXT,
    ROLES,
    fields_of,
    text_of,
)
from langchain_tuned_gemini.dataset.readers.rows import (
    ABOUT_PARTS,
    BESIDE_MESSAGES,
    CONTENTS,
    MESSAGES,
    SYSTEM_SPELLINGS,
    text_of_part,
)
from langchain_tuned_gemini.dataset.turns import Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage, ToolCall

    CallingFields: TypeAlias = tuple[
        str, str, tuple[Turn, ...], str | None, tuple[BaseMessage, ...]
    ]

_CALLED = "You have correctly called this tool."
"""The result of a function where the example ends with its call, as langchain-core's
`tool_example_to_messages` has it: a model takes no call without a response to it."""

_CALLS = ("functionCall", "function_call")
_RESPONSES = ("functionResponse", "function_response")
_TOOLS = ("tool", "function")
_UNSHOWN = {*NO_TEXT} - {"tool_calls", "function_call"}
"""Fields that a message may have besides, and an example can't show."""


class _FunctionCall(NamedTuple):
    """A function that the model calls; `id` is what the row calls this call, if anything."""

    name: str
    args: dict[str, Any]
    id: object


class _Returned(NamedTuple):
    """The result of a function, as text or JSON; its name and the call's id if the row has them."""

    text: str
    name: object
    id: object


class _UnshownError(ValueError):
    """The row holds something that can't be shown."""


def read_function_calls(row: object) -> CallingFields | None:
    """Reads a row of Vertex AI's `contents`, or of OpenAI's or LangChain's messages.

    Args:
        row: The row, in which nothing is wrong but that it holds more than text.

    Returns:
        The example's fields; None where the row holds more than text and function calls, or where
        calls and what they returned don't belong together, which no Gemini model takes.
    """
    turns = _Turns()
    try:
        if isinstance(row, Mapping) and CONTENTS in row:
            system = _read_contents(row, turns)
        elif isinstance(row, Mapping):
            beside = next((row[name] for name in BESIDE_MESSAGES if row.get(name)), None)
            system = _read_messages(row.get(MESSAGES, ()), beside, turns)
        else:
            system = _read_messages(row, None, turns)
        return turns.fields(system)
    except ValueError:  # JSON that is none, too
        return None


class _Turns:
    """The turns of an example as messages; each method refuses one where no model takes it."""

    def __init__(self) -> None:
        self._messages: list[BaseMessage] = []
        self._calls = 0
        self._open: list[tuple[object, ToolCall]] = []

    def ask(self, text: str) -> None:
        """The user says something."""
        from langchain_core.messages import HumanMessage

        _require(bool(text.strip()) and not self._open and self._last_type != "human")
        self._messages.append(HumanMessage(text))

    def answer(self, text: str, calls: Iterable[_FunctionCall]) -> None:
        """The model says something, or calls functions, or both."""
        from langchain_core.messages import AIMessage
        from langchain_core.messages.tool import tool_call

        _require(not self._open and self._last_type in {"human", "tool"})
        for call in calls:
            self._calls += 1
            made = tool_call(name=call.name, args=call.args, id=str(self._calls))
            self._open.append((call.id, made))
        _require(bool(text.strip() or self._open))
        self._messages.append(AIMessage(text, tool_calls=[call for _, call in self._open]))

    def give_back(self, returned: _Returned) -> None:
        """A function returns something."""
        from langchain_core.messages import ToolMessage

        for number, (called, call) in enumerate(self._open):
            is_named = returned.name in {None, call["name"]}
            if is_named and (None in {returned.id, called} or returned.id == called):
                del self._open[number]
                result = ToolMessage(returned.text, tool_call_id=call["id"], name=call["name"])
                self._messages.append(result)
                return
        raise _UnshownError

    def fields(self, system: str | None) -> CallingFields:
        """The example: the last thing that the user says, and all that follows."""
        _require(self._calls > 0 and (bool(self._open) or self._last_type == "ai"))
        asked = max(n for n, message in enumerate(self._messages) if message.type == "human")
        history = tuple(
            Turn("model" if message.type == "ai" else "user", _written(message))
            for message in self._messages[:asked]
        )
        question, *rest = map(_written, self._messages[asked:])
        _text("\n".join([*(turn.text for turn in history), question, *rest]))
        for called, call in [*self._open]:
            self.give_back(_Returned(_CALLED, call["name"], called))
        return question, "\n".join(rest), history, system, tuple(self._messages)

    @property
    def _last_type(self) -> str | None:
        return self._messages[-1].type if self._messages else None


def _require(is_so: bool) -> None:
    if not is_so:
        raise _UnshownError


def _written(message: BaseMessage) -> str:
    """A message as text, by which examples are compared and counted, and never shown."""
    calls = getattr(message, "tool_calls", ())
    written = (f"{call['name']}({_json(call['args'])})" for call in calls)
    return "\n".join(filter(None, (str(message.text), *written)))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(content: object) -> str:
    flaws: list[Flaw] = []
    text = text_of(content, "", flaws) if content else ""
    _require(not has_errors(flaws))
    return text


def _read_contents(row: Mapping[Any, Any], turns: _Turns) -> str | None:
    """Reads the turns; gives the system instruction."""
    for content in row[CONTENTS]:
        parts = [_read_part(part) for part in content["parts"]]
        returned = [part for part in parts if isinstance(part, _Returned)]
        calls = [part for part in parts if isinstance(part, _FunctionCall)]
        text = "".join(part for part in parts if isinstance(part, str))
        is_model = content["role"] == "model"
        _require(len(returned) in {0, len(parts)} and not (returned if is_model else calls))
        for one in returned:
            turns.give_back(one)
        if is_model:
            turns.answer(text, calls)
        elif not returned:
            turns.ask(text)
    system = next((row[name] for name in SYSTEM_SPELLINGS if row.get(name) is not None), None)
    if system is None:
        return None
    texts = [text_of_part(part, "", []) for part in system["parts"]]
    _require(None not in texts)
    return "".join(filter(None, texts))


def _read_part(part: object) -> str | _FunctionCall | _Returned:
    if (text := text_of_part(part, "", [])) is not None:
        return text
    if isinstance(part, Mapping):
        held = [item for item in part.items() if item[1] is not None and item[0] not in ABOUT_PARTS]
        match held:
            case [(kind, {"name": str(name), **more})] if kind in _CALLS:
                return _call(name, more.get("args"), more.get("id"))
            case [(kind, {"name": str(name), **more})] if kind in _RESPONSES:
                if not more.get("parts"):  # images
                    return _Returned(_json(more.get("response") or {}), name, more.get("id"))
    raise _UnshownError


def _read_messages(messages: Any, system: str | None, turns: _Turns) -> str | None:
    """Reads the turns; gives the system instruction, which may stand among them."""
    for message in messages:
        said = fields_of(message) or {}
        role = said.get("role")
        more = said.get("additional_kwargs") or {}
        _require(isinstance(more, Mapping))
        _require(not any(said.get(name) or more.get(name) for name in _UNSHOWN))
        text = _text(said.get("content"))
        if role in _TOOLS:
            turns.give_back(_Returned(text, said.get("name"), said.get("tool_call_id")))
        elif role not in ROLES:
            raise _UnshownError
        elif ROLES[role] == "model":
            turns.answer(text, _calls_of(said, more))
        elif ROLES[role] == "user":
            turns.ask(text)
        else:  # the first one, as no other is taken
            system = text
    return system


def _calls_of(said: Mapping[str, Any], more: Mapping[str, Any]) -> list[_FunctionCall]:
    """The calls of a message: OpenAI's in both of its forms, or LangChain's."""
    one = said.get("function_call") or more.get("function_call")
    calls = said.get("tool_calls") or more.get("tool_calls") or ([one] if one else [])
    read = []
    for call in calls if isinstance(calls, LISTS) else [calls]:
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            raise _UnshownError
        args = function.get("args", function.get("arguments"))
        read.append(_call(function.get("name"), args, call.get("id")))
    return read


def _call(name: object, args: object, id_: object) -> _FunctionCall:
    if isinstance(args, str):
        args = json.loads(args or "{}")
    if not isinstance(name, str) or not name or not isinstance(args, Mapping | None):
        raise _UnshownError
    return _FunctionCall(name, dict(args or {}), id_)
