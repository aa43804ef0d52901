"""A base Gemini model that stands in for a tuned one, with the same rights."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Protocol, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import Field, PrivateAttr, SerializeAsAny

from langchain_tuned_gemini.chat_models.base_model_locations import Place, Places, check_location
from langchain_tuned_gemini.chat_models.conversation import require_contents
from langchain_tuned_gemini.chat_models.delegation import astream_from, stream_from
from langchain_tuned_gemini.chat_models.google import published_in
from langchain_tuned_gemini.chat_models.pickling import unpickled
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.tuned_models.base_models import Retirement, find
from langchain_tuned_gemini.tuned_models.locations import (
    MULTI_REGIONS,
    location_beside,
)

_NEVER = "the last location's turn ends with an answer or an error"


class Lender(Protocol):
    """A tuned model that shares its key, its address, its patience and its parameters."""

    model: str
    base_url: str | None
    clock: Callable[[], float]

    def _google_model(self, name: str, location: str | None = None) -> ChatGoogleGenerativeAI:
        """A base model with them."""

    def _retirement_of(self, base: str) -> Retirement | None:
        """The end of a base model, if that has come."""


class StandInChatModel(WrapperChatModel):
    """Builds the base model from the tuned one's parameters, also when it is unpickled or loaded.

    Upstream's chat model can't be pickled, since it holds connections, and would come back from
    `load` with its own defaults: another address, another patience.
    """

    wrapped: SerializeAsAny[BaseChatModel] = Field(default=None, exclude=True, repr=False)  # type: ignore[assignment]

    model: str
    """The base model's name."""

    tuned: SerializeAsAny[BaseChatModel] = Field(repr=False)
    """The tuned model whose rights it has."""

    location: str | None = None
    """Where on Vertex AI it is asked first, if not in the tuned model's location. That is asked
    while the other one does not answer."""

    _places: Places = PrivateAttr()

    def __init__(self, **parameters: Any) -> None:
        places = _places(
            cast("Lender", parameters["tuned"]), parameters["model"], parameters.get("location")
        )
        super().__init__(**parameters, wrapped=places[0].model)
        lender = cast("Lender", self.tuned)
        self._places = Places(
            self.model,
            places,
            parent=(lender.base_url, TunedModelName.parse(lender.model).project),
            retirement=lambda: lender._retirement_of(self.model),
            clock=lender.clock,
        )

    @property
    def keeps_deadline(self) -> bool:
        """True: its connections do."""
        return True

    @property
    def locations(self) -> list[str]:
        """Where it is asked, in order; `[""]` on the Developer API, which has no locations."""
        return self._places.told()

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        require_contents(messages)
        return messages

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = self._prepare(messages)
        for turn in self._places.turns():
            with turn:
                return turn.model._generate(told, stop=stop, run_manager=run_manager, **kwargs)
        raise AssertionError(_NEVER)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        told = self._prepare(messages)
        for turn in self._places.turns():
            with turn:
                return await turn.model._agenerate(
                    told, stop=stop, run_manager=run_manager, **kwargs
                )
        raise AssertionError(_NEVER)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        told = self._prepare(messages)
        for turn in self._places.turns():
            with turn:
                for chunk in stream_from(turn.model, told, stop, run_manager=run_manager, **kwargs):
                    turn.has_begun = True
                    yield chunk
                return

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        told = self._prepare(messages)
        for turn in self._places.turns():
            with turn:
                stream = astream_from(turn.model, told, stop, run_manager=run_manager, **kwargs)
                async for chunk in stream:
                    turn.has_begun = True
                    yield chunk
                return

    def get_num_tokens(self, text: str) -> int:
        """The base model's count of tokens."""
        for turn in self._places.turns():
            with turn:
                return turn.model.get_num_tokens(text)
        raise AssertionError(_NEVER)

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Its module: it is none of the package's public names."""
        return cls.__module__.split(".")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what it is built from."""
        parameters = {name: getattr(self, name) for name in ("model", "tuned", "location")}
        return unpickled, (partial(type(self), **parameters),)


def _places(lender: Lender, base: str, location: str | None) -> list[Place]:
    """Where a base model is asked, in order."""
    own = published_in(base) or TunedModelName.parse(lender.model).location
    at_home = Place(own, lender._google_model(base))
    if location is None or location == own:
        return [at_home]
    return [Place(location, lender._google_model(base, location)), at_home]


def location_of_fallback(base: str, tuned: TunedModelName, said: str | None) -> str | None:
    """Where a base model is asked first, if not in its tuned model's own location.

    Args:
        base: The base model's name, which may have a location of its own.
        tuned: The tuned model's name.
        said: The location that the user wants.

    Raises:
        ParameterError: If there is no such location, or it contradicts the base model's name.

    Warns:
        UserWarning: If the base model is not served there, so that it is asked at home.
    """
    if tuned.platform == "developer":
        if said is not None:
            raise ParameterError(
                f"fallback_location={said!r}: only Vertex AI has locations, and {tuned} is on the "
                "Gemini Developer API. Leave it out."
            )
        return None
    own = published_in(base)
    if own and said not in {None, own}:
        raise ParameterError(f"{base!r} is in {own}. Leave fallback_location={said!r} out.")
    wanted = location_beside(tuned.location) if said is None else said
    location = own or wanted
    check_location(location)
    if own or location == tuned.location:
        return None
    known = find(base)
    if location in MULTI_REGIONS and known is not None and not known.is_in_multi_regions:
        if said is not None:
            warnings.warn(
                f"{known.id} is not served in multi-regions, which have Gemini 3 and later, so it "
                f"is asked in {tuned.location} and not in {said}.",
                UserWarning,
                stacklevel=4,
            )
        return None
    return location
