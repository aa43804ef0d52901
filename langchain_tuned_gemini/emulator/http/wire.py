"""proto3 JSON in and out: <https://protobuf.dev/programming-guides/json/>.

Out: zero, empty and absent fields are left out, enums are names (or numbers where the
client asks for them), `int64` are strings, times end in `Z`. In: keys in camelCase or
snake_case, enums as names or numbers, numbers as numbers or strings.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from langchain_tuned_gemini.emulator.http.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPE_URL: Final = "type.googleapis.com/google.ai.generativelanguage.v1beta."

JsonObject = dict[str, Any]

STATES = ("STATE_UNSPECIFIED", "CREATING", "ACTIVE", "FAILED")
GRANTEE_TYPES = ("GRANTEE_TYPE_UNSPECIFIED", "USER", "GROUP", "EVERYONE")
ROLES = ("ROLE_UNSPECIFIED", "OWNER", "WRITER", "READER")

# Which fields hold an enum, and its values in the order of their numbers
# (google-ai-generativelanguage 0.6.15, types/).
_ENUMS: Mapping[str, Sequence[str]] = {
    "state": STATES,
    "granteeType": GRANTEE_TYPES,
    "role": ROLES,
    "finishReason": (
        "FINISH_REASON_UNSPECIFIED",
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
        "RECITATION",
        "OTHER",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MALFORMED_FUNCTION_CALL",
    ),
    "blockReason": (
        "BLOCK_REASON_UNSPECIFIED",
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
    ),
    "category": (
        "HARM_CATEGORY_UNSPECIFIED",
        "HARM_CATEGORY_DEROGATORY",
        "HARM_CATEGORY_TOXICITY",
        "HARM_CATEGORY_VIOLENCE",
        "HARM_CATEGORY_SEXUAL",
        "HARM_CATEGORY_MEDICAL",
        "HARM_CATEGORY_DANGEROUS",
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_CIVIC_INTEGRITY",
    ),
    "probability": ("HARM_PROBABILITY_UNSPECIFIED", "NEGLIGIBLE", "LOW", "MEDIUM", "HIGH"),
    "modality": ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"),
}

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ": "))


def encode(message: JsonObject) -> bytes:
    """The message as JSON text.

    Google indents by two spaces; this is one line, since Python's indenting encoder is
    many times slower and the emulator is also what benchmarks run against.
    """
    return _encoder.encode(message).encode()


def compact(**fields: object) -> JsonObject:
    """The fields that proto3 JSON shows: no zero, no empty text or list, nothing absent."""
    return {name: value for name, value in fields.items() if value}


def number(value: float) -> float | int:
    """A number as JSON shows it: 1, not 1.0."""
    return int(value) if value == int(value) else value


def timestamp(nanoseconds: int, *, digits: int = 6) -> str:
    """A time since the epoch, `2024-04-14T12:14:39.204025Z`.

    Real bodies have six digits for times that are stored and nine for those of the
    training (`startTime`, `computeTime`).
    """
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    fraction = f"{rest:09d}"[:digits]
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction}Z"


def with_enum_numbers(value: Any) -> Any:
    """The same JSON with enums as numbers: the gapic REST clients ask for it.

    They add `$alt=json;enum-encoding=int` to the URL. A name that the list does not
    know stays a name, and the arguments of a function call are none of Google's enums.
    """
    if isinstance(value, dict):
        return {k: v if k == "args" else _enum_number(k, v) for k, v in value.items()}
    if isinstance(value, list):
        return [with_enum_numbers(item) for item in value]
    return value


def _enum_number(key: str, value: Any) -> Any:
    names = _ENUMS.get(key, ())
    if isinstance(value, str) and value in names:
        return names.index(value)
    return with_enum_numbers(value)


@lru_cache(maxsize=1024)
def snake_case(name: str) -> str:
    """`displayName` as `display_name`."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def camel_case(name: str) -> str:
    """`display_name` as `displayName`."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


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


def decode(body: bytes) -> object:
    """The JSON of a request; `None` without a body; the text where it is no JSON."""
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _invalid_value(path: str, kind: str, value: object) -> ApiError:
    shown = json.dumps(value, default=str)[:100]
    return ApiError(400, f"Invalid value at '{path}' ({kind}), {shown}")
