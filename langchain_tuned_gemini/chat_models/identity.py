"""Where a tuned model answers, and which model it was tuned from: as far as it is known."""

from __future__ import annotations

from langchain_tuned_gemini.errors import (
    ParameterError,
    ServiceError,
    TunedModelError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.readiness import Answer
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel


class Identity:
    """What is known of a tuned model, from its name at first, and then from the control plane.

    Args:
        name: Its name.
        base_model: The model it was tuned from, if the user has said so: then that holds.
        checkpoint: The checkpoint that is to answer; the default one when None.

    Attributes:
        address: What is called; empty as long as that is not known.
        base_model: The model it was tuned from; empty as long as that is not known.

    Raises:
        ParameterError: A checkpoint of something that has none.
    """

    def __init__(
        self, name: TunedModelName, base_model: str | None, checkpoint: str | None
    ) -> None:
        if checkpoint is not None and name.is_callable:
            raise ParameterError(
                f"checkpoint={checkpoint!r} needs the name of a tuning job or a model; {name} "
                "has no checkpoints of its own. On Vertex AI each checkpoint has an endpoint: "
                "name that."
            )
        self._name = name
        self._checkpoint = checkpoint
        self._given_base = base_model
        self._learnt: TunedModel | None = None
        self.address = str(name) if name.is_callable else ""
        self.base_model = base_model or ""

    def learn(self, model: TunedModel | None) -> bool:
        """Takes in what the control plane has shown; says whether that changes anything.

        Raises:
            ParameterError: It has no such checkpoint.
        """
        if model is None or model is self._learnt:
            return False
        before = (self.address, self.base_model)
        if not self._name.is_callable:
            self.address = self._endpoint_of(model)
        self.base_model = self._given_base or model.base_model or self.base_model
        self._learnt = model
        return (self.address, self.base_model) != before

    def objection(self, answer: Answer | None) -> TunedModelError | ServiceError | None:
        """Why it can't be called; None if it can.

        Args:
            answer: What the control plane has said last.
        """
        if self.address:
            return None
        if isinstance(answer, TunedModel):
            return TunedModelNotReadyError(
                f"The tuned model {self._name} is {answer.told_state}, but no endpoint answers for "
                "it: deploy it to one, and name that.",
                name=str(self._name),
                state=answer.state,
            )
        problem = answer if isinstance(answer, ServiceError) else None
        error = ServiceError(
            f"It is not known which endpoint answers for {self._name}. "
            f"{problem or 'The control plane did not answer in time.'} To do without the control "
            "plane, name the endpoint itself: projects/P/locations/L/endpoints/E.",
            status=problem.status if problem else None,
            is_retryable=problem.is_retryable if problem else True,
        )
        error.__cause__ = problem
        return error

    def _endpoint_of(self, model: TunedModel) -> str:
        """The endpoint, or that of the chosen checkpoint."""
        if self._checkpoint is None or not model.endpoint:
            return model.endpoint
        endpoints = {checkpoint.id: checkpoint.endpoint for checkpoint in model.checkpoints}
        if not endpoints.get(self._checkpoint):
            raise ParameterError(
                f"{self._name} has no endpoint for checkpoint={self._checkpoint!r}, only for "
                f"{sorted(id_ for id_, endpoint in endpoints.items() if endpoint)}."
            )
        return endpoints[self._checkpoint]
