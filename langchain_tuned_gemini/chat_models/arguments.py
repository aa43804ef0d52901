"""The names of what is passed: refused where nobody takes them, with the one that was meant.

LangChain passes on whatever a call, a binding or a configuration is given. What no model takes
comes out as pydantic's error about a request, or is dropped in silence.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables.config import CONFIG_KEYS
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel, ValidationError

from langchain_tuned_gemini.errors import ParameterError

TUNED_ONLY: Final = "tuned_only"
"""The argument of a call of a fallback that holds what the first model alone is sent."""

_STANDARD: Final = frozenset(
    {"max_retries", "max_tokens", "stop", "temperature", "timeout", "tool_choice", "tools", "top_p"}
)
"""The arguments that models of any provider take, by whatever name their classes have it."""

_OF_LANGCHAIN: Final = frozenset(
    {
        "ls_structured_output_format",
        "model",
        "response_format",
        "stream",
        "strict",
        "structured_output",
        TUNED_ONLY,
    }
)
"""The arguments that LangChain and this package put into calls by themselves."""

_OF_STRUCTURED_OUTPUT: Final = frozenset({"include_raw", "method", "schema", "strict"})

_POPPED: Final = frozenset(
    {
        "include_thoughts",
        "max_retries",
        "max_tokens",
        "reasoning_effort",
        "thinking_budget",
        "thinking_level",
        "timeout",
    }
)
"""The arguments that langchain-google-genai takes, without a signature that says so,
and the name that LangChain has for a limit; see `in_geminis_words`."""

_GOOGLES: Final = frozenset({ChatGoogleGenerativeAI})

_ALIKE: Final = 0.85
"""From how alike on a name is another one misspelt; `top_a` of other providers is no `top_k`."""


def checked_arguments(arguments: dict[str, Any], model: BaseChatModel) -> dict[str, Any]:
    """The arguments of a call as `model` takes them; see `check_arguments`, `in_geminis_words`."""
    check_arguments(arguments, model)
    return in_geminis_words(arguments, model)


def check_arguments(arguments: Mapping[str, Any], model: BaseChatModel) -> None:
    """Refuses arguments of a call that none of the models takes which it may reach.

    What a model of another provider takes is not known for certain: of such a one, only a name
    is refused that is a known one misspelt.

    Raises:
        ParameterError: With the name that was meant.
    """
    names: Collection[str] = arguments
    if isinstance(own := arguments.get(TUNED_ONLY), Mapping):
        names = (arguments.keys() | own.keys()) - {TUNED_ONLY}
        _check_numbers(ChatGoogleGenerativeAI, own, "{}")
    _check_numbers(ChatGoogleGenerativeAI, arguments, "{}")
    if _known_to_one_of(_GOOGLES).issuperset(names):
        return  # to look into the models takes longer
    kinds = frozenset(map(type, _innermost(model)))
    is_sure = all(issubclass(kind, ChatGoogleGenerativeAI) for kind in kinds)
    what = "The call has an argument that no model takes"
    _refuse_unknown(names, _known_to_one_of(kinds), what, is_sure=is_sure)


def check_structured_options(names: Iterable[str]) -> None:
    """Refuses a misspelt option of `with_structured_output`, which passes on other providers'."""
    what = "with_structured_output() has an option that nobody knows"
    _refuse_unknown(names, _OF_STRUCTURED_OUTPUT, what, is_sure=False)


def check_config(names: Iterable[str]) -> None:
    """Refuses what is no part of a configuration, such as an argument for `bind`."""
    what = "with_config() has a key that no configuration has; arguments of calls go to bind()"
    _refuse_unknown(names, CONFIG_KEYS, what, is_sure=True)


def check_numbers(kind: type[BaseModel], values: dict[str, Any]) -> None:
    """Refuses a text, or a truth value, where a class takes a number.

    Raises:
        ParameterError: With the number that was meant.
    """
    _check_numbers(kind, values, f"{kind.__name__}({{}})")


def _check_numbers(kind: type[BaseModel], values: Mapping[str, Any], where: str) -> None:
    numeric = _numeric_fields(kind)
    for name, value in values.items():
        if isinstance(value, str | bool) and value not in numeric.get(name, [value]):
            raise ParameterError.no_number(where.format(f"{name}={value!r}"), value)


def _refuse_unknown(
    names: Iterable[str], known: Collection[str], what: str, *, is_sure: bool
) -> None:
    for name in names:
        if name in known or name.startswith("_"):
            continue
        if near := get_close_matches(name, known, n=1, cutoff=0.6 if is_sure else _ALIKE):
            raise ParameterError(f"{what}: {name!r}. Did you mean {near[0]!r}?")
        if is_sure:
            raise ParameterError(f"{what}: {name!r}.")


def unsendable(error: Exception) -> ParameterError:
    """The error in the place of one about a request that can't be built."""
    what = str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return ParameterError(f"The call can't be sent: {what.rstrip('.')}.")


def in_geminis_words(arguments: dict[str, Any], model: BaseChatModel) -> dict[str, Any]:
    """The arguments of a call with `max_tokens`, as LangChain calls it, by Gemini's own name.

    For a model of another provider they are left as they are.
    """
    if "max_tokens" not in arguments:
        return arguments
    if not all(isinstance(one, ChatGoogleGenerativeAI) for one in _innermost(model)):
        return arguments
    rest = dict(arguments)
    return {"max_output_tokens": rest.pop("max_tokens"), **rest}


def _innermost(model: BaseChatModel) -> Iterator[BaseChatModel]:
    """The models within those of this package."""
    inner = getattr(model, "inner_model", None)
    parts = [inner] if isinstance(inner, BaseChatModel) else getattr(model, "models", None)
    if not parts:
        yield model
    for part in parts or ():
        yield from _innermost(part)


@cache
def _known_to_one_of(kinds: frozenset[type[BaseChatModel]]) -> frozenset[str]:
    return frozenset().union(*map(_known_to, kinds)) | _OF_LANGCHAIN


@cache
def _known_to(kind: type[BaseChatModel]) -> frozenset[str]:
    """The arguments of a call that are known of a class."""
    is_googles = issubclass(kind, ChatGoogleGenerativeAI)
    prepare = ChatGoogleGenerativeAI._prepare_request if is_googles else kind._generate
    methods = (kind._generate, prepare, kind.invoke)
    parameters = {name for method in methods for name in inspect.signature(method).parameters}
    if not is_googles:
        return frozenset(parameters | _names_of(kind)) | _STANDARD
    from google.genai.types import GenerateContentConfig

    return frozenset(parameters | _names_of(GenerateContentConfig)) | _POPPED


@cache
def _names_of(kind: type[BaseModel]) -> frozenset[str]:
    fields = kind.model_fields.items()
    return frozenset(n for name, field in fields for n in (name, field.alias) if n)


@cache
def _numeric_fields(kind: type[BaseModel]) -> dict[str, list[Any]]:
    """The fields that take a number, or None, and the words that stand for one, such as "auto"."""
    found = {}
    for name, field in kind.model_fields.items():
        parts = _parts(field.annotation)
        words = [word for part in parts if get_origin(part) is Literal for word in get_args(part)]
        kinds = {part for part in parts if get_origin(part) is not Literal} - {NoneType}
        if kinds and kinds <= {int, float}:
            found.update({n: words for n in (name, field.alias) if n})
    return found


def _parts(annotation: Any) -> list[Any]:
    """The parts of a union."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return [inner for part in get_args(annotation) for inner in _parts(part)]
    return [annotation]
