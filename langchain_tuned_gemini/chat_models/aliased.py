"""Chat models that are called by an alias, and answer as the version that it points to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack

from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.example_selectors import BaseExampleSelector
from langchain_core.language_models import BaseChatModel, LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import PrivateAttr

from langchain_tuned_gemini.chat_models.fallback.attempt import Candidate
from langchain_tuned_gemini.chat_models.fallback.call import FallbackCall
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.settings import FallbackSettings
from langchain_tuned_gemini.chat_models.following import Following
from langchain_tuned_gemini.chat_models.parameters import TunedGeminiParameters
from langchain_tuned_gemini.chat_models.pickling import unpickled
from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, CircuitKey
from langchain_tuned_gemini.dataset import Columns, Examples
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.few_shot import FewShotPrompt
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.registry import RecordedVersion, Records
from langchain_tuned_gemini.registry.alias_resolver import AliasWatch
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.waiting import Progress
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_T = TypeVar("_T")

_OF_THE_ALIAS = frozenset({"model", "records", "clock", "wrapped", "gate", "project", "location"})


class _OpenGate:
    """Lets every call pass: the version has a gate of its own."""

    def check(self) -> None:
        """Returns."""

    async def acheck(self) -> None:
        """Returns."""

    def forget(self) -> None:
        """Remembers nothing."""


class AliasedChatTunedGemini(ChatTunedGemini):
    """The `ChatTunedGemini` of an alias, `sql-expert@production`.

    Each call goes to the version that the alias points to when it begins, used as it is
    recorded; what was said here goes before.
    """

    _following: Following[ChatTunedGemini] = PrivateAttr()
    _said: Mapping[str, Any] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Builds the model of the version that the alias points to now."""
        TunedGeminiParameters.model_post_init(self, context)
        if "google_api_key" not in self.model_fields_set:
            self.__dict__["google_api_key"] = None  # the version looks for one if it needs one
        self._said = {
            name: getattr(self, name)
            for name in self.model_fields_set - _OF_THE_ALIAS
            if getattr(self, name) is not None
        }
        self._following = self.followed_by(self.version)
        self.gate = _OpenGate()
        self.wrapped = self._following.current()

    def followed_by(self, build: Callable[[RecordedVersion], _T]) -> Following[_T]:
        """Something that is built from what the alias points to."""
        alias = AliasName.parse(self.model)
        return Following(AliasWatch(Records(self.records), alias, clock=self.clock), build)

    def version(self, version: RecordedVersion) -> ChatTunedGemini:
        """The model of a version, used as it is recorded."""
        record = version.record
        return ChatTunedGemini(**{**record.parameters, **self._said, "model": record.model})

    @property
    def current(self) -> ChatTunedGemini:
        """The model of the version that the alias points to now."""
        return self._following.current()

    def _names_its_run(self) -> bool:
        return self._following.current()._names_its_run()

    def _answering(self) -> BaseChatModel:
        return self._following.current()

    def _admitted(self, run_manager: BaseRunManager | None) -> None:
        """The version admits calls by itself."""

    @contextmanager
    def _telling_the_gate(self) -> Iterator[None]:
        """The version tells its own gate."""
        yield

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        return messages  # which the version prepares, by its own name

    def _name(self, generation: ChatGeneration) -> None:
        """The version has put its own name there."""

    @property
    def service(self) -> TunedModelService:
        """The control plane that knows the version's state."""
        return self.current.service

    @property
    def circuit_key(self) -> CircuitKey:
        """Whose health a circuit of the alias is about, in a fallback model made by hand.

        It is not the version's, which calls of another version must not close or open.
        """
        identity = self.current._access.identity
        return CircuitKey.of(self.model, address=self.base_url, api_key=identity)

    def wait_until_active(
        self, *, timeout: float = 3600.0, on_progress: Callable[[Progress], None] | None = None
    ) -> TunedModel:
        """Waits until the version that the alias points to now can serve."""
        return self.current.wait_until_active(timeout=timeout, on_progress=on_progress)

    async def await_until_active(
        self, *, timeout: float = 3600.0, on_progress: Callable[[Progress], None] | None = None
    ) -> TunedModel:
        """Waits until the version that the alias points to now can serve."""
        return await self.current.await_until_active(timeout=timeout, on_progress=on_progress)

    def with_few_shot_fallback(
        self,
        base: str | BaseChatModel | None = None,
        *,
        examples: Examples | BaseExampleSelector | FewShotPrompt | None = None,
        k: int | None = None,
        columns: Columns | None = None,
        fallback_location: str | None = None,
        **settings: Unpack[FallbackSettings],
    ) -> FallbackChatModel:
        """A model that answers with a base model and examples while the version can't.

        What is not said here is taken from the records: the base model, the examples and how
        they are shown, and the guards; and it changes with the version.

        Raises:
            ParameterError: It is not recorded either.
        """
        if columns is not None and examples is not None:
            examples, k = FewShotPrompt.of(examples, k=k, columns=columns), None
        recipe = _Recipe(self, base, examples, k, fallback_location, settings)
        return AliasedFallbackChatModel.by(recipe)

    def stand_in(
        self, base: str | BaseChatModel, *, fallback_location: str | None = None
    ) -> BaseChatModel:
        """The model that is to stand in for the version that the alias points to now."""
        return self.current.stand_in(base, fallback_location=fallback_location)

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        return self.current._google_model(name, location)

    def get_num_tokens(self, text: str) -> int:
        """The version's count of tokens."""
        return self.current.get_num_tokens(text)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return self.wrapped.profile

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self.current._get_ls_params(stop=stop, **kwargs)

    @classmethod
    def lc_id(cls) -> list[str]:
        """A serialised one is a `ChatTunedGemini` with an alias for its name."""
        return ChatTunedGemini.lc_id()


