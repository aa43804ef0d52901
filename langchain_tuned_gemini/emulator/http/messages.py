"""proto3 JSON as clients send it: <https://protobuf.dev/programming-guides/json/>.

Keys in camelCase or snake_case, enums as names or numbers, numbers as numbers or strings.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.wire import JsonObject, snake_case

if TYPE_CHECKING:
    from collections.abc import Sequence


class Message:
    """A JSON object as a client sent it, read field by field.

    Every reader takes the field's name in camelCase, finds it in either notation, and
    answers a value of the wrong type with Google's 400.
    """

    __slots__ = ("fields", "path")

    def __init__(self, fields: object, path: str = "") -> None:
        """Takes decoded JSON, and where in the request it stands."""
        if not isinstance(fields, dict):
            raise _invalid_value(path, "TYPE_MESSAGE", fields)
        self.fields: JsonObject = fields
        self.path = path

    def __contains__(self, field: str) -> bool:
        """Whether the client sent the field."""
        return self.get(field) is not None

    def get(self, field: str) -> object:
        """The raw value; `null` is the same as absent."""
        value = self.fields.get(field)
        return value if value is not None else self.fields.get(snake_case(field))

    def text(self, field: str) -> str:
        """A string; empty where it is absent."""
        value = self.get(field)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise _invalid_value(self._at(field), "TYPE_STRING", value)
        return value

    def number(self, field: str) -> float | None:
        """A number, which may come as a string."""
        value = self.get(field)
        if value is None:
            return None
        try:
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                return float(value)
        except ValueError:
            pass
        raise _invalid_value(self._at(field), "TYPE_FLOAT", value)

    def integer(self, field: str) -> int | None:
        """A whole number, which may come as a string."""
        value = self.number(field)
        if value is None:
            return None
        if value != int(value):
            raise _invalid_value(self._at(field), "TYPE_INT32", self.get(field))
        return int(value)

    def enum(self, field: str, names: Sequence[str]) -> str:
        """An enum by name or by number; its zero value where it is absent."""
        value = self.get(field)
        if value is None:
            return names[0]
        if isinstance(value, int) and 0 <= value < len(names):
            return names[value]
        if isinstance(value, str) and value in names:
            return value
        raise _invalid_value(self._at(field), "TYPE_ENUM", value)

    def message(self, field: str) -> Message:
        """A message; an empty one where it is absent."""
        value = self.get(field)
        return Message({} if value is None else value, self._at(field))

    def messages(self, field: str) -> list[Message]:
        """A list of messages."""
        path = self._at(field)
        return [Message(item, f"{path}[{i}]") for i, item in enumerate(self.values(field))]

    def values(self, field: str) -> list[object]:
        """A list of anything."""
        value = self.get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _invalid_value(self._at(field), "TYPE_MESSAGE", value)
        return value

    def _at(self, field: str) -> str:
        name = snake_case(field)
        return f"{self.path}.{name}" if self.path else name


def _invalid_value(path: str, kind: str, value: object) -> ApiError:
    shown = json.dumps(value, default=str)[:100]
    return ApiError(400, f"Invalid value at '{path}' ({kind}), {shown}")
