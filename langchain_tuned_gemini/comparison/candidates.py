"""The candidates of a comparison, and what tells one from an earlier one of the same name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from langchain_core.language_models import LanguageModelInput
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.few_shot.selectors import TuningExampleSelector

Model: TypeAlias = Runnable[LanguageModelInput, AIMessage]
"""A chat model, or a chain that takes messages and answers with one."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is compared with others.

    Attributes:
        name: What figures and reports call it, for example `sql-expert@production`.
        model: What is asked: any chat model, or a chain that takes messages.
        version: What tells it from another one of the same name, so that answers of that one
            are not taken for its own. By default a hash of the model's settings, of which
            secrets are no part, of what its alias points to now, and of the examples that it is
            shown.
        base_model: What a tuned model was tuned from, whose price it has. By default what the
            model itself has learnt.

    Raises:
        ParameterError: If the name is empty.
    """

    name: str
    model: Model
    version: str = ""
    base_model: str = ""

    def __post_init__(self) -> None:
        """Names the version."""
        if not self.name.strip():
            raise ParameterError("A candidate needs a name, for the figures to call it by.")
        if not self.version:
            object.__setattr__(self, "version", version_of(self.model))


Candidates: TypeAlias = Mapping[str, Model] | Iterable[Candidate]
"""Models by their names, or candidates. The first one is the baseline."""


def as_candidates(candidates: Candidates) -> tuple[Candidate, ...]:
    """The candidates, each under a name of its own.

    Raises:
        ParameterError: If there are none, or two have the same name.
    """
    if isinstance(candidates, Mapping):
        known = tuple(Candidate(name, model) for name, model in candidates.items())
    else:
        known = tuple(candidates)
    if not known:
        raise ParameterError("There is nothing to compare: pass a candidate, better two.")
    names = [candidate.name for candidate in known]
    if len(set(names)) < len(names):
        raise ParameterError(f"Candidates need different names: {names}.")
    return known


def version_of(model: Model) -> str:
    """A hash of a model's settings, version and examples, 16 characters.

    Example:
        >>> from langchain_tuned_gemini.testing import ScriptedChatModel
        >>> one, other = ScriptedChatModel(answers=["1"]), ScriptedChatModel(answers=["2"])
        >>> version_of(one) == version_of(one.model_copy()), version_of(one) == version_of(other)
        (True, False)
    """
    described = json.dumps([dumpd(model), *_behind(model)], sort_keys=True, default=repr)
    # Of functions, such as guards, the address is the one thing that changes from run to run.
    return sha256(_ADDRESS.sub("", described).encode()).hexdigest()[:16]


def tuned_from(candidate: Candidate) -> dict[str, str]:
    """The base models of a candidate's tuned models, by the names that these are called by.

    A name may be one of two: that of a tuning job of Vertex AI, and that of the endpoint, which
    answers carry. What a model was tuned from is known once it was called; until then it is empty.
    """
    found: dict[str, str] = {}
    for part in _parts(candidate.model):
        if isinstance(part, ChatTunedGemini):
            tuned = part.current
            identity = tuned.binding.identity
            base = candidate.base_model or tuned.base_model or identity.base_model
            found |= dict.fromkeys(filter(None, (tuned.model, identity.address)), base)
    return found


def _behind(model: object) -> Iterator[str]:
    """The versions that aliases point to, and the hashes of the tuning sets with examples.

    A model's settings say what the alias is called and how many examples there are, no more.
    """
    for part in _parts(model):
        match part:
            case FewShotPrompt(examples=TuningExampleSelector() as selector):
                yield selector.dataset.content_hash()
            case ChatTunedGemini() if part.current is not part:
                yield part.current.model


def _parts(model: object) -> Iterator[object]:
    """A model or a chain, and all that it is made of."""
    yield model
    inner: Iterable[object] = ()
    match model:
        case ChatTunedGemini():
            pass  # what it wraps is its own
        case FallbackChatModel():
            inner = model.models
        case FewShotChatModel():
            inner = (model.prompt, model.wrapped)
        case WrapperChatModel():
            inner = (model.wrapped,)
        case RunnableBinding():
            inner = (model.bound,)
        case RunnableSequence():
            inner = model.steps
    for part in inner:
        yield from _parts(part)