@dataclass(frozen=True)
class _Recipe:
    """How a model with a fallback is made from a version: what was said, and what is recorded."""

    tuned: AliasedChatTunedGemini
    base: str | BaseChatModel | None
    examples: Examples | BaseExampleSelector | FewShotPrompt | None
    k: int | None
    location: str | None
    settings: FallbackSettings

    def build(self, version: RecordedVersion) -> FallbackChatModel:
        """The model with its fallback."""
        fallback = version.record.fallback
        base = self.base or (fallback.base_model if fallback else None)
        if base is None:
            raise _missing(version, 'fallback = { base_model = "gemini-3.5-flash" }')
        settings: FallbackSettings = {"guards": version.guards(), **self.settings}
        return self.tuned.version(version).with_few_shot_fallback(
            base,
            examples=self._prompt(version),
            fallback_location=self.location,
            **settings,
        )

    def _prompt(self, version: RecordedVersion) -> FewShotPrompt:
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
    path = version.directory / "…"
    return ParameterError(
        f"{version} has no fallback in the records: pass with_few_shot_fallback(base, "
        f"examples=...), or add to [{version.family}] in {path.parent}: {what}"
    )


class AliasedFallbackChatModel(FallbackChatModel):
    """A fallback model of an alias: each call is answered as the version at its beginning says."""

    _recipe: _Recipe = PrivateAttr()
    _following: Following[FallbackChatModel] = PrivateAttr()

    @classmethod
    def by(cls, recipe: _Recipe) -> Self:
        """Shows the settings of the version that the alias points to now."""
        following = recipe.tuned.followed_by(recipe.build)
        now = following.current()
        self = cls(**{name: getattr(now, name) for name in now.model_fields_set})
        self._recipe, self._following = recipe, following
        return self

    @property
    def current(self) -> FallbackChatModel:
        """The fallback model of the version that the alias points to now."""
        return self._following.current()

    def _attempts(
        self,
        messages: list[BaseMessage],
        run_manager: BaseRunManager | None,
        arguments: dict[str, Any],
        *,
        is_streamed: bool = False,
    ) -> FallbackCall:
        now = self._following.current()
        return now._attempts(messages, run_manager, arguments, is_streamed=is_streamed)

    @property
    def _candidates(self) -> tuple[Candidate, ...]:
        return self.current._candidates

    @property
    def circuit(self) -> CircuitBreaker | None:
        """The circuit of the version that the alias points to now."""
        return self.current.circuit

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """False: what it follows is in a file."""
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles how it is made; its settings are those of the version."""
        return unpickled, (partial(type(self).by, self._recipe),)


def init_tuned_gemini(
    alias: str, *, records: str | os.PathLike[str] | None = None, **parameters: Any
) -> FallbackChatModel:
    """A model by its alias, with the fallback and the guards that are recorded for it.

    It follows the alias: a promotion or a rollback is seen within 10 s, by the next call. Its
    tuned model is a `ChatTunedGemini`.

    Args:
        alias: Such as `sql-expert@production`.
        records: The file with the records; by default the one that `TUNED_MODELS` names, or
            `tuned-models.toml` in the current directory.
        **parameters: Further parameters of `ChatTunedGemini`, such as `api_key`; they go before
            what is recorded.

    Raises:
        RecordsError: The records can't be used.
        RecordNotFoundError: They have no such alias.
        ParameterError: They say nothing of a fallback.

    Example:
        ```python
        robust = init_tuned_gemini("sql-expert@production")
        robust.invoke("How many dogs are there?")
        ```
    """
    path = None if records is None else os.fspath(records)
    tuned = ChatTunedGemini(model=str(AliasName.parse(alias)), records=path, **parameters)
    return tuned.with_few_shot_fallback()
