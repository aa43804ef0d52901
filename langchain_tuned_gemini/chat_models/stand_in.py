"""A base Gemini model that stands in for a tuned one, with the same rights."""

from __future__ import annotations

from functools import partial
from typing import Any, Protocol, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import Field, SerializeAsAny

from langchain_tuned_gemini.chat_models.conversation import require_contents
from langchain_tuned_gemini.chat_models.unbuilt import unpickled
from langchain_tuned_gemini.chat_models.wrapper import WrapperChatModel


class Lender(Protocol):
    """A tuned model that shares its key, its address, its patience and its parameters."""

    def _google_model(self, name: str) -> ChatGoogleGenerativeAI:
        """A base model with them."""


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

    def __init__(self, **parameters: Any) -> None:
        lender = cast("Lender", parameters["tuned"])
        super().__init__(**parameters, wrapped=lender._google_model(parameters["model"]))

    @property
    def keeps_deadline(self) -> bool:
        """True: its connections do."""
        return True

    def _prepare(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        require_contents(messages)
        return messages

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Its module: it is none of the package's public names."""
        return cls.__module__.split(".")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles what it is built from."""
        return unpickled, (partial(type(self), model=self.model, tuned=self.tuned),)
