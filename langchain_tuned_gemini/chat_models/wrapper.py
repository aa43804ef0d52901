"""Chat models around other ones: they hand each call on, and change one thing about it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.tools import BaseTool
from pydantic import BaseModel, SerializeAsAny, model_validator

from langchain_tuned_gemini.chat_models.cache_keys import depends_on, settings_of
from langchain_tuned_gemini.chat_models.caller import handlers_of
from langchain_tuned_gemini.chat_models.delegation import (
    KEEPS_DEADLINE,
    agenerate_from,
    astream_from,
    stream_from,
)
from langchain_tuned_gemini.chat_models.foundation import TunedGeminiChatModel
from langchain_tuned_gemini.chat_models.structured_output import (
    SchemaOutputParser,
    arguments_for,
    read_with,
)

_NO_ANSWER: Final = "the last of the calls ends with an answer or an error"


@dataclass(slots=True)
class WrappedCall(AbstractContextManager["WrappedCall"]):
    """One call of a model within that of another one: a subclass changes what it is about.

    As a context manager it learns how the call ends. Where it takes an error as handled, the next
    call is made in its place.

    Attributes:
        model: The model that is asked.
        messages: What it is told.
        arguments: The further arguments.
    """

    model: BaseChatModel
    messages: list[BaseMessage]
    arguments: dict[str, Any]

    def begin(self) -> None:
        """Does what must be done before the model is asked."""

    async def abegin(self) -> None:
        """The same without blocking the event loop."""
        self.begin()

    def finish(self, generation: ChatGeneration) -> None:
        """Changes an answer, or each chunk of a stream, in place."""

    def finished(self, result: ChatResult) -> ChatResult:
        """The whole answer, changed likewise."""
        for generation in result.generations:
            self.finish(generation)
        return result

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        """Learns of the end; True for an error after which the next call is to be made."""
        return None


class DelegatingChatModel(TunedGeminiChatModel):
    """Answers with another chat model, and is taken for it by everything around.

    It delegates at the provider contract (`_generate`, `_stream` and their async twins), not at
    `invoke`: so tokens are counted once.
    """

    @property
    @abstractmethod
    def inner_model(self) -> BaseChatModel:
        """The model that answers now."""

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """A conversation as the inner model is told it."""
        return messages

    def _calls(
        self,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,  # noqa: ARG002  # for those that say more in their run
    ) -> Iterable[WrappedCall]:
        """The calls to make until there is an answer: one, of the inner model."""
        return (WrappedCall(self.inner_model, self._prepare(messages), arguments),)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        for call in self._calls(messages, kwargs, run_manager):
            with call:
                call.begin()
                options = {"stop": stop, "run_manager": run_manager, **call.arguments}
                return call.finished(call.model._generate(call.messages, **options))
        raise AssertionError(_NO_ANSWER)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        for call in self._calls(messages, kwargs, run_manager):
            with call:
                await call.abegin()
                options = {"run_manager": run_manager, **call.arguments}
                return call.finished(
                    await agenerate_from(call.model, call.messages, stop, **options)
                )
        raise AssertionError(_NO_ANSWER)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for call in self._calls(messages, kwargs, run_manager):
            with call:
                call.begin()
                options = {"run_manager": run_manager, **call.arguments}
                for chunk in stream_from(call.model, call.messages, stop, **options):
                    call.finish(chunk)
                    yield chunk
                return

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for call in self._calls(messages, kwargs, run_manager):
            with call:
                await call.abegin()
                options = {"run_manager": run_manager, **call.arguments}
                async for chunk in astream_from(call.model, call.messages, stop, **options):
                    call.finish(chunk)
                    yield chunk
                return

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools in the way of the inner model, to this one."""
        inner = self.inner_model
        bound = inner.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        chain: Runnable[LanguageModelInput, AIMessage] = self._in_place_of(inner, bound)
        return chain

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Structured output in the way of the inner model, answered by this one.

        An answer whose end is missing is an error, and never completed.
        """
        asked = self.bind(**arguments_for(self.inner_model, schema, kwargs))
        return read_with(SchemaOutputParser.of(schema), asked, include_raw=include_raw)

    def _in_place_of(self, inner: BaseChatModel, runnable: Any) -> Any:
        """The same runnable with this model in the place of the inner one.

        The inner model builds what it returns around itself; this one must stand there
        instead, or it would be left out of the call.
        """
        if runnable is inner:
            return self
        if isinstance(runnable, RunnableBinding):
            bound = self._in_place_of(inner, runnable.bound)
            return runnable.model_copy(update={"bound": bound})
        return runnable

    @property
    def keeps_deadline(self) -> bool:
        """Whether a call in a thread ends when its deadline is over: where the inner one does."""
        return bool(getattr(self.inner_model, KEEPS_DEADLINE, False))

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.inner_model.profile

    @property
    def _llm_type(self) -> str:
        return self.inner_model._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return dict(self.inner_model._identifying_params)

    def _depends_on(self) -> object:
        settings = settings_of(self, "wrapped", "prompt")
        return type(self).__qualname__, settings, depends_on(self.inner_model)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.inner_model._get_ls_params(stop=stop, **kwargs)

    def get_token_ids(self, text: str) -> list[int]:
        """The inner model's token ids."""
        return self.inner_model.get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """The inner model's count of tokens."""
        return self.inner_model.get_num_tokens(text)

    def _names_its_run(self) -> bool:
        inner = self.inner_model
        return isinstance(inner, TunedGeminiChatModel) and inner._names_its_run()


class WrapperChatModel(DelegatingChatModel):
    """Answers with the chat model that it is built around, and changes nothing.

    The wrapped model's cache, rate limiter, `disable_streaming` and `output_version` are adopted
    where they are not set here, its callbacks, tags and metadata beside those that are.
    """

    wrapped: SerializeAsAny[BaseChatModel]
    """The model that answers."""

    @property
    def inner_model(self) -> BaseChatModel:
        """The wrapped model."""
        return self.wrapped

    @model_validator(mode="after")
    def _adopt_settings(self) -> Self:
        for setting in ("cache", "rate_limiter", "disable_streaming", "output_version"):
            if setting not in self.model_fields_set:
                setattr(self, setting, getattr(self.wrapped, setting))
        self._adopt_listeners(self.wrapped)
        return self

    def _adopt_listeners(self, wrapped: BaseChatModel) -> None:
        """Lets whoever was set on the wrapped model hear this one: that one has no run."""
        theirs, own = handlers_of(wrapped.callbacks), handlers_of(self.callbacks)
        if theirs:
            more = [one for one in theirs if not any(one is other for other in own)]
            self.callbacks = [*own, *more] if own else wrapped.callbacks
        if wrapped.tags:
            self.tags = list(dict.fromkeys([*(self.tags or []), *wrapped.tags]))
        own_metadata = self.metadata or {}
        if (wrapped.metadata or {}).keys() - own_metadata.keys():
            self.metadata = {**(wrapped.metadata or {}), **own_metadata}
