"""What speaks against deleting a model. Nothing that is not known takes a protection away."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from langchain_tuned_gemini.library.inventory import Inventory, names_of
from langchain_tuned_gemini.library.second_look import Sight
from langchain_tuned_gemini.names.tuned_model_name import is_same_project
from langchain_tuned_gemini.registry import Catalog, RecordedVersion
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState


class ProtectionKind(StrEnum):
    """Who would miss a model."""

    ALIAS = "alias"
    """Those who call an alias."""
    KEPT = "kept"
    """Whoever has written `keep = true` into the records."""
    DEPLOYED = "deployed"
    """Those who call its endpoint."""
    UNRECORDED = "unrecorded"
    """Those who call its endpoint without an alias, of whom nothing is recorded."""
    NOT_DELETABLE = "not_deletable"
    """Nobody: its service would refuse."""


@dataclass(frozen=True, slots=True)
class Protection:
    """One thing that speaks against deleting a model.

    Attributes:
        kind: Who would miss it.
        about: The alias, the record or the endpoint's id that holds it.
        told: What speaks against it, as a part of a sentence.
    """

    kind: ProtectionKind
    about: str
    told: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class Force:
    """What is deleted though something speaks against it.

    Attributes:
        deployed: What an endpoint answers for.
        recorded: What the records say to keep, and what they say nothing of.
        aliases: What these aliases point to, or would be rolled back to; None for any alias.
    """

    deployed: bool = False
    recorded: bool = False
    aliases: Collection[str] | None = ()

    @classmethod
    def of(cls, force: bool | Force) -> Force:
        """All of it, or nothing, or what was chosen."""
        if isinstance(force, Force):
            return force
        return cls(deployed=True, recorded=True, aliases=None) if force else cls()

    def overrules(self, protection: Protection) -> bool:
        """Whether a protection does not count."""
        match protection.kind:
            case ProtectionKind.ALIAS:
                return self.aliases is None or protection.about in self.aliases
            case ProtectionKind.DEPLOYED:
                return self.deployed
            case ProtectionKind.NOT_DELETABLE:
                return False
            case _:
                return self.recorded


def protections(inventory: Inventory, sight: Sight, catalog: Catalog) -> list[Protection]:
    """What speaks against deleting a model, and all that belongs to it."""
    found: list[Protection] = []
    for version in catalog.versions:
        is_it = _is_recorded(version, sight, inventory)
        if is_it is not False:
            it = "it" if is_it else f"{version.record.model}, which may be the same model"
            found += _of_record(version, catalog, it)
    return [*dict.fromkeys([*found, *_of_endpoints(sight)])]


def described(reasons: Iterable[Protection]) -> str:
    """Reasons as a part of a sentence."""
    return ", and ".join(reason.told for reason in reasons)


def _is_recorded(version: RecordedVersion, sight: Sight, inventory: Inventory) -> bool | None:
    """Whether a version is this model; None where that can't be told."""
    verdicts = {version.name.is_same(name, inventory.numbers) for name in sight.names}
    if True in verdicts:
        return True
    return None if None in verdicts or _may_be_hidden(version, sight, inventory) else False


def _may_be_hidden(version: RecordedVersion, sight: Sight, inventory: Inventory) -> bool:
    """Whether a version may be a part that nobody may look for."""
    if sight.parts is None or version.name.kind not in sight.parts.unseen:
        return False
    is_near = version.name.location == sight.name.location
    project = is_same_project(version.name.project, sight.name.project, inventory.numbers)
    return is_near and project is not False


def _of_record(version: RecordedVersion, catalog: Catalog, it: str) -> Iterator[Protection]:
    for alias in catalog.aliases:
        if alias.family != version.family:
            continue
        if str(alias) in catalog.aliases_of(version):
            yield Protection(ProtectionKind.ALIAS, str(alias), f"{alias} points to {it}")
        elif catalog.before(alias) == version:
            told = f"{alias} would be rolled back to {it}"
            yield Protection(ProtectionKind.ALIAS, str(alias), told)
    if version.record.keep:
        told = f"the records say to keep {it}"
        yield Protection(ProtectionKind.KEPT, version.record.model, told)


def _of_endpoints(sight: Sight) -> Iterator[Protection]:
    """The endpoints that answer for it."""
    if sight.parts is not None:
        serving = sight.parts.serving
    elif sight.model and sight.model.state is TunedModelState.ACTIVE:
        serving = tuple(n for n in names_of(sight.model) if n.kind == "endpoints")
    else:
        serving = ()
    for endpoint in serving:
        yield Protection(ProtectionKind.DEPLOYED, endpoint.id, f"{endpoint} answers for it")
