"""A model's state, found out by calling it where nobody may tell."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage

from langchain_tuned_gemini.errors import ServiceError, TunedModelNotFoundError
from langchain_tuned_gemini.failures import Reason, read_failure
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import StateService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

_QUESTION: list[BaseMessage] = [HumanMessage("Hello")]
_LIMIT = 1
"""How many tokens it may answer: that it answers is all that is asked."""


class ProbingService:
    """Asks a service, and the model itself where the service is forbidden to this account.

    An account often may call a model and see nothing else.

    Args:
        service: Who knows the state.
        model: The model, without a gate.
    """

    def __init__(self, service: StateService, model: BaseChatModel) -> None:
        self._service = service
        self._model = model

    def get(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        try:
            return self._service.get(name)
        except ServiceError as refusal:
            _check_that_it_can_be_tried(name, refusal)
        try:
            self._model._generate(_QUESTION, max_output_tokens=_LIMIT)
        except Exception as error:  # noqa: BLE001  # named by read_failure; others are raised there
            return _meaning_of(error, str(name))
        return _answering(str(name))

    async def aget(self, name: str | TunedModelName) -> TunedModel:
        """Describes a tuned model as it is now."""
        try:
            return await self._service.aget(name)
        except ServiceError as refusal:
            _check_that_it_can_be_tried(name, refusal)
        try:
            await self._model._agenerate(_QUESTION, max_output_tokens=_LIMIT)
        except Exception as error:  # noqa: BLE001  # named by read_failure; others are raised there
            return _meaning_of(error, str(name))
        return _answering(str(name))


def _check_that_it_can_be_tried(name: str | TunedModelName, refusal: ServiceError) -> None:
    if refusal.status != 403 or not TunedModelName.parse(name).is_callable:
        raise refusal


def _answering(name: str) -> TunedModel:
    return TunedModel(name, TunedModelState.ACTIVE, "ANSWERS", endpoint=name)


def _meaning_of(error: Exception, name: str) -> TunedModel:
    """The model's state, as a call that failed tells it."""
    failure = read_failure(error)
    match failure and failure.reason:
        case Reason.BAD_OUTPUT | Reason.BLOCKED:
            return _answering(name)
        case Reason.NOT_READY | Reason.REJECTED:  # a 400 is all that an empty endpoint may say
            return TunedModel(name, TunedModelState.UNKNOWN, "REFUSES", endpoint=name)
        case Reason.GONE:
            raise TunedModelNotFoundError.of(name) from error
        case Reason.QUOTA | Reason.OVERLOADED | Reason.TIMEOUT | Reason.CONNECTION:
            raise ServiceError(
                f"{name} was called, since its state may not be seen, and could not answer: "
                f"{failure and failure.reason}.",
                status=failure.status if failure else None,
                is_retryable=True,
            ) from error
        case _:
            raise error
