"""The chat model for a tuned Gemini model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final, Literal, TypeVar, Unpack, cast

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel, PrivateAttr

from langchain_tuned_gemini.chat_models.agent_answers import AgentAnswer, neutral
from langchain_tuned_gemini.chat_models.arguments import (
    check_arguments,
    check_structured_options,
    checked_arguments,
)
from langchain_tuned_gemini.chat_models.base_model import BaseModelChatModel
from langchain_tuned_gemini.chat_models.base_model_names import (
    base_of_fallback,
    location_of_fallback,
)
from langchain_tuned_gemini.chat_models.binding import Binding, BoundCall, instructed
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.chat_models.fallback.tracing import name_run
from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
from langchain_tuned_gemini.chat_models.parameters import (
    GENERATION,
    THINKING,
    TunedGeminiParameters,
)
from langchain_tuned_gemini.chat_models.pickling import rebuild, unpickled
from langchain_tuned_gemini.chat_models.probe_by_call import ProbingService
from langchain_tuned_gemini.chat_models.recorded_fallback import RecordedFallback
from langchain_tuned_gemini.chat_models.structured_output import STRUCTURED, parsed_text
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey
from langchain_tuned_gemini.dataset import Columns, Examples
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.registry import RecordedVersion, Records
from langchain_tuned_gemini.registry.alias_resolver import AliasResolver
from langchain_tuned_gemini.secrets.redaction import redacting
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.readiness import ReadinessGate
from langchain_tuned_gemini.services.wait import Progress, await_until_active, wait_until_active
from langchain_tuned_gemini.transport.access import AbsentAccess
from langchain_tuned_gemini.tuned_models.base_models import (
    BaseModelRetiredWarning,
    Retirement,
    base_model_id,
    find,
)
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

T = TypeVar("T")

_OF_THE_ALIAS: Final = frozenset({"model", "records", "clock", "project", "location"})
"""The parameters of an alias, which are not those of its versions."""


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

    keeps_deadline: ClassVar[bool] = True  # its connections do

    _binding: Binding = PrivateAttr()
    _versions: AliasResolver[ChatTunedGemini] | None = PrivateAttr(default=None)
    _said: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _has_own_profile: bool = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Finds out what answers: the model of this name, or the versions of an alias."""
        super().model_post_init(context)
        self._has_own_profile = self.profile is not None  # LangChain has yet to resolve it
        is_alias = AliasName.find(self.model) is not None
        is_developers = not is_alias and TunedModelName.parse(self.model).platform == "developer"
        if not is_developers and "google_api_key" not in self.model_fields_set:
            self.__dict__["google_api_key"] = None  # a version looks for one if it needs one
        if is_alias:
            said = {name: getattr(self, name) for name in self.model_fields_set - _OF_THE_ALIAS}
            self._said = {name: value for name, value in said.items() if value is not None}
            self._versions = self._resolver(self._model_of)
        else:
            self._binding = Binding.of(self)
            self.__dict__["google_api_key"] = self._binding.access.api_key  # as it is sent
            self._warn_if_retired(self.base_model or "", f"{self.model} was tuned from it")

    def _resolver(self, build: Callable[[RecordedVersion], T]) -> AliasResolver[T]:
        """A resolver of the alias to what is built from a version."""
        alias = AliasName.parse(self.model)
        return AliasResolver(Records(self.records), alias, build, clock=self.clock)

    def _model_of(self, version: RecordedVersion) -> ChatTunedGemini:
        """The model of a version, used as it is recorded; what was said here goes before."""
        record = version.record
        model = ChatTunedGemini(**{**record.parameters, **self._said, "model": record.model})
        identity = replace(model._binding.identity, version=str(version))
        model._binding = replace(model._binding, identity=identity)
        return model

    @property
    def current(self) -> ChatTunedGemini:
        """The model that answers now: itself, or that of the version that its alias points to."""
        return self if self._versions is None else self._versions.current()

    @property
    def binding(self) -> Binding:
        """All that whoever answers now needs for it, and who that is."""
        return self.current._binding

    @property
    def inner_model(self) -> BaseChatModel:
        """Google's chat model, as it is called now."""
        return self.binding.model

    @property
    def gate(self) -> ReadinessGate:
        """Decides whether the model may be called now."""
        return self.binding.gate

    @gate.setter
    def gate(self, gate: ReadinessGate) -> None:
        tuned = self.current
        tuned._binding = replace(tuned._binding, gate=gate)

    def _names_its_run(self) -> bool:
        return not self.binding.identity.base_model

    def _calls(
        self,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,
    ) -> tuple[BoundCall]:
        arguments = checked_arguments(arguments, self) if arguments else arguments
        return (BoundCall.of(self.current, messages, arguments, run_manager),)

    def _should_stream(self, *, async_api: bool, **kwargs: Any) -> bool:
        """Not what an agent waits for: it is known at the end only."""
        return STRUCTURED not in kwargs and super()._should_stream(async_api=async_api, **kwargs)

    def _learn(self, seen: TunedModel, run_manager: BaseRunManager | None) -> Binding:
        """Takes in what the control plane has shown; tells the run if that is news."""
        before = self._binding
        self._binding = binding = before.learnt(self, seen)
        if binding.model is not before.model:
            self._warn_if_retired(binding.identity.base_model, f"{self.model} was tuned from it")
            if not self._has_own_profile:
                self.__dict__["profile"] = self._resolve_model_profile()
            name_run(self, run_manager)
        return binding

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        """A base model with this one's rights and patience; see `Binding.base_model`."""
        tuned = self.current
        return tuned._binding.base_model(tuned, name, location)

    def _retirement_of(self, base: str) -> Retirement | None:
        known = find(base)
        platform = self.binding.identity.name.platform
        return known.retirement(platform, self.today()) if known else None

    def _warn_if_retired(self, base: str, why: str) -> None:
        if retirement := self._retirement_of(base):
            message = f"{retirement}, and {why}. Move to a current base model."
            warnings.warn(BaseModelRetiredWarning(message, retirement), stacklevel=3)

    @property
    def service(self) -> TunedModelService:
        """The control plane that knows the state of the model that answers now."""
        return self.binding.service

    @property
    def circuit_key(self) -> CircuitKey:
        """Whose health this model's circuit is about.

        That of an alias is not its version's, which calls of another version must not close or
        open.
        """
        identity = self.binding.access.identity
        return CircuitKey.of(self.model, address=self.base_url, api_key=identity)

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
        tuned = self.current
        ready = wait_until_active(
            tuned._probing, tuned.model, timeout=timeout, on_progress=on_progress
        )
        tuned._believe_that_it_is_ready(ready)
        return ready

    async def await_until_active(
        self,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> TunedModel:
        """Waits until the tuned model can serve, without blocking the event loop."""
        tuned = self.current
        ready = await await_until_active(
            tuned._probing, tuned.model, timeout=timeout, on_progress=on_progress
        )
        tuned._believe_that_it_is_ready(ready)
        return ready

    @property
    def _probing(self) -> ProbingService:
        return ProbingService(self._binding.service, self._binding.model)

    def _believe_that_it_is_ready(self, model: TunedModel) -> None:
        """Drops what gate and circuit remember of a model that was not ready, or was gone."""
        self._learn(model, None)
        self.gate.forget()
        circuit = CircuitBreaker(self.circuit_key)
        if circuit.view().forced is None:
            circuit.reset()

    def base_chat_model(
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
        tuned = self.current
        of_it = ("max_output_tokens", *THINKING)
        wants_to = any(getattr(tuned, name) is not None for name in of_it)
        base = base_of_fallback(base, tuned=tuned.model, needs_rules=wants_to)
        if isinstance(base, BaseChatModel):
            return base
        tuned._warn_if_retired(base, "it is to stand in for a tuned model")
        said = tuned.fallback_location if fallback_location is None else fallback_location
        location = location_of_fallback(base, tuned._binding.identity.name, said)
        return BaseModelChatModel(model=base, tuned=tuned, location=location)

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
        if self._versions is not None:
            if columns is not None and examples is not None:
                examples, k = FewShotPrompt.of(examples, k=k, columns=columns), None
            recipe = RecordedFallback(self, base, examples, k, fallback_location, settings)
            return FallbackChatModel.of_alias(recipe.resolver)
        if base is None or examples is None:
            raise ParameterError(
                "A fallback needs a base model and examples: with_few_shot_fallback("
                '"gemini-3.5-flash", examples="train.jsonl"). Only the model of an alias, such '
                "as sql-expert@production, can take them from its records."
            )
        prompt = FewShotPrompt.of(examples, k=k, columns=columns)
        prompt.build()  # now, and not when the tuned model has failed and someone is waiting
        base_model = self.base_chat_model(base, fallback_location=fallback_location)
        shown = FewShotChatModel(wrapped=base_model, prompt=prompt)
        return FallbackChatModel(models=[self, instructed(shown, self)], **settings)

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
            return parsed_text(self, schema, include_raw=include_raw)
        return super().with_structured_output(
            schema, include_raw=include_raw, method=method, **kwargs
        )

    def get_num_tokens(self, text: str) -> int:
        """Counts tokens: on Vertex AI the model itself does, on the Developer API its base.

        Without a `base_model`, or an endpoint that is known, it is langchain-core's estimate, a
        token for 4 characters.
        """
        tuned = self.current
        identity = tuned._binding.identity
        with redacting():
            if identity.name.platform == "vertex" and identity.address:
                return tuned._binding.model.get_num_tokens(text)
            if tuned.base_model is None:
                return count_tokens_approximately([text])
            return tuned._google_model(tuned.base_model).get_num_tokens(text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        """The base model's, but for native structured output, which harms tuned models.

        LangChain's agents would choose it, even together with tools, which no Gemini before 3
        takes.
        """
        base = self.binding.identity.base_model
        profile = self._google_model(base).profile if base else None
        return cast("ModelProfile", {**profile, "structured_output": False}) if profile else None

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        """Names the base model, whose price a tuned model has, and the tuned one beside it."""
        tuned = self.current
        base, name = tuned._binding.identity.base_model, tuned.model
        params = tuned._binding.model._get_ls_params(stop=stop, **kwargs)
        if "model" not in kwargs:
            params["ls_model_name"] = (base and base_model_id(base)) or name
        return cast("LangSmithParams", {**params, "tuned_model": name})

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where the key comes from when a serialised model is loaded."""
        return {"google_api_key": "GOOGLE_API_KEY"}

    @property
    def _llm_type(self) -> str:
        return "chat-tuned-gemini"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        names = ("model", "checkpoint", "base_model", "task", *GENERATION, *THINKING)
        return {name: getattr(self, name) for name in names}

    def _depends_on(self) -> object:
        tuned = self.current
        return tuned._binding.who, tuned._answers_as()

    def _answers_as(self) -> list[tuple[str, Any]]:
        """The settings that an answer depends on."""
        names = ("base_model", "task", "system_instruction", "output_version")
        return [(name, getattr(self, name)) for name in (*names, *GENERATION, *THINKING)]

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
