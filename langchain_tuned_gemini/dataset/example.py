"""One example of a tuning set: what is asked, and what the tuned model was taught to answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from langchain_tuned_gemini.dataset.problems import Flaw, has_errors
from langchain_tuned_gemini.dataset.readers.rows import (
    HISTORY,
    MESSAGES,
    OUTPUT,
    SYSTEM_INSTRUCTION,
    TEXT_INPUT,
    read_row,
)
from langchain_tuned_gemini.dataset.turns import Turn
from langchain_tuned_gemini.errors import DatasetError
from langchain_tuned_gemini.errors.problem import Place

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


@dataclass(frozen=True, slots=True, repr=False)
class TuningExample:
    """One example of the task: what is asked, and what is answered.

    Most examples are one question and one answer. One of a conversation has the turns before
    its last question too, and one of Vertex AI may have a system instruction. One that calls
    functions has its turns as messages besides, for a few-shot prompt; no file holds it.

    Attributes:
        text_input: What the user would say; in a conversation, what they say last.
        output: What the tuned model was taught to answer to that.
        history: The turns before `text_input`, the oldest first.
        system_instruction: What the model is told beside the conversation, if anything.
        messages: All turns, where functions are called in them; `output` then is all that follows
            the question, written down.
    """

    text_input: str
    output: str
    history: tuple[Turn, ...] = ()
    system_instruction: str | None = None
    messages: tuple[BaseMessage, ...] = field(default=(), compare=False)

    @classmethod
    def parse(cls, row: object, *, source: str, line: int) -> Self:
        """Checks one row: an object with `text_input` and `output`, both with text.

        A row may also be Vertex AI's (`contents`, `systemInstruction`), messages as LangChain
        has them, or an example. Other fields, such as an id or a split, are left out.

        Args:
            row: A mapping, a pair of texts, a list of messages, or an example.
            source: Where the row comes from, for the error.
            line: Its 1-based line or number there, for the error.

        Raises:
            DatasetError: If the row holds no such example. It has all that is wrong.

        Example:
            >>> TuningExample.parse({"text_input": "1", "output": "2"}, source="me", line=1)
            TuningExample(text_input='1', output='2')
        """
        flaws: list[Flaw] = []
        fields = read_row(row.as_dict() if isinstance(row, TuningExample) else row, flaws)
        if fields is None:
            place = Place(source, line)
            raise DatasetError([flaw.at(place) for flaw in flaws if has_errors([flaw])])
        return cls(*fields)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns, from the oldest to the answer that is taught."""
        return (*self.history, Turn("user", self.text_input), Turn("model", self.output))

    @property
    def is_plain(self) -> bool:
        """Whether the example is one question and one answer, and nothing else."""
        return not (self.history or self.messages) and self.system_instruction is None

    @property
    def functions(self) -> frozenset[str]:
        """The names of the functions that the model calls."""
        calls = (call for said in self.messages for call in getattr(said, "tool_calls", ()))
        return frozenset(call["name"] for call in calls)

    def as_dict(self) -> dict[str, Any]:
        """The example as plain data, which `parse` reads.

        A plain one is what the Developer API and LangChain's example selectors want:
        `{"text_input": ..., "output": ...}`. Others have `history` or `system_instruction` too,
        and one that calls functions is `{"messages": [...]}`, as OpenAI has it.
        """
        if self.messages:
            from langchain_core.messages import convert_to_openai_messages

            return {MESSAGES: convert_to_openai_messages(self.as_messages())}
        row: dict[str, Any] = {TEXT_INPUT: self.text_input, OUTPUT: self.output}
        if self.history:
            row[HISTORY] = [{"role": turn.role, "text": turn.text} for turn in self.history]
        if self.system_instruction is not None:
            row[SYSTEM_INSTRUCTION] = self.system_instruction
        return row

    def as_messages(self) -> list[BaseMessage]:
        """The example as LangChain's messages: a system message if it has an instruction, and
        a human or an AI message for each turn.

        Example:
            >>> [message.type for message in TuningExample("1", "2").as_messages()]
            ['human', 'ai']
        """  # noqa: D205  one sentence
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        instruction = self.system_instruction
        kinds = {"user": HumanMessage, "model": AIMessage}
        return [
            *([SystemMessage(instruction)] if instruction is not None else []),
            *(self.messages or (kinds[turn.role](turn.text) for turn in self.turns)),
        ]

    def __repr__(self) -> str:
        names = [name for name in self.__slots__ if getattr(self, name) not in (None, ())]
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({fields})"

    def canonical(self) -> bytes:
        """The one way to write the example down, for a hash that tells examples apart."""
        turns: Sequence[tuple[str, str]] = [(turn.role, turn.text) for turn in self.turns]
        return json.dumps([self.system_instruction, turns], separators=(",", ":")).encode()
