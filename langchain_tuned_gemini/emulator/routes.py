"""Every URL of Google's that the emulator answers, and the function that answers it.

The Developer API's table is that of the REST transports in google-ai-generativelanguage 0.6.15
(`services/*/transports/rest_base.py`). Two of its gaps surprise clients: v1 has no `tunedModels`
beyond generating and operations, and nothing counts a tuned model's tokens.

Vertex AI's, the part of it that tuned models need, is from Google's discovery documents,
aiplatform v1 and v1beta1, revision 20261106. Two lines have no counterpart there: real answers
show that `models/M:generateContent` is not unknown but refused (python-genai issue 1679), and so
is `:predict` of a Gemini model (litellm issue 5678).
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from langchain_tuned_gemini.emulator.developer import models, permissions, tuned_models
from langchain_tuned_gemini.emulator.http.requests import GENERATE, Api, MethodCall
from langchain_tuned_gemini.emulator.http.resource_names import LOCATION_OF_HOST, location_in
from langchain_tuned_gemini.emulator.vertex import (
    endpoints,
    operations,
    publisher_models,
    registered_models as registry,
    tuning_jobs,
)
from langchain_tuned_gemini.tuned_models.locations import GLOBAL, LOCATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.replies import Reply
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.state.store import Store

    _Answer = Callable[[Store, MethodCall], Reply | JsonObject]

GOOGLES_HOSTS = (Api.DEVELOPER.value, *LOCATION_OF_HOST)


class Route(NamedTuple):
    """A method of Google's: where it is bound to, and who answers it.

    In a URL `*` is one segment, `**` is any number of them.
    """

    method: str
    verb: str
    url: str
    versions: frozenset[str]
    answer: _Answer

    @property
    def pattern(self) -> re.Pattern[str]:
        """The form of a path: the API's version, and the name of the resource."""
        segments = {"**": "[^:]+", "*": "[^/:]+"}
        name, _, verb = self.url.partition(":")
        pattern = re.sub(r"\*\*|\*", lambda match: segments[match[0]], name)
        action = re.escape(f":{verb}") if verb else ""
        return re.compile(f"/(?P<version>{'|'.join(self.versions)})/(?P<name>{pattern}){action}")


_V1 = frozenset({"v1"})
_BETA = frozenset({"v1beta", "v1alpha"})
_ALL = _BETA | _V1


def _tuned(
    method: str, verb: str, url: str, answer: _Answer, versions: frozenset[str] = _BETA
) -> Route:
    return Route(method, verb, f"tunedModels{url}", versions, answer)


DEVELOPER_ROUTES = (
    *(
        Route(method, "POST", f"{who}:{method}", _ALL, models.generate)
        for method in sorted(GENERATE)
        for who in ("tunedModels/*", "models/**")
    ),
    Route("countTokens", "POST", "models/**:countTokens", _ALL, models.count_tokens),
    Route("models.get", "GET", "models/*", _ALL, models.get),
    Route("models.list", "GET", "models", _ALL, models.list_),
    _tuned("get", "GET", "/*", tuned_models.get),
    _tuned("list", "GET", "", tuned_models.list_),
    _tuned("create", "POST", "", tuned_models.create),
    _tuned("patch", "PATCH", "/*", tuned_models.patch),
    _tuned("delete", "DELETE", "/*", tuned_models.delete),
    _tuned("transferOwnership", "POST", "/*:transferOwnership", tuned_models.transfer_ownership),
    _tuned("operations.get", "GET", "/*/operations/*", tuned_models.get_operation, _ALL),
    _tuned("operations.list", "GET", "/*/operations", tuned_models.list_operations, _ALL),
    _tuned(
        "operations.cancel", "POST", "/*/operations/*:cancel", tuned_models.cancel_operation, _V1
    ),
    _tuned("permissions.get", "GET", "/*/permissions/*", permissions.get),
    _tuned("permissions.list", "GET", "/*/permissions", permissions.list_),
    _tuned("permissions.create", "POST", "/*/permissions", permissions.create),
    _tuned("permissions.patch", "PATCH", "/*/permissions/*", permissions.patch),
    _tuned("permissions.delete", "DELETE", "/*/permissions/*", permissions.delete),
)

_VERTEX_BETA = frozenset({"v1beta1"})
_VERTEX = _VERTEX_BETA | _V1
_AT = "projects/*/locations/*/"
# Who generates: an endpoint, a model of Google's, the same without a project (express mode).
_GENERATORS = (
    f"{_AT}endpoints/*",
    f"{_AT}publishers/*/models/*",
    "publishers/*/models/*",
    f"{_AT}models/*",
)
_OPERATED = ("", "endpoints/*/", "models/*/", "tuningJobs/*/")


