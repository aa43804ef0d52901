"""URLs and what they mean: Google's HTTP bindings of the Gemini Developer API.

The table is that of the REST transports in google-ai-generativelanguage 0.6.15
(`services/*/transports/rest_base.py`). Two of its gaps surprise clients: v1 has no
`tunedModels` beyond generating and operations, and nothing counts a tuned model's tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.errors import ApiError
from langchain_tuned_gemini.emulator.wire import Message, snake_case

if TYPE_CHECKING:
    from collections.abc import Mapping

_BETA = frozenset({"v1beta", "v1alpha"})
_ALL = _BETA | {"v1"}
_V1 = frozenset({"v1"})

# Method, HTTP method, URL, versions. `*` is one segment, `**` is any number of them.
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

METHODS = frozenset(method for method, *_ in _TABLE)
GENERATE = frozenset({"generateContent", "streamGenerateContent"})


@dataclass(frozen=True, slots=True)
class Binding:
    """One line of the table."""

    method: str
    pattern: re.Pattern[str]


def _compiled(method: str, url: str, versions: frozenset[str]) -> Binding:
    segments = {"**": "[^:]+", "*": "[^/:]+"}
    name, _, verb = url.partition(":")
    pattern = re.sub(r"\*\*|\*", lambda match: segments[match[0]], name)
    allowed = "|".join(sorted(versions))
    action = re.escape(f":{verb}") if verb else ""
    return Binding(method, re.compile(f"/(?P<version>{allowed})/(?P<name>{pattern}){action}"))


_BINDINGS: Mapping[str, list[Binding]] = {
    verb: [_compiled(method, url, versions) for method, v, url, versions in _TABLE if v == verb]
    for verb in sorted({verb for _, verb, _, _ in _TABLE})
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one method.

    Attributes:
        method: The method: `generateContent`, `list`, `permissions.create` and so on.
        version: `v1`, `v1beta` or `v1alpha`.
        name: The resource in the URL, or its collection.
        query: The query parameters.
        json: The decoded body, or its text where it is no JSON.
    """

    method: str
    version: str
    name: str
    query: Mapping[str, str]
    json: object

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
        if self.method == "create":
            model_id = self.parameter("tunedModelId")
            return f"tunedModels/{model_id}" if model_id else None
        kind, _, rest = self.name.partition("/")
        if not rest:
            return None
        return self.name if kind == "models" else f"{kind}/{rest.partition('/')[0]}"

    def parameter(self, name: str) -> str:
        """A query parameter, in camelCase or in snake_case; empty if it is absent."""
        return self.query.get(name) or self.query.get(snake_case(name), "")


def read_call(http_method: str, path: str, query: Mapping[str, str], json: object) -> Call | None:
    """What a request asks for; `None` where Google binds nothing to the URL."""
    for binding in _BINDINGS.get(http_method, ()):
        if match := binding.pattern.fullmatch(path):
            return Call(binding.method, match["version"], match["name"], query, json)
    return None
