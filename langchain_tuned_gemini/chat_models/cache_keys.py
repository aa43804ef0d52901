"""The names of answers in a cache: all that an answer depends on, and nothing secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Protocol, runtime_checkable
from uuid import uuid4

from langchain_core.language_models import BaseChatModel

_ADDRESS: Final = re.compile(" at 0x[0-9a-f]+")
"""What an object of which nothing else is known shows: another one may have it tomorrow."""

NOT_SETTINGS: Final = frozenset(BaseChatModel.model_fields) - {"output_version"}
"""LangChain's fields, which decide who hears of an answer, not what it is."""


@runtime_checkable
class KnowsItsDependence(Protocol):
    """A model that says what its answers depend on."""

    def _depends_on(self) -> object:
        """What its answers depend on; its `repr` is the same in every process."""


def depends_on(model: BaseChatModel) -> object:
    """What a model's answers depend on, of another package as its own cache keys say it."""
    if isinstance(model, KnowsItsDependence):
        return model._depends_on()
    # The first one is of the model as it was built, the second one as it was set since then.
    return model._get_llm_string(), sorted(model._identifying_params.items())


def settings_of(model: BaseChatModel, *others: str) -> list[tuple[str, Any]]:
    """The settings of a model of this package, without those that are told in another way."""
    return [
        (name, getattr(model, name))
        for name, field in type(model).model_fields.items()
        if name not in NOT_SETTINGS and name not in others and not field.exclude
    ]


def cache_key(model: BaseChatModel, stop: list[str] | None, arguments: Mapping[str, Any]) -> str:
    """The name of a model's answers to a conversation.

    Where a part of it can't be told apart from others of its kind, such as a function without a
    name of its own or a selector of another package, each call has a name of its own, so that no
    answer is found.
    """
    told = repr((depends_on(model), stop, sorted(arguments.items())))
    if _ADDRESS.search(told):
        told += uuid4().hex
    return f"{type(model).__name__}#{sha256(told.encode()).hexdigest()}"
