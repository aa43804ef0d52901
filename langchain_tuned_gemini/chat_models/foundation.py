"""The base class of all chat models of this package."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import UUID

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.callbacks.base import Callbacks
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
from langchain_core.runnables.config import get_config_list
from langchain_core.utils.uuid import uuid7
from pydantic import model_validator

from langchain_tuned_gemini.chat_models.answer_cache import CachedModel, is_cached
from langchain_tuned_gemini.chat_models.arguments import (
    check_arguments,
    check_config,
    check_numbers,
)
from langchain_tuned_gemini.chat_models.cache_keys import cache_key
from langchain_tuned_gemini.chat_models.caller import Caller, announced, called_by, known_run
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.provenance import METADATA_KEY, RESTARTED

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import _ChatModelBinding
else:  # private there, and its name may change
    _ChatModelBinding = Runnable

MAX_CONCURRENCY = 128
"""How many calls of a batch run at once when the caller does not say.

LangChain takes `min(32, cores + 4)` threads, as if calls used the processor; they wait.
"""


@dataclass(slots=True)
class _AddedUp:
    answer: AIMessage | None = None
    """The answer after a restart; None without one."""


_added_up: ContextVar[_AddedUp | None] = ContextVar("tuned_gemini_added_up", default=None)


def is_added_up() -> bool:
    """Whether the chunks of a stream are being added up, by code that asks what the answer is."""
    return _added_up.get() is not None


def note_answer(answer: AIMessage) -> None:
    """Tells whoever adds up the chunks of a stream that was restarted what the answer is."""
    if added_up := _added_up.get():
        added_up.answer = answer


class TunedGeminiChatModel(BaseChatModel):
    """A chat model that refuses parameters it does not know and batches by the hundred.

    It announces its own run to its `_stream`: langchain-core gives a run manager to `_generate`,
    but none to `_stream`, so the run's id is decided beforehand. And it answers
    with what a stream within `invoke` said after a restart: LangChain streams there where somebody
    listens to tokens, such as LangGraph, and adds up all chunks, also those that are void.
    """

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, values: Any) -> Any:
        if isinstance(values, dict):
            cls._check_names(values)
            check_numbers(cls, values)
        return values

    @classmethod
    def _check_names(cls, values: Mapping[str, Any]) -> None:
        known = {n for name, f in cls.model_fields.items() for n in (name, f.alias) if n}
        for name in values.keys() - known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It takes: {sorted(known)}."
            raise ParameterError(f"{cls.__name__} has no parameter {name!r}.{hint}")

    def bind(self, **kwargs: Any) -> _ChatModelBinding:
        """Binds arguments to each call.

        Raises:
            ParameterError: For an argument that no model takes.
        """
        check_arguments(kwargs, self)
        return super().bind(**kwargs)

    def with_config(
        self, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds a configuration to each call.

        Raises:
            ParameterError: For a key that no configuration has.
        """
        check_config({**(config or {}), **kwargs})
        return super().with_config(config, **kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """True: `dumpd` and `load` work; secrets are left out."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where the class is found in serialised form, wherever its module moves."""
        return ["langchain_tuned_gemini"]

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """The parameters, without what LangChain fills in: the profile alone has 30 lines."""
        for name, value in super().__repr_args__():
            if name == "metadata" and isinstance(value, dict):
                value = {key: item for key, item in value.items() if key != "lc_versions"}  # noqa: PLW2901
            if name not in {"profile", "cache"} and not (name == "metadata" and not value):
                yield name, value

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of the parameters around the same models and connections."""
        return self.model_copy()

    @abstractmethod
    def _depends_on(self) -> object:
        """What its answers depend on, as its `repr` tells it, the same in every process."""

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The name of its answers in a cache; LangChain's leaves out what it can't load again."""
        return cache_key(self, stop, kwargs)

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Calls the model for each input, up to `max_concurrency` (default 128) at once."""
        configs = _concurrent(config, len(inputs))
        return super().batch(inputs, configs, return_exceptions=return_exceptions, **kwargs)

    async def abatch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Calls the model for each input, up to `max_concurrency` (default 128) at once."""
        configs = _concurrent(config, len(inputs))
        return await super().abatch(inputs, configs, return_exceptions=return_exceptions, **kwargs)

    def _names_its_run(self) -> bool:
        """True for a model that knows only during a call what its run should say of it."""
        return True

    def stream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Streams the answer; the last chunk of a fallback model's carries the provenance."""
        if not self._names_its_run():
            return super().stream(input, config, stop=stop, **kwargs)
        return self._announced(input, ensure_config(config), stop=stop, **kwargs)

    def _announced(
        self, model_input: LanguageModelInput, config: RunnableConfig, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        caller = known_run(config, CallbackManager, self.callbacks)
        chunks = super().stream(model_input, config, **kwargs)
        with called_by(caller):
            first = next(chunks)
        yield first
        yield from chunks

    def astream(
        self,
        input: LanguageModelInput,  # noqa: A002  # LangChain's own name
        config: RunnableConfig | None = None,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Streams the answer; the last chunk of a fallback model's carries the provenance."""
        if not self._names_its_run():
            return super().astream(input, config, stop=stop, **kwargs)
        return self._aannounced(input, ensure_config(config), stop=stop, **kwargs)

    async def _aannounced(
        self, model_input: LanguageModelInput, config: RunnableConfig, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        caller = known_run(config, AsyncCallbackManager, self.callbacks)
        stream = super().astream(model_input, config, **kwargs)
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
        is_heard = callbacks or self.callbacks or announced.get()
        if not is_heard or not self._names_its_run():
            return super().generate(messages, stop, callbacks, run_id=run_id, **kwargs)
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id, self.callbacks, kwargs)):
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
        is_heard = callbacks or self.callbacks or announced.get()
        if not is_heard or not self._names_its_run():
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)
        run_id = run_id or uuid7()
        with called_by(Caller.of(callbacks, run_id, self.callbacks, kwargs)):
            return await super().agenerate(messages, stop, callbacks, run_id=run_id, **kwargs)

    def _generate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        added_up = _AddedUp()
        token = _added_up.set(added_up)
        try:
            is_kept = self.cache is not False and is_cached(self)
            asked: Any = CachedModel(self, stop, kwargs, bool) if is_kept else self
            generate = BaseChatModel._generate_with_cache
            result = generate(asked, messages, stop, run_manager, **kwargs)
        finally:
            _added_up.reset(token)
        return result if added_up.answer is None else _answered(result, added_up.answer)

    async def _agenerate_with_cache(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        added_up = _AddedUp()
        token = _added_up.set(added_up)
        try:
            is_kept = self.cache is not False and is_cached(self)
            asked: Any = CachedModel(self, stop, kwargs, bool) if is_kept else self
            generate = BaseChatModel._agenerate_with_cache
            result = await generate(asked, messages, stop, run_manager, **kwargs)
        finally:
            _added_up.reset(token)
        return result if added_up.answer is None else _answered(result, added_up.answer)


def _concurrent(
    config: RunnableConfig | Sequence[RunnableConfig] | None, length: int
) -> list[RunnableConfig]:
    configs = get_config_list(config, length)
    if configs and configs[0].get("max_concurrency") is None:
        configs[0] = cast("RunnableConfig", {**configs[0], "max_concurrency": MAX_CONCURRENCY})
    return configs


def _answered(result: ChatResult, answer: AIMessage) -> ChatResult:
    """The result with the answer in the place of all that was streamed."""
    added_up = result.generations[0].message
    metadata = dict(added_up.response_metadata)
    told = {k: v for k, v in metadata[METADATA_KEY].items() if k not in RESTARTED}
    is_v1 = metadata.get("output_version") == "v1" or _has_blocks(added_up, answer)
    whole = (
        message_chunk_to_message(answer) if isinstance(answer, AIMessageChunk) else answer
    ).model_copy(
        update={
            "id": added_up.id,
            "content": answer.content_blocks if is_v1 else answer.content,
            "response_metadata": {**metadata, METADATA_KEY: told},
        }
    )
    result.generations[0].message = whole
    return result


def _has_blocks(added_up: BaseMessage, answer: AIMessage) -> bool:
    """Whether LangChain has put the content into blocks, as `output_version="v1"` wants it."""
    return isinstance(added_up.content, list) and isinstance(answer.content, str)
