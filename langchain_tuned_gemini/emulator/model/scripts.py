"""What a test lets a model answer: a script as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from langchain_tuned_gemini.emulator.armed_rules import Armed
from langchain_tuned_gemini.emulator.http.requests import GENERATE
from langchain_tuned_gemini.emulator.model.turns import read_turns

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.model.answers import Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Answers, and the calls that they are for; described at `Emulator.script`."""

    answers: tuple[Answer, ...]
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

    def selects(self, call: Call) -> bool:
        """Whether a call is of the kind that this script is for."""
        return call.method in GENERATE and call.is_about(self.model) and self._fits(call)

    def is_due(self, calls: int, hits: int) -> bool:
        """Whether the last of so many such calls gets an answer, after so many answers."""
        times = self.times
        if times is None and len(self.answers) > 1:
            times = len(self.answers)
        return calls >= self.nth and (times is None or hits < times)

    def answer(self, hit: int) -> Answer:
        """The answer to the call that it hits as its so manieth; they go round."""
        return self.answers[(hit - 1) % len(self.answers)]

    def _fits(self, call: Call) -> bool:
        if self.when is None:
            return True
        message = read_turns(call.body)[-1].message
        if isinstance(self.when, str):
            return self.when.casefold() in message.casefold()
        return self.when.search(message) is not None


ArmedScript: TypeAlias = Armed[Script]
"""A script that is waiting for its calls: remove it, or use it as a context manager."""
