"""The few-shot prompt: a Runnable that puts the right examples in front of a conversation."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import LanguageModelInput
from langchain_core.load import Serializable
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field, PrivateAttr

from langchain_tuned_gemini.dataset import Columns, Examples, TuningDataset, TuningExample
from langchain_tuned_gemini.dataset.tokens import TokenEstimator
from langchain_tuned_gemini.errors import ParameterError, PromptTooLongError
from langchain_tuned_gemini.few_shot.question import (
    Question,
    as_messages,
    name_of_question,
    question_of,
)
from langchain_tuned_gemini.few_shot.selectors import (
    DEFAULT_K,
    Choice,
    LexicalExampleSelector,
    OtherSelector,
    TuningExampleSelector,
)
from langchain_tuned_gemini.few_shot.selectors.selector import checked_count
from langchain_tuned_gemini.few_shot.shown_examples import (
    DEFAULT_INSTRUCTION,
    ExampleForm,
    ExampleSelection,
    fitting,
    inserted,
    shown_turns,
    texts_about,
)
from langchain_tuned_gemini.runtime.error_origins import user_code

_LEFT_FREE = 0.9
"""Which part of a model's context is filled with examples at the most: sizes are estimates."""
_CERTAINLY_TOO_LONG = 1.25
"""From which part of a model's context on a conversation is refused without asking the model."""


