"""A chat model around another one that changes nothing: the others override what they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Self, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.tools import BaseTool
from pydantic import BaseModel, SerializeAsAny, model_validator

from langchain_tuned_gemini.chat_models.delegation import (
    KEEPS_DEADLINE,
    agenerate_from,
    astream_from,
    stream_from,
)
from langchain_tuned_gemini.chat_models.structured_output import (
    SchemaOutputParser,
    arguments_for,
    read_with,
)
from langchain_tuned_gemini.chat_models.traced import TracedChatModel, handlers_of


class WrapperChatModel(TracedChatModel):
    """Answers with another chat model, and is taken for it by everything around.

    It delegates at the provider contract (`_generate`, `_stream` and their async twins), not at
    `invoke`: so tokens are counted once. The wrapped model's cache, rate limiter,
    `disable_streaming` and `output_version` are adopted where they are not set here, its
    callbacks, tags and metadata beside those that are.
    """

    wrapped: SerializeAsAny[BaseChatModel]
    """The model that answers."""

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

    @property
    def keeps_deadline(self) -> bool:
        """Whether a call in a thread ends when its deadline is over: where the wrapped one does."""
        return bool(getattr(self.wrapped, KEEPS_DEADLINE, False))

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.wrapped.profile

    @property
    def _llm_type(self) -> str:
        return self.wrapped._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return dict(self.wrapped._identifying_params)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.wrapped._get_ls_params(stop=stop, **kwargs)

    def get_token_ids(self, text: str) -> list[int]:
        """The wrapped model's token ids."""
        return self.wrapped.get_token_ids(text)

    def get_num_tokens(self, text: str) -> int:
        """The wrapped model's count of tokens."""
        return self.wrapped.get_num_tokens(text)

    def _names_its_run(self) -> bool:
        wrapped = self.wrapped
        return isinstance(wrapped, TracedChatModel) and wrapped._names_its_run()

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """What the wrapped model is told of a conversation."""
        return messages

    def _answering(self) -> BaseChatModel:
        """The model that answers; asked for once in each call."""
        return self.wrapped

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = self._prepare(messages)
        return self._answering()._generate(told, stop=stop, run_manager=run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        model, told = self._answering(), self._prepare(messages)
        return await agenerate_from(model, told, stop, run_manager=run_manager, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        model, told = self._answering(), self._prepare(messages)
        yield from stream_from(model, told, stop, run_manager=run_manager, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        model, told = self._answering(), self._prepare(messages)
        async for chunk in astream_from(model, told, stop, run_manager=run_manager, **kwargs):
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools in the way of the wrapped model, to this one."""
        wrapped = self.wrapped
        bound = wrapped.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        return cast("Runnable[LanguageModelInput, AIMessage]", self._in_place_of(wrapped, bound))

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Structured output in the way of the wrapped model, answered by this one.

        An answer whose end is missing is an error, and never completed.
        """
        asked = self.bind(**arguments_for(self.wrapped, schema, kwargs))
        chain = read_with(SchemaOutputParser.of(schema), asked, include_raw=include_raw)
        return cast("Runnable[LanguageModelInput, dict[str, Any] | BaseModel]", chain)

    def _in_place_of(self, wrapped: BaseChatModel, runnable: Any) -> Any:
        """The same runnable with this model in the place of the wrapped one.

        The wrapped model builds what it returns around itself; this one must stand there
        instead, or it would be left out of the call.
        """
        if runnable is wrapped:
            return self
        if isinstance(runnable, RunnableBinding):
            bound = self._in_place_of(wrapped, runnable.bound)
            return runnable.model_copy(update={"bound": bound})
        return runnable
