"""Requests as they arrived, and the calls of Google's methods that they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.messages import Message
from langchain_tuned_gemini.emulator.http.resource_names import location_in, model_of, published
from langchain_tuned_gemini.emulator.http.wire import camel_case, snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERATE = frozenset({"generateContent", "streamGenerateContent"})


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
