"""What there is: the models of all services, each with its place in the records."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.library.flows import Flow, Listing, Reading
from langchain_tuned_gemini.library.models import LibraryModel, Selection, version_name
from langchain_tuned_gemini.names import TunedModelName
from langchain_tuned_gemini.records import AliasName, Catalog, Records
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.tuned_model import TunedModel
from langchain_tuned_gemini.versions import VersionName, same_version


class Inventory:
    """The tuned models of services and records.

    Args:
        services: Who knows the models.
        records: What is recorded of them.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        services: Sequence[TunedModelService],
        records: Records,
        clock: Callable[[], float],
    ) -> None:
        self.services = services
        self.records = records
        self.clock = clock

    def listed(self, selection: Selection) -> Flow[list[LibraryModel]]:
        """The models that are asked for, oldest first, one service after the other."""
        catalog = self.records.load()
        asked = [s for s in self.services if selection.platform in {None, s.platform}]
        answers: list[list[TunedModel]] = yield Listing(asked)
        models = [self.placed(model, catalog) for answer in answers for model in answer]
        return [model for model in models if selection.takes(model)]

    def found(self, text: str) -> Flow[LibraryModel]:
        """One model, read from its service; see `ModelLibrary.find`."""
        catalog = self.records.load()
        name = yield from self.address_of(text, catalog)
        model: TunedModel = yield Reading(self.service_of(name), name)
        return self.placed(model, catalog)

    def address_of(self, text: str, catalog: Catalog) -> Flow[TunedModelName]:
        """The full name of what is called so: from the records, or else from the services."""
        if alias := AliasName.find(text):
            return catalog.target(alias).name
        version = VersionName.find(text)
        if version is None:
            return TunedModelName.parse(text)
        return (yield from self.version(version, catalog))

    def version(self, version: VersionName, catalog: Catalog) -> Flow[TunedModelName]:
        """The full name of a version."""
        for known in catalog.versions:
            if known.family == version.family and same_version(known.label, version.label):
                return known.name
        models = yield from self.listed(Selection(family=version.family))
        named = [model.name for model in models if model.is_version(version.label)]
        if len(named) != 1:
            raise TunedModelNameError(_not_one(version, named, models), name=str(version))
        return TunedModelName.parse(named[0])

    def service_of(self, name: TunedModelName) -> TunedModelService:
        """Who knows a model. On Vertex AI the name says where it is, so any service will do.

        Raises:
            TunedModelNameError: Nobody knows the platform that it is on.
        """
        for service in self.services:
            if service.platform == name.platform:
                return service
        raise TunedModelNameError(
            f"No service of this library knows the platform that {name} is on: give it one.",
            name=str(name),
        )

    def placed(self, model: TunedModel, catalog: Catalog) -> LibraryModel:
        """A model with its place in the library. What is recorded goes before its names."""
        platform = TunedModelName.parse(model.name).platform
        age = self.clock() - model.create_time.timestamp() if model.create_time else None
        record = catalog.of(model)
        if record is None:
            family, version = version_name(model, platform)
            return LibraryModel(model, platform, family, version, age)
        aliases = catalog.aliases_of(record)
        return LibraryModel(model, platform, record.family, record.label, age, aliases, record)


def _not_one(version: VersionName, named: Sequence[str], models: Sequence[LibraryModel]) -> str:
    """Says why a family and a version are not the name of one model."""
    if named:
        return f"Several tuned models are called {version}. Name one: {', '.join(named)}."
    versions = ", ".join(model.version for model in models if model.version)
    there = (
        f"{version.family} has the versions {versions}."
        if versions
        else ("List the library to see what there is.")
    )
    return f"No tuned model is called {version}. {there}"
