"""The control plane: which tuned models there are and what state they are in.

One Protocol, and one module for each SDK or API behind it:

| service | SDK | knows |
| --- | --- | --- |
| `services.genai.GenAIService` | google-genai (always installed) | state, base model, times |
| `services.generativeai.GenerativeAIService` | google-generativeai (extra `generativeai`) | the whole record, and how to create one |
| `services.vertex.VertexService` | Vertex AI's REST API | everything, on Vertex AI |
"""  # noqa: E501  # a table can't be wrapped

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypedDict, Unpack, runtime_checkable

from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.names.tuned_model_name import Kind, TunedModelName
from langchain_tuned_gemini.tuned_models.platform import Platform
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

if TYPE_CHECKING:
    from google.genai import Client

__all__ = [
    "CreationOptions",
    "Deployments",
    "PlacedService",
    "StateService",
    "TunedModelParts",
    "TunedModelService",
    "TunedModels",
]

TunedModels: TypeAlias = list[TunedModel]
"""What `list` returns; the alias is needed where a method is called `list`, too."""


@dataclass(frozen=True, slots=True)
class Deployments:
    """Deployments of an endpoint.

    Attributes:
        ours: The ids of the deployments of the model that is meant.
        others: Whether it answers for another model, too.
        is_told: Whether the model's own record says that it is deployed there.
    """

    ours: tuple[str, ...] = ()
    others: bool = False
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class TunedModelParts:
    """The parts of a tuned model, in the service's own words; a deletion takes these and no others.

    Attributes:
        job: The tuning job that made it; None where none is known.
        model: The model with its version; None where it is gone.
        is_only_version: Whether the model has no other version.
        endpoints: The endpoints that are there, and what is deployed to them.
        lost: Endpoints that it once had, as its tuning job tells, and that are gone.
        unseen: The kinds that could not be looked through, so that it may have a part of them.
    """

    job: TunedModelName | None = None
    model: TunedModelName | None = None
    is_only_version: bool = True
    endpoints: Mapping[TunedModelName, Deployments] = field(default_factory=dict)
    lost: tuple[TunedModelName, ...] = ()
    unseen: frozenset[Kind] = frozenset()

    @property
    def names(self) -> tuple[TunedModelName, ...]:
        """The names of all parts, also of those that are gone: they still say what it is."""
        names = (self.job, *self.endpoints, *self.lost, self.model)
        return tuple(name for name in names if name)

    @property
    def deletable(self) -> tuple[TunedModelName, ...]:
        """The names of what a deletion takes; the record of a tuning job stays for ever."""
        endpoints = (name for name in self.endpoints if not self.shares(name))
        return tuple(name for name in (*endpoints, self.model) if name)

    @property
    def serving(self) -> tuple[TunedModelName, ...]:
        """The endpoints that answer for it, as they or the model say."""
        return tuple(name for name, told in self.endpoints.items() if told.ours or told.is_told)

    def shares(self, name: TunedModelName) -> bool:
        """Says of an endpoint whether it answers for another model, too, and so stays."""
        return name in self.endpoints and self.endpoints[name].others


class CreationOptions(TypedDict, total=False):
    """Options of a model that is to be tuned; for None the service's own defaults hold.

    Attributes:
        model_id: The part after `tunedModels/`, 1 to 40 characters; the service makes one from
            the display name when None.
        display_name: The name for people, at most 40 characters.
        epochs: How often each example is used.
        batch_size: The examples of one step.
        learning_rate: The size of a step.
    """

    model_id: str | None
    display_name: str | None
    epochs: int | None
    batch_size: int | None
    learning_rate: float | None


class StateService(Protocol):
    """A place that can tell a tuned model's state."""

    def get(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""


@runtime_checkable
class TunedModelService(StateService, Protocol):
    """A place that knows tuned models. Every method has an asynchronous twin.

    All of them raise:
        TunedModelNameError: A name can't address a tuned model. Nothing was sent.
        TunedModelNotFoundError: The service does not know the tuned model.
        ServiceUnreachableError: The service gave no answer.
        ServiceError: It refused, or answered nonsense; `status` holds the HTTP status.
    """

    @property
    def platform(self) -> Platform:
        """Which of Google's two services it asks."""

    def client(self) -> Client:
        """A google-genai client that may call what this service knows."""

    def list(self) -> TunedModels:
        """Describes all tuned models that the key can see, oldest first, as Google sends them."""

    async def alist(self) -> TunedModels:
        """Describes all tuned models that the key can see, oldest first, as Google sends them."""

    def delete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""

    async def adelete(self, name: str | TunedModelName) -> None:
        """Deletes a tuned model, for ever."""

    def create(
        self, examples: Examples, *, base_model: str, **options: Unpack[CreationOptions]
    ) -> TunedModel:
        """Starts to tune a model, and returns at once.

        Args:
            examples: The training examples: a file's path, a `TuningDataset`, or the rows.
            base_model: The model to tune, for example `models/gemini-1.5-flash-001-tuning`.
            options: The rest.

        Returns:
            The model, CREATING, with its `total_steps` where the service tells.
        """

    async def acreate(
        self, examples: Examples, *, base_model: str, **options: Unpack[CreationOptions]
    ) -> TunedModel:
        """Starts to tune a model, and returns at once; see `create`."""


@runtime_checkable
class PlacedService(Protocol):
    """A service whose models lie in a project and a location, and have parts, as on Vertex AI."""

    @property
    def project(self) -> str:
        """The project's id or number."""

    @property
    def location(self) -> str:
        """The region."""

    def project_number(self, name: TunedModelName) -> str:
        """The number of the project that a name is in; empty where nothing tells it."""

    async def aproject_number(self, name: TunedModelName) -> str:
        """The number of the project that a name is in; empty where nothing tells it."""

    def parts(self, name: TunedModelName) -> TunedModelParts:
        """Finds out what there is of a tuned model.

        Raises:
            TunedModelNotFoundError: Nothing, and a second look has confirmed it.
            TunedModelNotDeletableError: It could not be deleted as it is.
            ServiceError: Not all could be read, or what was read contradicts itself.
        """

    async def aparts(self, name: TunedModelName) -> TunedModelParts:
        """Finds out what there is of a tuned model; see `parts`."""

    def delete_parts(self, name: TunedModelName, parts: TunedModelParts) -> None:
        """Deletes what `parts` has found, and nothing else."""

    async def adelete_parts(self, name: TunedModelName, parts: TunedModelParts) -> None:
        """Deletes what `parts` has found, and nothing else."""
