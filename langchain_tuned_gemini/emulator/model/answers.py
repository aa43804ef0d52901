"""The answers of a model, and the scripts by which a test decides them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain_tuned_gemini.emulator.armed_rules import ArmedRule
from langchain_tuned_gemini.emulator.http.requests import GENERATE, MethodCall
from langchain_tuned_gemini.emulator.model.prompts import read_turns


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
class ModelAnswer:
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


Scripted: TypeAlias = str | FunctionCall | Sequence[FunctionCall] | Mapping[str, Any] | ModelAnswer
"""A text, a function call, several calls at once, a JSON object, or a `ModelAnswer` in full."""


def as_answer(said: Scripted) -> ModelAnswer:
    """The answer that a short form stands for.

    Raises:
        TypeError: It is none of them.
    """
    match said:
        case ModelAnswer():
            return said
        case str():
            return ModelAnswer(text=said)
        case FunctionCall():
            return ModelAnswer(calls=(said,))
        case Mapping():
            return ModelAnswer(text=json.dumps(said, ensure_ascii=False))
        case [FunctionCall(), *_] if all(isinstance(item, FunctionCall) for item in said):
            return ModelAnswer(calls=tuple(said))
    msg = (
        "an answer is a text, a FunctionCall, a list of them for calls at once, a dict for JSON, "
        f"or a ModelAnswer, not {said!r}; several answers are given one after another: script(a, b)"
    )
    raise TypeError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Answers, and the calls that they are for; described at `Emulator.script`."""

    answers: tuple[ModelAnswer, ...]
    model: str | None = None
    when: str | re.Pattern[str] | None = None
    nth: int = 1
    times: int | None = None

    def __post_init__(self) -> None:
        """Refuses a script that says nothing, or never."""
        if not self.answers:
            msg = 'a script needs an answer, for example script("It rains.")'
            raise ValueError(msg)
        for name in ("nth", "times"):
            value = getattr(self, name)
            if value is not None and value < 1:
                msg = f"{name} is at least 1, so it can't be {value}"
                raise ValueError(msg)

    def selects(self, call: MethodCall) -> bool:
        """Whether a call is of the kind that this script is for."""
        return call.method in GENERATE and call.is_about(self.model) and self._fits(call)

    def is_due(self, calls: int, hits: int) -> bool:
        """Whether the last of so many such calls gets an answer, after so many answers."""
        times = self.times
        if times is None and len(self.answers) > 1:
            times = len(self.answers)
        return calls >= self.nth and (times is None or hits < times)

    def answer(self, hit: int) -> ModelAnswer:
        """The answer to the call that it hits as its so manieth; they go round."""
        return self.answers[(hit - 1) % len(self.answers)]

    def _fits(self, call: MethodCall) -> bool:
        if self.when is None:
            return True
        message = read_turns(call.body)[-1].message
        if isinstance(self.when, str):
            return self.when.casefold() in message.casefold()
        return self.when.search(message) is not None


ArmedScript: TypeAlias = ArmedRule[Script]
"""A script that is waiting for its calls: remove it, or use it as a context manager."""
