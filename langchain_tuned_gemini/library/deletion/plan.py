"""What is to be deleted, and what speaks against it: a plan, which changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, TypedDict

from langchain_tuned_gemini.effects import Call, Flow
from langchain_tuned_gemini.errors import (
    ParameterError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.library.deletion.lineage import Lineage
from langchain_tuned_gemini.library.deletion.protections import (
    Protection,
    ProtectionKind,
    described,
    protections,
)
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.library.library_model import LibraryModel, in_order
from langchain_tuned_gemini.library.second_look import Sight, look
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.registry import Catalog
from langchain_tuned_gemini.services import PlacedService
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

_SHORTEST_HASH = 8
"""How many characters of a hash tell it from others, as long as only one begins like that."""


@dataclass(frozen=True, slots=True)
class PlannedDeletion:
    """A model that is to be deleted, as it was when that was planned.

    Attributes:
        name: Its full name.
        platform: Where it is.
        state: Its state. In another one it is not deleted.
        create_time: When it was created. Another model of its name is not deleted.
        family: Its family; may be empty.
        version: Its version; may be empty.
        why: Why it is to be deleted.
        recorded: The name that it is recorded by; empty where it is not.
        held_by: What speaks against it. It is then deleted by force only.
        parts: All its names; on Vertex AI those of all that belongs to it.
    """

    name: str
    platform: Platform
    state: TunedModelState
    create_time: datetime | None
    family: str
    version: str
    why: str
    recorded: str = ""
    held_by: tuple[Protection, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def protections(self) -> tuple[str, ...]:
        """What speaks against it, in words."""
        return tuple(protection.told for protection in self.held_by)

    @property
    def names(self) -> list[TunedModelName]:
        """All its names, the one that it was planned by first."""
        return [TunedModelName.parse(name) for name in dict.fromkeys((self.name, *self.parts))]


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What is to be deleted.

    Attributes:
        deletions: The models, in the order in which they will be deleted.
        gone: What was named and is gone already.
        left_alone: What was asked for and can't be deleted, and why.
        unseen: What is recorded as tuned on the data that must go, and was not found by the
            services that were asked, or of which that can't be told. The plan is not complete
            without it.
    """

    deletions: tuple[PlannedDeletion, ...]
    gone: tuple[str, ...] = ()
    left_alone: tuple[tuple[str, str], ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The full names of the models."""
        return tuple(planned.name for planned in self.deletions)

    @property
    def protected(self) -> tuple[PlannedDeletion, ...]:
        """Those that are deleted by force only."""
        return tuple(planned for planned in self.deletions if planned.protections)


class DeletionCriteria(TypedDict, total=False):
    """What is to be deleted besides what is named.

    Attributes:
        failed: Also all that FAILED or were CANCELLED.
        prune: A family and how many ACTIVE versions are to be kept: also all that is older
            than these, but what is CREATING, and what an alias points to or would be rolled
            back to, which is never old.
        dataset: The hash of a data set, or its first 8 or more characters: also all that is
            recorded as tuned on it, on data that was merged from it, or further from such a
            model.
    """

    failed: bool
    prune: tuple[str, int] | None
    dataset: str | None


def _check(
    names: Sequence[str], *, failed: bool, prune: tuple[str, int] | None, dataset: str | None
) -> None:
    """Refuses to delete nothing, or all versions of a family that is to be pruned."""
    if isinstance(names, str):
        raise ParameterError(f"names is a list of names: names=[{names!r}].")
    if not (names or failed or prune or dataset is not None):
        raise ParameterError(
            "Say what is to be deleted: names=[...], failed=True, prune=(family, keep) or "
            "dataset=hash."
        )
    if prune and prune[1] < 1:
        raise ParameterError(
            f"prune keeps at least one version of {prune[0]}. To delete all of them, name them."
        )
    if dataset is not None and len(dataset) < _SHORTEST_HASH:
        raise ParameterError(
            f"{dataset!r} is too short for a data set's hash: give at least "
            f"{_SHORTEST_HASH} of its 64 characters."
        )


def plan_deletion(
    inventory: Inventory,
    names: Sequence[str],
    *,
    failed: bool = False,
    prune: tuple[str, int] | None = None,
    dataset: str | None = None,
) -> Flow[DeletionPlan]:
    """Finds out what is to be deleted; see `ModelLibrary.plan_deletion`."""
    _check(names, failed=failed, prune=prune, dataset=dataset)
    catalog = inventory.records.load()
    chosen: dict[object, _Choice] = {}
    gone: list[str] = []
    for text in names:
        try:
            model = yield from _find(inventory, text, catalog)
        except TunedModelNotFoundError as missing:
            gone.append(missing.name)
            continue
        chosen.setdefault(_key(model, inventory), _Choice(model, "it was named"))
    unseen: tuple[str, ...] = ()
    if failed or prune or dataset is not None:
        models = yield from inventory.list_models()
        choices = _choose(models, failed=failed, prune=prune)
        if dataset is not None:
            lineage = Lineage(catalog, models, inventory.numbers, dataset)
            learnt = (_Choice(m, f"it was tuned on {of[:12]}") for m, of in lineage.found())
            choices, unseen = chain(choices, learnt), tuple(lineage.unseen())
        for choice in choices:
            chosen.setdefault(_key(choice.model, inventory), choice)
    planned, left_alone = [], []
    for choice in chosen.values():
        if _is_mere_record(choice.model):
            left_alone.append((choice.model.name, _MERE_RECORD))
            continue
        try:
            one = yield from _plan_one(inventory, choice, catalog)
        except TunedModelNotFoundError:  # it went while the others were looked at
            gone.append(choice.model.name)
            continue
        aliased = [held for held in one.held_by if held.kind is ProtectionKind.ALIAS]
        if choice.is_old and aliased:
            left_alone.append((one.name, f"is not counted as old: {described(aliased)}"))
        else:
            planned.append(one)
    return DeletionPlan(tuple(planned), tuple(dict.fromkeys(gone)), tuple(left_alone), unseen)


@dataclass(frozen=True, slots=True)
class _Choice:
    """A model that is asked for, why, and whether only since others are newer."""

    model: LibraryModel
    why: str
    is_old: bool = False


_MERE_RECORD = (
    "is the record of a tuning job that made no model. Vertex AI can't delete it, and it costs "
    "nothing"
)


def _find(inventory: Inventory, text: str, catalog: Catalog) -> Flow[LibraryModel]:
    """A model by a name; where that leads nowhere, what is left of it under another one.

    Raises:
        TunedModelNotFoundError: Nothing is.
    """
    try:
        return (yield from inventory.find(text))
    except TunedModelNotFoundError as missing:
        sight = yield from _look_again(inventory, missing)
        if sight and sight.model is None and sight.parts:
            sight = yield from look(inventory, [sight.parts.deletable[-1]])
        if sight is None or sight.model is None:
            raise
        yield from inventory.identify(sight.names, catalog)
        return inventory.place(sight.model, catalog)


def _look_again(inventory: Inventory, missing: TunedModelNotFoundError) -> Flow[Sight | None]:
    """What there is of a model that was not found; a job's record is nothing."""
    try:
        return (yield from look(inventory, [TunedModelName.parse(missing.name)]))
    except TunedModelNotDeletableError as error:
        if error.is_gone:
            return None
        raise


def _plan_one(inventory: Inventory, choice: _Choice, catalog: Catalog) -> Flow[PlannedDeletion]:
    model = choice.model
    name = TunedModelName.parse(model.name)
    service = inventory.service_of(name)
    parts, obstacle = None, None
    if isinstance(service, PlacedService):
        try:
            parts = yield Call(service.parts, service.aparts, name)
        except TunedModelNotDeletableError as error:
            obstacle = Protection(ProtectionKind.NOT_DELETABLE, model.name, str(error))
    sight = Sight(name, model.model, parts)
    yield from inventory.identify(sight.names, catalog)
    held_by = protections(inventory, sight, catalog)
    is_deployed = any(held.kind is ProtectionKind.DEPLOYED for held in held_by)
    if choice.is_old and not model.record and is_deployed:
        unrecorded = "it is not recorded, so that others may call its endpoint without an alias"
        held_by.append(Protection(ProtectionKind.UNRECORDED, model.name, unrecorded))
    return PlannedDeletion(
        name=model.name,
        platform=model.platform,
        state=model.state,
        create_time=model.model.create_time,
        family=model.family,
        version=model.version,
        why=choice.why,
        recorded=model.record.record.model if model.record else "",
        held_by=(*held_by, *([obstacle] if obstacle else ())),
        parts=tuple(str(name) for name in sight.names if not (parts and parts.shares(name))),
    )


def _choose(
    models: list[LibraryModel], *, failed: bool, prune: tuple[str, int] | None
) -> Iterator[_Choice]:
    """The models that have failed or are old, if these are asked for."""
    if failed:
        for model in models:
            if model.has_failed:
                yield _Choice(model, f"it is {model.model.state_text}")
    if prune:
        family, keep = prune
        for model in _outdated(models, family, keep):
            yield _Choice(model, f"newer versions of {family}: {keep}", is_old=True)


def _outdated(models: list[LibraryModel], family: str, keep: int) -> list[LibraryModel]:
    """What is older than the newest ACTIVE versions; what is CREATING is not touched."""
    versions = in_order(model for model in models if model.family == family)
    active = [model for model in versions if model.state is TunedModelState.ACTIVE]
    if len(active) <= keep:
        return []
    oldest_kept = versions.index(active[-keep])
    return [m for m in versions[:oldest_kept] if m.state is not TunedModelState.CREATING]


def _key(model: LibraryModel, inventory: Inventory) -> object:
    """The same for all names of one model of Vertex AI."""
    name = TunedModelName.parse(model.model.model or model.model.endpoint or model.name)
    return name.key, name.version, inventory.numbers.get(name.project, name.project)


def _is_mere_record(model: LibraryModel) -> bool:
    """Whether only a tuning job's record is there, which Vertex AI keeps for ever."""
    has_nothing = not (model.model.model or model.model.endpoint)
    return model.platform == "vertex" and has_nothing and model.has_failed


def as_dict(planned: PlannedDeletion) -> dict[str, Any]:
    """A planned deletion as plain data."""
    return {
        "name": planned.name,
        "platform": planned.platform,
        **TunedModelName.parse(planned.name).place,
        "state": planned.state.value,
        "create_time": planned.create_time.isoformat() if planned.create_time else None,
        "family": planned.family,
        "version": planned.version,
        "why": planned.why,
        "protections": list(planned.protections),
    }
