"""Messages in, messages with the right examples out: what a base model needs as a fallback."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, TypeAlias

from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import LanguageModelInput
from langchain_core.load import Serializable
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from langchain_tuned_gemini.dataset import TEXT_INPUT, Examples, TuningExample
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.example_selectors import (
    DEFAULT_K,
    LexicalExampleSelector,
    TuningExampleSelector,
)

ExampleForm: TypeAlias = Literal["turns", "block"]

DEFAULT_INSTRUCTION = (
    "You are given examples of how to answer. When you answer the user, use exactly the form of "
    "these examples and add nothing to it."
)
"""A tuned model knows its task without a prompt; a base model must be told what examples are."""

_LABEL_IN_TEXT = re.compile(r"\n(?=[^\S\n]*(?:input|output)\s*:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Selection:
    """The examples that were selected for one conversation.

    Attributes:
        examples: The examples, the most useful one first.
        selector: Who selected them: `"bm25"`, `"fixed"`, or the class of another selector.
        tokens: About how many tokens the examples and the instruction add to the prompt,
            estimated offline.
    """

    examples: tuple[TuningExample, ...]
    selector: str
    tokens: int

    def as_dict(self) -> dict[str, Any]:
        """The selection as plain data, for an answer's provenance."""
        return {
            "examples": len(self.examples),
            "selector": self.selector,
            "tokens": self.tokens,
        }


class FewShotPrompt(RunnableSerializable[LanguageModelInput, list[BaseMessage]]):
    """Puts examples of a tuning set in front of a conversation.

    A base model that is shown the right examples answers much as the model that was tuned
    with all of them. The examples are those most like the last human message that has text.

    The messages stay as they are and in their order: system messages first, then the
    examples, then the whole conversation with its tool calls. The instruction is added to the
    last of the leading system messages (some models take only one), or is the system message
    where there was none. In the middle of an agent's tool calls the examples are those for
    the question that the agent works on. A conversation without any human text gets
    examples too, as for an empty question.

    Text of users and examples goes into messages as it is, never through a template. That,
    finding the place in a conversation, and telling which examples were taken is what
    langchain-core's `FewShotChatMessagePromptTemplate` does not do.

    Example:
        >>> prompt = FewShotPrompt([{"text_input": "1", "output": "2"}], instruction=None)
        >>> [(message.type, message.content) for message in prompt.invoke("7")]
        [('human', '1'), ('ai', '2'), ('human', '7')]

        As a part of a chain: `model.with_fallbacks([few_shot_prompt | base])`.
    """

    examples: BaseExampleSelector
    """Selects the examples; a dataset becomes a `LexicalExampleSelector` of it."""

    k: int | None = Field(default=None, ge=1)
    """How many examples at most; None is as many as the selector selects."""

    form: ExampleForm = "turns"
    """How examples are shown: `"turns"`, each as a human and an AI message after the system
    message, or `"block"`, as lines `Input: …` and `Output: …` at the end of the system message,
    with an empty line between two examples.
    """

    instruction: str | None = DEFAULT_INSTRUCTION
    """What the system message says about the examples; None says nothing."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    def __init__(
        self,
        examples: Examples | BaseExampleSelector,
        *,
        k: int | None = None,
        form: ExampleForm = "turns",
        instruction: str | None = DEFAULT_INSTRUCTION,
        name: str | None = None,
    ) -> None:
        """Keeps the selector, or makes one.

        Args:
            examples: A file's path, a `TuningDataset`, a list of `{"text_input", "output"}`, or
                any LangChain example selector. The selector is asked for
                `{"text_input": question}` and must give `{"text_input", "output"}`.
            k: How many examples at most, at least 1. By default 8 of a dataset, and what it
                selects by itself of a selector.
            form: `"turns"` or `"block"`. Turns look to the model like answers that it gave, and
                no text in an example can end them; a block is for models that take such turns
                for a part of the conversation.
            instruction: What to tell the model about the examples. None for a model that
                takes no system message, or where your own says it already.
            name: The runnable's name in traces.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `examples` can't stand for examples, or `k` is less than 1.
        """
        if not isinstance(examples, BaseExampleSelector):
            examples = LexicalExampleSelector(examples, k=DEFAULT_K if k is None else k)
        # Not super(): for a type checker, RunnableSerializable takes a name and nothing else.
        Serializable.__init__(
            self, examples=examples, k=k, form=form, instruction=instruction, name=name
        )

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002  # a runnable's name for it
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002  # a model's, where a fallback passes on what it got
    ) -> list[BaseMessage]:
        """Gives the messages with examples in front of the conversation.

        Args:
            input: A text, a prompt value, or messages.
            config: The run's configuration.
            **kwargs: Ignored, as by LangChain's own prompts: meant for a model.

        Raises:
            DatasetError: If a selector gave something else than `{"text_input", "output"}`.
            ParameterError: If the input is no text, prompt value or messages.
        """
        return self._call_with_config(self._rewrite, input, config, run_type="prompt")

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002  # a runnable's name for it
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002  # a model's, where a fallback passes on what it got
    ) -> list[BaseMessage]:
        """Like `invoke`, with the selector's asynchronous method."""
        return await self._acall_with_config(self._arewrite, input, config, run_type="prompt")

    def build(self) -> None:
        """Builds the selector's index now, so that the first question need not wait for it.

        It takes 0.2 s for the libraries and 0.6 s for 10,000 examples. Processes that are
        forked afterwards share it.
        """
        if isinstance(self.examples, LexicalExampleSelector):
            self.examples.build()

    def select(self, messages: Sequence[BaseMessage]) -> Selection:
        """Selects the examples for a conversation; `insert` puts them into it."""
        return self._selection(self.examples.select_examples({TEXT_INPUT: query_of(messages)}))

    async def aselect(self, messages: Sequence[BaseMessage]) -> Selection:
        """Like `select`, with the selector's asynchronous method."""
        return self._selection(
            await self.examples.aselect_examples({TEXT_INPUT: query_of(messages)})
        )

    def insert(self, messages: Sequence[BaseMessage], selection: Selection) -> list[BaseMessage]:
        """Puts the selected examples into a conversation; without any, nothing changes."""
        if not selection.examples:
            return list(messages)
        system = list(takewhile(lambda message: isinstance(message, SystemMessage), messages))
        conversation = messages[len(system) :]
        turns = _turns(selection.examples) if self.form == "turns" else []
        return [*_told(system, self._system_text(selection.examples)), *turns, *conversation]

    def _rewrite(self, model_input: LanguageModelInput) -> list[BaseMessage]:
        messages = _as_messages(model_input)
        return self.insert(messages, self.select(messages))

    async def _arewrite(self, model_input: LanguageModelInput) -> list[BaseMessage]:
        messages = _as_messages(model_input)
        return self.insert(messages, await self.aselect(messages))

    def _selection(self, selected: Iterable[object]) -> Selection:
        name = (
            self.examples.name
            if isinstance(self.examples, TuningExampleSelector)
            else type(self.examples).__name__
        )
        examples = tuple(
            TuningExample.parse(example, source=name, line=number)
            for number, example in enumerate(selected, start=1)
        )[: self.k]
        return Selection(examples, name, self._tokens(examples) if examples else 0)

    def _tokens(self, examples: Iterable[TuningExample]) -> int:
        tokens = _estimated_tokens(self._system_text(examples))
        if self.form == "turns":
            for example in examples:
                tokens += _estimated_tokens(example.text_input) + _estimated_tokens(example.output)
        return tokens

    def _system_text(self, examples: Iterable[TuningExample]) -> str:
        """What the system message says in addition; may be nothing."""
        block = _block(examples) if self.form == "block" else ""
        return "\n\n".join(filter(None, (self.instruction, block)))


