"""Errors about one tuned model: its state, its circuit, its aliases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NotRequired, Self, TypedDict, Unpack

from langchain_core.exceptions import ModelError, ModelNotFoundError

from langchain_tuned_gemini.errors.reasons import Reason
from langchain_tuned_gemini.errors.root import Advice, TunedGeminiError

if TYPE_CHECKING:
    from langchain_tuned_gemini.tuned_models.base_models import Retirement
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState


class _About(TypedDict):
    """What every error about a tuned model takes."""

    name: str
    state: NotRequired[TunedModelState | None]
    advice: NotRequired[Advice | str]


class TunedModelError(TunedGeminiError, ModelError):
    """Something about one tuned model.

    Attributes:
        name: The tuned model's full name.
        state: The state it was last seen in, if one is known.
    """

    def __init__(
        self,
        message: str,
        *,
        name: str,
        state: TunedModelState | None = None,
        advice: Advice | str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.name = name
        self.state = state


BASE_MODEL_INSTEAD: Final = Advice(
    "add a fallback with with_few_shot_fallback(...).",
    "let a base model stand in: --fallback BASE --examples FILE.",
)
"""What to do without the tuned model, as the end of a sentence."""


class TunedModelNotReadyError(TunedModelError):
    """The tuned model is still CREATING: it can't serve yet, but it will."""

    reason = Reason.NOT_READY
    is_local = True
    is_retryable = True

    @classmethod
    def of(cls, model: TunedModel) -> Self:
        """Says that this model can't serve yet, and what to do."""
        doing = f" ({model.doing})" if model.doing else ""
        return cls(
            f"The tuned model {model.name} is {model.state_text}{doing}, so it can't answer yet.",
            advice=Advice(
                "Call wait_until_active() first, or",
                "Wait for it, with tuned-gemini wait, or",
            ).plus(BASE_MODEL_INSTEAD),
            name=model.name,
            state=model.state,
        )


class WaitTimeoutError(TunedModelNotReadyError, TimeoutError):
    """The tuned model was still CREATING when the time allowed for waiting was over.

    Attributes:
        waited: How long was waited, in seconds.
    """

    def __init__(self, message: str, *, waited: float, **about: Unpack[_About]) -> None:
        super().__init__(message, **about)
        self.waited = waited


class WaitCancelledError(TunedModelNotReadyError):
    """The wait for a tuned model was ended by whoever asked for it.

    Attributes:
        waited: How long was waited, in seconds.
    """

    def __init__(self, message: str, *, waited: float, **about: Unpack[_About]) -> None:
        super().__init__(message, **about)
        self.waited = waited


_AGAIN = "It was not this model's data: tune it again"
_AFTER_A_FAILURE = {
    1: "Somebody stopped the tuning: start it again if it is still wanted",
    4: _AGAIN,
    7: "Grant the account that tunes the right that the reason names, and tune it again",
    8: "Wait for quota, or ask for more, and tune it again; its data are not the reason",
    10: _AGAIN,
    13: f"{_AGAIN}; if that fails too, ask Google",
    14: _AGAIN,
    16: "Grant the account that tunes the right that the reason names, and tune it again",
}
"""What to do, by the kind of the reason: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto"""

_BY_DATA = "Check its training data, and tune it again"


class TunedModelFailedError(TunedModelError):
    """Tuning ended without a model: FAILED or CANCELLED. Waiting does not help.

    Attributes:
        platform_reason: The platform's own reason; the Developer API gives none.
    """

    reason = Reason.GONE
    is_local = True

    def __init__(
        self, message: str, *, platform_reason: str | None = None, **about: Unpack[_About]
    ) -> None:
        super().__init__(message, **about)
        self.platform_reason = platform_reason

    @classmethod
    def of(cls, model: TunedModel) -> Self:
        """Says that this model will never serve, why, and what to do."""
        why = (model.error or "the platform gives no reason").rstrip(". ")
        code = 1 if model.state == "CANCELLED" else model.error_code
        advice = _AFTER_A_FAILURE.get(code or 0, _BY_DATA)
        if model.name.startswith("tunedModels/"):  # the record of Vertex AI's job stays for ever
            advice = f"{advice}. Delete this one to free quota"
        return cls(
            f"The tuned model {model.name} is {model.state_text}: {why}. It will never answer.",
            advice=f"{advice}.",
            name=model.name,
            state=model.state,
            platform_reason=model.error,
        )


