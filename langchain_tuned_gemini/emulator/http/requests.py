"""Requests as they arrived, the calls of Google's methods that they are, and their messages.

A message is proto3 JSON as clients send it (<https://protobuf.dev/programming-guides/json/>): keys
in camelCase or snake_case, enums as names or numbers, numbers as numbers or strings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.resource_names import location_in, model_of, published
from langchain_tuned_gemini.emulator.http.wire import JsonObject, camel_case, snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")
GENERATE = frozenset({"generateContent", "streamGenerateContent"})


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
        return self._read(field, str, "TYPE_STRING", absent="")

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
        return self._read(field, list, "TYPE_MESSAGE", absent=[])

    def _read(self, field: str, kind: type[T], name: str, *, absent: T) -> T:
        value = self.get(field)
        if value is None:
            return absent
        if not isinstance(value, kind):
            raise _invalid_value(self._at(field), name, value)
        return value

    def _at(self, field: str) -> str:
        name = snake_case(field)
        return f"{self.path}.{name}" if self.path else name


def _invalid_value(path: str, kind: str, value: object) -> ApiError:
    shown = json.dumps(value, default=str)[:100]
    return ApiError(400, f"Invalid value at '{path}' ({kind}), {shown}")


class Api(Enum):
    """One of the two services that serve tuned Gemini models, by its name in errors."""

    DEVELOPER = "generativelanguage.googleapis.com"
    VERTEX = "aiplatform.googleapis.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request as it arrived, without its credentials.

    Attributes:
        method: The HTTP method.
        path: The path, percent-decoded.
        query: The query parameters, without `key` and `access_token`.
        call: The API's name for what was asked: `generateContent`, `list`,
            `permissions.create`, `tuningJobs.get`. `None` where the URL means nothing to
            either API.
        model: The model that it is about, if any: `tunedModels/…` or `models/…`, on Vertex
            AI the endpoint, tuning job or model, `projects/…`, without a version.
        body: The decoded JSON; the text where it is none; `None` where there is no body.
        time: Seconds since the epoch, by the emulator's clock.
        headers: The headers in lower case, without API keys, tokens and cookies.
    """

    method: str
    path: str
    query: Mapping[str, str]
    call: str | None
    model: str | None
    body: Any
    time: float
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MethodCall:
    """One call of one method.

    Attributes:
        api: The service that is called.
        method: The method: `generateContent`, `list`, `tuningJobs.get` and so on.
        version: `v1`, `v1beta`, `v1alpha` or `v1beta1`.
        name: The resource in the URL, or its collection.
        query: The query parameters.
        json: The decoded body, or its text where it is no JSON.
        location: The location of Vertex AI that the host serves, if the host says it.
        base_model: The model of Google's behind an endpoint of Vertex AI, where it is known:
            its quota is what a call counts against.
    """

    api: Api
    method: str
    version: str
    name: str
    query: Mapping[str, str]
    json: object
    location: str | None = None
    base_model: str | None = None

    @property
    def body(self) -> Message:
        """The body as a message; 400 if it is no JSON object."""
        if isinstance(self.json, str):
            raise ApiError(400, "Invalid JSON payload received. Unexpected token.")
        return Message({} if self.json is None else self.json)

    @property
    def model(self) -> str | None:
        """The model that the call is about, also where the URL goes on below it.

        For create it is the one that shall be, if the client gives an id.
        """
        if self.api is Api.VERTEX:
            return model_of(self.name)
        if self.method == "create":
            model_id = self.parameter("tunedModelId")
            return f"tunedModels/{model_id}" if model_id else None
        kind, _, rest = self.name.partition("/")
        if not rest:
            return None
        return self.name if kind == "models" else f"{kind}/{rest.partition('/')[0]}"

    @property
    def asked_in(self) -> str | None:
        """The location of Vertex AI: that of the host, or else that in the name."""
        return self.location or location_in(self.name)

    @property
    def update_mask(self) -> list[str]:
        """The fields in `updateMask`, in camelCase."""
        paths = self.parameter("updateMask").split(",")
        return [camel_case(path.strip()) for path in paths if path]

    def is_about(self, model: str | None) -> bool:
        """Whether the call is about a model, by any of its names; `None` stands for all.

        A base model that is named with its location is meant in that one only.
        """
        if model is None:
            return True
        full = (model_of(model) or model) if "/" in model else f"models/{model}"
        places = {location_in(model), self.asked_in} - {None} if published(model) else set()
        return self.model == full and len(places) < 2

    def parameter(self, name: str) -> str:
        """A query parameter, in camelCase or in snake_case; empty if it is absent."""
        return self.query.get(name) or self.query.get(snake_case(name), "")
