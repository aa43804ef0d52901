"""URLs of Vertex AI and what they mean: the part of it that tuned models need.

From Google's discovery documents, aiplatform v1 and v1beta1, revision 20261106. Two lines
have no counterpart there: real answers show that `models/M:generateContent` is not
unknown but refused (python-genai issue 1679), and so is `:predict` of a Gemini model
(litellm issue 5678).
"""

from __future__ import annotations

from langchain_tuned_gemini.emulator.http.routes import Api, compiled

_BETA = frozenset({"v1beta1"})
_ALL = _BETA | {"v1"}

_AT = "projects/*/locations/*/"
# Who generates: an endpoint, a model of Google's, the same without a project (express mode).
_GENERATORS = (f"{_AT}endpoints/*", f"{_AT}publishers/*/models/*", "publishers/*/models/*")
_OPERATED = ("", "endpoints/*/", "models/*/", "tuningJobs/*/")

METHODS_TABLE = (
    *(
        (method, "POST", f"{who}:{method}", _ALL)
        for method in ("generateContent", "streamGenerateContent", "countTokens")
        for who in (*_GENERATORS, f"{_AT}models/*")
    ),
    ("predict", "POST", f"{_AT}endpoints/*:predict", _ALL),
    ("predict", "POST", f"{_AT}endpoints/*:rawPredict", _ALL),
    ("tuningJobs.create", "POST", f"{_AT}tuningJobs", _ALL),
    ("tuningJobs.get", "GET", f"{_AT}tuningJobs/*", _ALL),
    ("tuningJobs.list", "GET", f"{_AT}tuningJobs", _ALL),
    ("tuningJobs.cancel", "POST", f"{_AT}tuningJobs/*:cancel", _ALL),
    ("endpoints.get", "GET", f"{_AT}endpoints/*", _ALL),
    ("endpoints.list", "GET", f"{_AT}endpoints", _ALL),
    ("endpoints.delete", "DELETE", f"{_AT}endpoints/*", _ALL),
    ("endpoints.undeployModel", "POST", f"{_AT}endpoints/*:undeployModel", _ALL),
    ("models.get", "GET", f"{_AT}models/*", _ALL),
    ("models.list", "GET", f"{_AT}models", _ALL),
    ("models.patch", "PATCH", f"{_AT}models/*", _ALL),
    ("models.delete", "DELETE", f"{_AT}models/*", _ALL),
    ("models.deleteVersion", "DELETE", f"{_AT}models/*:deleteVersion", _ALL),
    ("models.listVersions", "GET", f"{_AT}models/*:listVersions", _ALL),
    ("models.listCheckpoints", "GET", f"{_AT}models/*:listCheckpoints", _ALL),
    ("models.mergeVersionAliases", "POST", f"{_AT}models/*:mergeVersionAliases", _ALL),
    ("publishers.models.get", "GET", "publishers/*/models/*", _ALL),
    ("publishers.models.list", "GET", "publishers/*/models", _BETA),
    *(("operations.get", "GET", f"{_AT}{of}operations/*", _ALL) for of in _OPERATED),
    *(("operations.wait", "POST", f"{_AT}{of}operations/*:wait", _ALL) for of in _OPERATED),
)

METHODS = frozenset(method for method, *_ in METHODS_TABLE)
BINDINGS = compiled(Api.VERTEX, METHODS_TABLE)
