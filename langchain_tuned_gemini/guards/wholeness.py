"""Whether JSON of an answer is whole: nothing that was cut off is made up here.

LangChain closes the strings, lists and objects that an answer leaves open, and leaves out what it
can't close: for the parts of a stream that is right, and at its end it is a wrong answer.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_tuned_gemini.guards.gemini import is_cut_off
from langchain_tuned_gemini.guards.results import Refusal

TOO_DEEP: Final = "its JSON is nested too deep"
CUT_OFF: Final = "it was cut off at the token limit"

_FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)
_AROUND = " \n\r\t`"
_DECODER = json.JSONDecoder(strict=False)  # which takes line breaks in strings


class UnreadableError(ValueError):
    """Says what is wrong with a text that is no JSON, without repeating it."""


def read_json(text: str) -> Any:
    r"""The JSON that a text begins with, or else that of its first Markdown block.

    What follows a whole list or object is left aside, as LangChain does.

    Raises:
        UnreadableError: There is none, or its end is missing.

    Example:
        >>> read_json('```json\n{"dogs": [1, 2]}\n```\nThere are two.')
        {'dogs': [1, 2]}
        >>> read_json('{"dogs": [1, 2')
        Traceback (most recent call last):
        langchain_tuned_gemini.guards.wholeness.UnreadableError: it is no JSON: Expecting ',' ...
    """
    try:
        return _value_at_the_beginning(text)
    except UnreadableError:
        fence = _FENCE.search(text)
        if fence is None:
            raise
        return _value_at_the_beginning(text[fence.end() :])


def whole_tool_calls(message: AIMessage) -> Refusal | None:
    """Refuses tool calls whose arguments were cut off: running them would be a wrong answer.

    At the token limit the last call has whatever arguments were there. Those of a stream are
    looked at as they came.
    """
    if not message.tool_calls:
        return None
    if is_cut_off(message):
        return Refusal(f"its tool call may not be whole: {CUT_OFF}")
    for chunk in message.tool_call_chunks if isinstance(message, AIMessageChunk) else ():
        try:
            read_json(chunk["args"] or "{}")
        except UnreadableError:
            return Refusal("the arguments of its tool call are not whole")
    return None


def _value_at_the_beginning(text: str) -> Any:
    text = text.strip(_AROUND)
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # a number of more than 4,300 digits
        raise UnreadableError(f"it is no JSON: {error}") from None
    except RecursionError:
        raise UnreadableError(TOO_DEEP) from None
    if end < len(text) and not isinstance(value, dict | list):  # "12" may be the half of "1234"
        raise UnreadableError("it is no JSON: text follows its value")
    return value
