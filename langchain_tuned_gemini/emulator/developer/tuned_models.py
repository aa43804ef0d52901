"""`tunedModels` (create, get, list, patch, delete, transferOwnership) and their `operations`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import create_tuned_model
from langchain_tuned_gemini.emulator.developer.tuned_model_resource import (
    created_operation,
    operation,
    tuned_model,
)
from langchain_tuned_gemini.emulator.http.errors import ApiError, Status
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import JsonObject, snake_case
from langchain_tuned_gemini.emulator.state.tuned_model import (
    ME,
    Ending,
    State,
    TunedModelRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tuned_gemini.emulator.http.messages import Message
    from langchain_tuned_gemini.emulator.http.requests import MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store

CANCELLED = Status(1, "The operation was cancelled.")

# The fields of a TunedModel that a client may change, and how each is read from a request.
_MUTABLE: dict[str, Callable[[Message], object]] = {
    "displayName": create_tuned_model.display_name_of,
    "description": lambda request: request.text("description"),
    "temperature": lambda request: request.number("temperature"),
    "topP": lambda request: request.number("topP"),
    "topK": lambda request: request.integer("topK"),
    "readerProjectNumbers": create_tuned_model.reader_project_numbers,
}


def find(store: Store, name: str | None) -> TunedModelRecord:
    """The tuned model of this name."""
    record = store.tuned_models.get(name or "")
    if record is None:
        # Google's text, 2024 and 2025.
        raise ApiError(404, f"Tuned model {name} does not exist.")
    return record


def create(store: Store, call: MethodCall) -> JsonObject:
    """Starts tuning a model and answers with the long-running operation."""
    record = create_tuned_model.new_record(store, call.body, call.parameter("tunedModelId"))
    store.tuned_models[record.name] = record
    return created_operation(record)


def get(store: Store, call: MethodCall) -> JsonObject:
    """One tuned model."""
    return tuned_model(store.training(find(store, call.name)))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the caller's tuned models, oldest first."""
    matches = _filter(call.parameter("filter"))
    return page(
        call,
        "tunedModels",
        [record for record in store.in_order() if matches(record)],
        key=lambda record: f"{record.create_time:020d} {record.name}",
        shown=lambda record: tuned_model(store.training(record)),
    )


def patch(store: Store, call: MethodCall) -> JsonObject:
    """Changes the fields of `updateMask`, or without one those that the body has.

    google-genai sends no mask, google-generativeai a mask and the whole model. A field
    that the mask names and the body lacks goes back to its default.
    """
    record, body, mask = find(store, call.name), call.body, call.update_mask
    if mask == ["*"]:
        mask = list(_MUTABLE)
    for path in mask:
        if path not in _MUTABLE:
            msg = f"* UpdateTunedModelRequest.update_mask: {path} can not be updated\n"
            raise ApiError(400, msg)
    fields = mask or [field for field in _MUTABLE if field in body]
    changes = {snake_case(field): _MUTABLE[field](body) for field in fields}
    sampling = create_tuned_model.sampling(body, store.base_models[record.base_model])
    changes |= {name: value for name, value in sampling.items() if name in changes}
    changed = store.change(record, patch_time=store.now(), **changes)
    return tuned_model(store.training(changed))


def delete(store: Store, call: MethodCall) -> JsonObject:
    """Removes a tuned model, in whatever state it is."""
    del store.tuned_models[find(store, call.name).name]
    return {}


def transfer_ownership(store: Store, call: MethodCall) -> JsonObject:
    """Makes somebody else the owner, and the owner a writer."""
    record, email = find(store, call.name), call.body.text("emailAddress")
    if record.role_of(ME) != "OWNER":
        # Google's text.
        raise ApiError(403, "You need to be the owner of the resource to transfer ownership")
    if not email:
        raise ApiError(400, "* TransferOwnershipRequest.email_address: is required\n")
    kept = (
        replace(p, role="WRITER") if p.role == "OWNER" else p
        for p in record.permissions
        if p.email != email
    )
    owner = create_tuned_model.owner_permission(store, email)
    store.change(record, permissions=(owner, *kept))
    return {}


def get_operation(store: Store, call: MethodCall) -> JsonObject:
    """One operation: the progress of a creation."""
    return operation(store.training(_find_by_operation(store, call)))


def list_operations(store: Store, call: MethodCall) -> JsonObject:
    """The operations of a tuned model: there is one, its creation."""
    return page(
        call,
        "operations",
        [find(store, call.model)],
        key=lambda record: record.operation_id,
        shown=lambda record: operation(store.training(record)),
    )


def cancel_operation(store: Store, call: MethodCall) -> JsonObject:
    """Stops tuning; of an operation that is done it changes nothing.

    What becomes of the model is not published: here it is FAILED, and its operation
    ends with the code that Google documents for a cancellation (1).
    """
    record = _find_by_operation(store, call)
    if store.training(record).ended is None:
        store.change(record, ended=Ending(State.FAILED, store.now(), CANCELLED))
    return {}


def _find_by_operation(store: Store, call: MethodCall) -> TunedModelRecord:
    record = find(store, call.model)
    if call.name != f"{record.name}/operations/{record.operation_id}":
        raise ApiError(404, f"Operation {call.name} does not exist.")
    return record


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
