"""What there is of one tuned model of Vertex AI, which stands in several places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from langchain_tuned_gemini.names.tuned_model_name import Kind, TunedModelName


@dataclass(frozen=True, slots=True)
class Deployments:
    """What is deployed to an endpoint.

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
        """Whether it is an endpoint that answers for another model, too, and so stays."""
        return name in self.endpoints and self.endpoints[name].others
