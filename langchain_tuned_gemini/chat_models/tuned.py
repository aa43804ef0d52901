"""The chat model for a tuned Gemini model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal, Self, Unpack, cast

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel, PrivateAttr, SecretStr

from langchain_tuned_gemini.chat_models.agent_answers import AgentAnswer
from langchain_tuned_gemini.chat_models.arguments import (
    check_arguments,
    check_structured_options,
)
from langchain_tuned_gemini.chat_models.base_model import StandInChatModel, location_of_fallback
from langchain_tuned_gemini.chat_models.base_model_names import base_of_fallback
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.chat_models.fallback.tracing import name_run
from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
from langchain_tuned_gemini.chat_models.google import google_chat_model, name_asked
from langchain_tuned_gemini.chat_models.identity import Identity
from langchain_tuned_gemini.chat_models.parameters import (
    GENERATION,
    THINKING,
    TunedGeminiParameters,
)
from langchain_tuned_gemini.chat_models.pickling import unpickled
from langchain_tuned_gemini.chat_models.probe_by_call import TriedByCalling
from langchain_tuned_gemini.chat_models.rebuilding import rebuild
from langchain_tuned_gemini.chat_models.structured_output import STRUCTURED, parsed_text
from langchain_tuned_gemini.chat_models.system_prompt import DefaultSystemPromptChatModel
from langchain_tuned_gemini.chat_models.tools import neutral
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey
from langchain_tuned_gemini.dataset import Columns, Examples
from langchain_tuned_gemini.errors import BaseModelRetiredError, ParameterError
from langchain_tuned_gemini.failures import Failure, Reason
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.redaction import redacting
from langchain_tuned_gemini.secrets.trusted_hosts import check_destination
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.factory import service_for
from langchain_tuned_gemini.services.readiness import ReadinessGate
from langchain_tuned_gemini.services.waiting import Progress, await_until_active, wait_until_active
from langchain_tuned_gemini.transport.access import AbsentAccess, Access, VertexAccess, access_to
from langchain_tuned_gemini.transport.http import CONNECT_TIMEOUT
from langchain_tuned_gemini.tuned_models.base_models import (
    BaseModelRetiredWarning,
    Retirement,
    base_model_id,
    find,
)
from langchain_tuned_gemini.tuned_models.generation_presets import (
    base_model_arguments,
    base_model_parameters,
    generation_parameters,
)
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_CONNECT_ELSEWHERE = 1.0
"""How long connecting to another location than the tuned model's may take, in seconds."""


