"""What there is: the models of all services, each with its place in the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from langchain_tuned_gemini.effects import Call, Flow, Together
from langchain_tuned_gemini.errors import TunedModelNameError
from langchain_tuned_gemini.library.library_model import LibraryModel, plain_base, version_name
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName, is_number, is_same_project
from langchain_tuned_gemini.names.version_name import VersionName, same_version
from langchain_tuned_gemini.registry import Catalog, Records
from langchain_tuned_gemini.services import PlacedService, TunedModelService
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState


class Inventory:
    """The tuned models of services and records.

    Args:
        services: Who knows the models.
        records: What is recorded of them.
        clock: The time in seconds since the epoch.

    Attributes:
        numbers: The numbers of projects by their ids, as far as they had to be looked up.
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
        self.numbers: dict[str, str] = {}

    def now(self) -> datetime:
        """The time by its clock."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def list_models(
        self,
        *,
        platform: Platform | None = None,
        state: TunedModelState | None = None,
        family: str | None = None,
        base_model: str | None = None,
        older_than: float | None = None,
    ) -> Flow[list[LibraryModel]]:
        """The models that are asked for, oldest first, one service after the other."""
        catalog = self.records.load()
        asked = [s for s in self.services if platform in {None, s.platform}]
        answers: list[list[TunedModel]] = yield Together(
            [Call(service.list, service.alist) for service in asked]
        )
        found = [model for answer in answers for model in answer]
        yield from self.identify((name for model in found for name in names_of(model)), catalog)
        models = [self.place(model, catalog) for model in found]
        base = plain_base(base_model) if base_model is not None else None
        return [
            model
            for model in models
            if state in {None, model.state}
            and family in {None, model.family}
            and (base is None or plain_base(model.model.base_model) == base)
            and (older_than is None or (model.age or 0.0) > older_than)
        ]

    def find(self, text: str, catalog: Catalog | None = None) -> Flow[LibraryModel]:
        """One model, read from its service; see `ModelLibrary.find`."""
        catalog = catalog or self.records.load()
        if version := _version_in(text):
            return (yield from self.version(version, catalog))
        return (yield from self.read(_address(text, catalog), catalog))

    def address_of(self, text: str) -> Flow[TunedModelName]:
        """The full name of what is called so: from the records, or else from the services."""
        catalog = self.records.load()
        if version := _version_in(text):
            name, _ = yield from self._named(version, catalog)
            return name
        return _address(text, catalog)

    def version(self, version: VersionName, catalog: Catalog) -> Flow[LibraryModel]:
        """The model of a version, read from its service."""
        name, display_name = yield from self._named(version, catalog)
        return (yield from self.read(name, catalog, display_name))

    def read(
        self, name: TunedModelName, catalog: Catalog, display_name: str = ""
    ) -> Flow[LibraryModel]:
        """A model by its full name, read from its service."""
        service = self.service_of(name)
        model: TunedModel = yield Call(service.get, service.aget, name)
        if not model.display_name:  # google-genai tells it in lists only
            model = replace(model, display_name=display_name)
        yield from self.identify(names_of(model), catalog)
        return self.place(model, catalog)

    def _named(self, version: VersionName, catalog: Catalog) -> Flow[tuple[TunedModelName, str]]:
        """The full name of a version, and its name for people where a list told it."""
        for known in catalog.versions:
            if known.family == version.family and same_version(known.label, version.label):
                return known.name, ""
        models = yield from self.list_models(family=version.family)
        named = [model for model in models if model.is_version(version.label)]
        if len(named) != 1:
            raise TunedModelNameError(_not_one(version, named, models), name=str(version))
        return TunedModelName.parse(named[0].name), named[0].model.display_name

    def identify(self, names: Iterable[TunedModelName], catalog: Catalog) -> Flow[None]:
        """Looks up the numbers of projects without which names can't be told from recorded ones.

        What can't be looked up stays unknown, so that `is_same` says so.
        """
        asked: set[str] = set()
        for name in names:
            for version in catalog.like(name):
                if is_same_project(name.project, version.name.project, self.numbers) is not None:
                    continue
                known = name if is_number(version.name.project) else version.name
                if known.project in asked:
                    continue
                asked.add(known.project)
                service = self.service_of(known)
                if isinstance(service, PlacedService):
                    ask = Call(service.project_number, service.aproject_number, known)
                    if number := (yield ask):
                        self.numbers[known.project] = number

    def service_of(self, name: TunedModelName) -> TunedModelService:
        """Who knows a model: a service of its place, or else any of its platform.

        On Vertex AI the name says where the model is, so that any service can ask there; that of
        the place has the right to.

        Raises:
            TunedModelNameError: Nobody knows the platform that it is on.
        """
        fitting = [service for service in self.services if service.platform == name.platform]
        if not fitting:
            raise TunedModelNameError(
                f"No service of this library knows the platform that {name} is on: give it one.",
                name=str(name),
            )
        return max(fitting, key=lambda service: self._nearness(service, name))

    def _nearness(self, service: TunedModelService, name: TunedModelName) -> tuple[int, bool]:
        """How much a service has to do with the place that a model is in."""
        if not isinstance(service, PlacedService):
            return 0, False
        same = is_same_project(service.project, name.project, self.numbers)
        return {True: 2, None: 1, False: 0}[same], service.location == name.location

    def place(self, model: TunedModel, catalog: Catalog) -> LibraryModel:
        """A model with its place in the library. What is recorded goes before its names."""
        platform = TunedModelName.parse(model.name).platform
        age = self.clock() - model.create_time.timestamp() if model.create_time else None
        record = catalog.of(model, self.numbers)
        if record is None:
            family, version = version_name(model, platform)
            return LibraryModel(model, platform, family, version, age)
        aliases = catalog.aliases_of(record)
        return LibraryModel(model, platform, record.family, record.label, age, aliases, record)


def names_of(model: TunedModel) -> list[TunedModelName]:
    """The names of a model that its description tells, its checkpoints' endpoints among them."""
    told = (model.name, model.endpoint, model.model, *(c.endpoint for c in model.checkpoints))
    names = []
    for name in dict.fromkeys(told):
        with suppress(TunedModelNameError):  # what can't be a name is nobody's
            names.append(TunedModelName.parse(name))
    return names


def _version_in(text: str) -> VersionName | None:
    """The version that a text names; an alias and a full name are something else."""
    return None if "@" in text else VersionName.find(text)


def _address(text: str, catalog: Catalog) -> TunedModelName:
    """What an alias points to, or what a full name says."""
    alias = AliasName.find(text)
    return catalog.target(alias).name if alias else TunedModelName.parse(text)


def _not_one(
    version: VersionName, named: Sequence[LibraryModel], models: Sequence[LibraryModel]
) -> str:
    """Says why a family and a version are not the name of one model."""
    if named:
        names = ", ".join(model.name for model in named)
        return f"Several tuned models are called {version}. Name one: {names}."
    versions = ", ".join(model.version for model in models if model.version)
    there = (
        f"{version.family} has the versions {versions}."
        if versions
        else ("List the library to see what there is.")
    )
    return f"No tuned model is called {version}. {there}"
