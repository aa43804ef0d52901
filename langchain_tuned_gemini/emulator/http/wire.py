"""proto3 JSON as the APIs send it: <https://protobuf.dev/programming-guides/json/>.

Zero, empty and absent fields are left out, enums are names (or numbers where the client asks
for them), `int64` are strings, times end in `Z`.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TYPE_URL: Final = "type.googleapis.com/google.ai.generativelanguage.v1beta."

JsonObject = dict[str, Any]


def enum_values(names: str, prefix: str = "") -> tuple[str, ...]:
    """The values of an enum, in the order of their numbers."""
    return tuple(prefix + name for name in names.split())


GRANTEE_TYPES = ("GRANTEE_TYPE_UNSPECIFIED", "USER", "GROUP", "EVERYONE")
ROLES = ("ROLE_UNSPECIFIED", "OWNER", "WRITER", "READER")

# Which fields hold an enum, and its values in the order of their numbers
# (google-ai-generativelanguage 0.6.15, types/).
_ENUMS: Mapping[str, Sequence[str]] = {
    "state": ("STATE_UNSPECIFIED", "CREATING", "ACTIVE", "FAILED"),
    "granteeType": GRANTEE_TYPES,
    "role": ROLES,
    "finishReason": enum_values(
        "FINISH_REASON_UNSPECIFIED STOP MAX_TOKENS SAFETY RECITATION OTHER LANGUAGE BLOCKLIST "
        "PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL"
    ),
    "blockReason": enum_values(
        "BLOCK_REASON_UNSPECIFIED SAFETY OTHER BLOCKLIST PROHIBITED_CONTENT"
    ),
    "category": enum_values(
        "UNSPECIFIED DEROGATORY TOXICITY VIOLENCE SEXUAL MEDICAL DANGEROUS HARASSMENT HATE_SPEECH "
        "SEXUALLY_EXPLICIT DANGEROUS_CONTENT CIVIC_INTEGRITY",
        "HARM_CATEGORY_",
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


def etag(update_time: int) -> str:
    """The version of a resource by the time of its last change."""
    return f"AMEw9y{update_time:x}"


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
