"""A base Gemini model that stands in for a tuned one, with the same rights, wherever it answers.

On Vertex AI it is asked in one location after the other: where the first does not answer, the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, ClassVar, Final, Protocol, cast

import httpx
from langchain_core.callbacks.manager import BaseRunManager
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import Field, PrivateAttr, SerializeAsAny, ValidationError

from langchain_tuned_gemini.chat_models.cache_keys import depends_on
from langchain_tuned_gemini.chat_models.conversation import require_contents
from langchain_tuned_gemini.chat_models.google import published_in
from langchain_tuned_gemini.chat_models.parameters import own_error
from langchain_tuned_gemini.chat_models.pickling import unpickled
from langchain_tuned_gemini.chat_models.wrapper import DelegatingChatModel, WrappedCall
from langchain_tuned_gemini.errors import BaseModelNotFoundError
from langchain_tuned_gemini.failures import Reason, read_failure
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.tuned_models.base_models import Retirement, served_in

logger = logging.getLogger("langchain_tuned_gemini")

_LOOK_AGAIN: Final = 600.0
"""For how many seconds a location that did not answer is asked last."""

_ELSEWHERE: Final = frozenset(
    {Reason.GONE, Reason.PERMISSION, Reason.CONNECTION, Reason.OVERLOADED, Reason.QUOTA}
)
"""After what the next location may answer; a policy may forbid a location with a 403."""

_LASTING: Final = frozenset({Reason.GONE, Reason.PERMISSION})

_UNREACHABLE: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)
"""The errors of a network without a route to a host."""

_Key = tuple[str | None, str, str]
_silent_since: dict[_Key, float] = {}
"""When a location did not answer for a model: what one chat model has found out, all know."""


class Lender(Protocol):
    """A tuned model that shares its key, its address, its patience and its parameters."""

    model: str
    base_url: str | None
    clock: Callable[[], float]

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        """A base model with them."""

    def _retirement_of(self, base: str) -> Retirement | None:
        """The end of a base model, if that has come."""


@dataclass(frozen=True, slots=True)
class LocatedModel:
    """A base model as it is asked in one location.

    Attributes:
        location: The location; empty on the Developer API, which has none.
        model: The model.
        key: What its silence is remembered by.
    """

    location: str
    model: BaseChatModel
    key: _Key


class BaseModelChatModel(DelegatingChatModel):
    """Builds the base model from the tuned one's parameters, also when it is unpickled or loaded.

    Upstream's chat model can't be pickled, since it holds connections, and would come back from
    `load` with its own defaults: another address, another patience.
    """

    model: str
    """The base model's name."""

    tuned: SerializeAsAny[BaseChatModel] = Field(repr=False)
    """The tuned model whose rights it has."""

    location: str | None = None
    """Where on Vertex AI it is asked first, if not in the tuned model's location. That is asked
    while the other one does not answer."""

    keeps_deadline: ClassVar[bool] = True  # its connections do

    _located: Sequence[LocatedModel] = PrivateAttr()

    def __init__(self, **parameters: Any) -> None:
        try:
            super().__init__(**parameters)
        except ValidationError as invalid:
            if (own := own_error(invalid)) is None:
                raise
        else:
            return
        raise own

    def model_post_init(self, context: Any, /) -> None:
        """Builds the model for each location, in the order in which they are asked."""
        super().model_post_init(context)
        lender, base = self._lender, self.model
        name = TunedModelName.parse(lender.model)
        own = published_in(base) or name.location
        self._located = [
            LocatedModel(
                location,
                lender._google_model(base, None if location == own else location),
                (lender.base_url, f"projects/{name.project}/locations/{location}", base),
            )
            for location in dict.fromkeys([self.location or own, own])
        ]

    @property
    def _lender(self) -> Lender:
        return cast("Lender", self.tuned)

    @property
    def inner_model(self) -> BaseChatModel:
        """The model where it is asked first."""
        return self._located[0].model

    @property
    def locations(self) -> list[str]:
        """Where it is asked now, in order; `[""]` on the Developer API, which has no locations."""
        return [one.location for one in sorted(self._located, key=self._is_silent)]

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        require_contents(messages)
        return messages

    def _calls(
        self,
        messages: list[BaseMessage],
        arguments: dict[str, Any],
        run_manager: BaseRunManager | None,  # noqa: ARG002  # it has nothing to say there
    ) -> Iterator[WrappedCall]:
        told = self._prepare(messages)
        located = sorted(self._located, key=self._is_silent)
        for number, one in enumerate(located, 1):
            yield _LocatedCall(one.model, told, arguments, self, one, located[number:])

    def get_num_tokens(self, text: str) -> int:
        """The base model's count of tokens."""
        for call in self._calls([HumanMessage(text)], {}, None):
            with call:
                return call.model.get_num_tokens(text)
        raise AssertionError

    def _depends_on(self) -> object:
        return self.model, self.location, depends_on(self.tuned)

    def _is_silent(self, one: LocatedModel) -> bool:
        since = _silent_since.get(one.key)
        return since is not None and self._lender.clock() - since < _LOOK_AGAIN

    def _remember(self, silent: LocatedModel, reason: Reason, following: LocatedModel) -> None:
        """Remembers that a location does not answer, and says so the first time."""
        if silent.key not in _silent_since:
            logger.warning(
                "%s does not answer in %s (%s): it is asked in %s from now on.",
                self.model,
                silent.location,
                reason,
                following.location,
            )
        _silent_since[silent.key] = self._lender.clock()

    def _not_found(self) -> BaseModelNotFoundError:
        """The error for a model that no location knows."""
        return BaseModelNotFoundError(
            self.model,
            [one.location for one in self._located],
            served_in=served_in(self.model),
            retirement=self._lender._retirement_of(self.model),
        )

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """The module: the class is none of the package's public names."""
        return cls.__module__.split(".")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what it is built from."""
        parameters = {name: getattr(self, name) for name in ("model", "tuned", "location")}
        return unpickled, (partial(type(self), **parameters),)


@dataclass(slots=True)
class _LocatedCall(WrappedCall):
    """One call in one location: it ends a failure if another location follows.

    Attributes:
        base: The base model.
        located: The location that is asked.
        following: Those that may be asked after it.
        has_begun: Whether a part of the answer was handed out, so that no other may follow.
    """

    base: BaseModelChatModel
    located: LocatedModel
    following: Sequence[LocatedModel]
    has_begun: bool = False

    def finish(self, generation: ChatGeneration) -> None:  # noqa: ARG002  # that it is there is all
        """Notes that the answer has begun."""
        self.has_begun = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Whether the next location is to be asked."""
        if error is None and _silent_since:
            _silent_since.pop(self.located.key, None)
        if not isinstance(error, Exception) or self.has_begun:
            return False
        failure = read_failure(error)
        reason = failure.reason if failure else None
        is_unreachable = isinstance(error, _UNREACHABLE)
        if reason is None or not (reason in _ELSEWHERE or is_unreachable):
            return False
        if not self.following:
            if reason is Reason.GONE and self.located.location:
                raise self.base._not_found() from error
            return False
        if is_unreachable or reason in _LASTING:
            self.base._remember(self.located, reason, self.following[0])
        return True
