"""A model's run, for the callbacks that were set on the model itself.

They hear what they would if the model was called by itself, or by LangChain's own fallbacks: the
conversation, each token, and the answer or the error.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import aclosing, closing
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

    def start(self) -> None:
        """Tells that the model is asked."""
        manager = CallbackManager(**self._settings)
        (self._run,) = manager.on_chat_model_start(*self._asked, **self._options)

    async def astart(self) -> None:
        """Tells that the model is asked."""
        manager = AsyncCallbackManager(**self._settings)
        (self._arun,) = await manager.on_chat_model_start(*self._asked, **self._options)

    def token(self, chunk: ChatGenerationChunk) -> None:
        """Tells a chunk of a stream."""
        self._chunks.append(chunk)
        self._run.on_llm_new_token(cast("str", chunk.message.content), chunk=chunk)

    async def atoken(self, chunk: ChatGenerationChunk) -> None:
        """Tells a chunk of a stream."""
        self._chunks.append(chunk)
        await self._arun.on_llm_new_token(cast("str", chunk.message.content), chunk=chunk)

    def end(self, result: ChatResult | None = None) -> None:
        """Tells the answer; of a stream what its chunks add up to."""
        self._run.on_llm_end(self._answer(result, self._run.run_id))

    async def aend(self, result: ChatResult | None = None) -> None:
        """Tells the answer; of a stream what its chunks add up to."""
        await self._arun.on_llm_end(self._answer(result, self._arun.run_id))

    def fail(self, error: BaseException) -> None:
        """Tells why there is no answer, or no whole one."""
        read_failure(error)  # which redacts it
        self._run.on_llm_error(error, response=self._answer(None, self._run.run_id))

    async def afail(self, error: BaseException) -> None:
        """Tells why there is no answer, or no whole one."""
        read_failure(error)  # which redacts it
        await self._arun.on_llm_error(error, response=self._answer(None, self._arun.run_id))

    def _answer(self, result: ChatResult | None, run_id: UUID) -> LLMResult:
        """What there is of an answer; a tuned model's base may be known only now."""
        names = {**self._model._get_ls_params(), **(self._model.metadata or {})}
        say(self._settings["handlers"], run_id, names)
        if result is None:
            whole = merge_chat_generation_chunks(self._chunks)
            return LLMResult(generations=[[_complete(whole)] if whole else []])
        answers = [_complete(one) for one in result.generations]
        return LLMResult(generations=[[*answers]], llm_output=result.llm_output)


def heard(run: ModelRun | None, ask: Callable[[], ChatResult]) -> ChatResult:
    """Asks, and tells the run's handlers; None tells nobody."""
    if run is None:
        return ask()
    run.start()
    try:
        result = ask()
    except BaseException as error:
        run.fail(error)
        raise
    run.end(result)
    return result


async def aheard(run: ModelRun | None, asked: Coroutine[Any, Any, ChatResult]) -> ChatResult:
    """Asks, and tells the run's handlers; None tells nobody."""
    if run is None:
        return await asked
    with closing(asked):  # which is never awaited where a handler raises
        await run.astart()
        try:
            result = await asked
        except BaseException as error:
            await run.afail(error)
            raise
    await run.aend(result)
    return result


def heard_stream(
    run: ModelRun | None, stream: Generator[ChatGenerationChunk, None, None]
) -> Generator[ChatGenerationChunk, None, None]:
    """The same stream, told to the run's handlers; None tells nobody."""
    return stream if run is None else _heard_stream(run, stream)


def aheard_stream(
    run: ModelRun | None, stream: AsyncGenerator[ChatGenerationChunk, None]
) -> AsyncGenerator[ChatGenerationChunk, None]:
    """The same stream, told to the run's handlers; None tells nobody."""
    return stream if run is None else _aheard_stream(run, stream)


def _heard_stream(
    run: ModelRun, stream: Generator[ChatGenerationChunk, None, None]
) -> Generator[ChatGenerationChunk, None, None]:
    with closing(stream):
        run.start()
        try:
            for chunk in stream:
                run.token(chunk)
                yield chunk
        except BaseException as error:
            run.fail(error)
            raise
    run.end()


async def _aheard_stream(
    run: ModelRun, stream: AsyncGenerator[ChatGenerationChunk, None]
) -> AsyncGenerator[ChatGenerationChunk, None]:
    async with aclosing(stream):
        await run.astart()
        try:
            async for chunk in stream:
                await run.atoken(chunk)
                yield chunk
        except BaseException as error:
            await run.afail(error)
            raise
    await run.aend()


def _complete(generation: ChatGeneration) -> ChatGeneration:
    """With what LangChain brings together above a model: what the provider said about it."""
    metadata = {**(generation.generation_info or {}), **generation.message.response_metadata}
    message = generation.message.model_copy(update={"response_metadata": metadata})
    return generation.model_copy(update={"message": message})
