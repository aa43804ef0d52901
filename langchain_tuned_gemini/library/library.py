"""What there is of tuned models, over one or several services."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from langchain_tuned_gemini.errors import ParameterError, TunedModelNameError
from langchain_tuned_gemini.library.flows import Flow, Listing, Reading, arun, run
from langchain_tuned_gemini.library.models import (
    LibraryModel,
    Selection,
    in_order,
    version_name,
)
from langchain_tuned_gemini.names import Platform, TunedModelName
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.tuned_model import TunedModel, TunedModelState
from langchain_tuned_gemini.versions import VersionName, check_family, next_label

LibraryModels: TypeAlias = list[LibraryModel]
"""What `list` returns; the alias is needed where a method is called `list`, too."""


class ModelLibrary:
    """The tuned models of one or several services: see them, and tell them apart.

    Every method that waits has an asynchronous twin with an `a` before its name.

    Args:
        services: A service, or several: of both platforms, or of several locations.
        clock: The time in seconds since the epoch, which decides how old a model is.

    Raises:
        ParameterError: There is no service.

    Example:
        ```python
        library = ModelLibrary([GenerativeAIService(api_key), VertexService("acme", "us-central1")])
        for model in library.versions("sql-expert"):
            print(model.version, model.state, model.name)
        ```
    """

    def __init__(
        self,
        services: TunedModelService | Sequence[TunedModelService],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._services = tuple(services) if isinstance(services, Sequence) else (services,)
        self._clock = clock
        if not self._services:
            raise ParameterError(
                "A library needs at least one service, for example "
                "ModelLibrary(GenAIService.from_api_key(key))."
            )

    def list(
        self,
        platform: Platform | None = None,
        state: TunedModelState | None = None,
        family: str | None = None,
        base_model: str | None = None,
        older_than: float | None = None,
    ) -> LibraryModels:
        """Tells which tuned models there are, oldest first, one service after the other.

        Args:
            platform: Those of one platform; services of the other one are not asked.
            state: Those in a state.
            family: Those of a family, such as `sql-expert`.
            base_model: Those that were tuned from a base model, such as `gemini-3.5-flash`.
            older_than: Those that were created longer ago than this, in seconds.

        Raises:
            ServiceError: A service could not answer. A list without its models would look
                complete.
        """
        selection = Selection(platform, state, family, base_model, older_than)
        return run(self._listed(selection))

    async def alist(
        self,
        platform: Platform | None = None,
        state: TunedModelState | None = None,
        family: str | None = None,
        base_model: str | None = None,
        older_than: float | None = None,
    ) -> LibraryModels:
        """Tells which tuned models there are; see `list`."""
        selection = Selection(platform, state, family, base_model, older_than)
        return await arun(self._listed(selection))

    def failed(self) -> LibraryModels:
        """Those that will never answer: FAILED or CANCELLED."""
        return [model for model in self.list() if _has_failed(model)]

    async def afailed(self) -> LibraryModels:
        """Those that will never answer: FAILED or CANCELLED."""
        return [model for model in await self.alist() if _has_failed(model)]

    def versions(self, family: str) -> LibraryModels:
        """The versions of a family, the oldest first.

        Their order is that of Python's packages, by which `v2-rc1` comes before `v2`; models
        without a version come first, in the order of their creation.

        Args:
            family: Such as `sql-expert`.
        """
        return in_order(self.list(family=family))

    async def aversions(self, family: str) -> LibraryModels:
        """The versions of a family; see `versions`."""
        return in_order(await self.alist(family=family))

    def next_version(self, family: str) -> VersionName:
        """The name for the next model of a family, after the newest one, in its style.

        Raises:
            TunedModelNameError: Google would refuse the name.
        """
        return self._next_version(family, self.list(family=family))

    async def anext_version(self, family: str) -> VersionName:
        """The name for the next model of a family; see `next_version`."""
        return self._next_version(family, await self.alist(family=family))

    def find(self, name: str) -> LibraryModel:
        """One model, with all that its service tells about it.

        Args:
            name: Its full name, or its family and version: `sql-expert-v2`.

        Raises:
            TunedModelNameError: Nothing, or more than one model, is called so.
            TunedModelNotFoundError: There is no such model (any more).
        """
        return run(self._found(name))

    async def afind(self, name: str) -> LibraryModel:
        """One model, with all that its service tells about it; see `find`."""
        return await arun(self._found(name))

    def _listed(self, selection: Selection) -> Flow[LibraryModels]:
        asked = [s for s in self._services if selection.platform in {None, s.platform}]
        answers: list[list[TunedModel]] = yield Listing(asked)
        models = [
            self._placed(model, service.platform)
            for service, answer in zip(asked, answers, strict=True)
            for model in answer
        ]
        return [model for model in models if selection.takes(model)]

    def _found(self, text: str) -> Flow[LibraryModel]:
        name = yield from self._address_of(text)
        service = self._service_of(name)
        model: TunedModel = yield Reading(service, name)
        return self._placed(model, service.platform)

    def _address_of(self, text: str) -> Flow[TunedModelName]:
        """The full name of what is called so."""
        version = VersionName.find(text)
        if version is None:
            return TunedModelName.parse(text)
        models = yield from self._listed(Selection(family=version.family))
        named = [model.name for model in models if model.is_version(version.label)]
        if len(named) != 1:
            raise TunedModelNameError(_not_one(text, named), name=text)
        return TunedModelName.parse(named[0])

    def _service_of(self, name: TunedModelName) -> TunedModelService:
        """Who knows a model. On Vertex AI the name says where it is, so any service will do."""
        for service in self._services:
            if service.platform == name.platform:
                return service
        raise TunedModelNameError(
            f"No service of this library knows the platform that {name} is on.", name=str(name)
        )

    def _placed(self, model: TunedModel, platform: Platform) -> LibraryModel:
        """A model with its place in the library."""
        family, version = version_name(model, platform)
        age = self._clock() - model.create_time.timestamp() if model.create_time else None
        return LibraryModel(model, platform, family, version, age)

    def _next_version(self, family: str, models: LibraryModels) -> VersionName:
        check_family(family)
        name = VersionName(family, next_label(model.version for model in models))
        newest = models[-1].platform if models else self._services[0].platform
        name.check(newest)
        return name


def _has_failed(model: LibraryModel) -> bool:
    return model.state in {TunedModelState.FAILED, TunedModelState.CANCELLED}


def _not_one(text: str, named: Sequence[str]) -> str:
    """Says why a family and a version are not the name of one model."""
    if not named:
        return f"No tuned model is called {text}. List the library to see what there is."
    return f"{text} is what several tuned models are called. Name one in full: {', '.join(named)}."
