"""A tuned model among others: its family, its version, and whether it is in use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypedDict

from packaging.version import Version

from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.names.version_name import VersionName, same_version, version_or_none
from langchain_tuned_gemini.registry import RecordedVersion
from langchain_tuned_gemini.tuned_models.base_models import base_model_id
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

_FIRST = datetime.min.replace(tzinfo=UTC)
_NO_VERSION = Version("0")


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A tuned model, and what the library knows of it besides what the platform says.

    Attributes:
        model: The tuned model as the platform describes it.
        platform: Where it is.
        family: What it is a version of; empty where neither its name nor a record tells.
        version: Its version, as it is written, for example `v1-2`; empty where it has none.
        age: How long ago it was created, in seconds; None where the platform does not tell.
        aliases: The aliases that point to it, for example `sql-expert@production`.
        record: What is recorded of it; None for nothing.
    """

    model: TunedModel
    platform: Platform
    family: str
    version: str
    age: float | None = None
    aliases: tuple[str, ...] = ()
    record: RecordedVersion | None = None

    @property
    def name(self) -> str:
        """Its full name."""
        return self.model.name

    @property
    def state(self) -> TunedModelState:
        """Whether it can serve."""
        return self.model.state

    @property
    def has_failed(self) -> bool:
        """Whether it will never answer."""
        return self.state in {TunedModelState.FAILED, TunedModelState.CANCELLED}

    @property
    def dataset(self) -> str:
        """The content hash of what it was tuned on; empty where that is not recorded."""
        return self.record.record.dataset.hash if self.record else ""

    @property
    def deployed(self) -> bool | None:
        """Whether an endpoint answers for it; None on the Developer API, which has no such thing.

        Where the endpoints may not be listed, a model that was tuned successfully counts as
        deployed, which is what Vertex AI does with it by itself.
        """
        if self.platform == "developer":
            return None
        return self.state is TunedModelState.ACTIVE and bool(self.model.endpoint)

    def is_version(self, label: str) -> bool:
        """Whether a label means its version, as `v1-2` and `v1.2` do."""
        return bool(self.version) and same_version(self.version, label)

    @property
    def order(self) -> tuple[object, ...]:
        """What versions are ordered by: the version, then the time of creation.

        A model whose version has no order comes before those that have one.
        """
        version = version_or_none(self.version)
        ordered = (version is not None, version or _NO_VERSION)
        return (*ordered, self.model.create_time or _FIRST)


class ModelFilter(TypedDict, total=False):
    """The models that are asked for; None, or nothing, is any.

    Attributes:
        platform: Those of one platform; services of the other one are not asked.
        state: Those in a state.
        family: Those of a family, such as `sql-expert`.
        base_model: Those that were tuned from a base model, such as `gemini-3.5-flash`.
        older_than: Those that were created longer ago than this, in seconds.
    """

    platform: Platform | None
    state: TunedModelState | None
    family: str | None
    base_model: str | None
    older_than: float | None


def version_name(model: TunedModel, platform: Platform) -> tuple[str, str]:
    """The family and the version that a model's own names tell, or two empty texts.

    The name for people goes before the id, which Google makes from it by adding to it. On
    Vertex AI a model that has no version in its name has the number that the model registry
    gave it, and the family is what the model is called.
    """
    address = TunedModelName.parse(model.name)
    ids = [address.id] if platform == "developer" else []
    for text in (model.display_name, *ids):
        if found := VersionName.find(text):
            return found.family, found.label
    if platform == "developer" or not model.model:
        return "", ""
    registered = TunedModelName.parse(model.model)
    label = f"v{registered.version}" if registered.version.isdecimal() else ""
    return model.display_name or registered.id, label


def in_order(models: Iterable[LibraryModel]) -> list[LibraryModel]:
    """Versions from the oldest to the newest; see `LibraryModel.order`."""
    return sorted(models, key=lambda model: model.order)


def plain_base(name: str) -> str:
    """A base model's name without what may be written around it."""
    return base_model_id(name) or name
