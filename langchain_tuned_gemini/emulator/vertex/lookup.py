"""From the name in a URL to the resource that it means, or its refusal; from a list to a page.

A source stands beside each text of a refusal that was seen. The others are the emulator's own
words, after Google's pattern.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import last_part, published
from langchain_tuned_gemini.emulator.http.wire import JsonObject, camel_case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store
    from langchain_tuned_gemini.emulator.state.tuning_job import TuningJobRecord
    from langchain_tuned_gemini.emulator.state.vertex_store import EndpointRecord, ModelVersion

    Record = TypeVar("Record", EndpointRecord, ModelVersion, TuningJobRecord)

# The order of Vertex AI's lists is not published: newest first is a guess.
_LATEST = 10**20

_TERM = re.compile(r'(?P<field>[\w.-]+)\s*(?P<operator>!=|=|:)\s*(?P<value>"[^"]*"|\S+)')


def name_of(store: Store, call: MethodCall) -> str:
    """The name that a call addresses, as the store keeps it.

    "If the region in the API endpoint URL conflicts with the location in the resource path,
    the location in the path is ignored" (Vertex AI's page about deleting a model): so the
    location is that of the host, where Google's host is asked.
    """
    return store.vertex.canonical(call.name, call.location)


def found(store: Store, call: MethodCall, record: Record | None) -> Record:
    """The record that a call addresses; 404 if there is none."""
    if record is None:
        raise missing(store.vertex.canonical(call.name))
    return record


def listed(
    store: Store,
    call: MethodCall,
    records: Mapping[str, Record],
    shown: Callable[[Record], JsonObject],
    fields: Mapping[str, str],
) -> JsonObject:
    """A page of the resources in a location, newest first.

    `fields` are what a filter can compare beside labels, in camelCase, and the field of the
    resource that each is.
    """
    location, _, collection = name_of(store, call).rpartition("/")
    matches = _matcher(call.parameter("filter"), fields)
    here = sorted(
        (f"{_LATEST - record.create_time:021d} {name}", shown(record))
        for name, record in records.items()
        if name.startswith(f"{location}/")
    )
    fitting = [item for item in here if matches(item[1])]
    return page(call, collection, fitting, itemgetter(0), itemgetter(1))


def _matcher(text: str, fields: Mapping[str, str]) -> Callable[[JsonObject], bool]:
    """Whether a resource, as the API shows it, matches a `filter`.

    `state="JOB_STATE_FAILED" AND labels.team:*`: the part of Google's filter language that the
    reference shows for models and endpoints: `=`, `!=` and `:` for the presence of a label,
    joined by `AND`. <https://google.aip.dev/160>
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
    # `model=15` is the last segment of a name.
    shown = last_part if path == "name" else str
    return lambda resource: (shown(resource.get(path, "")) == value) == (operator == "=")


_KINDS = {
    "endpoints": "Endpoint",
    "models": "Model",
    "operations": "Operation",
    "tuningJobs": "TuningJob",
}


def missing(name: str) -> ApiError:
    """404 of a resource.

    That of an endpoint is real (python-genai issue 1706), and that of a base model that is
    unknown, retired or elsewhere (genkit issue 4688).
    """
    if published(name):
        msg = (
            f"Publisher Model `{name}` was not found or your project does not have access to it. "
            "Please ensure you are using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
        )
        return ApiError(404, msg)
    kind = name.rpartition("/")[0].rpartition("/")[2]
    return ApiError(404, f"{_KINDS.get(kind, 'Resource')} `{name}` not found.")


def invalid(field: str, problem: str) -> ApiError:
    """400 of a field, in the form of java-docs-samples issue 8985."""
    return ApiError(400, f"List of found errors:\t1.Field: {field}; Message: {problem}\t")


def in_use(message: str) -> ApiError:
    """400 FAILED_PRECONDITION."""
    return ApiError(400, message, status="FAILED_PRECONDITION")
