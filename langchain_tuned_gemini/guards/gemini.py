"""What Gemini says about its answer itself: whether there is one, why it ended, what was blocked.

langchain-google-genai returns blocked, empty and cut answers as success; what happened stands
only in `response_metadata`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from langchain_core.messages import AIMessage

from langchain_tuned_gemini.failures import Reason
from langchain_tuned_gemini.guards.results import Refusal, excerpt
from langchain_tuned_gemini.runtime.visible_text import SEEN

# What each word means here is decided in these tables; one that is in none is no good end.
# https://ai.google.dev/api/generate-content#FinishReason, and `FinishReason` of google-genai 3.6.
_BLOCKED = frozenset(
    {
        "SAFETY",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "MODEL_ARMOR",
        # "Filtered by an escalation rule"; an account limited for what it has asked before.
        "ESCALATION",
        "PUP_LIMITED_DISABLED",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
    }
)
_BAD = frozenset(
    {
        "RECITATION",
        "LANGUAGE",
        "OTHER",
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "NO_IMAGE",
        "IMAGE_RECITATION",
        "IMAGE_OTHER",
    }
)
_CUT_OFF = frozenset({"MAX_TOKENS", "CONTINUATION"})
_KNOWN = _BLOCKED | _BAD | _CUT_OFF | {"STOP"}
_UNSPECIFIED = frozenset({"", "0", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED"})

# Adding up chunks glues equal keys together: "STOPSTOP" (so in upstream's own documentation).
_LONGEST_FIRST = "|".join(sorted(_KNOWN, key=len, reverse=True))
_ONE = re.compile(_LONGEST_FIRST)
_GLUED = re.compile(f"(?:{_LONGEST_FIRST})+")

_GEMINI = "google_genai"
"""How langchain-google-genai signs its answers."""

_NO_ANSWER = frozenset(
    {
        "text",
        "refusal",
        *("thinking", "redacted_thinking", "reasoning"),
        *("tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call"),
    }
)
"""Blocks that are no content by themselves: the text and the calls are looked at as a whole."""


@dataclass(frozen=True, slots=True)
class NonEmpty:
    """Refuses an answer with neither text nor a tool call nor any other content.

    White space is no text, a thought is no answer, and a malformed tool call is no call.

    Example:
        >>> NonEmpty()(AIMessage("  ")).why
        'it is empty'
        >>> NonEmpty()(AIMessage("42")) is None
        True
    """

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        if has_content(message):
            return None
        if message.invalid_tool_calls:
            return Refusal("it has nothing but a malformed tool call")
        return Refusal("it is empty")


@dataclass(frozen=True, slots=True)
class FinishReason:
    """Refuses what Gemini itself did not end well: withheld, malformed or cut in the middle.

    An answer of langchain-google-genai without a finish reason is refused, since only a broken
    stream or a broken service leaves it out, and so is one that ended with a word that nobody
    knows. The words of other providers are not judged, but their refusals are: a message with a
    `refusal` block (`content_blocks`) is blocked, whichever model it is of.

    Args:
        allow_max_tokens: Whether a text that was cut off at the token limit is accepted; see
            `is_cut_off`. Without any text it never is: thinking used up the tokens.

    Example:
        >>> FinishReason()(AIMessage("", response_metadata={"finish_reason": "SAFETY"})).why
        'the answer was withheld: SAFETY'
    """

    allow_max_tokens: bool = True

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        reasons = _finish_reasons(message)
        if refusal := _block(message, reasons):
            return refusal
        if not reasons:
            return _without_reason(message)
        if bad := reasons & _BAD:
            return Refusal(f"it ended with {', '.join(sorted(bad))}")
        if reasons & _CUT_OFF:
            return self._at_the_limit(message)
        unknown = sorted(reasons - _KNOWN)
        if unknown and _is_of_gemini(message):
            told = ", ".join(_shown(reason) for reason in unknown)
            return Refusal(f"it ended with {told}, which is not known as a good end")
        return None

    def _at_the_limit(self, message: AIMessage) -> Refusal | None:
        if not has_content(message):
            return Refusal("it reached the token limit before its first word")
        return None if self.allow_max_tokens else Refusal("it was cut off at the token limit")


def has_content(message: AIMessage) -> bool:
    """Whether there is anything in a message, or in a chunk of a stream, that answers.

    White space does not, nor do zero-width marks, a thought, an empty text with a signature, or a
    call that can't be read. A stream has content if and only if one of its chunks does.
    """
    if SEEN.search(message.text) or message.tool_calls or message.additional_kwargs.get("audio"):
        return True
    blocks = message.content if isinstance(message.content, list) else ()
    return any(isinstance(b, dict) and b.get("type") not in _NO_ANSWER for b in blocks)


def is_cut_off(message: AIMessage) -> bool:
    """Whether an answer reached the token limit, so that its end is missing."""
    return bool(_finish_reasons(message) & _CUT_OFF)


def block_of(message: AIMessage) -> Refusal | None:
    """The refusal of an answer that was blocked for safety, or whose prompt was.

    What other providers' models refuse to answer is blocked, too: LangChain shows it as a
    `refusal` block, whatever the provider calls it.
    """
    return _block(message, _finish_reasons(message))


def _block(message: AIMessage, reasons: frozenset[str]) -> Refusal | None:
    feedback = message.response_metadata.get("prompt_feedback")
    told = feedback and feedback.get("block_reason")
    if told and (reason := _word(told)):
        return Refusal(f"the prompt was blocked: {_shown(reason)}", Reason.BLOCKED)
    if blocked := reasons & _BLOCKED:
        return Refusal(f"the answer was withheld: {', '.join(sorted(blocked))}", Reason.BLOCKED)
    # Of Gemini's answers the metadata have told it; the translation into blocks takes its time.
    is_of_another = message.response_metadata.get("model_provider", _GEMINI) != _GEMINI
    blocks: Any = message.content_blocks if is_of_another else message.content
    if not isinstance(blocks, str) and any(
        isinstance(block, dict) and block.get("type") == "refusal" for block in blocks
    ):
        return Refusal("the model refused to answer", Reason.BLOCKED)
    return None


def block_reason(message: AIMessage) -> str | None:
    """Google's own word for what it blocked; None where it did not."""
    feedback = message.response_metadata.get("prompt_feedback") or {}
    blocked = sorted(_finish_reasons(message) & _BLOCKED)
    return _word(feedback.get("block_reason")) or (blocked[0] if blocked else None)


