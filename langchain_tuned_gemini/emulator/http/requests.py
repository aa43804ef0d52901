"""URLs and what they mean: Google's HTTP bindings of the Gemini Developer API, and calls.

The table is that of the REST transports in google-ai-generativelanguage 0.6.15
(`services/*/transports/rest_base.py`). Two of its gaps surprise clients: v1 has no
`tunedModels` beyond generating and operations, and nothing counts a tuned model's tokens.
Vertex AI has a table of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.places import LOCATION_OF_HOST, LOCATIONS
from langchain_tuned_gemini.emulator.http.resource_names import (
    ResourceName,
    location_in,
    model_of,
    published,
)
from langchain_tuned_gemini.emulator.http.routes import Api, compiled
from langchain_tuned_gemini.emulator.http.wire import Message, snake_case
from langchain_tuned_gemini.emulator.vertex import routes as vertex

if TYPE_CHECKING:
    from collections.abc import Mapping

_BETA = frozenset({"v1beta", "v1alpha"})
_ALL = _BETA | {"v1"}
_V1 = frozenset({"v1"})

_TABLE = (
    ("generateContent", "POST", "tunedModels/*:generateContent", _ALL),
    ("generateContent", "POST", "models/**:generateContent", _ALL),
    ("streamGenerateContent", "POST", "tunedModels/*:streamGenerateContent", _ALL),
    ("streamGenerateContent", "POST", "models/**:streamGenerateContent", _ALL),
    ("countTokens", "POST", "models/**:countTokens", _ALL),
    ("models.get", "GET", "models/*", _ALL),
    ("models.list", "GET", "models", _ALL),
    ("get", "GET", "tunedModels/*", _BETA),
    ("list", "GET", "tunedModels", _BETA),
    ("create", "POST", "tunedModels", _BETA),
    ("patch", "PATCH", "tunedModels/*", _BETA),
    ("delete", "DELETE", "tunedModels/*", _BETA),
    ("transferOwnership", "POST", "tunedModels/*:transferOwnership", _BETA),
    ("operations.get", "GET", "tunedModels/*/operations/*", _ALL),
    ("operations.list", "GET", "tunedModels/*/operations", _ALL),
    ("operations.cancel", "POST", "tunedModels/*/operations/*:cancel", _V1),
    ("permissions.get", "GET", "tunedModels/*/permissions/*", _BETA),
    ("permissions.list", "GET", "tunedModels/*/permissions", _BETA),
    ("permissions.create", "POST", "tunedModels/*/permissions", _BETA),
    ("permissions.patch", "PATCH", "tunedModels/*/permissions/*", _BETA),
    ("permissions.delete", "DELETE", "tunedModels/*/permissions/*", _BETA),
)

METHODS = frozenset(method for method, *_ in _TABLE) | vertex.METHODS
GENERATE = frozenset({"generateContent", "streamGenerateContent"})
GOOGLE = "generativelanguage.googleapis.com"
_BINDINGS = {Api.DEVELOPER: compiled(Api.DEVELOPER, _TABLE), Api.VERTEX: vertex.BINDINGS}


@dataclass(frozen=True, slots=True)
class Call:
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
        """The body as a message.

        Raises:
            ApiError: 400 if it is no JSON object.
        """
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


def read_call(
    http_method: str, host: str, path: str, query: Mapping[str, str], json: object
) -> Call | None:
    """What a request asks for; `None` where Google binds nothing to the URL.

    Google's hosts serve one API each, every other one, such as loopback, serves both.
    """
    location = LOCATION_OF_HOST.get(host)
    for api in _apis_at(host):
        for binding in _BINDINGS[api].get(http_method, ()):
            match = binding.pattern.fullmatch(path)
            if match and _is_somewhere(match["name"]):
                name, method = match["name"], binding.method
                return Call(api, method, match["version"], name, query, json, location)
    return None


def _apis_at(host: str) -> tuple[Api, ...]:
    if host == GOOGLE:
        return (Api.DEVELOPER,)
    return (Api.VERTEX,) if host in LOCATION_OF_HOST else (Api.DEVELOPER, Api.VERTEX)


def _is_somewhere(name: str) -> bool:
    """Whether a resource of a project is in a location that exists."""
    return not name.startswith("projects/") or ResourceName.parse(name).location in LOCATIONS
