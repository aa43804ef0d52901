"""How many tokens a text has, estimated offline, and corrected by what models report."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_DIGIT = re.compile("[0-9]")
_OF_A_PICTURE = 258
"""The tokens of a small picture; https://ai.google.dev/gemini-api/docs/tokens#multimodal-tokens"""
_MEDIA = frozenset({"audio", "file", "image", "image_url", "media", "video"})
"""The types of LangChain's parts of a message that are neither text nor a call."""

_ENOUGH_TO_LEARN = 40
"""Tokens: what a model adds to every prompt must not be taken for a property of the text."""
_MEMORY = 20
"""How many prompts the correction remembers."""
_BOUNDS = (0.25, 4.0)
"""How far a tokenizer can be from an estimate; beyond it something else was counted."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a text has: one a digit, and one for each 4 further bytes of UTF-8.

    For English that is Google's rule of thumb, 4 characters a token; counting bytes keeps
    Chinese, with its 3 bytes a character, from being counted as a quarter of what it is. The
    tokenizer of Gemma, which is Gemini's, splits digits: https://arxiv.org/abs/2403.08295 (2.2).
    https://ai.google.dev/gemini-api/docs/tokens

    Example:
        >>> estimate_tokens("Four"), estimate_tokens("2026"), estimate_tokens("漢字")
        (1, 4, 2)
    """
    digits = sum(1 for _ in _DIGIT.finditer(text))
    return digits + -(-(len(text.encode(errors="surrogatepass")) - digits) // 4)


class TokenEstimator:
    """Estimates tokens, and learns from each answer how far off it was.

    Two threads that learn at the same time may lose one lesson, which costs nothing.

    Attributes:
        ratio: What the estimates are multiplied with; 1.0 as long as nothing was learnt.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> estimator, asked = TokenEstimator(), [HumanMessage("word " * 80)]
        >>> estimator.of_messages(asked)
        100
        >>> estimator.learn(asked, 81)
        >>> estimator.of_messages(asked)
        81
    """

    def __init__(self) -> None:
        self.ratio = 1.0
        self._lessons = 0

    def of(self, texts: Iterable[str]) -> int:
        """About how many tokens some texts have."""
        return math.ceil(self.ratio * sum(map(estimate_tokens, texts)) - 1e-9)

    def of_messages(self, messages: Sequence[BaseMessage]) -> int:
        """About how many tokens a conversation has, with the arguments of its tool calls."""
        with_parts = (message for message in messages if not isinstance(message.content, str))
        pictures = sum(map(_pictures_in, with_parts))
        return self.of(_texts(messages)) + _OF_A_PICTURE * pictures

    def learn(self, messages: Sequence[BaseMessage], counted: int) -> None:
        """Takes in the `input_tokens` of a prompt of these messages, and nothing else."""
        estimated = sum(map(estimate_tokens, _texts(messages)))
        with_parts = (message for message in messages if not isinstance(message.content, str))
        if estimated < _ENOUGH_TO_LEARN or any(map(_pictures_in, with_parts)):
            return
        ratio = counted / estimated
        if _BOUNDS[0] <= ratio <= _BOUNDS[1]:
            self._lessons += 1
            self.ratio += (ratio - self.ratio) / min(self._lessons, _MEMORY)


def _texts(messages: Iterable[BaseMessage]) -> Iterable[str]:
    for message in messages:
        yield str(message.text)
        for call in getattr(message, "tool_calls", ()):
            yield json.dumps(call["args"], ensure_ascii=False, default=str)


def _pictures_in(message: BaseMessage) -> int:
    return sum(isinstance(part, dict) and part.get("type") in _MEDIA for part in message.content)
