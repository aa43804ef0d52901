"""`tunedModels`: create, get, list, patch, delete, transferOwnership."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import create_tuned_model, tuned_model_resource
from langchain_tuned_gemini.emulator.developer.tuned_model import ME
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import camel_case, compact, snake_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tuned_gemini.emulator.developer.tuned_model import TunedModelRecord
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.store import World

# The fields of a TunedModel that a client may change, and how each is read from a request.
_MUTABLE: dict[str, Callable[[Message], object]] = {
    "displayName": create_tuned_model.display_name_of,
    "description": lambda request: request.text("description"),
    "temperature": lambda request: request.number("temperature"),
    "topP": lambda request: request.number("topP"),
    "topK": lambda request: request.integer("topK"),
    "readerProjectNumbers": create_tuned_model.reader_project_numbers,
}
_SAMPLING = frozenset({"temperature", "topP", "topK"})


def find(world: World, name: str) -> TunedModelRecord:
    """The tuned model of this name.

    Raises:
        ApiError: 404 if there is none (the text is Google's, 2024 and 2025).
    """
    record = world.tuned_models.get(name)
    if record is None:
        raise ApiError(404, f"Tuned model {name} does not exist.")
    return record


def create(world: World, call: Call) -> JsonObject:
    """Starts tuning a model and answers with the long-running operation."""
    record = create_tuned_model.new_record(world, call.body, call.parameter("tunedModelId"))
    world.add(record)
    return tuned_model_resource.created_operation(record)


def get(world: World, call: Call) -> JsonObject:
    """One tuned model."""
    return tuned_model_resource.tuned_model(world.training(find(world, call.name)))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the caller's tuned models, oldest first."""
    matches = _filter(call.parameter("filter"))
    records = [record for record in world.in_order() if matches(record)]
    shown, token = page(call, records, lambda r: f"{r.create_time:020d} {r.name}")
    return compact(
        tunedModels=[tuned_model_resource.tuned_model(world.training(record)) for record in shown],
        nextPageToken=token,
    )


def patch(world: World, call: Call) -> JsonObject:
    """Changes the fields of `updateMask`, or without one those that the body has.

    google-genai sends no mask, google-generativeai a mask and the whole model. A field
    that the mask names and the body lacks goes back to its default.

    Raises:
        ApiError: 400 for a field that does not exist or can't be changed.
    """
    record, body = find(world, call.name), call.body
    mask = [camel_case(path.strip()) for path in call.parameter("updateMask").split(",") if path]
    if mask == ["*"]:
        mask = list(_MUTABLE)
    for path in mask:
        if path not in _MUTABLE:
            msg = f"* UpdateTunedModelRequest.update_mask: {path} can not be updated\n"
            raise ApiError(400, msg)
    fields = mask or [field for field in _MUTABLE if field in body]
    changes = _changes(world, record, body, fields)
    changed = replace(record, patch_time=world.now(), **changes)  # type: ignore[arg-type]
    world.add(changed)
    return tuned_model_resource.tuned_model(world.training(changed))


def delete(world: World, call: Call) -> JsonObject:
    """Removes a tuned model, in whatever state it is."""
    del world.tuned_models[find(world, call.name).name]
    return {}


def transfer_ownership(world: World, call: Call) -> JsonObject:
    """Makes somebody else the owner, and the owner a writer.

    Raises:
        ApiError: 403 if the caller is not the owner (the text is Google's); 400 without
            an address.
    """
    record, email = find(world, call.name), call.body.text("emailAddress")
    if record.role_of(ME) != "OWNER":
        raise ApiError(403, "You need to be the owner of the resource to transfer ownership")
    if not email:
        raise ApiError(400, "* TransferOwnershipRequest.email_address: is required\n")
    kept = (
        replace(p, role="WRITER") if p.role == "OWNER" else p
        for p in record.permissions
        if p.email != email
    )
    world.change(record, permissions=(create_tuned_model.owner_permission(world, email), *kept))
    return {}


def _changes(
    world: World, record: TunedModelRecord, body: Message, fields: list[str]
) -> dict[str, object]:
    base = world.base_models[record.base_model]
    sampling = create_tuned_model.sampling(body, base)
    changes: dict[str, object] = {}
    for field in fields:
        name = snake_case(field)
        changes[name] = dict(sampling)[name] if field in _SAMPLING else _MUTABLE[field](body)
    return changes


def _filter(text: str) -> Callable[[TunedModelRecord], bool]:
    """The `filter` of a list: `owner:me`, `writers:me`, `readers:me`, `readers:everyone`, words.

    All terms must match; words are looked for in the display name and the description.
    Models that are merely shared with everyone are shown only if asked for.
    """
    terms = text.split()
    operators = {term for term in terms if term in _OPERATORS}
    words = [term.casefold() for term in terms if term not in operators]
    wanted = operators or {"visible"}

    def matches(record: TunedModelRecord) -> bool:
        described = f"{record.display_name} {record.description}".casefold()
        return all(_OPERATORS[o](record) for o in wanted) and all(w in described for w in words)

    return matches


_OPERATORS: dict[str, Callable[[TunedModelRecord], bool]] = {
    "visible": lambda record: record.role_of(ME) is not None,
    "owner:me": lambda record: record.role_of(ME) == "OWNER",
    "writers:me": lambda record: record.role_of(ME) == "WRITER",
    "readers:me": lambda record: record.role_of(ME) == "READER",
    "readers:everyone": lambda record: record.shared_with_everyone,
}

HANDLERS = {
    "create": create,
    "get": get,
    "list": list_,
    "patch": patch,
    "delete": delete,
    "transferOwnership": transfer_ownership,
}