class FewShotPrompt(RunnableSerializable[LanguageModelInput, list[BaseMessage]]):
    """Puts examples of a tuning set in front of a conversation.

    A base model that is shown the right examples answers much as the model that was tuned
    with all of them. The examples are those most like the last human message that has text.

    The messages stay as they are and in their order: system messages first, then the
    examples, then the whole conversation with its tool calls. The instruction is added to the
    last of the leading system messages (some models take only one), or is the system message
    where there was none; so is the system instruction that the examples have in common, if the
    conversation does not begin with it. In the middle of an agent's tool calls the examples are
    those for the question that the agent works on. A conversation without any human text gets
    examples too, as for an empty question. Of an example that is a conversation, all turns are
    shown; of one that calls functions, the calls and what they returned, as turns. A block of text
    shows no such example, and a model that is not offered these functions neither.

    Text of users and examples goes into messages as it is, never through a template. That,
    finding the place in a conversation, and telling which examples were taken is what
    langchain-core's `FewShotChatMessagePromptTemplate` does not do.

    What the examples cost, in tokens as the emulator counts them: a tuned model's prompt of 10
    tokens, a question for SQL, has 354 with 8 selected examples, of which 32 are the same in each
    prompt, and 243 with 8 fixed ones, of which 233 are. Gemini caches what prompts have in common
    at their beginning by itself, but only from 1,024 tokens (Flash) or 4,096 (Pro) on. So a fixed
    set is worth it where it is that long: all 82 examples have 3,306.
    https://ai.google.dev/gemini-api/docs/caching

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

    max_tokens: int | None = Field(default=None, ge=1)
    """How many tokens the examples and the instruction may take; None is what the context takes.
    The least useful examples are dropped, never anything else."""

    form: ExampleForm = "turns"
    """How examples are shown: `"turns"`, each as a human and an AI message after the system
    message, or `"block"`, as lines `Input: …` and `Output: …` at the end of the system message."""

    instruction: str | None = DEFAULT_INSTRUCTION
    """The words of the system message about the examples; None says nothing."""

    query: Question = None
    """Where in a conversation the question stands; None for the last human message."""

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    stand_in: TuningExampleSelector | None = None
    """Selects while a selector of another package can't; None for no examples then."""

    _estimator: TokenEstimator = PrivateAttr(default_factory=TokenEstimator)
    _other: OtherSelector | None = PrivateAttr(default=None)

    def __init__(
        self,
        examples: Examples | BaseExampleSelector,
        *,
        k: int | None = None,
        max_tokens: int | None = None,
        form: ExampleForm = "turns",
        instruction: str | None = DEFAULT_INSTRUCTION,
        query: Question = None,
        stand_in: Examples | TuningExampleSelector | None = None,
        name: str | None = None,
    ) -> None:
        """Keeps the selector, or makes one.

        Args:
            examples: A file's path, a `TuningDataset`, a list of `{"text_input", "output"}`, or
                any LangChain example selector. The selector is asked for
                `{"text_input": question}` and must give `{"text_input", "output"}`.
            k: How many examples at most, at least 1. By default 8 of a dataset, and what it
                selects by itself of a selector.
            max_tokens: How many tokens the examples and the instruction may take at most. The
                estimate is made offline, and corrected by what the base model reports.
            form: `"turns"` or `"block"`. Turns look to the model like answers that it gave, and
                no text in an example can end them; a block is for models that take such turns
                for a part of the conversation.
            instruction: What to tell the model about the examples. None for a model that
                takes no system message, or where your own says it already.
            query: Where the question stands, if the last human message is more than that, as in
                RAG: the text after which it begins, such as `"Question:"`, or a function that
                takes the messages and gives the question. In a chat, such a function may put a
                follow-up together with the question before it.
            stand_in: What to select from while a selector of another package can't be used,
                as one that asks for embeddings in an outage: examples in any form, most like
                the tuning set itself, or a selector of this package. Without it there are no
                examples then. The selectors of this package need none.
            name: The runnable's name in traces.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If `examples` can't stand for examples, or `k` or `max_tokens` is
                less than 1, or no number.
        """
        for count, value in (("k", k), ("max_tokens", max_tokens)):
            if value is not None:
                checked_count(count, value)
        if not isinstance(examples, BaseExampleSelector):
            if form == "block":
                examples = TuningDataset.of(examples, text_only=True)
            examples = LexicalExampleSelector(examples, k=DEFAULT_K if k is None else k)
        elif form == "block" and isinstance(examples, TuningExampleSelector):
            if examples.texts is None:
                raise ParameterError(
                    "All examples call functions, which a block of text can't show: form='turns'."
                )
            examples = examples.texts
        if stand_in is not None and isinstance(examples, TuningExampleSelector):
            raise ParameterError(
                f"stand_in is for selectors of other packages. {type(examples).__name__} needs "
                "none, or has one of its own."
            )
        if stand_in is not None and not isinstance(stand_in, TuningExampleSelector):
            stand_in = LexicalExampleSelector(stand_in, k=DEFAULT_K if k is None else k)
        # Not super(): for a type checker, RunnableSerializable takes a name and nothing else.
        Serializable.__init__(
            self,
            examples=examples,
            k=k,
            max_tokens=max_tokens,
            form=form,
            instruction=instruction,
            query=query,
            stand_in=stand_in,
            name=name,
        )

    @classmethod
    def of(
        cls,
        examples: Examples | BaseExampleSelector | FewShotPrompt,
        *,
        k: int | None = None,
        columns: Columns | None = None,
        stand_in: Examples | None = None,
    ) -> FewShotPrompt:
        """The prompt for whatever stands for examples; a prompt stands for itself.

        Args:
            examples: What stands for examples.
            k: How many examples at most.
            columns: What a file calls the fields, where they have other names.
            stand_in: What to select from while a selector of another package, if that is what
                stands for examples, can't be used.

        Raises:
            DatasetError: If the examples can't be used.
            ParameterError: If there is a `k` beside a prompt, or it is less than 1; if there are
                `columns` beside a prompt or a selector.
        """
        if columns is not None:
            if isinstance(examples, FewShotPrompt | BaseExampleSelector):
                raise ParameterError(
                    "columns says what a file calls its fields, and these examples are read "
                    "already: TuningDataset.read(path, columns=...)."
                )
            examples = TuningDataset.of(
                examples, columns=columns, text_only=True, function_calls=True
            )
        if isinstance(examples, BaseExampleSelector) and not isinstance(
            examples, TuningExampleSelector
        ):
            return cls(examples, k=k, stand_in=stand_in)
        if not isinstance(examples, FewShotPrompt):
            return cls(examples, k=k)
        if k is not None:
            raise ParameterError("A FewShotPrompt has its own k: FewShotPrompt(..., k=...).")
        return examples

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

        It takes 0.2 s for the libraries and 0.8 s for 10,000 examples. Processes that are
        forked afterwards share it.
        """
        self._selector_for(None).build()

    def select(
        self,
        messages: Sequence[BaseMessage],
        *,
        context: int | None = None,
        functions: Collection[str] | None = None,
    ) -> ExampleSelection:
        """Selects the examples for a conversation; `insert` puts them into it.

        Args:
            messages: The conversation.
            context: How many tokens the model takes, if that is known.
            functions: The functions that the model is offered, if that is known: it may call
                what it sees in an example, and Gemini fails where that was not offered.

        Raises:
            PromptTooLongError: If the conversation alone is longer than that.
            UserCodeError: If the selector, or the function that finds the question, has a bug.
        """
        room = self._room(messages, context)
        question = question_of(messages, self.query)
        with user_code(self._selector_name):
            choice = self._selector_for(functions).choose(question)
        return self._selection(choice, room, functions)

    async def aselect(
        self,
        messages: Sequence[BaseMessage],
        *,
        context: int | None = None,
        functions: Collection[str] | None = None,
    ) -> ExampleSelection:
        """Like `select`, with the selector's asynchronous method."""
        room = self._room(messages, context)
        question = question_of(messages, self.query)
        with user_code(self._selector_name):
            choice = await self._selector_for(functions).achoose(question)
        return self._selection(choice, room, functions)

    def insert(
        self, messages: Sequence[BaseMessage], selection: ExampleSelection
    ) -> list[BaseMessage]:
        """Puts the selected examples into a conversation; without any, nothing changes."""
        if not selection.examples:
            return list(messages)
        return inserted(messages, selection.examples, self.form, self.instruction)

    def rows(self, selection: ExampleSelection) -> list[int] | None:
        """The numbers of the selected rows of the tuning set, from 1; None where there is none."""
        if not isinstance(self.examples, TuningExampleSelector):
            return None
        numbers = {id(one): number for number, one in enumerate(self.examples.dataset, start=1)}
        found = (numbers.get(id(example)) for example in selection.examples)
        return [number for number in found if number is not None]

    def depends_on(self) -> object:
        """What decides which examples are shown, and how, as a `repr` tells it.

        Of a selector of another package that is not known: it shows its address.
        """
        selectors = [
            one.depends_on() if isinstance(one, TuningExampleSelector) else object.__repr__(one)
            for one in (self.examples, self.stand_in)
            if one is not None
        ]
        query = name_of_question(self.query)
        return selectors, self.k, self.max_tokens, self.form, self.instruction, query

    def learn(self, messages: Sequence[BaseMessage], counted: int) -> None:
        """Corrects the estimate of tokens by the `input_tokens` of a model that was sent these.

        A prompt with tools teaches nothing: they are not in the messages.
        """
        self._estimator.learn(messages, counted)

    def _rewrite(self, model_input: LanguageModelInput) -> list[BaseMessage]:
        messages = as_messages(model_input)
        return self.insert(messages, self.select(messages))

    async def _arewrite(self, model_input: LanguageModelInput) -> list[BaseMessage]:
        messages = as_messages(model_input)
        return self.insert(messages, await self.aselect(messages))

    def _room(self, messages: Sequence[BaseMessage], context: int | None) -> float:
        """How many tokens there are for examples."""
        most = math.inf if self.max_tokens is None else self.max_tokens
        if context is None:
            return most
        length = self._estimator.of_messages(messages)
        if length > _CERTAINLY_TOO_LONG * context:
            raise PromptTooLongError(length, context)
        return min(most, _LEFT_FREE * context - length)

    @property
    def _selector_name(self) -> str:
        return f"the example selector {type(self.examples).__name__}"

    def _selector_for(
        self, functions: Collection[str] | None
    ) -> TuningExampleSelector | OtherSelector:
        """The selector; where nothing may be called, the one of examples that call nothing."""
        if isinstance(self.examples, TuningExampleSelector):
            is_free = functions is None or functions
            return self.examples if is_free else self.examples.texts or self.examples
        if self._other is None or self._other.selector is not self.examples:
            self._other = OtherSelector(self.examples, self.stand_in)
        return self._other

    def _selection(
        self, choice: Choice, room: float, functions: Collection[str] | None
    ) -> ExampleSelection:
        chosen = choice.examples[: self.k]
        usable = [example for example in chosen if self._can_show(example, functions)]
        shown = fitting(usable, self._tokens, room)
        return ExampleSelection(
            shown, choice.selector, choice.outage, self._tokens(shown), len(chosen) - len(shown)
        )

    def _can_show(self, example: TuningExample, functions: Collection[str] | None) -> bool:
        if not example.messages:
            return True
        return self.form == "turns" and (functions is None or example.functions.issubset(functions))

    def _tokens(self, examples: Sequence[TuningExample]) -> int:
        if not examples:
            return 0
        texts = texts_about(examples, self.form, self.instruction)
        if self.form == "turns":
            texts += [turn.text for example in examples for turn in shown_turns(example)]
        return self._estimator.of(texts)
