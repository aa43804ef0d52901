"""From the name in a URL to the resource that it means, and from a list call to a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.resource_names import last_part
from langchain_tuned_gemini.emulator.http.wire import JsonObject, camel_case
from langchain_tuned_gemini.emulator.vertex.refusals import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store

    Record = TypeVar("Record")

# Neither the order of Vertex AI's lists nor their page size is published: newest first and
# 100 are guesses.
DEFAULT_PAGE_SIZE = 100
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
    collection: str,
    records: Mapping[str, Record],
    created: Callable[[Record], int],
    shown: Callable[[Record], JsonObject],
    fields: Mapping[str, str],
) -> JsonObject:
    """A page of the resources in a location, newest first.

    `fields` are what a filter can compare beside labels, in camelCase, and the field of the
    resource that each is.
    """
    parent = f"{name_of(store, call).rpartition('/')[0]}/"
    matches = _matcher(call.parameter("filter"), fields)
    here = sorted(
        (f"{_LATEST - created(record):021d} {name}", shown(record))
        for name, record in records.items()
        if name.startswith(parent)
    )
    fitting = [item for item in here if matches(item[1])]
    return page(
        call,
        collection,
        fitting,
        lambda item: item[0],
        lambda item: item[1],
        default=DEFAULT_PAGE_SIZE,
    )


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