def safety_ratings(message: AIMessage) -> dict[str, str]:
    """Google's ratings of prompt and answer, the answer's last: category to probability."""
    metadata = message.response_metadata
    feedback = metadata.get("prompt_feedback") or {}
    ratings = [*(feedback.get("safety_ratings") or ()), *(metadata.get("safety_ratings") or ())]
    return {_word(r.get("category")): _word(r.get("probability")) for r in ratings}


def _finish_reasons(message: AIMessage) -> frozenset[str]:
    told = message.response_metadata.get("finish_reason")
    return _in(told if isinstance(told, str) else _word(told))


@lru_cache(maxsize=64)  # a handful of words, asked for several times with each answer
def _in(word: str) -> frozenset[str]:
    if _GLUED.fullmatch(word):
        return frozenset(_ONE.findall(word))
    return frozenset({word} - _UNSPECIFIED)


def _word(value: Any) -> str:
    """An enum's name as plain text, without those that say nothing."""
    word = "" if value is None else str(getattr(value, "name", value))
    return "" if word in _UNSPECIFIED else word


def _shown(word: str) -> str:
    """A word of the server's, as it is if it looks like one."""
    return word if re.fullmatch("[A-Z_]{1,60}", word) else excerpt(word)


def _without_reason(message: AIMessage) -> Refusal | None:
    if _is_of_gemini(message):
        return Refusal("it has no finish reason, so it broke off")
    return None


def _is_of_gemini(message: AIMessage) -> bool:
    return bool(message.response_metadata.get("model_provider") == _GEMINI)
