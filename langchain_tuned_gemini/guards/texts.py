"""Guards of an answer's text: one of a few labels, or of a certain form.

A message that calls tools and says nothing is no final answer: they leave it alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal
from unicodedata import is_normalized, normalize

from langchain_core.messages import AIMessage

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.guards.results import Refusal, excerpt
from langchain_tuned_gemini.runtime.visible_text import is_blank, visible_text


def text_to_judge(message: AIMessage) -> str | None:
    """The text without the white space around it; None for a message that only calls tools.

    Upstream strips line ends of an answer and leaves those of a stream, so both are stripped.
    """
    text = message.text.strip()
    return None if message.tool_calls and is_blank(text) else text


@dataclass(frozen=True, slots=True)
class OneOf:
    r"""Refuses any text but one of the labels, with white space around it left aside.

    A label is one however it is encoded: composed or not, with marks that nobody sees or without.
    The answer stays as the model wrote it.

    Args:
        labels: What may be said.
        ignore_case: Whether `Yes` is `yes`.

    Raises:
        ParameterError: For a text instead of labels, or for none at all.

    Example:
        >>> is_label = OneOf(["spam", "ham"])
        >>> is_label(AIMessage("spam\n")) is None, is_label(AIMessage("It is spam.")).why
        (True, "it is 'It is spam.', none of the 2 labels")
    """

    labels: Collection[str]
    ignore_case: bool = False
    _keys: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Checks the labels while whoever wrote them is looking."""
        if isinstance(self.labels, str) or not self.labels:
            raise ParameterError(f'OneOf needs labels, OneOf(["yes", "no"]), not {self.labels!r}.')
        object.__setattr__(self, "labels", tuple(self.labels))
        object.__setattr__(self, "_keys", frozenset(map(self._key, self.labels)))

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        text = text_to_judge(message)
        if text is None or text in self._keys or self._key(text) in self._keys:
            return None
        return Refusal(f"it is {excerpt(text)}, none of the {len(self.labels)} labels")

    def _key(self, text: str) -> str:
        text = visible_text(text)
        return visible_text(text.casefold() if self.ignore_case else text).strip()


@dataclass(frozen=True, slots=True)
class MatchesRegex:
    r"""Refuses any text that the pattern does not match from its first character to its last.

    The white space around the text is left aside, and composed letters are the same as letters
    with combining marks. All else is up to the pattern, zero-width marks included. Beware of
    patterns that backtrack without end, such as `(a+)+`: the text is the model's.

    Args:
        pattern: A regular expression, or a compiled one where flags are needed.

    Raises:
        ParameterError: For a pattern that is no regular expression.

    Example:
        >>> is_number = MatchesRegex(r"-?\d+")
        >>> is_number(AIMessage("42")) is None, is_number(AIMessage("42 dogs")).why
        (True, "it is '42 dogs', which does not match '-?\\\\d+'")
    """

    pattern: str | re.Pattern[str]

    def __post_init__(self) -> None:
        """Compiles the pattern."""
        try:
            compiled = re.compile(self.pattern)
        except re.error as error:
            raise ParameterError(
                f"MatchesRegex: {self.pattern!r} is no regular expression: {error}."
            ) from error
        object.__setattr__(self, "pattern", compiled)

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        text = text_to_judge(message)
        if text is None or re.fullmatch(self.pattern, text):
            return None
        written = re.compile(self.pattern).pattern
        form: Literal["NFC", "NFD"] = "NFC" if is_normalized("NFC", written) else "NFD"
        if re.fullmatch(self.pattern, normalize(form, text)):
            return None
        pattern = excerpt(written)
        return Refusal(f"it is {excerpt(text)}, which does not match {pattern}")
