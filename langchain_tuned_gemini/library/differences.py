"""What the records say and the platforms don't, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum

from langchain_tuned_gemini.effects import Flow
from langchain_tuned_gemini.errors import (
    RecordsError,
    ServiceError,
    TunedGeminiError,
    TunedModelNotDeletableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.library.inventory import Inventory, names_of
from langchain_tuned_gemini.library.library_model import LibraryModel, plain_base
from langchain_tuned_gemini.library.promotion import record_of
from langchain_tuned_gemini.library.second_look import look
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import is_family, same_version
from langchain_tuned_gemini.registry import Catalog, RecordedVersion, Records, VersionRecord
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState


class DifferenceKind(StrEnum):
    """What differs."""

    UNRECORDED = "unrecorded"
    """A model is there and not recorded."""
    GONE = "gone"
    """A version is recorded, and its model is gone."""
    BACK = "back"
    """A version is recorded as deleted, and its model is there."""
    BASE_MODEL = "base_model"
    """Another base model is recorded, or none."""
    ALIAS = "alias"
    """An alias points to a version that can't answer."""
    UNSEEN = "unseen"
    """A recorded model can't be seen, so that it is not known whether it is there."""


@dataclass(frozen=True, slots=True)
class RecordDifference:
    """One thing that differs.

    Attributes:
        kind: What differs.
        name: The tuned model's full name.
        family: Its family; empty where it has none.
        version: Its version; empty where it has none.
        detail: What differs, in a sentence.
        mends: What is to be recorded; None where that must be decided by somebody.
        error: Why a model can't be seen, where that is what differs.
    """

    kind: DifferenceKind
    name: str
    family: str
    version: str
    detail: str
    mends: VersionRecord | None = None
    error: TunedGeminiError | None = field(default=None, compare=False, repr=False)

    @property
    def for_command_line(self) -> str:
        """The detail for whoever uses `tuned-gemini`."""
        return self.error.for_command_line if self.error else self.detail


def compare(inventory: Inventory) -> Flow[tuple[RecordDifference, ...]]:
    """Compares the records with the platforms."""
    catalog = inventory.records.load()
    models = yield from inventory.list_models()
    found: list[RecordDifference] = []
    for model in models:
        found += _of_model(model, catalog, inventory.numbers)
    states = {m.record.record.model: m.state for m in models if m.record}
    platforms = {service.platform for service in inventory.services}
    for version in catalog.versions:
        name = version.record.model
        if name in states or version.platform not in platforms or version.record.deleted:
            continue
        try:
            states[name] = yield from _state_of(inventory, version)
        except TunedModelNotFoundError:
            mends = version.record.model_copy(update={"deleted": inventory.now()})
            told = f"{version} does not exist."
            found.append(_of_record(DifferenceKind.GONE, version, told, mends))
        except ServiceError as error:
            unseen = _of_record(DifferenceKind.UNSEEN, version, str(error))
            found.append(replace(unseen, error=error))
    found += _of_aliases(catalog, states)
    return tuple(found)


def mend(
    records: Records, differences: Iterable[RecordDifference], numbers: Mapping[str, str]
) -> tuple[RecordDifference, ...]:
    """Brings the records up to date.

    Args:
        records: The file.
        differences: What is to be mended; what can't be is left aside, and so is what somebody
            has changed meanwhile.
        numbers: The numbers of projects by their ids, as far as they are known.

    Returns:
        Those that were mended.
    """
    mended = []
    with records.edit() as (catalog, editor):
        for difference in differences:
            if difference.mends is None:
                continue
            version = _recorded(catalog, difference)
            if difference.kind is DifferenceKind.UNRECORDED:
                names = [TunedModelName.parse(difference.mends.model)]
                if version is None and not _alike(catalog, names, numbers):
                    with suppress(RecordsError):  # two of them would be the same version
                        editor.add_version(difference.family, difference.version, difference.mends)
                        mended.append(difference)
            elif version is not None and version.record.model == difference.name:
                for key in ("base_model", "deleted"):
                    wanted = getattr(difference.mends, key)
                    if wanted != getattr(version.record, key):
                        editor.set_version(version.family, version.label, key, wanted)
                mended.append(difference)
    return tuple(mended)


