"""A model's run, for the callbacks that were set on the model itself.

They hear what they would if the model was called by itself, or by LangChain's own fallbacks: the
conversation, each token, and the answer or the error.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
    Mapping,
)
from contextlib import closing
from typing import Any, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks

from langchain_tuned_gemini.chat_models.caller import say
from langchain_tuned_gemini.chat_models.delegation import aclose, close
from langchain_tuned_gemini.failures import read_failure


class ModelRun:
    """One call of a model, told to the handlers that were set on it.

    Args:
        settings: Of the callback manager: the handlers, and what the run is a part of.
        model: The model.
        messages: What it is asked.
        stop: The words at which it is to stop.
        arguments: The further arguments of the call.
    """

    _run: CallbackManagerForLLMRun
    _arun: AsyncCallbackManagerForLLMRun

    def __init__(
        self,
        settings: Mapping[str, Any],
        model: BaseChatModel,
        messages: list[BaseMessage],
        stop: list[str] | None,
        arguments: Mapping[str, Any],
    ) -> None:
        self._settings = settings
        self._model = model
        self._asked = (model._serialized, [messages])
        self._options: dict[str, Any] = {
            "invocation_params": model._get_invocation_params(stop=stop, **arguments),
            "options": {"stop": stop},
            "name": model.get_name(),
            "batch_size": 1,
        }
        self._chunks: list[ChatGenerationChunk] = []

    def ask(self, ask: Callable[[], ChatResult]) -> ChatResult:
        """Asks the model, and tells the handlers."""
        self._start()
        try:
            result = ask()
        except BaseException as error:
            self._fail(error)
            raise
        self._end(result)
        return result

    async def aask(self, asked: Coroutine[Any, Any, ChatResult]) -> ChatResult:
        """The same without blocking the event loop."""
        with closing(asked):  # which is never awaited where a handler raises
            await self._astart()
            try:
                result = await asked
            except BaseException as error:
                await self._afail(error)
                raise
        await self._aend(result)
        return result

    def read(
        self, begin: Callable[[], Iterator[ChatGenerationChunk]]
    ) -> Generator[ChatGenerationChunk, None, None]:
        """Begins a stream, and tells the handlers of each chunk."""
        self._start()
        stream = None
        try:
            stream = begin()
            for chunk in stream:
                self._chunks.append(chunk)
                self._run.on_llm_new_token(cast("str", chunk.message.content), chunk=chunk)
                yield chunk
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            close(stream)
        self._end()

    async def aread(
        self, begin: Callable[[], Awaitable[AsyncIterator[ChatGenerationChunk]]]
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        """The same without blocking the event loop."""
        await self._astart()
        stream = None
        try:
            stream = await begin()
            async for chunk in stream:
                self._chunks.append(chunk)
                await self._arun.on_llm_new_token(cast("str", chunk.message.content), chunk=chunk)
                yield chunk
        except BaseException as error:
            await self._afail(error)
            raise
        finally:
            await aclose(stream)
        await self._aend()

    def _start(self) -> None:
        manager = CallbackManager(**self._settings)
        (self._run,) = manager.on_chat_model_start(*self._asked, **self._options)

    async def _astart(self) -> None:
        manager = AsyncCallbackManager(**self._settings)
        (self._arun,) = await manager.on_chat_model_start(*self._asked, **self._options)

    def _end(self, result: ChatResult | None = None) -> None:
        self._run.on_llm_end(self._answer(result, self._run.run_id))

    async def _aend(self, result: ChatResult | None = None) -> None:
        await self._arun.on_llm_end(self._answer(result, self._arun.run_id))

    def _fail(self, error: BaseException) -> None:
        read_failure(error)  # which redacts it
        self._run.on_llm_error(error, response=self._answer(None, self._run.run_id))

    async def _afail(self, error: BaseException) -> None:
        read_failure(error)  # which redacts it
        await self._arun.on_llm_error(error, response=self._answer(None, self._arun.run_id))

    def _answer(self, result: ChatResult | None, run_id: UUID) -> LLMResult:
        """An answer as far as it came; a tuned model's base may be known only now."""
        names = {**self._model._get_ls_params(), **(self._model.metadata or {})}
        say(self._settings["handlers"], run_id, names)
        if result is None:
            whole = merge_chat_generation_chunks(self._chunks)
            return LLMResult(generations=[[_complete(whole)] if whole else []])
        answers = [_complete(one) for one in result.generations]
        return LLMResult(generations=[[*answers]], llm_output=result.llm_output)


def _complete(generation: ChatGeneration) -> ChatGeneration:
    """With what LangChain brings together above a model: what the provider said about it."""
    metadata = {**(generation.generation_info or {}), **generation.message.response_metadata}
    message = generation.message.model_copy(update={"response_metadata": metadata})
    return generation.model_copy(update={"message": message})
