"""A gated chat model whose answers carry its own name, not its base model's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.conversation import own_thoughts, require_contents
from langchain_tuned_gemini.chat_models.gated import GatedChatModel
from langchain_tuned_gemini.chat_models.structured_output import STRUCTURED


class NamedChatModel(GatedChatModel):
    """Names the tuned model where Google names its base, which is what it calls the model."""

    model: str
    """The tuned model's full name."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        waited_for = kwargs.pop(STRUCTURED, None)
        result = self._named(super()._generate(messages, stop, run_manager, **kwargs))
        return waited_for.taken(result, messages, self.model) if waited_for else result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        waited_for = kwargs.pop(STRUCTURED, None)
        result = self._named(await super()._agenerate(messages, stop, run_manager, **kwargs))
        return waited_for.taken(result, messages, self.model) if waited_for else result

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

    def _should_stream(self, *, async_api: bool, **kwargs: Any) -> bool:
        """Not what an agent waits for: it is known at the end only."""
        return STRUCTURED not in kwargs and super()._should_stream(async_api=async_api, **kwargs)

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        require_contents(messages)
        return own_thoughts(messages, self.model)

    def _named(self, result: ChatResult) -> ChatResult:
        for generation in result.generations:
            self._name(generation)
        return result

    def _name(self, generation: ChatGeneration) -> None:
        for metadata in (generation.generation_info, generation.message.response_metadata):
            if metadata and "model_name" in metadata:
                metadata["model_name"] = self.model