class ChatTunedGemini(TunedGeminiParameters):
    """A tuned Gemini model, of Vertex AI or the Developer API, that knows whether it can serve.

    Before its first call the tuned model's state is checked, so that a model that is still
    training raises an error that says so, instead of Google's 400 or 404. An ACTIVE state is
    remembered: further calls make no request but their own. Where the state may not be seen,
    the model is called all the same. Nothing is sent that you did not set, but to think as
    little as the base model can, where that is known; and nothing is retried.

    Args:
        model: The tuned model's name: `tunedModels/ID`; on Vertex AI an endpoint's, a tuning
            job's or a model's, `projects/P/locations/L/endpoints/E`, `…/tuningJobs/J`,
            `…/models/M@V`; or short, with project and location given: `endpoints/E`, `E`.
            Or an alias of the records, `sql-expert@production`, which is followed.
        api_key: The API key; of the Developer API from `GOOGLE_API_KEY` or `GEMINI_API_KEY` when
            left out.
        credentials: Credentials of Google Cloud, for Vertex AI; the application default ones
            when left out.
        base_url: Where the API is. An address that is neither Google's nor this machine's gets
            only a key or credentials that were passed, none from the environment.

    Raises:
        TunedModelNameError: For a name that can't be a tuned model's.
        ParameterError: For a parameter that it does not know, or without a key.

    Example:
        ```python
        model = ChatTunedGemini(model="projects/acme/locations/us-central1/endpoints/42")
        robust = model.with_few_shot_fallback("gemini-3.5-flash", examples="train.jsonl")
        chain = prompt | robust | StrOutputParser()
        ```
    """

    _access: Access = PrivateAttr()
    _service: TunedModelService = PrivateAttr()
    _identity: Identity = PrivateAttr()
    _has_own_profile: bool = PrivateAttr()

    def __new__(cls, **parameters: Any) -> Self:
        """A model that follows its alias, if it has one for a name."""
        if cls is ChatTunedGemini and AliasName.find(str(parameters.get("model", ""))):
            from langchain_tuned_gemini.chat_models.aliased import AliasedChatTunedGemini

            return cast("Self", super().__new__(AliasedChatTunedGemini))
        return super().__new__(cls)

    def model_post_init(self, context: Any, /) -> None:
        """Builds the inner model and its gate."""
        super().model_post_init(context)
        name = TunedModelName.parse(self.model)
        if name.platform == "vertex" and "google_api_key" not in self.model_fields_set:
            self.__dict__["google_api_key"] = None  # the Developer API's, most likely
        self._access = access_to(
            name,
            api_key=cast("SecretStr | None", self.google_api_key),
            credentials=self.credentials,
            base_url=self.base_url,
        )
        key_was_passed = "google_api_key" in self.model_fields_set and self._access.api_key
        if self.credentials is None and not key_was_passed:
            check_destination(self.base_url)
        self.__dict__["google_api_key"] = self._access.api_key  # as it is sent
        self._service = service_for(self._access)
        self.gate = ReadinessGate(self._service, name)
        self._identity = Identity(name, self.base_model, self.checkpoint)
        self._has_own_profile = self.profile is not None  # LangChain has yet to resolve it
        self._build()

    def _build(self) -> None:
        """Builds the inner model from what is known of the tuned one by now."""
        base = self._identity.base_model
        given = {name: getattr(self, name) for name in (*GENERATION, *THINKING)}
        model = google_chat_model(
            self._identity.address or self.model,
            access=self._access,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_answer_bytes=self.max_answer_bytes,
            parameters=generation_parameters(self.task, given, find(base)),
            base_model=base,
        )
        self.wrapped = self._instructed(model)
        self._warn_if_retired(base, f"{self.model} was tuned from it")

    def _instructed(self, model: BaseChatModel) -> BaseChatModel:
        """A model that is told what this one was told in its training."""
        if self.system_instruction is None:
            return model
        return DefaultSystemPromptChatModel(wrapped=model, system_prompt=self.system_instruction)

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        """A base model with this one's rights and patience, and its parameters as they fit.

        In another location than this model's, connecting must not take long: there may be no
        route to it.
        """
        access, connect_timeout = self._access, CONNECT_TIMEOUT
        if location is not None and isinstance(access, VertexAccess):
            access, connect_timeout = replace(access, location=location), _CONNECT_ELSEWHERE
        given = {name: getattr(self, name) for name in (*GENERATION, *THINKING)}
        base = find(name)
        return google_chat_model(
            name,
            access=access,
            timeout=self.timeout,
            max_retries=self.max_retries,
            max_answer_bytes=self.max_answer_bytes,
            connect_timeout=connect_timeout,
            parameters=base_model_parameters(self.task, given, base),
            fit=partial(base_model_arguments, self.task, given, base),
        )

    def _names_its_run(self) -> bool:
        return not self._identity.base_model

    def _admitted(self, run_manager: BaseRunManager | None) -> None:
        """Takes in what the gate has learnt, and makes sure that there is something to call."""
        gate = cast("ReadinessGate", self.gate)
        if self._learn(gate.state):
            name_run(self, run_manager)
        if objection := self._identity.objection(gate.answer):
            raise objection

    def _learn(self, model: TunedModel | None) -> bool:
        """Takes in what the control plane has shown; says whether that changes anything."""
        if not self._identity.learn(model):
            return False
        self._build()
        if not self._has_own_profile:
            self.__dict__["profile"] = self._resolve_model_profile()
        return True

    def _failed(self, error: Exception, failure: Failure | None) -> None:
        """Says which model was asked, and when it does not answer because its base was retired."""
        super()._failed(error, failure)
        was_found = not failure or failure.reason not in {Reason.CONNECTION, Reason.GONE}
        name_asked(error, self._identity.address or self.model, was_found=was_found)
        is_gone = failure is not None and failure.reason is Reason.GONE
        if is_gone and (retirement := self._retirement_of(self._identity.base_model)):
            status = failure.status if failure else None
            raise BaseModelRetiredError.because(self.model, retirement, status=status) from error

    def _retirement_of(self, base: str) -> Retirement | None:
        known = find(base)
        platform = TunedModelName.parse(self.model).platform
        return known.retirement(platform, self.today()) if known else None

    def _warn_if_retired(self, base: str, why: str) -> None:
        if retirement := self._retirement_of(base):
            message = f"{retirement}, and {why}. Move to a current base model."
            warnings.warn(BaseModelRetiredWarning(message, retirement), stacklevel=3)

    @property
    def keeps_deadline(self) -> bool:
        """True: its connections do."""
        return True

    @property
    def service(self) -> TunedModelService:
        """The control plane that knows this model's state."""
        return self._service

    @property
    def circuit_key(self) -> CircuitKey:
        """Whose health this model's circuit is about."""
        return CircuitKey.of(self.model, address=self.base_url, api_key=self._access.identity)

    def wait_until_active(
        self,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> TunedModel:
        """Waits until the tuned model can serve.

        Where its state may not be seen, the model is called, with a short question.

        Args:
            timeout: How long to wait at the most, in seconds.
            on_progress: Called after each look at the model.

        Returns:
            The model as it was when it had become ACTIVE.

        Raises:
            TunedModelFailedError: If tuning FAILED or was CANCELLED.
            TunedModelNotFoundError: If the model was deleted.
            WaitTimeoutError: If it is still CREATING after `timeout`.
        """
        states = TriedByCalling(self.service, self.wrapped)
        ready = wait_until_active(states, self.model, timeout=timeout, on_progress=on_progress)
        self._believe_that_it_is_ready(ready)
        return ready

    async def await_until_active(
        self,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> TunedModel:
        """Waits until the tuned model can serve, without blocking the event loop."""
        states = TriedByCalling(self.service, self.wrapped)
        ready = await await_until_active(
            states, self.model, timeout=timeout, on_progress=on_progress
        )
        self._believe_that_it_is_ready(ready)
        return ready

    def _believe_that_it_is_ready(self, model: TunedModel) -> None:
        """Drops what gate and circuit remember of a model that was not ready, or was gone."""
        self._learn(model)
        self.gate.forget()
        circuit = CircuitBreaker(self.circuit_key)
        if circuit.view().forced is None:
            circuit.reset()

    def stand_in(
        self, base: str | BaseChatModel, *, fallback_location: str | None = None
    ) -> BaseChatModel:
        """The model that is to stand in for this one, with its rights if it is Google's.

        Args:
            base: A Gemini model's name, a `provider:model` as LangChain names it, or any chat
                model, which is returned as it is.
            fallback_location: Where on Vertex AI it is asked; see `with_few_shot_fallback`.

        Raises:
            ParameterError: If it can't be a base model, or can't be asked there.
            MissingExtraError: If a `provider:model` is named, and LangChain is not installed.

        Warns:
            BaseModelRetiredWarning: If the base model is retired, or Google lets another one
                answer in its place.
            UserWarning: If nothing is known of it, or its generation has ended.
        """
        wants_to = any(getattr(self, name) is not None for name in ("max_output_tokens", *THINKING))
        base = base_of_fallback(base, tuned=self.model, needs_rules=wants_to)
        if isinstance(base, BaseChatModel):
            return base
        self._warn_if_retired(base, "it is to stand in for a tuned model")
        name = TunedModelName.parse(self.model)
        said = self.fallback_location if fallback_location is None else fallback_location
        location = location_of_fallback(base, name, said)
        return StandInChatModel(model=base, tuned=self, location=location)

    def with_few_shot_fallback(
        self,
        base: str | BaseChatModel | None = None,
        *,
        examples: Examples | BaseExampleSelector | FewShotPrompt | None = None,
        k: int | None = None,
        columns: Columns | None = None,
        fallback_location: str | None = None,
        **settings: Unpack[FallbackSettings],
    ) -> FallbackChatModel:
        """A model that answers with a base model and examples while this one can't.

        The model of an alias needs neither: what is left out is taken from the records.

        Args:
            base: The model that stands in: a Gemini model's name, which gets this model's key,
                address and parameters, as far as they suit it, a `provider:model` as LangChain
                names it, or any chat model. A Gemini model thinks as little as it can unless this
                model was told to think more.
            examples: What this model was tuned on: a file of `{"text_input", "output"}` rows, a
                `TuningDataset`, the rows themselves, or an example selector. Or a
                `FewShotPrompt`, which says more: how examples are shown, how many tokens they
                may take, where in a conversation the question stands.
            k: How many examples go into the prompt at the most; 8 of a dataset by default, and
                what it selects by itself of a selector. A `FewShotPrompt` has its own.
            columns: What the file of the examples calls the fields, where they have other names:
                `{"text_input": "question", "output": "answer"}`.
            fallback_location: Where on Vertex AI the base model is asked: a region, `"us"`,
                `"eu"` or `"global"`. By default in the multi-region `us` for a tuned model in
                `us-*`, so that an outage of the region does not take both, and elsewhere in
                the tuned model's own region, which may be bound to its country. Where the
                other location does not answer, the own region is asked.
            **settings: Further parameters of `FallbackChatModel`, such as `guards`.

        Raises:
            DatasetError: If the examples can't be read; it names file, line and field.
            ParameterError: If there is a `k` beside a `FewShotPrompt`, or no base, or no examples;
                or if the base can't be a base model, or can't be asked there.

        Warns:
            BaseModelRetiredWarning: If the base model is retired, or Google lets another one
                answer in its place.
            UserWarning: If nothing is known of it, or its generation has ended.
        """
        if base is None or examples is None:
            raise ParameterError(
                "A fallback needs a base model and examples: with_few_shot_fallback("
                '"gemini-3.5-flash", examples="train.jsonl"). Only the model of an alias, such '
                "as sql-expert@production, can take them from its records."
            )
        prompt = FewShotPrompt.of(examples, k=k, columns=columns)
        prompt.build()  # now, and not when the tuned model has failed and someone is waiting
        stand_in = self.stand_in(base, fallback_location=fallback_location)
        shown = FewShotChatModel(wrapped=stand_in, prompt=prompt)
        return FallbackChatModel(models=[self, self._instructed(shown)], **settings)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offers tools to the tuned model; JSON is taken for the call that an agent waits for.

        Args:
            tools: Tools in any form that LangChain knows.
            tool_choice: `"auto"`, `"any"`, `"none"` or a tool's name.
            **kwargs: Further arguments for each call.
        """
        check_arguments(kwargs, self)
        bound = super().bind_tools(tools, tool_choice=tool_choice, **kwargs)
        waited_for = AgentAnswer.waited_for(tools, neutral(tools, tool_choice))
        return bound.bind(**{STRUCTURED: waited_for}) if waited_for else bound

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: Literal["text", "function_calling", "json_schema", "json_mode"] = "text",
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers in a schema.

        By default the text is parsed and nothing is sent: a model that was tuned to answer in
        JSON does so by itself, and controlled generation (`json_schema`) makes the answers of
        tuned models worse, says Google.
        https://docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini-supervised-tuning

        Args:
            schema: A pydantic class, a TypedDict, or a JSON schema.
            include_raw: Whether to give the message and an error along, instead of raising it.
            method: `"text"`; or upstream's `"function_calling"` or `"json_schema"`, for a model
                that was not tuned to answer in this form.
            **kwargs: Further arguments of upstream's methods.
        """
        if method == "text":
            check_structured_options(kwargs)
            chain = parsed_text(self, schema, include_raw=include_raw)
            return cast("Runnable[LanguageModelInput, dict[str, Any] | BaseModel]", chain)
        return super().with_structured_output(
            schema, include_raw=include_raw, method=method, **kwargs
        )

    def get_num_tokens(self, text: str) -> int:
        """Counts tokens: on Vertex AI the model itself does, on the Developer API its base.

        Without a `base_model`, or an endpoint that is known, it is langchain-core's estimate, a
        token for 4 characters.
        """
        name = TunedModelName.parse(self.model)
        with redacting():
            if name.platform == "vertex" and self._identity.address:
                return self.wrapped.get_num_tokens(text)
            if self.base_model is None:
                return count_tokens_approximately([text])
            return self._google_model(self.base_model).get_num_tokens(text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        """The base model's, but for native structured output, which harms tuned models.

        LangChain's agents would choose it, even together with tools, which no Gemini before 3
        takes.
        """
        base = self._identity.base_model
        profile = self._google_model(base).profile if base else None
        return cast("ModelProfile", {**profile, "structured_output": False}) if profile else None

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """Names the base model, whose price a tuned model has, and the tuned one beside it."""
        params = super()._get_ls_params(stop=stop, **kwargs)
        if "model" not in kwargs:
            params["ls_model_name"] = base_model_id(self._identity.base_model) or self.model
        return cast("LangSmithParams", {**params, "tuned_model": self.model})

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the key comes from when a serialised model is loaded."""
        return {"google_api_key": "GOOGLE_API_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: the gate and the inner model are built again from the parameters."""
        return True

    @property
    def _llm_type(self) -> str:
        return "chat-tuned-gemini"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model", "checkpoint", "base_model", "task", *GENERATION, *THINKING)
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the parameters without key and credentials, which are found again."""
        has_key = self.google_api_key is not None or isinstance(self.credentials, AbsentAccess)
        return unpickled, (partial(rebuild, type(self), self._parameters(), has_key),)

    def _parameters(self) -> dict[str, Any]:
        fields = type(self).model_fields
        parameters = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if not fields[name].exclude and name not in self.lc_secrets
        }
        return {**parameters, **self.lc_attributes}