class TunedModelNotFoundError(TunedModelError, ModelNotFoundError):
    """The tuned model does not exist: it was deleted, or it was never there."""

    reason = Reason.GONE
    is_local = True

    @classmethod
    def of(cls, name: str) -> Self:
        """Says that this model is not there, and what to do."""
        placed = re.match(r"projects/[^/]+/locations/([^/]+)/", name)
        where = f" it lies in another region than {placed[1]}," if placed else ""
        return cls(
            f"The tuned model {name} does not exist. It was deleted, the name is wrong,{where} or "
            "this key's project does not own it: list the tuned models that it can see.",
            name=name,
        )


class BaseModelRetiredError(TunedModelNotFoundError):
    """The tuned model does not answer any more, since the model it was tuned from was retired.

    Attributes:
        retirement: Which base model, where, since when, and Google's page that says so.
    """

    reason = Reason.RETIRED
    is_local = False

    def __init__(
        self,
        message: str,
        *,
        retirement: Retirement,
        status: int | None = None,
        **about: Unpack[_About],
    ) -> None:
        super().__init__(message, **about)
        self.retirement = retirement
        self.status = status

    @classmethod
    def because(cls, name: str, retirement: Retirement, *, status: int | None) -> Self:
        """Says which base model is gone, and what to do."""
        return cls(
            f"The tuned model {name} does not answer, and its base model is gone: {retirement}.",
            advice="Tune it again on a current base model: on Vertex AI, "
            "tuningJobs:rebaseTunedModel does that.",
            name=name,
            retirement=retirement,
            status=status,
        )


class TunedModelNotDeletableError(TunedModelError):
    """There is nothing that could be deleted, or it is not clear what.

    Attributes:
        is_gone: Whether nothing is left but a tuning job's record, which stays for ever.
    """

    def __init__(self, message: str, *, is_gone: bool = False, **about: Unpack[_About]) -> None:
        super().__init__(message, **about)
        self.is_gone = is_gone


class PromotionRefusedError(TunedModelError):
    """A version does not answer, so an alias was not changed to point to it.

    Attributes:
        alias: The alias, which points to what it did before.
    """

    def __init__(self, message: str, *, alias: str, **about: Unpack[_About]) -> None:
        super().__init__(message, **about)
        self.alias = alias


class CircuitOpenError(TunedModelError):
    """The model was not called, because its circuit is open or its quota short.

    Attributes:
        opened_by: What opened the circuit, in the word of whoever reported it; `"quota"` also for a
            call that was held back while the circuit is closed, `"forced"` for a circuit that
            somebody forced open.
        retry_after: Seconds until the model is tried again, at the latest; 0 for a call that
            was held back; None for a circuit that was forced open.
    """

    is_local = True
    is_retryable = True

    def __init__(
        self, message: str, *, opened_by: str, retry_after: float | None, **about: Unpack[_About]
    ) -> None:
        super().__init__(message, **about)
        self.opened_by = opened_by
        self.reason = Reason.of(opened_by)
        self.retry_after = retry_after


class NovelInputError(TunedModelError):
    """The tuned model was not called: the question is unlike all that it was tuned with.

    Attributes:
        score: How like the tuning set the question is, from 0 to 1.
        threshold: Below which score a question is novel.
    """

    reason = Reason.NOVEL_INPUT
    is_local = True

    def __init__(self, *, name: str, score: float, threshold: float) -> None:
        super().__init__(
            f"{name} was not asked: the question is unlike its tuning set ({score:.3f}, where "
            f"{threshold:.3f} is the least).",
            advice=Advice(
                "Add examples of such questions and tune it again, or lower the threshold of "
                "NovelInput.",
                "Add examples of such questions and tune it again.",
            ),
            name=name,
        )
        self.score = score
        self.threshold = threshold
