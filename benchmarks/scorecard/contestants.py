"""Who takes part: each asks a model that fails, with a base model to fall back on.

Ours gets the question; it adds the examples for the base model by itself. The others get the
examples in their prompt, for both models, since they send both the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from benchmarks.scorecard.scenarios import Mode
from benchmarks.scorecard.task import BASE, FEW_SHOT, INSTEAD_OF_TUNED, KEY, QUESTION, TUNED, turns

HandOut = Callable[[str, str | None], None]
"""Takes each piece of an answer as it arrives, and its finish reason where it has one."""


class Asker(Protocol):
    """A contestant that is set up."""

    def ask(self, mode: Mode, hand_out: HandOut) -> None:
        """Asks for the answer once, and raises what the library raises."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A library with settings.

    Attributes:
        title: The head of its column.
        set_up: Builds it for the emulator's address.
        packages: The packages whose exceptions are its own.
        sick: The model that fails.
        modes: How it is asked.
    """

    title: str
    set_up: Callable[[str], Asker]
    packages: frozenset[str]
    sick: str = TUNED
    modes: tuple[Mode, ...] = tuple(Mode)


@dataclass(frozen=True, slots=True)
class LangChain:
    """Asks a LangChain model."""

    model: Runnable[LanguageModelInput, AIMessage]
    prompt: Any

    def ask(self, mode: Mode, hand_out: HandOut) -> None:
        """Asks with `invoke` or `stream`."""
        messages = (
            [self.model.invoke(self.prompt)]
            if mode is Mode.INVOKE
            else self.model.stream(self.prompt)
        )
        for message in messages:
            hand_out(message.text, message.response_metadata.get("finish_reason"))


def _ours(address: str, **options: Any) -> Asker:
    from langchain_tuned_gemini import ChatTunedGemini

    tuned = ChatTunedGemini(model=TUNED, api_key=KEY, base_url=address)
    robust = tuned.with_few_shot_fallback(BASE, examples=FEW_SHOT, **options)
    return LangChain(robust, QUESTION)


def _ours_committing_at_the_end(address: str) -> Asker:
    return _ours(address, commit="complete")


def _with_fallbacks(address: str, **settings: Any) -> Asker:
    from langchain_google_genai import ChatGoogleGenerativeAI

    tuned, base = (
        ChatGoogleGenerativeAI(model=name, api_key=KEY, base_url=address, **settings)
        for name in (TUNED, BASE)
    )
    return LangChain(tuned.with_fallbacks([base]), turns())


def _with_fallbacks_at_its_best(address: str) -> Asker:
    return _with_fallbacks(address, max_retries=1, timeout=5)


def _litellm(address: str) -> Asker:
    from benchmarks.scorecard.litellm_router import LiteLLM

    return LiteLLM(address)


def _pydantic_ai(address: str) -> Asker:
    from benchmarks.scorecard.pydantic_ai_agent import PydanticAI

    return PydanticAI(address)


def _can_commit_at_the_end() -> bool:
    """Whether `with_few_shot_fallback` takes `commit`: by name, or to pass it on."""
    from langchain_tuned_gemini import ChatTunedGemini, FallbackChatModel

    named = inspect.signature(ChatTunedGemini.with_few_shot_fallback).parameters
    return "commit" in {*named, *FallbackChatModel.model_fields}


_OURS = frozenset({"langchain_tuned_gemini", "langchain_core", "langchain_google_genai"})
_LANGCHAIN = frozenset({"langchain_core", "langchain_google_genai"})
ALL = {
    "ours": Contestant("ours", _ours, _OURS),
    "ours-complete": Contestant(
        "ours, commit=complete", _ours_committing_at_the_end, _OURS, modes=(Mode.STREAM,)
    ),
    "langchain": Contestant("with_fallbacks", _with_fallbacks, _LANGCHAIN),
    "langchain-best": Contestant("with_fallbacks, tuned", _with_fallbacks_at_its_best, _LANGCHAIN),
    # It puts every name behind /models/, so it can't address a tuned model.
    "litellm": Contestant(
        "LiteLLM Router", _litellm, frozenset({"litellm"}), sick=INSTEAD_OF_TUNED
    ),
    "pydantic-ai": Contestant("pydantic-ai", _pydantic_ai, frozenset({"pydantic_ai"})),
}


def contestants() -> dict[str, Contestant]:
    """Those that can take part: `commit="complete"` where the library offers it."""
    return {
        name: contestant
        for name, contestant in ALL.items()
        if name != "ours-complete" or _can_commit_at_the_end()
    }
