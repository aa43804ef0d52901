"""`tunedModels` (create, get, list, patch, delete, transferOwnership) and their `operations`.

Resources have their fields in the order of real bodies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import create_tuned_model
from langchain_tuned_gemini.emulator.http.errors import ApiError, Status
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import (
    TYPE_URL,
    JsonObject,
    compact,
    number,
    snake_case,
    timestamp,
)
from langchain_tuned_gemini.emulator.state.tuned_model import (
    ME,
    Ending,
    Hyperparameters,
    State,
    Training,
    TunedModelRecord,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tuned_gemini.emulator.http.requests import Message, MethodCall
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
    """A page of the caller's tuned models, oldest first, as Google lists them."""

    def order(record: TunedModelRecord) -> str:
        return f"{record.create_time:020d} {record.name}"

    fitting = sorted(
        filter(_filter(call.parameter("filter")), store.tuned_models.values()), key=order
    )
    return page(call, "tunedModels", fitting, order, lambda r: tuned_model(store.training(r)))


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


def tuned_model(training: Training) -> JsonObject:
    """A TunedModel resource; the examples are input only and never shown.

    Snapshots appear while the model is CREATING, as the reference words it ("metrics
    collected during tuning"). The real bodies of that state were taken before the first
    step and show none.
    """
    record = training.record
    resource: JsonObject = {"name": record.name}
    if record.tuned_model_source:
        resource["tunedModelSource"] = {
            "tunedModel": record.tuned_model_source,
            "baseModel": record.base_model,
        }
    else:
        resource["baseModel"] = record.base_model
    resource |= compact(displayName=record.display_name, description=record.description)
    resource |= {
        "state": training.state.value,
        "createTime": timestamp(record.create_time),
        "updateTime": timestamp(training.update_time),
        "tuningTask": _tuning_task(training),
        "temperature": number(record.temperature),
        "topP": number(record.top_p),
        "topK": record.top_k,
    }
    return resource | compact(readerProjectNumbers=list(record.reader_project_numbers))


def operation(training: Training) -> JsonObject:
    """The long-running operation that creates a model, as it stands."""
    record, ended, total = training.record, training.ended, training.record.total_steps
    percent = 100 * training.completed_steps / total if total else 100.0
    message = created_operation(record)
    message["metadata"] = {
        "@type": TYPE_URL + "CreateTunedModelMetadata",
        **compact(
            totalSteps=total,
            completedSteps=training.completed_steps,
            completedPercent=number(round(percent, 4)),
            snapshots=_snapshots(training),
        ),
        "tunedModel": record.name,
    }
    if ended is None:
        return message
    message["done"] = True
    if ended.error is not None:
        message["error"] = ended.error._asdict()
    else:
        message["response"] = {"@type": TYPE_URL + "TunedModel", **tuned_model(training)}
    return message


def created_operation(record: TunedModelRecord) -> JsonObject:
    """The answer of create: no `done`, no progress, even if the model is ready at once."""
    return {
        "name": f"{record.name}/operations/{record.operation_id}",
        "metadata": {
            "@type": TYPE_URL + "CreateTunedModelMetadata",
            **compact(totalSteps=record.total_steps),
            "tunedModel": record.name,
        },
    }


def _tuning_task(training: Training) -> JsonObject:
    record, ended = training.record, training.ended
    completed = ended if ended is not None and ended.state is State.ACTIVE else None
    return compact(
        # Real tuning starts 0.1 to 2.2 s after the creation; here it starts at once.
        startTime=timestamp(record.create_time, digits=9),
        completeTime=timestamp(completed.time) if completed else None,
        snapshots=_snapshots(training),
        hyperparameters=_hyperparameters(record.hyperparameters),
    )


def _hyperparameters(parameters: Hyperparameters) -> JsonObject:
    rate, multiplier = parameters.learning_rate, parameters.learning_rate_multiplier
    return compact(
        epochCount=parameters.epoch_count,
        batchSize=parameters.batch_size,
        learningRate=number(rate) if rate is not None else None,
        learningRateMultiplier=number(multiplier) if multiplier is not None else None,
    )


def _snapshots(training: Training) -> list[JsonObject]:
    """One for each step that is done."""
    return [
        compact(
            step=step,
            epoch=training.epoch(step),
            meanLoss=training.mean_loss(step),
            computeTime=timestamp(training.compute_time(step), digits=9),
        )
        for step in range(1, training.completed_steps + 1)
    ]