def _of_model(
    model: LibraryModel, catalog: Catalog, numbers: Mapping[str, str]
) -> Iterator[RecordDifference]:
    """What differs about a model that is there."""
    if model.record is None:
        if alike := _alike(catalog, names_of(model.model), numbers):
            told = (
                f"It can't be told whether it is {alike}, {alike.record.model}: one has the id of "
                "a project, one a number, and neither is seen to be the other's."
            )
            yield _difference(DifferenceKind.UNRECORDED, model, told)
        elif model.version and is_family(model.family):
            told = f"{model.family} {model.version} is not recorded."
            yield _difference(DifferenceKind.UNRECORDED, model, told, record_of(model))
        elif not model.has_failed:
            told = "Its name is no version of a family, so it can't be promoted: record it by hand."
            yield _difference(DifferenceKind.UNRECORDED, model, told)
        return
    record = model.record.record
    if record.deleted:
        told = f"It is recorded as deleted on {record.deleted:%Y-%m-%d}, and is there."
        mends = record.model_copy(update={"deleted": None})
        yield _difference(DifferenceKind.BACK, model, told, mends)
    base = model.model.base_model
    if base and plain_base(base) != plain_base(record.base_model):
        told = f"It was tuned from {base}; recorded is {record.base_model or 'nothing'}."
        mends = record.model_copy(update={"base_model": base})
        yield _difference(DifferenceKind.BASE_MODEL, model, told, mends)


def _state_of(inventory: Inventory, version: RecordedVersion) -> Flow[TunedModelState]:
    """The state of a version that no list has; it may be in another place.

    Raises:
        TunedModelNotFoundError: It is gone, which was made sure of.
        ServiceError: That can't be told.
    """
    try:
        sight = yield from look(inventory, [version.name])
    except TunedModelNotDeletableError as error:
        if not error.is_gone:
            return TunedModelState.ACTIVE
        sight = None
    if sight is None:
        raise TunedModelNotFoundError.of(version.record.model)
    return sight.model.state if sight.model else TunedModelState.UNKNOWN


def _of_aliases(
    catalog: Catalog, states: Mapping[str, TunedModelState]
) -> Iterator[RecordDifference]:
    """Aliases that lead nowhere; which version they should point to, nobody else can decide."""
    for alias in catalog.aliases:
        version = catalog.target(alias)
        known = states.get(version.record.model)
        state = known.value if known else "deleted" if version.record.deleted else "ACTIVE"
        if state != TunedModelState.ACTIVE.value:
            told = f"{alias} points to {version.label}, which is {state}: promote another one."
            yield _of_record(DifferenceKind.ALIAS, version, told)


def _difference(
    kind: DifferenceKind, model: LibraryModel, detail: str, mends: VersionRecord | None = None
) -> RecordDifference:
    name = model.record.record.model if model.record else model.name
    return RecordDifference(kind, name, model.family, model.version, detail, mends)


def _of_record(
    kind: DifferenceKind, version: RecordedVersion, detail: str, mends: VersionRecord | None = None
) -> RecordDifference:
    return RecordDifference(
        kind, version.record.model, version.family, version.label, detail, mends
    )


def _recorded(catalog: Catalog, difference: RecordDifference) -> RecordedVersion | None:
    for version in catalog.versions:
        if version.family == difference.family and same_version(version.label, difference.version):
            return version
    return None


def _alike(
    catalog: Catalog, names: Iterable[TunedModelName], numbers: Mapping[str, str]
) -> RecordedVersion | None:
    """A version that is, or may be, the model of these names."""
    for name in names:
        for version in catalog.like(name):
            if version.name.is_same(name, numbers) is not False:
                return version
    return None
