"""A chat model that is shown examples of the task with every question."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.conversation import require_contents
from langchain_tuned_gemini.chat_models.fallback.tracing import current_attempt
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
from langchain_tuned_gemini.few_shot import FewShotPrompt, Selection
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY


class FewShotChatModel(WrapperChatModel):
    """Puts examples in front of the conversation, and says in the answer how many.

    `message.response_metadata["few_shot"]` holds the number of examples, the selector, about how
    many tokens they took, and how many were dropped because they did not fit into the model's
    context (its profile's `max_input_tokens`) or the prompt's `max_tokens`; a
    `FallbackChatModel` moves that into its provenance. The tokens that the model reports correct
    the estimate.

    Raises:
        PromptTooLongError: If the conversation alone is certainly longer than the model takes.
        ParameterError: If there is nothing in it but system messages.
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
        selection = self.prompt.select(messages, **self._situation(kwargs))
        shown = self._shown(messages, selection)
        result = super()._generate(shown, stop, run_manager, **kwargs)
        self._learn(shown, _input_tokens(result.generations[0]), kwargs)
        _note(result.generations[0], selection)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        selection = await self.prompt.aselect(messages, **self._situation(kwargs))
        shown = self._shown(messages, selection)
        result = await super()._agenerate(shown, stop, run_manager, **kwargs)
        self._learn(shown, _input_tokens(result.generations[0]), kwargs)
        _note(result.generations[0], selection)
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        selection = self.prompt.select(messages, **self._situation(kwargs))
        shown = self._shown(messages, selection)
        counted = 0
        for place, chunk in enumerate(super()._stream(shown, stop, run_manager, **kwargs)):
            counted += _input_tokens(chunk)
            if place == 0:  # once: LangChain adds up the metadata of chunks
                _note(chunk, selection)
            yield chunk
        self._learn(shown, counted, kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        selection = await self.prompt.aselect(messages, **self._situation(kwargs))
        shown = self._shown(messages, selection)
        counted, is_first = 0, True
        async for chunk in super()._astream(shown, stop, run_manager, **kwargs):
            counted += _input_tokens(chunk)
            if is_first:  # once: LangChain adds up the metadata of chunks
                _note(chunk, selection)
            is_first = False
            yield chunk
        self._learn(shown, counted, kwargs)

    def _shown(self, messages: list[BaseMessage], selection: Selection) -> list[BaseMessage]:
        """The conversation with its examples; a trace is told which they are."""
        require_contents(messages)  # or the examples would be all that there is
        shown = self.prompt.insert(messages, selection)
        if (attempt := current_attempt()) is not None:
            rows = {"rows": self.prompt.rows(selection)}
            attempt.note(shown, {**selection.as_dict(), **rows})
        return shown

    def _situation(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """What decides which examples can be shown."""
        context = (self.profile or {}).get("max_input_tokens")
        return {"context": context, "functions": _offered(kwargs.get("tools") or ())}

    def _learn(self, shown: Sequence[BaseMessage], counted: int, kwargs: dict[str, Any]) -> None:
        """Corrects the estimate of tokens; tools are counted by the model, and not known here."""
        if counted and not kwargs.get("tools"):
            self.prompt.learn(shown, counted)


def _offered(tools: Iterable[Any]) -> set[str]:
    """The names of the functions among tools, in the form of Gemini, OpenAI or Anthropic."""
    names: set[str] = set()
    for tool in tools:
        if isinstance(tool, Mapping):
            declared = tool.get("function_declarations") or [tool.get("function", tool)]
            names.update(one["name"] for one in declared if isinstance(one.get("name"), str))
    return names


def _input_tokens(generation: ChatGeneration) -> int:
    """How many tokens of the prompt an answer reports; a stream's chunks report parts of them."""
    message = generation.message
    usage = message.usage_metadata if isinstance(message, AIMessage) else None
    return usage["input_tokens"] if usage else 0


def _note(generation: ChatGeneration, selection: Selection) -> None:
    metadata = generation.message.response_metadata
    generation.message.response_metadata = {**metadata, FEW_SHOT_KEY: selection.as_dict()}