def query_of(messages: Sequence[BaseMessage]) -> str:
    """The question of a conversation: the text of the last human message that has any.

    A picture without words, sent after the question, does not replace it.
    """
    texts = (message.text for message in reversed(messages) if isinstance(message, HumanMessage))
    return next((str(text) for text in texts if text.strip()), "")


def _as_messages(model_input: LanguageModelInput) -> list[BaseMessage]:
    if isinstance(model_input, str):
        return [HumanMessage(model_input)]
    if isinstance(model_input, PromptValue | Sequence):
        return convert_to_messages(model_input)
    raise ParameterError(
        "A few-shot prompt takes what a chat model takes: a text, a prompt value or a list of "
        f"messages, not {type(model_input).__name__}."
    )


def _told(system: list[BaseMessage], text: str) -> list[BaseMessage]:
    """The system messages with this text at their end."""
    if not text:
        return system
    if not system:
        return [SystemMessage(text)]
    *first, last = system
    content = (
        f"{last.content}\n\n{text}"
        if isinstance(last.content, str)
        else [*last.content, {"type": "text", "text": text}]
    )
    return [*first, last.model_copy(update={"content": content})]


def _turns(examples: Iterable[TuningExample]) -> list[BaseMessage]:
    return [
        message
        for example in examples
        for message in (HumanMessage(example.text_input), AIMessage(example.output))
    ]


def _block(examples: Iterable[TuningExample]) -> str:
    return "\n\n".join(
        f"Input: {_shielded(example.text_input)}\nOutput: {_shielded(example.output)}"
        for example in examples
    )


def _shielded(text: str) -> str:
    """The text with `> ` before its own lines that look like `Input:` or `Output:`.

    So that no text of an example can be read as the start of another one.
    """
    return _LABEL_IN_TEXT.sub("\n> ", text)


def _estimated_tokens(text: str) -> int:
    """About how many tokens a text has: one for each 4 bytes of UTF-8.

    For English that is Google's rule of thumb, 4 characters a token; counting bytes keeps
    Chinese, with its 3 bytes a character, from being counted as a quarter of what it is.
    https://ai.google.dev/gemini-api/docs/tokens
    """
    return -(-len(text.encode()) // 4)
