"""Tuned models behind the Developer API's back: a test adds, moves and removes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import create_tuned_model
from langchain_tuned_gemini.emulator.http.errors import Status
from langchain_tuned_gemini.emulator.model.base_models import TUNABLE
from langchain_tuned_gemini.emulator.model.examples import TrigramIndex, read_examples
from langchain_tuned_gemini.emulator.state.progression import immediate, manual
from langchain_tuned_gemini.emulator.state.tuned_model import (
    ME,
    Ending,
    Hyperparameters,
    State,
    TunedModelRecord,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.dataset import Examples
    from langchain_tuned_gemini.emulator.state.store import Store

SET_TO_FAILED = Status(13, "The model was set to FAILED.")
_NAME = re.compile(r"tunedModels/[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def add_tuned_model(
    store: Store,
    name: str,
    *,
    examples: Examples = (),
    state: str = "ACTIVE",
    base_model: str = TUNABLE,
    display_name: str = "",
    description: str = "",
    create_time: float | None = None,
    hyperparameters: Hyperparameters | None = None,
    owner: str = ME,
) -> None:
    """Adds a tuned model as if it had been created before.

    Args:
        store: The emulator's.
        name: `tunedModels/ID`.
        examples: A file's path, a `TuningDataset`, mappings with `text_input` and `output`,
            or pairs of both. Of a conversation, the last question and its answer.
        state: `CREATING` (until `advance` or `set_state`), `ACTIVE` or `FAILED`.
        base_model: A base model that the emulator knows.
        display_name: Empty for a model that was created with an id.
        description: What it is for.
        create_time: Seconds since the epoch; now by default.
        hyperparameters: Those of the real API's defaults where none are given.
        owner: Somebody else's model is not listed, and answers 403 unless shared.

    Raises:
        ValueError: A name of another form or already there, a state or a base model that
            does not exist.
        DatasetError: Examples that can't be used.
    """
    if not _NAME.fullmatch(name):
        msg = f"a tuned model's name is tunedModels/ID, in small letters, not {name!r}"
        raise ValueError(msg)
    if name in store.tuned_models:
        msg = f"{name} is there already: delete it first, or choose another name"
        raise ValueError(msg)
    wanted, base = _state(state), store.base_model(base_model)
    learnt = TrigramIndex(read_examples(examples))
    created = store.time_of(create_time)
    store.tuned_models[name] = TunedModelRecord(
        name=name,
        base_model=base.name,
        create_time=created,
        examples=learnt,
        hyperparameters=hyperparameters or create_tuned_model.default_hyperparameters(len(learnt)),
        progression=immediate() if wanted is State.ACTIVE else manual(),
        operation_id=store.random_id(create_tuned_model.RANDOM_LENGTH),
        permissions=(create_tuned_model.owner_permission(store, owner),),
        display_name=display_name,
        description=description,
        temperature=base.temperature,
        top_p=base.top_p,
        top_k=base.top_k,
        ended=_ending(wanted, created),
    )


def set_state(store: Store, name: str, state: str, error: tuple[int, str] | None) -> None:
    """Puts a tuned model into a state, now."""
    record, ended = _find(store, name), _ending(_state(state), store.now(), error)
    if ended is None:
        store.change(record, progression=manual(), steps_by_hand=(), ended=None)
    else:
        store.change(record, ended=ended)


def advance(store: Store, name: str, steps: int | None) -> None:
    """Makes tuning steps by hand; to the end without a number."""
    record, now = _find(store, name), store.now()
    training = store.training(record)
    if training.ended is not None:
        msg = f"{name} is {training.state}: only a model that is CREATING can advance"
        raise ValueError(msg)
    done = tuple(map(training.compute_time, range(1, training.completed_steps + 1)))
    missing = record.total_steps - len(done)
    made = missing if steps is None else min(steps, missing)
    ended = record.natural_ending(now) if made == missing else None
    store.change(record, steps_by_hand=(*done, *(now,) * made), ended=ended)


def delete(store: Store, name: str) -> None:
    """Removes a tuned model."""
    del store.tuned_models[_find(store, name).name]


def _find(store: Store, name: str) -> TunedModelRecord:
    record = store.tuned_models.get(name)
    if record is None:
        names = ", ".join(sorted(store.tuned_models)) or "none at all"
        msg = f"the emulator has no tuned model {name!r}; it has {names}"
        raise LookupError(msg)
    return record


def _ending(state: State, time: int, error: tuple[int, str] | None = None) -> Ending | None:
    if state is State.CREATING:
        return None
    status = Status(*(error or SET_TO_FAILED)) if state is State.FAILED else None
    return Ending(state, time, status)


def _state(state: str) -> State:
    try:
        return State(state)
    except ValueError:
        msg = f"a tuned model is CREATING, ACTIVE or FAILED, not {state!r}"
        raise ValueError(msg) from None
