"""From a create request to a new tuned model: what is checked, and what is filled in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.examples import Example, TrigramIndex
from langchain_tuned_gemini.emulator.state.tuned_model import (
    ME,
    Hyperparameters,
    Permission,
    TunedModelRecord,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Message
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.state.store import Store

# google-ai-generativelanguage 0.6.15, types/model_service.py, CreateTunedModelRequest.
MODEL_ID = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")
ID_LENGTH = 40
RANDOM_LENGTH = 12
DISPLAY_NAME_LENGTH = 40
DEFAULT_EPOCHS = 5
# "Default is 4 or 16 based on the number of examples", and 0.001 or 0.0002 likewise. The
# number is not published: a guess.
MANY_EXAMPLES = 500


def new_record(store: Store, request: Message, model_id: str) -> TunedModelRecord:
    """Makes the record that a create request asks for.

    The wording of the refusals is the emulator's, after Google's pattern: only the
    rules are published.
    """
    display_name = display_name_of(request)
    name = f"tunedModels/{_id(store, model_id, display_name)}"
    base, source = _base_and_source(store, request)
    task = request.message("tuningTask")
    examples = _examples(task)
    return TunedModelRecord(
        name=name,
        base_model=base.name,
        tuned_model_source=source,
        create_time=store.now(),
        examples=TrigramIndex(examples),
        hyperparameters=_hyperparameters(task.message("hyperparameters"), len(examples)),
        progression=store.options.progression,
        operation_id=store.random_id(RANDOM_LENGTH),
        permissions=(owner_permission(store),),
        display_name=display_name,
        description=request.text("description"),
        reader_project_numbers=reader_project_numbers(request),
        fails=bool(store.options.fails & {name, name.removeprefix("tunedModels/"), display_name}),
        **sampling(request, base),
    )


def sampling(request: Message, base: ServedModel) -> dict[str, Any]:
    """Temperature, topP and topK: those of the request, or else the base model's."""
    temperature, top_p = request.number("temperature"), request.number("topP")
    top_k = request.integer("topK")
    if temperature is not None and not 0 <= temperature <= 1:
        raise _invalid("temperature", "must be between 0.0 and 1.0")
    if top_p is not None and not 0 <= top_p <= 1:
        raise _invalid("top_p", "must be between 0.0 and 1.0")
    return {
        "temperature": base.temperature if temperature is None else temperature,
        "top_p": base.top_p if top_p is None else top_p,
        "top_k": base.top_k if top_k is None else top_k,
    }


def generated_id(store: Store, display_name: str) -> str:
    """An id from the words of a display name: `my display name 81` gives `my-display-name-81-…`.

    Anything but letters and digits inside a word is dropped (`generate-num` becomes
    `generatenum`). The random part has 12 characters, as in 2024; 2025 had up to 25.
    """
    words = [re.sub(r"[^a-z0-9]", "", word) for word in display_name.lower().split()]
    stem = "-".join(word for word in words if word).lstrip("-0123456789")
    stem = stem[: ID_LENGTH - RANDOM_LENGTH - 1].rstrip("-")
    suffix = store.random_id(RANDOM_LENGTH)
    return f"{stem}-{suffix}" if stem else suffix


def owner_permission(store: Store, email: str = ME) -> Permission:
    """The permission of a model's creator."""
    return Permission(store.random_id(RANDOM_LENGTH), "USER", "OWNER", email)


def reader_project_numbers(request: Message) -> tuple[str, ...]:
    """Project numbers, int64: strings in JSON."""
    return tuple(str(value) for value in request.values("readerProjectNumbers"))


def default_hyperparameters(examples: int) -> Hyperparameters:
    """The settings where a request says nothing, by the number of examples."""
    if examples < MANY_EXAMPLES:
        return Hyperparameters(DEFAULT_EPOCHS, batch_size=4, learning_rate=0.001)
    return Hyperparameters(DEFAULT_EPOCHS, batch_size=16, learning_rate=0.0002)


def display_name_of(request: Message) -> str:
    """The display name, if it is short enough."""
    display_name = request.text("displayName")
    if len(display_name) > DISPLAY_NAME_LENGTH:
        raise _invalid("display_name", f"must have at most {DISPLAY_NAME_LENGTH} characters")
    return display_name


def _id(store: Store, model_id: str, display_name: str) -> str:
    if not model_id:
        return generated_id(store, display_name)
    if not MODEL_ID.fullmatch(model_id):
        rule = f"must match {MODEL_ID.pattern}"
        msg = f"* CreateTunedModelRequest.tuned_model_id: {rule}\n"
        raise ApiError(400, msg)
    if f"tunedModels/{model_id}" in store.tuned_models:
        msg = f"Tuned model tunedModels/{model_id} already exists."
        raise ApiError(409, msg, status="ALREADY_EXISTS")
    return model_id


def _base_and_source(store: Store, request: Message) -> tuple[ServedModel, str | None]:
    """The base model of the new model, and the tuned model that it goes on from, if any."""
    source = request.message("tunedModelSource").text("tunedModel")
    if not source:
        name = request.text("baseModel")
        base = store.base_models.get(name)
        if not name:
            raise _invalid("source_model", "a base model is required")
        if base is None or not base.tunable:
            raise _invalid("base_model", f"model {name} is not supported for tuning")
        return base, None
    record = store.tuned_models.get(source)
    if record is None:
        raise _invalid("tuned_model_source", f"tuned model {source} does not exist")
    base = store.base_models[record.base_model]
    if not base.tunable_again:
        # text-bison could in 2023, gemini-1.5-flash is refused with 400
        # (github.com/google-gemini/deprecated-generative-ai-python/issues/611).
        raise _invalid("tuned_model_source", f"{base.name} can't be tuned a second time")
    return base, source


def _examples(task: Message) -> list[Example]:
    rows = task.message("trainingData").message("examples").messages("examples")
    if not rows:
        raise _invalid("tuning_task.training_data.examples", "at least one example is required")
    examples = [Example(row.text("textInput"), row.text("output")) for row in rows]
    for row, example in zip(rows, examples, strict=True):
        if not example.text_input or not example.output:
            raise _invalid(row.path, "text_input and output are required")
    return examples


def _hyperparameters(request: Message, examples: int) -> Hyperparameters:
    epochs, batch = request.integer("epochCount"), request.integer("batchSize")
    rate, multiplier = request.number("learningRate"), request.number("learningRateMultiplier")
    for field, value in (("epoch_count", epochs), ("batch_size", batch)):
        if value is not None and value < 1:
            raise _invalid(f"tuning_task.hyperparameters.{field}", "must be at least 1")
    default = default_hyperparameters(examples)
    if rate is None and multiplier is None:
        rate = default.learning_rate
    return Hyperparameters(
        epoch_count=epochs or default.epoch_count,
        batch_size=batch or default.batch_size,
        learning_rate=rate,
        learning_rate_multiplier=multiplier,
    )


def _invalid(field: str, problem: str) -> ApiError:
    return ApiError(400, f"* CreateTunedModelRequest.tuned_model.{field}: {problem}\n")
