"""Google's own description of Vertex AI as checks of requests and answers.

The discovery documents come with google-api-python-client, which google-generativeai needs.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

VERSIONS = ("v1", "v1beta1")
_PREFIX = {"v1": "GoogleCloudAiplatformV1", "v1beta1": "GoogleCloudAiplatformV1beta1"}
_TYPE = re.compile(r"type\.googleapis\.com/google\.cloud\.aiplatform\.(v1|v1beta1)\.(\w+)")
_RPC = "type.googleapis.com/google.rpc."  # not described there
_EMPTY = "type.googleapis.com/google.protobuf.Empty"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z"
_STRINGS = {
    "int64": r"-?\d{1,19}",
    "uint64": r"\d{1,20}",
    "google-datetime": _TIME,
    "google-duration": r"-?\d+(\.\d{1,9})?s",
    "google-fieldmask": r"[\w.]+(,[\w.]+)*",
}


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API, with the schemas of what it takes and gives."""

    id: str
    version: str
    verb: str
    pattern: re.Pattern[str]
    request: str | None
    response: str | None


@cache
def document(version: str) -> dict[str, Any]:
    folder = files("googleapiclient.discovery_cache") / "documents"
    text = (folder / f"aiplatform.{version}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@cache
def methods() -> tuple[Method, ...]:
    return tuple(
        _method(version, described)
        for version in VERSIONS
        for described in _described(document(version)["resources"])
    )


def method_of(verb: str, path: str) -> Method | None:
    """The method that an HTTP method and a path mean."""
    return next((m for m in methods() if m.verb == verb and m.pattern.fullmatch(path)), None)


def _described(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in resources.values():
        yield from resource.get("methods", {}).values()
        yield from _described(resource.get("resources", {}))


def _method(version: str, described: dict[str, Any]) -> Method:
    path = re.escape(described["flatPath"])
    return Method(
        id=described["id"],
        version=version,
        verb=described["httpMethod"],
        pattern=re.compile("/" + re.sub(r"\\\{\w+\\\}", "[^/:]+", path)),
        request=described.get("request", {}).get("$ref"),
        response=described.get("response", {}).get("$ref"),
    )


def problems_of_answer(verb: str, path: str, body: Any) -> list[str]:
    """What is wrong with the body of a successful answer."""
    method = method_of(verb, path)
    if method is None:
        return [f"{verb} {path} is no method of the API"]
    if method.response is None:
        return [f"{method.id} has no described answer"]
    return list(Schemas(method.version, strict=True).problems(method.response, body, ""))


def problems_of_request(verb: str, path: str, body: Any) -> list[str]:
    """What is wrong with the body of a request; proto3 JSON is taken in all its spellings."""
    method = method_of(verb, path)
    if method is None:
        return [f"{verb} {path} is no method of the API"]
    if method.request is None:
        return [f"{method.id} takes no body"] if body else []
    sent = {} if body is None else body
    return list(Schemas(method.version, strict=False).problems(method.request, sent, ""))


def problems_of_error(body: Any) -> list[str]:
    """What is wrong with `{"error": {…}}`: a google.rpc.Status with its code's name."""
    found = [] if set(body) == {"error"} else [f"fields {sorted(body)}, not only 'error'"]
    error = body.get("error", {})
    expected = {"code": int, "message": str, "status": str}
    found += [k for k, kind in expected.items() if not isinstance(error.get(k), kind)]
    found += [f"unknown {k}" for k in set(error) - {*expected, "details"}]
    details = error.get("details", [])
    return found + [f"a detail without a type: {d}" for d in details if "@type" not in d]


@dataclass(frozen=True, slots=True)
class Schemas:
    """Checks values against the schemas of one version.

    Attributes:
        version: Of the API.
        strict: As Google writes: camelCase, int64 as a string. Otherwise as it reads.
    """

    version: str
    strict: bool

    def problems(self, name: str, value: Any, at: str) -> Iterator[str]:
        schema = document(self.version)["schemas"][name]
        yield from self._check(schema, value, at or name.removeprefix(_PREFIX[self.version]))

    def _check(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if "$ref" in schema:
            yield from self.problems(schema["$ref"], value, at)
            return
        checks: dict[str, Callable[[Mapping[str, Any], Any, str], Iterator[str]]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": self._boolean,
            "any": lambda *_: iter(()),
        }
        yield from checks[schema["type"]](schema, value, at)

    def _object(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{at} is no object: {value!r}"
            return
        if "properties" not in schema and "additionalProperties" in schema:
            yield from self._map(schema["additionalProperties"], value, at)
            return
        properties = schema.get("properties", {})
        for key, item in value.items():
            known = key if self.strict else _camel_case(key)
            if known not in properties:
                yield f"{at}.{key} is no field"
            elif item is not None or self.strict:
                yield from self._check(properties[known], item, f"{at}.{key}")

    def _map(self, items: Mapping[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
        if items.get("type") == "any" and "@type" in value:
            yield from self._typed(value, at)
            return
        for key, item in value.items():
            yield from self._check(items, item, f"{at}[{key}]")

    def _typed(self, value: dict[str, Any], at: str) -> Iterator[str]:
        """A `google.protobuf.Any`: what its type says."""
        content = {key: item for key, item in value.items() if key != "@type"}
        match = _TYPE.fullmatch(value["@type"])
        if value["@type"].startswith(_RPC):
            return
        if value["@type"] == _EMPTY:
            yield from (f"{at}.{key} in an Empty" for key in content)
        elif match is None:
            yield f"{at} has the type {value['@type']}"
        else:
            version, name = match.groups()
            if version != self.version:
                yield f"{at} has a type of {version}"
            schema = f"{_PREFIX[version]}{name}"
            yield from Schemas(version, self.strict).problems(schema, content, at)

    def _array(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{at} is no list: {value!r}"
            return
        for number, item in enumerate(value):
            yield from self._check(schema["items"], item, f"{at}[{number}]")

    def _string(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        format_ = schema.get("format", "")
        if not self.strict and format_ in {"int64", "uint64"} and isinstance(value, int):
            value = str(value)
        if not isinstance(value, str):
            yield f"{at} is no string: {value!r}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{at} is none of its enum: {value!r}"
        elif not _has_format(value, format_):
            yield f"{at} is no {format_}: {value!r}"

    def _integer(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if not self.strict and isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
            yield f"{at} is no {schema.get('format', 'integer')}: {value!r}"

    def _number(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{at} is no number: {value!r}"

    def _boolean(self, schema: Mapping[str, Any], value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{at} is no boolean: {value!r}"


def _has_format(value: str, format_: str) -> bool:
    if format_ == "byte":
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            return False
        return True
    return format_ not in _STRINGS or re.fullmatch(_STRINGS[format_], value) is not None


def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
