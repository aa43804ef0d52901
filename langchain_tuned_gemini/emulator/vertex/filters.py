"""The `filter` of a list: `state="JOB_STATE_FAILED" AND labels.team:*`.

The part of Google's filter language that the reference shows for models and endpoints:
`=`, `!=` and `:` for the presence of a label, joined by `AND`. <https://google.aip.dev/160>
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.wire import camel_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.wire import JsonObject

_TERM = re.compile(r'(?P<field>[\w.-]+)\s*(?P<operator>!=|=|:)\s*(?P<value>"[^"]*"|\S+)')


def matcher(text: str, fields: Mapping[str, str]) -> Callable[[JsonObject], bool]:
    """Whether a resource, as the API shows it, matches a filter.

    Args:
        text: The filter; empty for everything.
        fields: What can be compared, in camelCase, and where it stands in the resource:
            a field, or `a.b` within one. `labels` is always there.

    Raises:
        ApiError: 400 for anything that is not understood.
    """
    terms = [_term(term, fields) for term in re.split(r"\s+AND\s+", text.strip()) if term]
    return lambda resource: all(fits(resource) for fits in terms)


def _term(text: str, fields: Mapping[str, str]) -> Callable[[JsonObject], bool]:
    term = _TERM.fullmatch(text.strip())
    if term is None:
        raise ApiError(400, f"Invalid filter: {text}")
    field, operator, value = term["field"], term["operator"], term["value"].strip('"')
    if field.startswith("labels."):
        key = field.removeprefix("labels.")
        if operator == ":" or value == "*":
            return lambda resource: key in resource.get("labels", {})
        return lambda resource: (resource.get("labels", {}).get(key) == value) == (operator == "=")
    path = fields.get(camel_case(field))
    if path is None or operator == ":":
        raise ApiError(400, f"Invalid filter: {text}")
    return lambda resource: (_value(resource, path) == value) == (operator == "=")


def _value(resource: JsonObject, path: str) -> object:
    value: object = resource
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    # `model=15` is the last segment of a name.
    return value.rpartition("/")[2] if path == "name" and isinstance(value, str) else value