def _at(method: str, verb: str, url: str, answer: _Answer) -> Route:
    return Route(method, verb, f"{_AT}{url}", _VERTEX, answer)


VERTEX_ROUTES = (
    *(
        Route(method, "POST", f"{who}:{method}", _VERTEX, endpoints.generate)
        for method in sorted(GENERATE)
        for who in _GENERATORS
    ),
    *(
        Route("countTokens", "POST", f"{who}:countTokens", _VERTEX, endpoints.count_tokens)
        for who in _GENERATORS
    ),
    _at("predict", "POST", "endpoints/*:predict", endpoints.predict),
    _at("predict", "POST", "endpoints/*:rawPredict", endpoints.predict),
    _at("tuningJobs.create", "POST", "tuningJobs", tuning_jobs.create),
    _at("tuningJobs.get", "GET", "tuningJobs/*", tuning_jobs.get),
    _at("tuningJobs.list", "GET", "tuningJobs", tuning_jobs.list_),
    _at("tuningJobs.cancel", "POST", "tuningJobs/*:cancel", tuning_jobs.cancel),
    _at("endpoints.get", "GET", "endpoints/*", endpoints.get),
    _at("endpoints.list", "GET", "endpoints", endpoints.list_),
    _at("endpoints.delete", "DELETE", "endpoints/*", endpoints.delete),
    _at("endpoints.undeployModel", "POST", "endpoints/*:undeployModel", endpoints.undeploy_model),
    _at("models.get", "GET", "models/*", registry.get),
    _at("models.list", "GET", "models", registry.list_),
    _at("models.patch", "PATCH", "models/*", registry.patch),
    _at("models.delete", "DELETE", "models/*", registry.delete),
    _at("models.deleteVersion", "DELETE", "models/*:deleteVersion", registry.delete_version),
    _at("models.listVersions", "GET", "models/*:listVersions", registry.list_versions),
    _at("models.listCheckpoints", "GET", "models/*:listCheckpoints", registry.list_checkpoints),
    _at(
        "models.mergeVersionAliases", "POST", "models/*:mergeVersionAliases", registry.merge_aliases
    ),
    Route("publishers.models.get", "GET", "publishers/*/models/*", _VERTEX, publisher_models.get),
    Route(
        "publishers.models.list", "GET", "publishers/*/models", _VERTEX_BETA, publisher_models.list_
    ),
    *(_at("operations.get", "GET", f"{of}operations/*", operations.get) for of in _OPERATED),
    # The reference lets `wait` answer before its timeout: "the server may return the latest
    # state before". The emulator's clock may stand still, so it never blocks.
    *(_at("operations.wait", "POST", f"{of}operations/*:wait", operations.get) for of in _OPERATED),
)

METHODS = frozenset(route.method for route in (*DEVELOPER_ROUTES, *VERTEX_ROUTES))
_ROUTES = {Api.DEVELOPER: DEVELOPER_ROUTES, Api.VERTEX: VERTEX_ROUTES}
_ANSWERS = {(api, route.method): route.answer for api in Api for route in _ROUTES[api]}
_BY_VERB: dict[str, list[tuple[Api, str, re.Pattern[str]]]] = defaultdict(list)
for _api in Api:
    for _route in _ROUTES[_api]:
        _BY_VERB[_route.verb].append((_api, _route.method, _route.pattern))


def answer_call(store: Store, call: MethodCall) -> Reply | JsonObject:
    """The answer of the method that is called."""
    return _ANSWERS[call.api, call.method](store, call)


def read_call(
    verb: str, host: str, path: str, query: Mapping[str, str], json: object
) -> MethodCall | None:
    """The call that a request is; `None` where Google binds nothing to the URL.

    Google's hosts serve one API each, every other one, such as loopback, serves both.
    """
    location = LOCATION_OF_HOST.get(host)
    is_developer = host == Api.DEVELOPER.value
    for api, method, pattern in _BY_VERB.get(verb, ()):
        if (location and api is Api.DEVELOPER) or (is_developer and api is Api.VERTEX):
            continue
        match = pattern.fullmatch(path)
        # A resource of a project is in a location that exists.
        if match and (location_in(match["name"]) or GLOBAL) in LOCATIONS:
            return MethodCall(api, method, match["version"], match["name"], query, json, location)
    return None
