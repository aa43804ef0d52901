"""The chat model for a tuned Gemini model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils import secret_from_env
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, SerializeAsAny

from langchain_tuned_gemini.chat_models.fallback import FallbackChatModel
from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
from langchain_tuned_gemini.chat_models.gated import Gate, GatedChatModel
from langchain_tuned_gemini.chat_models.google import google_chat_model
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey
from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.generation import Task, generation_parameters
from langchain_tuned_gemini.google_client import DeveloperAccess
from langchain_tuned_gemini.names import TunedModelName
from langchain_tuned_gemini.readiness import ReadinessGate
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.tuned_model import TunedModel
from langchain_tuned_gemini.waiting import Progress, await_until_active, wait_until_active

_GENERATION = (
    "temperature",
    "top_p",
    "top_k",
    "max_output_tokens",
    "seed",
    "stop",
    "safety_settings",
)


class ChatTunedGemini(GatedChatModel):
    """A tuned Gemini model that knows whether it can serve.

    Before its first call the tuned model's state is checked, so that a model that is still
    training raises an error that says so, instead of Google's 400 or 404. An ACTIVE state is
    remembered: further calls make no request but their own. Nothing is sent that you did not
    set, and nothing is retried: a failure shows at once.

    Args:
        model: The tuned model's full name, `tunedModels/ID`.
        api_key: The API key; from `GOOGLE_API_KEY` or `GEMINI_API_KEY` when left out.

    Raises:
        TunedModelNameError: For a name that can't be a tuned model's.
        ParameterError: For a parameter that it does not know, or without a key.

    Example:
        ```python
        model = ChatTunedGemini(model="tunedModels/sql-expert-v1", task="strict")
        robust = model.with_few_shot_fallback("gemini-3.5-flash", examples="train.jsonl")
        chain = prompt | robust | StrOutputParser()
        ```
    """

    wrapped: SerializeAsAny[BaseChatModel] = Field(default=None, exclude=True, repr=False)  # type: ignore[assignment]
    gate: Gate = Field(default=None, exclude=True, repr=False)  # type: ignore[assignment]

    model: str
    """The tuned model's full name, `tunedModels/ID`."""

    google_api_key: SecretStr | None = Field(
        alias="api_key",
        default_factory=secret_from_env(["GOOGLE_API_KEY", "GEMINI_API_KEY"], default=None),
    )
    """The API key."""

    base_url: str | None = None
    """Where the API is: for an emulator or a gateway; Google's own address when None."""

    base_model: str | None = None
    """The model it was tuned from: its profile tells agents what the tuned model can do."""

    task: Task | None = None
    """What it was tuned to do: a preset of the generation parameters."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_output_tokens: int | None = Field(default=None, alias="max_tokens")
    seed: int | None = None
    stop: list[str] | None = Field(default=None, alias="stop_sequences")
    safety_settings: dict[Any, Any] | None = None

    timeout: float | None = 30.0
    """How long to wait for the answer, in seconds; None waits for ever, as upstream does."""

    max_retries: int = 0
    """How often google-genai may try again, waiting 1 s, 2 s, 4 s, … in between. Off, since a
    fallback answers sooner."""

    streaming: bool | None = None
    """Whether `invoke` streams from the service."""

    _service: TunedModelService = PrivateAttr()

    model_config = ConfigDict(populate_by_name=True)

    def __init__(self, **parameters: Any) -> None:
        # Here and not in a validator: pydantic would wrap these errors in one of its own.
        self._check_names(parameters)
        if "model" in parameters:
            parameters["model"] = str(TunedModelName.parse(parameters["model"]))
        super().__init__(**parameters)

    def model_post_init(self, context: Any, /) -> None:
        """Builds the inner model and its gate."""
        super().model_post_init(context)
        self.wrapped = self._google_model(self.model)
        self._service = GenAIService(DeveloperAccess(self._key, self.base_url).client())
        self.gate = ReadinessGate(self._service, self.model)

    @property
    def _key(self) -> SecretStr:
        if self.google_api_key is None:
            raise ParameterError(
                f"{type(self).__name__} needs an API key: pass api_key=..., or set "
                "GOOGLE_API_KEY. To try it without one, start the emulator, and pass its "
                "base_url and any key."
            )
        return self.google_api_key

    def _google_model(self, name: str) -> ChatGoogleGenerativeAI:
        """A Gemini model with this one's key, address, patience and parameters."""
        given = {parameter: getattr(self, parameter) for parameter in _GENERATION}
        return google_chat_model(
            name,
            api_key=self._key,
            base_url=self.base_url,
            timeout=self.timeout,
            max_retries=self.max_retries,
            parameters=generation_parameters(self.task, given),
        )

    @property
    def service(self) -> TunedModelService:
        """The control plane that knows this model's state."""
        return self._service

    @property
    def circuit_key(self) -> CircuitKey:
        """Whose health this model's circuit is about."""
        key = self._key.get_secret_value()
        return CircuitKey.of(self.model, address=self.base_url, api_key=key)

    def wait_until_active(
        self,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> TunedModel:
        """Waits until the tuned model can serve.

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
        ready = wait_until_active(
            self.service, self.model, timeout=timeout, on_progress=on_progress
        )
        self._believe_that_it_is_ready()
        return ready

    async def await_until_active(
        self,
        *,
        timeout: float = 3600.0,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> TunedModel:
        """Waits until the tuned model can serve, without blocking the event loop."""
        ready = await await_until_active(
            self.service, self.model, timeout=timeout, on_progress=on_progress
        )
        self._believe_that_it_is_ready()
        return ready

    def _believe_that_it_is_ready(self) -> None:
        """Drops what gate and circuit remember of a model that was not ready, or was gone."""
        self.gate.forget()
        circuit = CircuitBreaker(self.circuit_key)
        if circuit.view().forced is None:
            circuit.reset()

    def with_few_shot_fallback(
        self,
        base: str | BaseChatModel,
        *,
        examples: Examples | BaseExampleSelector,
        k: int | None = None,
        **settings: Any,
    ) -> FallbackChatModel:
        """A model that answers with a base model and examples while this one can't.

        Args:
            base: The model that stands in: a Gemini model's name, which gets this model's key,
                address and parameters, or any chat model.
            examples: What this model was tuned on: a file of `{"text_input", "output"}` rows, a
                `TuningDataset`, the rows themselves, or an example selector.
            k: How many examples go into the prompt at the most; 8 of a dataset by default, and
                what it selects by itself of a selector.
            **settings: Further parameters of `FallbackChatModel`, such as `guards`.

        Raises:
            DatasetError: If the examples can't be read; it names file, line and field.
        """
        stand_in = self._google_model(base) if isinstance(base, str) else base
        prompt = FewShotPrompt(examples=examples, k=k)
        prompt.build()  # now, and not when the tuned model has failed and someone is waiting
        base_model = FewShotChatModel(wrapped=stand_in, prompt=prompt)
        return FallbackChatModel(models=[self, base_model], **settings)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._named(super()._generate(messages, stop, run_manager, **kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._named(await super()._agenerate(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(messages, stop, run_manager, **kwargs):
            self._name(chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
            self._name(chunk)
            yield chunk

    def _named(self, result: ChatResult) -> ChatResult:
        for generation in result.generations:
            self._name(generation)
        return result

    def _name(self, generation: ChatGeneration) -> None:
        """Names the tuned model where Google names its base, which is what it calls the model."""
        for metadata in (generation.generation_info, generation.message.response_metadata):
            if metadata and "model_name" in metadata:
                metadata["model_name"] = self.model

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offers tools to the tuned model.

        Args:
            tools: Tools in any form that LangChain knows.
            tool_choice: `"auto"`, `"any"`, `"none"` or a tool's name.
            **kwargs: Further arguments for each call.
        """
        return super().bind_tools(tools, tool_choice=tool_choice, **kwargs)

    def get_num_tokens(self, text: str) -> int:
        """Counts tokens with the base model: Google counts none for tuned models.

        Without a `base_model` it is langchain-core's estimate, a token for 4 characters.
        """
        if self.base_model is None:
            return count_tokens_approximately([text])
        return self._google_model(self.base_model).get_num_tokens(text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self._google_model(self.base_model).profile if self.base_model else None

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
        return {name: getattr(self, name) for name in ("model", "base_model", "task", *_GENERATION)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the parameters without the key, which is read from the environment again."""
        return _rebuild, (type(self), self._parameters())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the parameters around the same connections."""
        return self.model_copy()

    def _parameters(self) -> dict[str, Any]:
        fields = type(self).model_fields
        return {
            name: getattr(self, name)
            for name in self.model_fields_set
            if not fields[name].exclude and name not in self.lc_secrets
        }


def _rebuild(kind: type[ChatTunedGemini], parameters: dict[str, Any]) -> ChatTunedGemini:
    return kind(**parameters)
