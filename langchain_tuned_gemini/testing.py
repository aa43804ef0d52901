"""Doubles for tests of your own: a chat model that says what a script tells it to."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

Answer = str | AIMessage | BaseException


class ScriptedChatModel(BaseChatModel):
    """Gives its answers in turn, the last one for ever; an exception is raised.

    A text is streamed word by word and costs one token a word; in a text, an exception may
    follow as the second of a pair: `("half an", ConnectionResetError())` breaks the stream
    after the text.

    Example:
        >>> ScriptedChatModel(answers=["Hello", TimeoutError()]).invoke("Hi").text
        'Hello'
    """

    name: str = "scripted"
    """What it is called in traces and in `response_metadata`."""

    answers: Sequence[Any] = Field(min_length=1)
    """Texts, messages, exceptions, or pairs of a text and the exception that ends its stream."""

    _calls: list[dict[str, Any]] = PrivateAttr(default_factory=list)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """What it was called with: `messages` and the call's other arguments."""
        return self._calls

    def _next(
        self, messages: list[BaseMessage], arguments: dict[str, Any]
    ) -> tuple[AIMessage, BaseException | None]:
        place = min(len(self._calls), len(self.answers) - 1)
        self._calls.append({"messages": messages, **arguments})
        answer = self.answers[place]
        text, error = answer if isinstance(answer, tuple) else (answer, None)
        if isinstance(text, BaseException):
            raise text
        if isinstance(text, AIMessage):
            return text.model_copy(deep=True), error
        return self._message(text, messages), error

    def _message(self, text: str, messages: list[BaseMessage]) -> AIMessage:
        asked = sum(len(message.text.split()) for message in messages)
        said = len(text.split())
        return AIMessage(
            text,
            usage_metadata={
                "input_tokens": asked,
                "output_tokens": said,
                "total_tokens": asked + said,
            },
            response_metadata={"model_name": self.name, "finish_reason": "STOP"},
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        message, error = self._next(messages, kwargs)
        if error:
            raise error
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message, error = self._next(messages, kwargs)
        for word in message.text.split(" ") if message.text else ():
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))
        if error:
            raise error
        end = AIMessageChunk(**message.model_dump(exclude={"type", "content"}), content="")
        yield ChatGenerationChunk(message=end)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, **kwargs):
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Notes the tools among the call's arguments."""
        schemas = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=schemas, tool_choice=tool_choice, **kwargs)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"name": self.name, "answers": json.dumps(self.answers, default=repr)}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params.setdefault("ls_model_name", self.name)
        return params
