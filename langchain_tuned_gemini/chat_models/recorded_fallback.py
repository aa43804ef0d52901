"""The fallback of a model that is called by its alias: as it is recorded, or as it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, Unpack

from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel

from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.dataset import Examples
from langchain_tuned_gemini.errors import Advice, ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.registry import RecordedVersion
from langchain_tuned_gemini.registry.alias_resolver import AliasResolver

T = TypeVar("T")


class AliasModel(Protocol):
    """A tuned model that is called by its alias."""

    def _resolver(self, build: Callable[[RecordedVersion], T]) -> AliasResolver[T]:
        """A resolver of the alias to what is built from a version."""

    def _model_of(self, version: RecordedVersion) -> AliasModel:
        """The tuned model of a version."""

    def with_few_shot_fallback(
        self,
        base: str | BaseChatModel,
        *,
        examples: FewShotPrompt,
        fallback_location: str | None,
        **settings: Unpack[FallbackSettings],
    ) -> FallbackChatModel:
        """The model with a fallback."""


@dataclass(frozen=True)
class RecordedFallback:
    """How a model of an alias gets its fallback: by what was said and, where not, is recorded."""

    tuned: AliasModel
    base: str | BaseChatModel | None
    examples: Examples | BaseExampleSelector | FewShotPrompt | None
    k: int | None
    location: str | None
    settings: FallbackSettings

    def resolver(self) -> AliasResolver[FallbackChatModel]:
        """The models with their fallbacks, as the alias moves."""
        return self.tuned._resolver(self._model_of)

    def _model_of(self, version: RecordedVersion) -> FallbackChatModel:
        fallback = version.record.fallback
        base = self.base or (fallback.base_model if fallback else None)
        if base is None:
            raise _missing(version, 'fallback = { base_model = "gemini-3.5-flash" }')
        settings: FallbackSettings = {"guards": version.guards(), **self.settings}
        return self.tuned._model_of(version).with_few_shot_fallback(
            base,
            examples=self._prompt_of(version),
            fallback_location=self.location,
            **settings,
        )

    def _prompt_of(self, version: RecordedVersion) -> FewShotPrompt:
        fallback = version.record.fallback
        k, form = (fallback.k, fallback.form) if fallback else (None, "turns")
        examples = version.examples
        if examples is not None and examples.startswith("gs://"):
            examples = None
        if self.examples is not None:
            is_here = examples is not None and Path(examples).is_file()
            return FewShotPrompt.of(self.examples, k=self.k, stand_in=examples if is_here else None)
        if examples is None:
            raise _missing(version, 'dataset = { path = "train.jsonl" }, a file on this machine')
        return FewShotPrompt(examples, k=self.k or k, form=form)


def _missing(version: RecordedVersion, what: str) -> ParameterError:
    add = f"add to [{version.family}] in {version.directory}: {what}"
    return ParameterError(
        f"{version} has no fallback in the records.",
        advice=Advice(
            f"Pass with_few_shot_fallback(base, examples=...), or {add}",
            f"Pass --fallback BASE --examples FILE, or {add}",
        ),
    )
