"""A chat model that is told what to do in another way than the conversation says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import dropwhile
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.runs import current_attempt
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel


class SystemPromptChatModel(WrapperChatModel):
    """Puts its own system prompt in the place of the conversation's.

    A tuned model's prompt is short, for what it says was tuned in; its base must be told.
    """

    system_prompt: str
    """What the model is told."""

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Its module: it is none of the package's public names."""
        return cls.__module__.split(".")

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return super()._generate(self._asked(messages), stop, run_manager, **kwargs)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await super()._agenerate(self._asked(messages), stop, run_manager, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from super()._stream(self._asked(messages), stop, run_manager, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(self._asked(messages), stop, run_manager, **kwargs):
            yield chunk

    def _asked(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """What the model is told; a trace is told, too."""
        told = self._told(messages)
        if (attempt := current_attempt()) is not None:
            attempt.note(told)
        return told

    def _told(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        conversation = dropwhile(lambda message: isinstance(message, SystemMessage), messages)
        return [SystemMessage(self.system_prompt), *conversation]


class DefaultSystemPromptChatModel(SystemPromptChatModel):
    """Puts its own system prompt before a conversation that has none.

    What a model was told in its training, it must be told again.
    """

    def _told(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        has_one = any(isinstance(message, SystemMessage) for message in messages)
        return messages if has_one else super()._told(messages)
