"""A chat model that tries its models in order, and says who answered and why."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from functools import cached_property
from typing import Any, Self, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.base import Callbacks
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.tools import BaseTool
from langchain_core.utils.uuid import uuid7
from pydantic import BaseModel, Field, SerializeAsAny, model_validator

from langchain_tuned_gemini.chat_models import tools as neutral_tools
from langchain_tuned_gemini.chat_models.attempts import Attempts, Candidate
from langchain_tuned_gemini.chat_models.base import TunedGeminiChatModel
from langchain_tuned_gemini.chat_models.delegation import (
    agenerate_with,
    astream_with,
    generate_with,
    stream_with,
)
from langchain_tuned_gemini.chat_models.tracing import (
    Caller,
    called_by,
    current_caller,
    known_run,
)

_OF_MODELS = frozenset(
    {"api_key", "max_retries", "max_tokens", "stop", "streaming", "temperature", "timeout"}
)


class FallbackChatModel(TunedGeminiChatModel):
    """Answers with the first of its models that can.

    A failure that another model may answer for (see `Reason`) goes to the next model at once; a
    wrong key, a bug, a cancellation or an interrupt is raised as it is. On a stream that holds
    until the first chunk has been handed out.

    Every answer says who gave it: `message.response_metadata["tuned_gemini"]`, on a stream the
    last chunk's. Tools are kept in LangChain's neutral form and bound anew for each model, so
    the models may be of different providers.

    Raises:
        AllModelsFailedError: When no model could answer; it holds each model's error.

    Example:
        >>> from langchain_tuned_gemini.testing import ScriptedChatModel
        >>> tuned = ScriptedChatModel(name="tuned", answers=[TimeoutError()])
        >>> base = ScriptedChatModel(name="base", answers=["42"])
        >>> answer = FallbackChatModel(models=[tuned, base]).invoke("What is it?")
        >>> answer.text, answer.response_metadata["tuned_gemini"]["reason"]
        ('42', 'timeout')
    """

    models: Sequence[SerializeAsAny[BaseChatModel]] = Field(min_length=1)
    """The models, in the order in which they are tried; the first one is the tuned model."""

    @model_validator(mode="before")
    @classmethod
    def _leave_their_settings_to_the_models(cls, values: Any) -> Any:
        """LangChain's standard parameters are taken, as everywhere, but not in silence."""
        if isinstance(values, dict) and (of_models := sorted(values.keys() & _OF_MODELS)):
            warnings.warn(
                f"{', '.join(of_models)}: no effect on {cls.__name__}. Set it on its models.",
                UserWarning,
                stacklevel=2,
            )
            return {name: value for name, value in values.items() if name not in _OF_MODELS}
        return values

    @model_validator(mode="after")
    def _leave_the_cache_to_the_models(self) -> Self:
        """A stand-in's answer must not be kept under the tuned model's key."""
        self.cache = False
        return self

    @cached_property
    def _candidates(self) -> tuple[Candidate, ...]:
        return tuple(
            Candidate(model, _name_of(model), "base_fallback" if place else "tuned")
            for place, model in enumerate(self.models)
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        for attempt in Attempts(self._candidates, current_caller(run_manager)):
            with attempt:
                model, arguments = neutral_tools.bound_to(attempt.model, kwargs)
                result = generate_with(model, messages, stop, **arguments)
                answer = attempt.finish(result)
        return answer

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        for attempt in Attempts(self._candidates, current_caller(run_manager)):
            async with attempt:
                model, arguments = neutral_tools.bound_to(attempt.model, kwargs)
                result = await agenerate_with(model, messages, stop, **arguments)
                answer = attempt.finish(result)
        return answer

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for attempt in Attempts(self._candidates, current_caller(run_manager)):
            with attempt:
                model, arguments = neutral_tools.bound_to(attempt.model, kwargs)
                with closing(stream_with(model, messages, stop, **arguments)) as chunks:
                    for chunk in chunks:
                        yield attempt.hand_out(chunk)
                yield attempt.last_chunk()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for attempt in Attempts(self._candidates, current_caller(run_manager)):
            async with attempt:
                model, arguments = neutral_tools.bound_to(attempt.model, kwargs)
                stream = await astream_with(model, messages, stop, **arguments)
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        yield attempt.hand_out(chunk)
                yield attempt.last_chunk()

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Streams the answer; its last chunk carries the provenance."""
        config = ensure_config(config)
        caller = known_run(config, CallbackManager)
        chunks = super().stream(input, config, stop=stop, **kwargs)
        with called_by(caller):
            first = next(chunks)
        yield first
        yield from chunks

    async def astream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Streams the answer; its last chunk carries the provenance."""
        config = ensure_config(config)
        caller = known_run(config, AsyncCallbackManager)
        stream = super().astream(input, config, stop=stop, **kwargs)
        async with aclosing(cast("AsyncGenerator[AIMessageChunk, None]", stream)) as chunks:
            with called_by(caller):
                first = await anext(chunks)
            yield first
            async for chunk in chunks:
                yield chunk

    def generate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answers each list of messages; `invoke` and `batch` end up here."""
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id)):
            return super().generate(messages, stop, callbacks, run_id=run_id, **kwargs)

    async def agenerate(
        self,
        messages: list[list[BaseMessage]],
        stop: list[str] | None = None,
        callbacks: Callbacks = None,
        *,
        run_id: UUID | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        """Answers each list of messages; `ainvoke` and `abatch` end up here."""
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id)):
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offers tools to whichever model answers.

        Args:
            tools: Tools in any form that LangChain knows.
            tool_choice: `"auto"`, `"any"`, `"none"` or a tool's name.
            **kwargs: Further arguments for each call.
        """
        return self.bind(**neutral_tools.neutral(tools, tool_choice), **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Answers in a schema, by function calling, from whichever model answers."""
        return super().with_structured_output(schema, include_raw=include_raw, **kwargs)

    def get_num_tokens(self, text: str) -> int:
        """The last model's count: a tuned model's own is not to be had on every platform."""
        return self.models[-1].get_num_tokens(text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return next((model.profile for model in self.models if model.profile), None)

    @property
    def _llm_type(self) -> str:
        return "tuned-gemini-fallback"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {"models": [candidate.name for candidate in self._candidates]}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.models[0]._get_ls_params(stop=stop, **kwargs)


def _name_of(model: BaseChatModel) -> str:
    return model._get_ls_params().get("ls_model_name") or type(model).__name__
