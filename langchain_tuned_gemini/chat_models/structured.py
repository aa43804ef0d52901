"""Structured output from a model that was tuned to give it."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, is_typeddict

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import (
    BaseOutputParser,
    JsonOutputParser,
    PydanticOutputParser,
)
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel

from langchain_tuned_gemini.errors import ParameterError


def parsed_text(
    model: BaseChatModel, schema: dict[str, Any] | type, *, include_raw: bool
) -> Runnable[Any, Any]:
    """A model, and a parser of its text; nothing of the schema is sent.

    Args:
        model: A model that was tuned to answer in JSON of this form.
        schema: A pydantic class, a TypedDict, or a JSON schema.
        include_raw: Whether to give the message and an error along, instead of raising it.
    """
    parser = _parser(schema)
    titled = not isinstance(schema, dict) or "title" in schema
    asked = model.bind(
        ls_structured_output_format={
            "kwargs": {"method": "text"},
            "schema": convert_to_json_schema(schema) if titled else schema,
        }
    )
    if not include_raw:
        return asked | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _parser(schema: dict[str, Any] | type) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return PydanticOutputParser(pydantic_object=schema)
    if isinstance(schema, dict) or is_typeddict(schema):
        return JsonOutputParser()
    raise ParameterError(
        f"{schema!r} is no schema: pass a pydantic class, a TypedDict, or a JSON schema."
    )
