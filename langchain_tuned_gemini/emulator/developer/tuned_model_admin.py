"""What a test does to the tuned models behind the API's back: add, move, remove them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.emulator.developer import create_tuned_model
from langchain_tuned_gemini.emulator.developer.tuned_model import (
    Ending,
    Hyperparameters,
    State,
    TunedModelRecord,
)
from langchain_tuned_gemini.emulator.model.examples import read_examples
from langchain_tuned_gemini.emulator.model.similarity import ExampleIndex
from langchain_tuned_gemini.emulator.progression import (
    SECOND,
    immediate,
    manual,
    natural_ending,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel
    from langchain_tuned_gemini.emulator.store import World

SET_TO_FAILED = (13, "The model was set to FAILED.")
_NAME = re.compile(r"tunedModels/[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A tuned model to be added; the fields are described at `Emulator.add_tuned_model`."""

    name: str
    examples: Examples
    state: str
    base_model: str
    display_name: str
    description: str
    create_time: float | None
    hyperparameters: Hyperparameters | None
    owner: str


def add(world: World, seed: Seed) -> None:
    """Adds a tuned model in a state.

    Raises:
        ValueError: A name of another form or already there, a state or a base model that
            does not exist.
        DatasetError: Examples that can't be used.
    """
    if not _NAME.fullmatch(seed.name):
        msg = f"a tuned model's name is tunedModels/ID, in small letters, not {seed.name!r}"
        raise ValueError(msg)
    if seed.name in world.tuned_models:
        msg = f"{seed.name} is there already: delete it first, or choose another name"
        raise ValueError(msg)
    state, base = _state(seed.state), _base_model(world, seed.base_model)
    examples = read_examples(seed.examples)
    created = world.now() if seed.create_time is None else int(seed.create_time * SECOND)
    record = TunedModelRecord(
        name=seed.name,
        base_model=base.name,
        create_time=created,
        examples=ExampleIndex(examples),
        hyperparameters=seed.hyperparameters
        or create_tuned_model.default_hyperparameters(len(examples)),
        progression=immediate() if state is State.ACTIVE else manual(),
        operation_id=world.random_id(create_tuned_model.RANDOM_LENGTH),
        permissions=(create_tuned_model.owner_permission(world, seed.owner),),
        display_name=seed.display_name,
        description=seed.description,
        temperature=base.temperature,
        top_p=base.top_p,
        top_k=base.top_k,
        ended=_ending(state, created),
    )
    world.add(record)


def set_state(world: World, name: str, state: str, error: tuple[int, str] | None) -> None:
    """Puts a tuned model into a state, now."""
    record, wanted = find(world, name), _state(state)
    if wanted is State.CREATING:
        world.change(record, progression=manual(), steps_by_hand=(), ended=None)
    else:
        world.change(record, ended=_ending(wanted, world.now(), error or SET_TO_FAILED))


def advance(world: World, name: str, steps: int | None) -> None:
    """Makes tuning steps by hand; to the end without a number."""
    record, now = find(world, name), world.now()
    training = world.training(record)
    if training.ended is not None:
        msg = f"{name} is {training.state}: only a model that is CREATING can advance"
        raise ValueError(msg)
    done = tuple(snapshot.compute_time for snapshot in training.snapshots())
    missing = record.total_steps - len(done)
    made = missing if steps is None else min(steps, missing)
    ended = natural_ending(record, now) if made == missing else None
    world.change(record, steps_by_hand=(*done, *(now,) * made), ended=ended)


def delete(world: World, name: str) -> None:
    """Removes a tuned model."""
    del world.tuned_models[find(world, name).name]


def find(world: World, name: str) -> TunedModelRecord:
    """The tuned model of this name.

    Raises:
        LookupError: There is none.
    """
    record = world.tuned_models.get(name)
    if record is None:
        names = ", ".join(sorted(world.tuned_models)) or "none at all"
        msg = f"the emulator has no tuned model {name!r}; it has {names}"
        raise LookupError(msg)
    return record


def _ending(state: State, time: int, error: tuple[int, str] = SET_TO_FAILED) -> Ending | None:
    if state is State.CREATING:
        return None
    return Ending(state, time, error) if state is State.FAILED else Ending(state, time)


def _base_model(world: World, name: str) -> BaseModel:
    base = world.base_models.get(name)
    if base is None:
        msg = f"the emulator knows no base model {name!r}: see Emulator.add_base_model"
        raise ValueError(msg)
    return base


def _state(state: str) -> State:
    try:
        return State(state)
    except ValueError:
        msg = f"a tuned model is CREATING, ACTIVE or FAILED, not {state!r}"
        raise ValueError(msg) from None
