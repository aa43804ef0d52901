"""All that one version of a tuned model needs to answer, and who it is that answers then."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Protocol, Self, cast

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from langchain_tuned_gemini.chat_models.agent_answers import AgentAnswer
from langchain_tuned_gemini.chat_models.conversation import own_thoughts, require_contents
from langchain_tuned_gemini.chat_models.gated import GatedCall
from langchain_tuned_gemini.chat_models.google import google_chat_model, name_asked
from langchain_tuned_gemini.chat_models.parameters import TunedGeminiParameters
from langchain_tuned_gemini.chat_models.structured_output import STRUCTURED
from langchain_tuned_gemini.chat_models.system_prompt import DefaultSystemPromptChatModel
from langchain_tuned_gemini.circuit_breaker import CircuitKey
from langchain_tuned_gemini.errors import (
    BaseModelRetiredError,
    ParameterError,
    ServiceError,
    TunedModelError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.failures import Failure, Reason
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.trusted_hosts import check_destination
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.by_access import service_for
from langchain_tuned_gemini.services.readiness import Answer, ReadinessGate
from langchain_tuned_gemini.transport.access import Access, VertexAccess, access_to
from langchain_tuned_gemini.tuned_models.base_models import Retirement, find
from langchain_tuned_gemini.tuned_models.generation_presets import (
    base_model_arguments,
    base_model_parameters,
    generation_parameters,
)
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_CONNECT_ELSEWHERE: Final = 1.0
"""How long connecting to another location than the tuned model's may take, in seconds."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers: as far as it is known from the name, the records and the control plane.

    Attributes:
        name: The tuned model's name, which has project and location on Vertex AI.
        version: The family and version that it is recorded as; empty for a model that was not
            called by an alias.
        checkpoint: The checkpoint that is to answer; the default one when None.
        base_model: The model it was tuned from; empty as long as that is not known.
        address: What is called; empty as long as that is not known.

    Raises:
        ParameterError: A checkpoint of something that has none.
    """

    name: TunedModelName
    version: str = ""
    checkpoint: str | None = None
    base_model: str = ""
    address: str = ""

    @classmethod
    def of(cls, said: TunedGeminiParameters) -> Self:
        """The identity as far as the parameters tell it."""
        name = TunedModelName.parse(said.model)
        if said.checkpoint is not None and name.is_callable:
            raise ParameterError(
                f"checkpoint={said.checkpoint!r} needs the name of a tuning job or a model; {name} "
                "has no checkpoints of its own. On Vertex AI each checkpoint has an endpoint: "
                "name that."
            )
        return cls(
            name,
            checkpoint=said.checkpoint,
            base_model=said.base_model or "",
            address=str(name) if name.is_callable else "",
        )

    def learnt(self, seen: TunedModel, given_base: str | None) -> Self:
        """The same with what the control plane has shown; a base that was given holds.

        Raises:
            ParameterError: It has no such checkpoint.
        """
        address = self.address if self.name.is_callable else self._endpoint_of(seen)
        base = given_base or seen.base_model or self.base_model
        return replace(self, address=address, base_model=base)

    def objection(self, answer: Answer | None) -> TunedModelError | ServiceError:
        """Why it can't be called as long as no address is known.

        Args:
            answer: What the control plane has said last.
        """
        if isinstance(answer, TunedModel):
            return TunedModelNotReadyError(
                f"The tuned model {self.name} is {answer.state_text}, but no endpoint answers for "
                "it: deploy it to one, and name that.",
                name=str(self.name),
                state=answer.state,
            )
        problem = answer if isinstance(answer, ServiceError) else None
        error = ServiceError(
            f"It is not known which endpoint answers for {self.name}. "
            f"{problem or 'The control plane did not answer in time.'} To do without the control "
            "plane, name the endpoint itself: projects/P/locations/L/endpoints/E.",
            status=problem.status if problem else None,
            is_retryable=problem.is_retryable if problem else True,
        )
        error.__cause__ = problem
        return error

    def _endpoint_of(self, seen: TunedModel) -> str:
        """The endpoint, or that of the chosen checkpoint."""
        if self.checkpoint is None or not seen.endpoint:
            return seen.endpoint
        endpoints = {checkpoint.id: checkpoint.endpoint for checkpoint in seen.checkpoints}
        if not endpoints.get(self.checkpoint):
            raise ParameterError(
                f"{self.name} has no endpoint for checkpoint={self.checkpoint!r}, only for "
                f"{sorted(id_ for id_, endpoint in endpoints.items() if endpoint)}."
            )
        return endpoints[self.checkpoint]


@dataclass(frozen=True, slots=True)
class Binding:
    """All that a version needs to answer. A call uses the one that holds when it begins.

    Attributes:
        identity: Who answers.
        access: The right to call it.
        service: The control plane that knows its state.
        gate: Decides whether it may be called now.
        model: What is called.
        seen: The state in which it was when the model was built; None as long as nobody has said.
    """

    identity: Identity
    access: Access
    service: TunedModelService = field(repr=False)
    gate: ReadinessGate = field(repr=False)
    model: BaseChatModel = field(repr=False)  # it may show a password in base_url
    seen: TunedModel | None = None

    @property
    def who(self) -> object:
        """Who answers whom: the version at its address, and a hash of the key and the service.

        What a base model is called is left out: it is learnt from the first call on.
        """
        seen_by = CircuitKey.of("", address=self.access.base_url, api_key=self.access.identity)
        one = self.identity
        return str(one.name), one.version, one.checkpoint, one.address, seen_by.fingerprint

    @classmethod
    def of(cls, said: TunedGeminiParameters) -> Self:
        """The binding of a model that is called by its own name."""
        name = TunedModelName.parse(said.model)
        access = access_to(
            name,
            api_key=cast("SecretStr | None", said.google_api_key),
            credentials=said.credentials,
            base_url=said.base_url,
        )
        key_was_passed = "google_api_key" in said.model_fields_set and access.api_key
        if said.credentials is None and not key_was_passed:
            check_destination(said.base_url)
        service, identity = service_for(access), Identity.of(said)
        gate = ReadinessGate(service, name)
        return cls(identity, access, service, gate, _tuned_model(said, access, identity))

    def learnt(self, said: TunedGeminiParameters, seen: TunedModel) -> Self:
        """The same with what the control plane has shown; the same model where that is no news."""
        identity = self.identity.learnt(seen, said.base_model)
        if identity == self.identity:
            return replace(self, seen=seen)
        model = _tuned_model(said, self.access, identity)
        return replace(self, identity=identity, model=model, seen=seen)

    def base_model(
        self, said: TunedGeminiParameters, name: str, location: str | None
    ) -> ChatGoogleGenerativeAI:
        """A base model with this one's rights and patience, and its parameters as they fit.

        In another location than this model's, connecting must not take long: there may be no
        route to it.
        """
        access, patience = self.access, said.patience
        if location is not None and isinstance(access, VertexAccess):
            access = replace(access, location=location)
            patience["connect_timeout"] = _CONNECT_ELSEWHERE
        base, given = find(name), said.generation
        return google_chat_model(
            name,
            access=access,
            patience=patience,
            parameters=base_model_parameters(said.task, given, base),
            fit=partial(base_model_arguments, said.task, given, base),
        )


def _tuned_model(said: TunedGeminiParameters, access: Access, identity: Identity) -> BaseChatModel:
    """The model to call, built from what is known of it by now."""
    base = identity.base_model
    model = google_chat_model(
        identity.address or said.model,
        access=access,
        patience=said.patience,
        parameters=generation_parameters(said.task, said.generation, find(base)),
        base_model=base,
    )
    return instructed(model, said)


def instructed(model: BaseChatModel, said: TunedGeminiParameters) -> BaseChatModel:
    """A model that is told what the tuned one was told in its training."""
    if said.system_instruction is None:
        return model
    return DefaultSystemPromptChatModel(wrapped=model, system_prompt=said.system_instruction)


class BoundModel(Protocol):
    """The model of a version, as its calls see it."""

    model: str
    _binding: Binding

    def _learn(self, seen: TunedModel, run_manager: BaseRunManager | None) -> Binding:
        """Takes in what the control plane has shown; tells the run if that is news."""

    def _retirement_of(self, base: str) -> Retirement | None:
        """The end of a base model, if that has come."""


@dataclass(slots=True)
class BoundCall(GatedCall):
    """One call of a tuned model: of the version that its alias points to when it begins.

    Google calls a tuned model by the name of its base; the answers carry its own.

    Attributes:
        tuned: The model of the version.
        binding: What it is bound to now.
        asked: The conversation, as it was asked.
        run_manager: The run that is told what is learnt about the model.
        waited_for: What an agent waits for as an answer.
    """

    tuned: BoundModel
    binding: Binding
    asked: list[BaseMessage]
    run_manager: BaseRunManager | None
    waited_for: AgentAnswer | None

    @classmethod
    def of(
        cls,
        tuned: BoundModel,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,
    ) -> Self:
        """A call of what a model is bound to now."""
        require_contents(messages)
        binding, waited_for = tuned._binding, arguments.pop(STRUCTURED, None)
        told = own_thoughts(messages, tuned.model)
        asked = (tuned, binding, messages, run_manager, waited_for)
        return cls(binding.model, told, arguments, binding.gate, *asked)

    def admitted(self) -> None:
        """Takes in what the gate has learnt, and makes sure that there is something to call."""
        gate = self.binding.gate
        seen = gate.state
        if seen is not None and seen is not self.binding.seen:
            self.binding = self.tuned._learn(seen, self.run_manager)
            self.model = self.binding.model
        if not self.binding.identity.address:
            raise self.binding.identity.objection(gate.answer)

    def finish(self, generation: ChatGeneration) -> None:
        """Names the tuned model where Google names its base."""
        for metadata in (generation.generation_info, generation.message.response_metadata):
            if metadata and "model_name" in metadata:
                metadata["model_name"] = self.tuned.model

    def finished(self, result: ChatResult) -> ChatResult:
        """The answer by its name and, for an agent, as that waits for it."""
        for generation in result.generations:
            self.finish(generation)
        if self.waited_for is None:
            return result
        return self.waited_for.taken(result, self.asked, self.tuned.model)

    def failed(self, error: Exception, failure: Failure | None) -> None:
        """Says which model was asked, and when it does not answer because its base was retired."""
        name, identity = self.tuned.model, self.binding.identity
        was_found = not failure or failure.reason not in {Reason.CONNECTION, Reason.GONE}
        name_asked(error, identity.address or name, was_found=was_found)
        is_gone = failure is not None and failure.reason is Reason.GONE
        if is_gone and (retirement := self.tuned._retirement_of(identity.base_model)):
            status = failure.status if failure else None
            raise BaseModelRetiredError.because(name, retirement, status=status) from error
