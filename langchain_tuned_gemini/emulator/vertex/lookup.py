"""From the name in a URL to the resource that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import compact
from langchain_tuned_gemini.emulator.vertex.errors import missing
from langchain_tuned_gemini.emulator.vertex.filters import matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.store import World
    from langchain_tuned_gemini.emulator.vertex.tuning_job import EndpointRecord, ModelVersion

    Record = TypeVar("Record")

# Neither the order of Vertex AI's lists nor their page size is published: newest first and
# 100 are guesses.
DEFAULT_PAGE_SIZE = 100
_LATEST = 10**20


def name_of(world: World, call: Call) -> str:
    """The name that a call addresses, as the registry keeps it.

    "If the region in the API endpoint URL conflicts with the location in the resource path,
    the location in the path is ignored" (Vertex AI's page about deleting a model): so the
    location is that of the host, where Google's host is asked.
    """
    return world.vertex.canonical(call.name, call.location)


def endpoint_of(world: World, call: Call) -> EndpointRecord:
    """The endpoint that a call addresses.

    Raises:
        ApiError: 404 if there is none.
    """
    record = world.vertex.endpoints.get(name_of(world, call))
    if record is None:
        raise missing(world.vertex.canonical(call.name))
    return record


def version_of(world: World, call: Call) -> ModelVersion:
    """The version of a model that a call addresses.

    Raises:
        ApiError: 404 if there is none.
    """
    version = world.vertex.version(name_of(world, call))
    if version is None:
        raise missing(world.vertex.canonical(call.name))
    return version


def listed(
    world: World,
    call: Call,
    collection: str,
    records: Mapping[str, Record],
    created: Callable[[Record], int],
    shown: Callable[[Record], JsonObject],
    fields: Mapping[str, str],
) -> JsonObject:
    """A page of the resources in a location, newest first.

    Args:
        world: The world, locked.
        call: A list call.
        collection: The name of the list in the answer, and of the collection in the URL.
        records: All of them by name.
        created: When a record was created.
        shown: The resource of a record.
        fields: What a filter can compare.
    """
    parent = f"{name_of(world, call).rpartition('/')[0]}/"
    matches = matcher(call.parameter("filter"), fields)
    here = _newest_first(
        ((name, record) for name, record in records.items() if name.startswith(parent)), created
    )
    resources = [(key, shown(record)) for key, record in here]
    fitting = [item for item in resources if matches(item[1])]
    shown_now, token = page(call, fitting, lambda item: item[0], default=DEFAULT_PAGE_SIZE)
    return compact(**{collection: [resource for _, resource in shown_now], "nextPageToken": token})


def _newest_first(
    records: Iterable[tuple[str, Record]], created: Callable[[Record], int]
) -> list[tuple[str, Record]]:
    keyed = [(f"{_LATEST - created(record):021d} {name}", record) for name, record in records]
    return sorted(keyed, key=lambda item: item[0])
