"""A chat model that is shown examples of the task with every question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
from langchain_tuned_gemini.few_shot import FewShotPrompt, Selection
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY


class FewShotChatModel(WrapperChatModel):
    """Puts examples in front of the conversation, and says in the answer how many.

    `message.response_metadata["few_shot"]` holds the number of examples, the selector and about
    how many tokens they took; a `FallbackChatModel` moves that into its provenance.
    """

    prompt: FewShotPrompt
    """Selects the examples and puts them into the messages."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        selection = self.prompt.select(messages)
        shown = self.prompt.insert(messages, selection)
        result = super()._generate(shown, stop, run_manager, **kwargs)
        _note(result.generations[0], selection)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        selection = await self.prompt.aselect(messages)
        shown = self.prompt.insert(messages, selection)
        result = await super()._agenerate(shown, stop, run_manager, **kwargs)
        _note(result.generations[0], selection)
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        selection = self.prompt.select(messages)
        shown = self.prompt.insert(messages, selection)
        for place, chunk in enumerate(super()._stream(shown, stop, run_manager, **kwargs)):
            if place == 0:  # once: LangChain adds up the metadata of chunks
                _note(chunk, selection)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        selection = await self.prompt.aselect(messages)
        shown = self.prompt.insert(messages, selection)
        is_first = True  # once: LangChain adds up the metadata of chunks
        async for chunk in super()._astream(shown, stop, run_manager, **kwargs):
            if is_first:
                _note(chunk, selection)
            is_first = False
            yield chunk


def _note(generation: ChatGeneration, selection: Selection) -> None:
    metadata = generation.message.response_metadata
    generation.message.response_metadata = {**metadata, FEW_SHOT_KEY: selection.as_dict()}
