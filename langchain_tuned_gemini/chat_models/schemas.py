"""Whether a value fits a schema: a pydantic class's, a TypedDict's, or a JSON schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, Required, get_type_hints

from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from langchain_tuned_gemini.errors import MissingExtraError
from langchain_tuned_gemini.guards import Refusal
from langchain_tuned_gemini.guards.valid_json import (
    TOO_DEEP,
    breach_of_schema,
    check_schema,
    first_problem,
)


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """Judges what a parser has read from an answer.

    LangChain's parsers make sure of a pydantic class only: of a TypedDict or a JSON schema they
    give out any JSON.

    Attributes:
        name: What the schema is called.
    """

    name: str
    _breach: Callable[[Any], Refusal | None]

    @classmethod
    def of(cls, schema: dict[str, Any] | type) -> SchemaCheck:
        """The check for a schema.

        Raises:
            ParameterError: For one that is none.
        """
        if isinstance(schema, dict):
            return cls.of_json(
                schema if {"type", "properties"} & schema.keys() else convert_to_json_schema(schema)
            )
        if is_basemodel_subclass(schema):
            return cls(schema.__name__, _fits)
        return cls(schema.__name__, partial(_breach_of_type, _adapter(schema)))

    @classmethod
    def of_json(cls, schema: dict[str, Any]) -> SchemaCheck:
        """The whole schema with the extra `json`, without it what is seen at a glance.

        LangChain asks for such schemas by itself, so that an error would break what works.
        """
        name = str(schema.get("title", "the schema"))
        try:
            check_schema(schema, needed_by="with_structured_output")
        except MissingExtraError:
            return cls(name, partial(_breach_of_keys, schema.get("required", ())))
        return cls(name, partial(breach_of_schema, schema))

    def __call__(self, value: Any) -> Refusal | None:
        """Judges a value; None for one that fits."""
        try:
            return self._breach(value)
        except RecursionError:
            return Refusal(TOO_DEEP)


def _fits(_: Any) -> None:
    """The parser has made an object of the class, so it fits."""


def _breach_of_keys(required: Iterable[str], value: Any) -> Refusal | None:
    if not isinstance(value, dict):
        return Refusal("it is no JSON object")
    missing = next((key for key in required if key not in value), None)
    return Refusal(f"it lacks {missing!r}") if missing else None


def _adapter(schema: type) -> TypeAdapter[Any]:
    """Checks a TypedDict, also one of `typing`, which pydantic refuses before Python 3.12."""
    required: Any = getattr(schema, "__required_keys__", ())
    keys = {
        name: Required[hint] if name in required else NotRequired[hint]
        for name, hint in get_type_hints(schema, include_extras=True).items()
    }
    make: Any = TypedDict  # for a type checker it is no function
    return TypeAdapter(make(schema.__name__, keys))


def _breach_of_type(adapter: TypeAdapter[Any], value: Any) -> Refusal | None:
    """Strict, for the value is given out as it is; as JSON, which has no tuples and no dates."""
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return Refusal(f"it does not fit: {first_problem(error)}")
    return None
