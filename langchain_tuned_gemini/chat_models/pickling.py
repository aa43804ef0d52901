"""Chat models that could not be built again where they were unpickled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel, Field, PrivateAttr

from langchain_tuned_gemini.chat_models.delegation import astream_from, stream_from
from langchain_tuned_gemini.chat_models.traced import TracedChatModel
from langchain_tuned_gemini.errors import TunedGeminiError
from langchain_tuned_gemini.tuned_models.base_models import Retirement

Build = Callable[[], BaseChatModel]


def unpickled(build: Build) -> BaseChatModel:
    """What a pickle holds, or what says at its first call why that could not be built.

    Whoever unpickles can do nothing about an error: a pool would start its workers for ever.

    Args:
        build: Builds it; can be pickled.
    """
    try:
        return build()
    except (TunedGeminiError, OSError) as problem:
        return UnbuiltChatModel(build=build, problem=str(problem))


class UnbuiltChatModel(TracedChatModel):
    """Tries again to be built each time it is used, and raises why it can't be."""

    build: Build = Field(exclude=True, repr=False)
    """Builds the model that it stands for."""

    problem: str
    """Why it could not be built at first."""

    _built: BaseChatModel | None = PrivateAttr(default=None)

    @property
    def built(self) -> Any:
        """The model that it stands for.

        Raises:
            TunedGeminiError: It can't be built, still.
            OSError: Likewise.
        """
        if self._built is None:
            self._built = self.build()
        return self._built

    def __getattr__(self, name: str) -> Any:
        """What the model has that it stands for: `circuit`, `wait_until_active`."""
        if name.startswith("_"):
            return cast("Any", super()).__getattr__(name)
        return getattr(self.built, name)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result: ChatResult = self.built._generate(messages, stop, run_manager, **kwargs)
        return result

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        result: ChatResult = await self.built._agenerate(messages, stop, run_manager, **kwargs)
        return result

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        yield from stream_from(self.built, messages, stop, run_manager=run_manager, **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        chunks = astream_from(self.built, messages, stop, run_manager=run_manager, **kwargs)
        async for chunk in chunks:
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools to the model that it stands for."""
        bound = self.built.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        return cast("Runnable[LanguageModelInput, AIMessage]", bound)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """Structured output of the model that it stands for."""
        chain = self.built.with_structured_output(schema, include_raw=include_raw, **kwargs)
        return cast("Runnable[LanguageModelInput, dict[str, Any] | BaseModel]", chain)

    def get_num_tokens(self, text: str) -> int:
        """The count of the model that it stands for."""
        return int(self.built.get_num_tokens(text))

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        return cast("ChatGoogleGenerativeAI", self.built._google_model(name, location))

    def _retirement_of(self, base: str) -> Retirement | None:
        return cast("Retirement | None", self.built._retirement_of(base))

    @property
    def _llm_type(self) -> str:
        return "unbuilt"

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """False: what it stands for is not there."""
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what builds it."""
        return unpickled, (self.build,)
