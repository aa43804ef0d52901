"""The base model of a fallback and its location, checked when the fallback is built.

All by this package's own tables: nobody is asked.
"""

from __future__ import annotations

import re
import warnings
from difflib import get_close_matches
from typing import Any, Final

from langchain_core.language_models import BaseChatModel

from langchain_tuned_gemini.chat_models.google import published_in
from langchain_tuned_gemini.errors import (
    Advice,
    MissingExtraError,
    ParameterError,
    TunedModelNameError,
)
from langchain_tuned_gemini.names.alias_name import AliasName
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.tuned_models.base_models import BASE_MODELS, base_model_id, find
from langchain_tuned_gemini.tuned_models.locations import LOCATIONS, MULTI_REGIONS, location_beside

_PROVIDER: Final = re.compile(r"(?!projects|publishers|models)[a-z][a-z0-9_-]*:[^/].*")
"""How LangChain's `init_chat_model` names a model: `anthropic:claude-sonnet-5`."""

_WORDS: Final = frozenset(
    {word for name in BASE_MODELS for word in name.split("-") if word.isalpha()}
    | {"audio", "computer", "exp", "gemma", "image", "latest", "live", "max", "mini", "nano"}
    | {"native", "plus", "preview", "robotics", "thinking", "tts", "tuning", "ultra", "use"}
)
"""The words that names of Google's models are made of. A number may be newer than this table."""

_REGION: Final = re.compile(
    r"(africa|asia|australia|europe|me|northamerica|southamerica|us)"
    r"-(north|south|east|west|central)+[1-9][0-9]?",
    re.ASCII,
)

_ENDED: Final = ("gemini-1.0-", "gemini-1.5-", "gemini-2.0-")
"""The generations that Google had ended before the first version of this package:
https://ai.google.dev/gemini-api/docs/deprecations"""


def base_of_fallback(base: Any, *, tuned: str, needs_rules: bool) -> str | BaseChatModel:
    """The base model that is meant.

    Args:
        base: A Gemini model's name, `provider:model` as LangChain writes it, or a chat model.
        tuned: The name of the tuned model that it is to stand in for.
        needs_rules: Whether something was said that only known models can be told rightly.

    Returns:
        A Gemini model's name, or a chat model.

    Raises:
        ParameterError: It can't be one that answers while the tuned model does not.
        MissingExtraError: A `provider:model` needs LangChain.

    Warns:
        UserWarning: It is not known here, or of a generation that has ended.
    """
    if isinstance(base, BaseChatModel):
        if getattr(base, "model", None) == tuned:
            raise _for_itself(tuned)
        return base
    if not isinstance(base, str):
        raise ParameterError(
            f"The fallback's base model is a {type(base).__name__}: pass a Gemini model's name, or "
            "a chat model with nothing bound to it."
        )
    check_base(base, tuned=tuned, needs_rules=needs_rules)
    return _of_provider(base) if _is_of_provider(base) else base


def check_base(base: str, *, tuned: str = "", needs_rules: bool = False) -> None:
    """Checks the name of a fallback's base model; a `provider:model` is known to LangChain alone.

    Args:
        base: The name.
        tuned: The name of the tuned model that it is to stand in for, if that is known.
        needs_rules: Whether something was said that only known models can be told rightly.

    Raises:
        ParameterError: It is empty, misspelt or that of a tuned model.

    Warns:
        UserWarning: It is not known here, or of a generation that has ended.
    """
    if not base.strip():
        raise ParameterError("The fallback's base model is empty.", advice=_EXAMPLE)
    if find(base) is None and not _is_of_provider(base):
        _refuse_tuned(base, tuned)
        _check_name(base, needs_rules=needs_rules)


_EXAMPLE: Final = Advice(
    'Name one: with_few_shot_fallback("gemini-3.5-flash", examples=...).',
    "Name one: --fallback gemini-3.5-flash.",
)


def _for_itself(tuned: str) -> ParameterError:
    return ParameterError(
        f"{tuned} can't stand in for itself: its fallback needs a base model.", advice=_EXAMPLE
    )


def _is_of_provider(base: str) -> bool:
    return bool(_PROVIDER.fullmatch(base)) and "@" not in base


def _of_provider(base: str) -> BaseChatModel:
    """A model of any provider, as LangChain builds it."""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        raise MissingExtraError(f"A model named as {base!r}", extra="agents") from None
    try:
        model: BaseChatModel = init_chat_model(base)
    except (ImportError, ValueError) as error:
        raise ParameterError(f"{base!r} can't be built by LangChain: {error}") from error
    return model


def _refuse_tuned(base: str, tuned: str) -> None:
    """Refuses the name of a tuned model, in any of its forms."""
    try:
        other = str(AliasName.find(base) or TunedModelName.parse(base))
    except TunedModelNameError:
        return
    if other == tuned:
        raise _for_itself(base)
    raise ParameterError(
        f"{base!r} is a tuned model, not a base model.",
        advice=_EXAMPLE.plus(
            Advice(
                in_python="Another tuned model that is to stand in is passed as a model: "
                "with_few_shot_fallback(ChatTunedGemini(model=...), ...)."
            )
        ),
    )


def _check_name(base: str, *, needs_rules: bool) -> None:
    """Refuses a misspelt name; tells of one that is not known, or no more."""
    name = base_model_id(base)
    if name is None:
        wanted = re.sub(r"[^a-z0-9.]+", "-", base.rpartition("/")[2].lower())
        raise ParameterError(f"{base!r} is no Gemini model's name.{_hint(wanted)}")
    for word in name.split("-"):
        if word not in _WORDS and get_close_matches(word, _WORDS, n=1, cutoff=0.65):
            raise ParameterError(f"{base!r} is misspelt.{_hint(name) or f' Look at {word!r}.'}")
    if name.startswith(_ENDED):
        told = f"{base} is of a generation that Google has ended. Name a current base model."
    else:
        told = f"Nothing is known of {base} here, so look whether it is there: tuned-gemini doctor."
        told += _hint(name)
    if needs_rules:
        told += (
            " It is not told how much to think, and thoughts count against max_output_tokens: pass "
            "a chat model with settings of its own."
        )
    warnings.warn(told, UserWarning, stacklevel=5)


def _hint(name: str) -> str:
    near = get_close_matches(name, BASE_MODELS, n=1, cutoff=0.75)
    return f" Did you mean {near[0]!r}?" if near else ""


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


def check_location(location: str) -> None:
    """Refuses a location that can't be; one that may be newer than this table is told.

    Raises:
        ParameterError: With the one that was meant.

    Warns:
        UserWarning: It looks like a region and is not in the table.
    """
    if location in LOCATIONS:
        return
    near = get_close_matches(location, LOCATIONS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else " Pass a region, 'us', 'eu' or 'global'."
    told = f"Vertex AI has no location {location!r} that is known here.{hint}"
    if not _REGION.fullmatch(location):  # it becomes a part of the host's name, too
        raise ParameterError(told)
    warnings.warn(told, UserWarning, stacklevel=4)
