"""Calling a tuned model once, to find out whether it answers, and if not, why.

Its state does not tell: a model can be ACTIVE and answer 500, be listed and answer 404, or be
out of quota.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from google.genai.errors import APIError

from langchain_tuned_gemini.effects import Call, Flow
from langchain_tuned_gemini.errors import (
    Advice,
    BaseModelRetiredError,
    ServiceError,
    TunedGeminiError,
    TunedModelError,
    TunedModelFailedError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.errors.root import NO_ADVICE, followed_by
from langchain_tuned_gemini.failures import Reason, read_failure
from langchain_tuned_gemini.library.inventory import Inventory
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.error_translation import reason_of, refused
from langchain_tuned_gemini.tuned_models.base_models import Retirement, find
from langchain_tuned_gemini.tuned_models.generation_presets import base_model_parameters
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

if TYPE_CHECKING:
    from google.genai import Client
    from google.genai.types import Candidate, GenerateContentConfigDict, GenerateContentResponse

_QUESTION = "Hello"
_LIMIT = 16
"""How many tokens it may answer: that it answers is all that is asked."""

_PATIENCE = 30.0
"""How long it may take to answer, in seconds; a model that is called again after a while is
slower than usual."""


class ProbeOutcome(StrEnum):
    """What a call of a tuned model has shown."""

    READY = "ready"
    """It answers."""
    NOT_READY = "not_ready"
    """It is still CREATING, or not deployed: it was not called, or refused to answer."""
    FAILED = "failed"
    """Its tuning FAILED or was CANCELLED: it was not called."""
    DELETED = "deleted"
    """It does not exist, or an endpoint says so when it is called."""
    RETIRED = "retired"
    """It does not answer, and the model it was tuned from was retired."""
    PERMISSION = "permission"
    """This key or account may not call it."""
    CREDENTIALS = "credentials"
    """The key or the account is not accepted at all."""
    QUOTA = "quota"
    """The quota is used up; nothing else is known."""
    SICK = "sick"
    """It should answer, and does not: an error of the server, nothing in time, no content."""


_OUTCOMES = {
    Reason.NOT_READY: ProbeOutcome.NOT_READY,
    Reason.GONE: ProbeOutcome.DELETED,
    Reason.RETIRED: ProbeOutcome.RETIRED,
    Reason.PERMISSION: ProbeOutcome.PERMISSION,
    Reason.CREDENTIALS: ProbeOutcome.CREDENTIALS,
    Reason.QUOTA: ProbeOutcome.QUOTA,
    Reason.BLOCKED: ProbeOutcome.READY,
}
"""What is not here is sick."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a call of a tuned model has shown.

    Attributes:
        name: The tuned model.
        outcome: What has come of it.
        message: The same in a sentence.
        state: The model's state, where it may be seen.
        status: The HTTP status of the answer, where there was one.
        duration: How long the call took, in seconds; None where there was none.
        retirement: The end of its base model, where that is why.
        advice: What to do, where that is not a part of the message.
    """

    name: str
    outcome: ProbeOutcome
    message: str
    state: TunedModelState = TunedModelState.UNKNOWN
    status: int | None = None
    duration: float | None = None
    retirement: Retirement | None = None
    advice: Advice = NO_ADVICE

    @property
    def detail(self) -> str:
        """What it has shown, and what to do."""
        return followed_by(self.message, self.advice.in_python)

    @property
    def for_command_line(self) -> str:
        """The same for whoever uses `tuned-gemini`."""
        return followed_by(self.message, self.advice.for_command_line)

    @property
    def is_ready(self) -> bool:
        """Whether it answers."""
        return self.outcome is ProbeOutcome.READY


def call_once(
    inventory: Inventory, name: TunedModelName, seen: TunedModel | None = None
) -> Flow[Probe]:
    """Finds out whether a tuned model answers.

    Args:
        inventory: Who knows it.
        name: Its full name.
        seen: What its service has just told of it; None where it is to be asked.
    """
    model, service = seen, inventory.service_of(name)
    try:
        model = model or (yield Call(service.get, service.aget, name))
    except TunedModelNotFoundError as gone:
        return Probe(str(name), ProbeOutcome.DELETED, gone.message, status=404, advice=gone.advice)
    except ServiceError as refusal:
        # Many an account may call a model and see nothing else.
        if not name.is_callable:
            return _of_refusal(name, refusal)
    if model and (told := _known_without_a_call(model)):
        return told
    state = model.state if model else TunedModelState.UNKNOWN
    base = model.base_model if model else ""
    began = time.monotonic()
    try:
        answer = yield _question(service.client(), model.endpoint if model else str(name), base)
    except Exception as error:  # noqa: BLE001  # named by read_failure; raised there if unforeseen
        known = find(base)
        end = known.retirement(name.platform, inventory.now().date()) if known else None
        return _of_error(str(name), error, state, time.monotonic() - began, end)
    return _of_answer(str(name), answer, state, time.monotonic() - began)


def _question(client: Client, address: str, base: str) -> Call:
    """One call of a model that was tuned from `base`, as far as that is known.

    It thinks as little as it can: its thoughts would use up the limit.
    """
    parameters = base_model_parameters(None, {"max_output_tokens": _LIMIT}, find(base))
    config: GenerateContentConfigDict = {
        "max_output_tokens": parameters.pop("max_output_tokens"),
        "thinking_config": cast("Any", parameters or None),
        "http_options": {"timeout": round(_PATIENCE * 1000)},
    }
    return Call(
        client.models.generate_content,
        client.aio.models.generate_content,
        model=address,
        contents=_QUESTION,
        config=config,
    )


def _known_without_a_call(model: TunedModel) -> Probe | None:
    """What needs no call; None for a model that may answer."""
    match model.state:
        case TunedModelState.CREATING:
            return _of_state(model, ProbeOutcome.NOT_READY, TunedModelNotReadyError.of(model))
        case TunedModelState.FAILED | TunedModelState.CANCELLED:
            return _of_state(model, ProbeOutcome.FAILED, TunedModelFailedError.of(model))
    if not model.endpoint:
        told = f"{model.name} is {model.state_text}, and no endpoint answers for it: deploy it."
        return Probe(model.name, ProbeOutcome.NOT_READY, told, model.state)
    return None


def _of_state(model: TunedModel, outcome: ProbeOutcome, error: TunedModelError) -> Probe:
    return Probe(model.name, outcome, error.message, model.state, advice=error.advice)


def _of_refusal(name: TunedModelName, refusal: ServiceError) -> Probe:
    """What is known where the control plane does not tell which endpoint is to be called."""
    reason = refusal.reason if refusal.status else Reason.CONNECTION
    outcome = _OUTCOMES.get(reason, ProbeOutcome.SICK)
    return Probe(str(name), outcome, refusal.message, status=refusal.status, advice=refusal.advice)


def _of_answer(
    name: str, answer: GenerateContentResponse, state: TunedModelState, duration: float
) -> Probe:
    """What an answer shows; one that was cut off or blocked is one, too."""
    blocked = answer.prompt_feedback is not None and answer.prompt_feedback.block_reason
    said = any(map(_says_something, answer.candidates or ()))
    if said or blocked:
        told = f"{name} answers, in {duration:.2f} s."
        return Probe(name, ProbeOutcome.READY, told, state, 200, duration)
    told = f"{name} answers nothing. It may never have been trained well: look at its loss."
    return Probe(name, ProbeOutcome.SICK, told, state, 200, duration)


def _says_something(candidate: Candidate) -> bool:
    """Whether there is content, or a reason why there is none."""
    if candidate.finish_reason not in {None, "STOP"}:
        return True
    parts = candidate.content and candidate.content.parts
    return any(part.text != "" for part in parts or ())


def _of_error(
    name: str,
    error: Exception,
    state: TunedModelState,
    duration: float,
    retirement: Retirement | None,
) -> Probe:
    failure = read_failure(error)
    if failure is None:
        raise error
    outcome = _OUTCOMES.get(failure.reason, ProbeOutcome.SICK)
    told = _as_own(name, error)
    if outcome is ProbeOutcome.DELETED and retirement:
        outcome = ProbeOutcome.RETIRED
        told = BaseModelRetiredError.because(name, retirement, status=failure.status)
    elif failure.reason is Reason.REJECTED and state is not TunedModelState.ACTIVE:
        outcome = ProbeOutcome.NOT_READY  # a 400 is all that an empty endpoint may say
    shown = retirement if outcome is ProbeOutcome.RETIRED else None
    return Probe(name, outcome, told.message, state, failure.status, duration, shown, told.advice)


def _as_own(name: str, error: Exception) -> TunedGeminiError:
    """The error as one of ours, without what it holds of the request."""
    if isinstance(error, APIError):
        return refused(f"Calling {name}", error.code, error.details, name=None)
    return ServiceError(
        f"{name} did not answer: {reason_of(error)}.", advice="Try again in a while."
    )
