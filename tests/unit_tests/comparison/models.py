"""What the tests of comparisons share: a test set, and models that answer it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

from langchain_tuned_gemini.comparison import (
    Candidate,
    Comparison,
    compare,
)
from langchain_tuned_gemini.testing import ScriptedChatModel

TEST = [(f"{n} + 1", str(n + 1)) for n in range(12)]
RIGHT = [output for _, output in TEST]

Compare = Callable[..., Comparison]


class Adder(RunnableLambda):
    """Adds one, of itself, so that it may be asked in any order; counts what it is asked."""

    def __init__(self, wrong: tuple[str, ...] = (), error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

        def answer(messages: list[Any]) -> AIMessage:
            question = messages[-1].text
            with self._lock:
                self.asked.append(question)
                self._now += 1
                self.most_at_once = max(self.most_at_once, self._now)
            try:
                if question in wrong and error:
                    raise error
                right = str(int(question.split()[0]) + 1)
                return AIMessage("wrong" if question in wrong else right)
            finally:
                with self._lock:
                    self._now -= 1

        super().__init__(answer)


def versioned(**models: Any) -> list[Candidate]:
    """Candidates whose versions are their names."""
    return [Candidate(name, model, version=name) for name, model in models.items()]


def compared(old: list[Any], new: list[Any]) -> Comparison:
    """Two candidates that say what they are told to, where "yes" is right."""
    test = [(f"question {n}", "yes") for n in range(len(old))]
    models = {"old": ScriptedChatModel(answers=old), "new": ScriptedChatModel(answers=new)}
    return compare(models, test, max_concurrency=1)
