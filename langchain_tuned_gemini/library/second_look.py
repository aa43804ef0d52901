"""What there is of a model, looked at so that one wrong answer does not make it look gone.

Services answer 404 for what is there, now and then: a replica that lags, a name that was moved.
So what is not found is looked for a second time, and in the service's list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from langchain_tuned_gemini.effects import Call, Flow
from langchain_tuned_gemini.errors import ServiceError, TunedModelNotFoundError
from langchain_tuned_gemini.library.inventory import Inventory, names_of
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import PlacedService, TunedModelParts, TunedModelService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is of a model.

    Attributes:
        name: The name that it was found by.
        model: What its service tells; None where its name leads nowhere, and it has other parts.
        parts: Its parts; None on the Developer API, where a model is one thing.
        known: Names that it is known by, whether or not they still lead anywhere.
    """

    name: TunedModelName
    model: TunedModel | None
    parts: TunedModelParts | None = None
    known: tuple[TunedModelName, ...] = ()

    @property
    def names(self) -> list[TunedModelName]:
        """All its names."""
        told = names_of(self.model) if self.model else []
        parts = self.parts.names if self.parts else ()
        return [*dict.fromkeys([self.name, *self.known, *told, *parts])]


def look(inventory: Inventory, names: Iterable[TunedModelName]) -> Flow[Sight | None]:
    """Finds out what there is of a model.

    Args:
        inventory: Who knows.
        names: Its names; the others count where the first one leads nowhere.

    Returns:
        What there is; None where nothing is, which was made sure of.

    Raises:
        TunedModelNotDeletableError: It could not be deleted as it is.
        ServiceError: A service could not answer, or contradicts itself.
    """
    first, *others = known = tuple(names)
    service = inventory.service_of(first)
    model = yield from _read_twice(service, first)
    if isinstance(service, PlacedService):
        for name in (first, *others):
            try:
                parts = yield Call(service.parts, service.aparts, name)
            except TunedModelNotFoundError:
                continue
            return Sight(name, model, parts, known)
        return None
    if model is None:
        yield from _check_that_it_is_not_listed(inventory, service, first)
        return None
    return Sight(first, model, known=known)


def _read_twice(service: TunedModelService, name: TunedModelName) -> Flow[TunedModel | None]:
    for _ in range(2):
        try:
            model: TunedModel = yield Call(service.get, service.aget, name)
        except TunedModelNotFoundError:
            continue
        return model
    return None


def _check_that_it_is_not_listed(
    inventory: Inventory, service: TunedModelService, name: TunedModelName
) -> Flow[None]:
    listed: list[TunedModel] = yield Call(service.list, service.alist)
    names = [other for model in listed for other in names_of(model)]
    if any(name.is_same(other, inventory.numbers) is not False for other in names):
        raise ServiceError(
            f"The service lists {name}, and says that it does not exist. So what there is can't be "
            "told, and nothing was deleted. Try again in a while.",
            is_retryable=True,
        )
