"""Which of the chosen examples a model is shown, and how: as turns, or as a block of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from langchain_tuned_gemini.dataset import TuningExample, Turn
from langchain_tuned_gemini.few_shot.selectors import Choice
from langchain_tuned_gemini.runtime.visible_text import visible_text

ExampleForm: TypeAlias = Literal["turns", "block"]

DEFAULT_INSTRUCTION = (
    "You are given examples of how to answer. When you answer the user, use exactly the form of "
    "these examples and add nothing to it."
)
"""A tuned model knows its task without a prompt; a base model must be told what examples are."""

_LABELS = {"user": "Input", "model": "Output"}

# What a model may take for somebody else's turn, at the start of a line, whatever ends the line
# before it: the labels of a block, and the roles of chats in plain text and Markdown.
_ROLE_IN_TEXT = re.compile(
    r"([\n\r\v\f\x1c-\x1e\x85\u2028\u2029])"
    r"(?=[^\S\n]*[#*_>]*[^\S\n]*"
    r"(?:input|output|user|human|model|assistant|ai|system|developer|tool)[*_]*\s*:)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ExampleSelection(Choice):
    """The examples that were selected for one conversation.

    Attributes:
        tokens: About how many tokens the examples and what is said about them add to the
            prompt, estimated offline.
        dropped: How many more were chosen, and did not fit, or call functions that the model is
            not offered.
    """

    tokens: int = 0
    dropped: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The selection as plain data, for an answer's provenance."""
        return {
            "examples": len(self.examples),
            "selector": self.selector,
            "tokens": self.tokens,
            "dropped": self.dropped,
            **({"outage": self.outage} if self.outage else {}),
        }


def fitting(
    examples: Sequence[TuningExample],
    size: Callable[[Sequence[TuningExample]], int],
    limit: float,
) -> tuple[TuningExample, ...]:
    """The best of some examples whose size together is within a limit; the last go first.

    One that would not fit alone is left out beforehand, so that it does not cost those after it
    their place.

    Example:
        >>> texts = [TuningExample(text, "-") for text in ("a", "far too long", "b", "c")]
        >>> kept = fitting(texts, lambda some: sum(len(e.text_input) for e in some), 2)
        >>> [example.text_input for example in kept]
        ['a', 'b']
    """
    kept = list(examples)
    if size(kept) <= limit:
        return tuple(kept)
    kept = [example for example in kept if size([example]) <= limit]
    while kept and size(kept) > limit:
        kept.pop()
    return tuple(kept)


def inserted(
    messages: Sequence[BaseMessage],
    examples: Sequence[TuningExample],
    form: ExampleForm,
    instruction: str | None,
) -> list[BaseMessage]:
    """Puts examples into a conversation, after its leading system messages."""
    system = list(takewhile(lambda message: isinstance(message, SystemMessage), messages))
    conversation = messages[len(system) :]
    texts = texts_about(examples, form, instruction)
    if system:
        said = {visible_text(str(message.text)).strip() for message in system}
        texts = [text for text in texts if visible_text(text).strip() not in said]
    turns = turns_of(examples) if form == "turns" else []
    return [*_with_text(system, "\n\n".join(texts)), *turns, *conversation]


def texts_about(
    examples: Sequence[TuningExample], form: ExampleForm, instruction: str | None
) -> list[str]:
    """The texts that the system message gets in addition; may be none.

    First what the tuned model was told in these examples, if it is the same in all: the base
    model has not learnt what that asks for, and the application may have left it to the tuning.
    """
    written = {example.system_instruction or "" for example in examples}
    is_common = len(written) == 1 or len(set(map(visible_text, written))) == 1
    common = examples[0].system_instruction if is_common else None
    block = "\n\n".join(map(_as_text, examples)) if form == "block" else None
    return [text for text in (common, instruction, block) if text]


def turns_of(examples: Iterable[TuningExample]) -> list[BaseMessage]:
    """The examples as messages of a human and a model, and of the functions that it calls."""
    shown: list[BaseMessage] = []
    for number, example in enumerate(examples, start=1):
        if example.messages:
            shown += [_numbered(message, number) for message in example.messages]
        else:
            shown += [
                HumanMessage(turn.text) if turn.role == "user" else AIMessage(turn.text)
                for turn in shown_turns(example)
            ]
    return shown


def _numbered(message: BaseMessage, number: int) -> BaseMessage:
    """A message whose calls are like no other example's: what is returned goes by their ids."""
    if isinstance(message, ToolMessage):
        return message.model_copy(
            update={"tool_call_id": f"example-{number}-{message.tool_call_id}"}
        )
    if isinstance(message, AIMessage) and message.tool_calls:
        calls = [{**call, "id": f"example-{number}-{call['id']}"} for call in message.tool_calls]
        return message.model_copy(update={"tool_calls": calls})
    return message


def shown_turns(example: TuningExample) -> tuple[Turn, ...]:
    """The turns that are shown of an example: all of a conversation that the user begins.

    Of others the last question and its answer: a model that takes turns for what was said wants
    the user to begin, and both to alternate.
    """
    turns = example.turns
    alternate = all(turn.role == ("user", "model")[n % 2] for n, turn in enumerate(turns))
    return turns if alternate else turns[-2:]


def _as_text(example: TuningExample) -> str:
    turns = shown_turns(example)
    return "\n".join(f"{_LABELS[turn.role]}: {_shielded(turn.text)}" for turn in turns)


def _shielded(text: str) -> str:
    r"""The text with `> ` before its own lines that look like the start of somebody's turn.

    So that no text of an example can be read as another example, or as an order.

    Example:
        >>> _shielded("a\nOutput: b")
        'a\n> Output: b'
    """
    return _ROLE_IN_TEXT.sub(r"\1> ", text)


def _with_text(system: list[BaseMessage], text: str) -> list[BaseMessage]:
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
