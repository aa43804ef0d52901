"""What a model answers, whoever decides it: a script, a function to call, or an example."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function, as a model asks for it.

    Attributes:
        name: The function's name.
        args: Its arguments, as JSON.
        id: Models from Gemini 3 on give each call an id, older ones give none: that is the
            default. One that is given here is sent.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer in full, where its text or its calls alone don't say it.

    Attributes:
        text: What it says.
        calls: The functions that it wants called, at once where there are several.
        thoughts: A summary of what was thought before.
        finish_reason: Why it ends. `STOP` becomes `MAX_TOKENS` where the text is longer than
            the request's `maxOutputTokens`.
        prompt_tokens: How many tokens the prompt had; estimated by default.
        answer_tokens: How many the answer has; estimated by default.
        thought_tokens: How many were thought; those of `thoughts` by default.
        cached_tokens: How many of the prompt's came from a cache.
    """

    text: str = ""
    calls: Sequence[FunctionCall] = ()
    thoughts: str = ""
    finish_reason: str = "STOP"
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    thought_tokens: int | None = None
    cached_tokens: int = 0


Scripted: TypeAlias = str | FunctionCall | Sequence[FunctionCall] | Mapping[str, Any] | Answer
"""A text, a function call, several calls at once, a JSON object, or all of it in an `Answer`."""


def as_answer(said: Scripted) -> Answer:
    """The answer that a short form stands for.

    Raises:
        TypeError: It is none of them.
    """
    match said:
        case Answer():
            return said
        case str():
            return Answer(text=said)
        case FunctionCall():
            return Answer(calls=(said,))
        case Mapping():
            return Answer(text=json.dumps(said, ensure_ascii=False))
        case _ if _are_calls(said):
            return Answer(calls=tuple(said))
    msg = (
        "an answer is a text, a FunctionCall, a list of them for calls at once, a dict for JSON, "
        f"or an Answer, not {said!r}; several answers are given one after another: script(a, b)"
    )
    raise TypeError(msg)


def _are_calls(said: object) -> TypeGuard[Sequence[FunctionCall]]:
    if not isinstance(said, Sequence) or not said:
        return False
    return all(isinstance(item, FunctionCall) for item in said)
