"""Letting an alias point to another version, once that is known to answer."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_tuned_gemini.effects import Flow, Run
from langchain_tuned_gemini.errors import (
    PromotionRefusedError,
    RecordNotFoundError,
    RecordsChangedError,
    TunedModelNameError,
)
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.library.library_model import LibraryModel
from langchain_tuned_gemini.library.probe import Probe, call_once
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import VersionName, same_version
from langchain_tuned_gemini.registry import (
    Catalog,
    ChangeRecord,
    RecordedVersion,
    VersionRecord,
)
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState


@dataclass(frozen=True, slots=True)
class Promotion:
    """A change of an alias.

    Attributes:
        alias: The alias, `sql-expert@production`.
        version: The version that it points to now.
        before: The version that it pointed to until now; empty for a new alias, and equal to
            `version` where nothing was changed.
        model: The tuned model's full name.
        probe: The call that it has answered; None where it was not called.
    """

    alias: str
    version: str
    before: str
    model: str
    probe: Probe | None = None


def promote(inventory: Inventory, alias: AliasName, version: str, by: str) -> Flow[Promotion]:
    """Lets an alias point to a version that answers.

    Raises:
        PromotionRefusedError: It does not.
        RecordsChangedError: Somebody else has changed the alias meanwhile.
        RecordsError: The records can't be used, or have another model for this version.
    """
    catalog = inventory.records.load()
    seen = _current(catalog, alias)
    model = yield from (
        inventory.find(version, catalog)
        if "/" in version
        else inventory.version(VersionName(alias.family, version), catalog)
    )
    label = _label_of(model, alias)
    probe = yield from _check_that_it_answers(inventory, model, alias)

    def point() -> None:
        with inventory.records.edit() as (found, editor):
            _check_that_it_is_still(alias, seen, _current(found, alias))
            if not found.of(model.model, inventory.numbers):
                editor.add_version(alias.family, label, record_of(model))
            if not same_version(seen, label):
                editor.point(alias, _change(inventory, alias, label, seen, by))

    yield Run(point)
    return Promotion(str(alias), label, seen, model.name, probe)


def roll_back(inventory: Inventory, alias: AliasName, by: str, *, force: bool) -> Flow[Promotion]:
    """Lets an alias point to what it pointed to before.

    Raises:
        RecordNotFoundError: There is no such alias, or it has always been what it is.
        PromotionRefusedError: The one before does not answer.
        RecordsChangedError: Somebody else has changed the alias meanwhile.
    """
    catalog = inventory.records.load()
    seen = catalog.target(alias).label
    before = _before(catalog, alias)
    probe = None
    if not force:
        model = yield from inventory.find(str(before.name), catalog)
        probe = yield from _check_that_it_answers(inventory, model, alias)

    def point() -> None:
        with inventory.records.edit() as (found, editor):
            _check_that_it_is_still(alias, seen, _current(found, alias))
            change = _change(inventory, alias, before.label, seen, by)
            editor.point(alias, change.model_copy(update={"rollback": True}))

    yield Run(point)
    return Promotion(str(alias), before.label, seen, before.record.model, probe)


def _check_that_it_answers(
    inventory: Inventory, model: LibraryModel, alias: AliasName
) -> Flow[Probe]:
    """The call that a model has answered; raises if it has not."""
    probe = yield from call_once(inventory, TunedModelName.parse(model.name), model.model)
    if probe.is_ready and model.state is TunedModelState.ACTIVE:
        return probe
    raise PromotionRefusedError(
        f"{alias} stays as it is: {probe.message}",
        advice=probe.advice,
        alias=str(alias),
        name=model.name,
        state=model.state,
    )


def _check_that_it_is_still(alias: AliasName, seen: str, found: str) -> None:
    """Another promotion, made while the model was called, must not be undone unseen."""
    if seen != found:
        raise RecordsChangedError(str(alias), seen=seen, found=found)


def _current(catalog: Catalog, alias: AliasName) -> str:
    family = catalog.families.get(alias.family)
    return family.aliases.get(alias.name, "") if family else ""


def _before(catalog: Catalog, alias: AliasName) -> RecordedVersion:
    before = catalog.before(alias)
    if before is not None:
        return before
    current = catalog.target(alias).label
    told = {label for change in catalog.history(alias) for label in (change.before, change.version)}
    others = [v for v in catalog.versions if v.family == alias.family and v.label in told]
    there = [v.label for v in others if not v.record.deleted and v.label != current]
    deleted = [v.label for v in others if v.record.deleted]
    if deleted:
        why = f"of what else it has pointed to, {', '.join(deleted)} is deleted"
    elif there:
        why = f"{current} is the first version that it pointed to"
    else:
        why = f"it has never pointed to another version than {current}"
    advice = "Promote a version instead."
    if there:
        advice = f"It has been rolled back from {', '.join(there)}: to go forward, promote that."
    raise RecordNotFoundError(
        f"{alias} has nothing to go back to: {why}. {advice}", name=str(alias), path=catalog.path
    )


def _label_of(model: LibraryModel, alias: AliasName) -> str:
    """The version that a model is, or would be, recorded as."""
    if model.family == alias.family and model.version:
        return model.version
    what = f"{model.family} {model.version}" if model.version else "no version of any family"
    raise TunedModelNameError(
        f"{model.name} is {what}, so {alias} can't point to it. To make it a version of "
        f"{alias.family}, record it: [{alias.family}.versions.v1], model = {model.name!r}.",
        name=model.name,
    )


def record_of(model: LibraryModel) -> VersionRecord:
    """What is to be recorded of a model that is not recorded yet.

    On Vertex AI that is its endpoint: an account may call it that may see nothing else.
    """
    endpoint = model.model.endpoint or model.name
    return VersionRecord(model=endpoint, base_model=model.model.base_model)


def _change(
    inventory: Inventory, alias: AliasName, label: str, before: str, by: str
) -> ChangeRecord:
    return ChangeRecord(alias=alias.name, version=label, before=before, by=by, at=inventory.now())
