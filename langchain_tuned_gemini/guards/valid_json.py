"""A guard for answers in JSON, and whether JSON of an answer is whole.

LangChain closes the strings, lists and objects that an answer leaves open, and leaves out what it
can't close: for the parts of a stream that is right, and at its end it is a wrong answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from langchain_core.messages import AIMessage, AIMessageChunk
from pydantic import BaseModel, ValidationError

from langchain_tuned_gemini.errors import MissingExtraError, ParameterError
from langchain_tuned_gemini.guards.gemini import is_cut_off
from langchain_tuned_gemini.guards.results import Refusal, excerpt
from langchain_tuned_gemini.guards.texts import text_to_judge

TOO_DEEP: Final = "its JSON is nested too deep"
CUT_OFF: Final = "it was cut off at the token limit"

_FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)
_AROUND = " \n\r\t`"
_DECODER = json.JSONDecoder(strict=False)  # which takes line breaks in strings
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL | re.IGNORECASE)

Schema = Mapping[str, Any] | type[BaseModel] | None


@dataclass(frozen=True, slots=True)
class ValidJSON:
    """Refuses any text but one JSON value that fits the schema.

    Args:
        schema: A JSON Schema (needs the extra `json`; addresses in it are never fetched), a
            pydantic model, or None for any JSON.
        allow_fence: Whether the value may stand in a Markdown block. Off, as whoever parses
            the answer would stumble over the fence.

    Raises:
        MissingExtraError: If there is a JSON Schema and no `jsonschema`.
        ParameterError: For a schema that is none.

    Example:
        >>> ValidJSON()(AIMessage('{"dogs": 2}')) is None
        True
        >>> ValidJSON()(AIMessage("two dogs")).why
        'it is no JSON: Expecting value at character 0'
    """

    schema: Schema = None
    allow_fence: bool = False

    def __post_init__(self) -> None:
        """Checks the schema while whoever wrote it is looking."""
        if isinstance(self.schema, Mapping):
            check_schema(self.schema, needed_by="ValidJSON")
        elif self.schema is not None and not _is_model(self.schema):
            raise ParameterError(
                "ValidJSON takes a JSON Schema (a dict), a pydantic model (the class) or "
                f"nothing, not {type(self.schema).__name__}."
            )

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer."""
        text = text_to_judge(message)
        if text is None:
            return None
        if self.allow_fence and (fenced := _FENCED.fullmatch(text)):
            text = fenced[1]
        try:
            return self._problem_of(text)
        except RecursionError:
            return Refusal(TOO_DEEP)

    def _problem_of(self, text: str) -> Refusal | None:
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            return Refusal(f"it is no JSON: {error.msg} at character {error.pos}")
        except ValueError as error:  # NaN, or a number of more than 4,300 digits
            return Refusal(f"it is no JSON: {error}")
        if self.schema is None:
            return None
        if isinstance(self.schema, Mapping):
            return breach_of_schema(self.schema, value)
        return _breach_of_model(self.schema, text)


def _refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{name} is no JSON value")


def _is_model(schema: object) -> bool:
    return isinstance(schema, type) and issubclass(schema, BaseModel)


def check_schema(schema: Mapping[str, Any], *, needed_by: str) -> None:
    """Makes sure that a JSON Schema is one, and that answers can be held to it.

    Raises:
        MissingExtraError: If there is no `jsonschema`.
        ParameterError: For a schema that is none.
    """
    try:
        import jsonschema
    except ImportError:
        raise MissingExtraError(f"{needed_by} with a JSON Schema", extra="json") from None
    validator = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ParameterError(
            f"{needed_by}: this is no JSON Schema: {error.message} (at {error.json_path})."
        ) from error


def breach_of_schema(schema: Mapping[str, Any], value: Any) -> Refusal | None:
    """What is wrong with a value, by a schema that `check_schema` has passed."""
    from jsonschema import Draft202012Validator, validators
    from jsonschema_specifications import REGISTRY

    # With a registry of its own, or it fetches what `$ref` names.
    validator = validators.validator_for(schema, Draft202012Validator)(schema, registry=REGISTRY)
    error = next(validator.iter_errors(value), None)
    if error is None:
        return None
    # Its message repeats the value, which may be the whole answer.
    return Refusal(f"it breaks the schema's {error.validator!r} at {excerpt(error.json_path)}")


def _breach_of_model(model: type[BaseModel], text: str) -> Refusal | None:
    try:
        model.model_validate_json(text)
    except ValidationError as error:
        return Refusal(f"it is no {model.__name__}: {first_problem(error)}")
    return None


def first_problem(error: ValidationError) -> str:
    """What pydantic found first, and where; not what it found there."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "its top"
    return f"{excerpt(first['msg'])} at {excerpt(where)}"


class UnreadableError(ValueError):
    """Says what is wrong with a text that is no JSON, without repeating it."""


def read_json(text: str) -> Any:
    r"""The JSON that a text begins with, or else that of its first Markdown block.

    What follows a whole list or object is left aside, as LangChain does.

    Raises:
        UnreadableError: There is none, or its end is missing.

    Example:
        >>> read_json('```json\n{"dogs": [1, 2]}\n```\nThere are two.')
        {'dogs': [1, 2]}
        >>> read_json('{"dogs": [1, 2')
        Traceback (most recent call last):
        langchain_tuned_gemini.guards.valid_json.UnreadableError: it is no JSON: Expecting ',' ...
    """
    try:
        return _value_at_the_beginning(text)
    except UnreadableError:
        fence = _FENCE.search(text)
        if fence is None:
            raise
        return _value_at_the_beginning(text[fence.end() :])


def whole_tool_calls(message: AIMessage) -> Refusal | None:
    """Refuses tool calls whose arguments were cut off: running them would be a wrong answer.

    At the token limit the last call has whatever arguments were there. Those of a stream are
    looked at as they came.
    """
    if not message.tool_calls:
        return None
    if is_cut_off(message):
        return Refusal(f"its tool call may not be whole: {CUT_OFF}")
    for chunk in message.tool_call_chunks if isinstance(message, AIMessageChunk) else ():
        try:
            read_json(chunk["args"] or "{}")
        except UnreadableError:
            return Refusal("the arguments of its tool call are not whole")
    return None


def _value_at_the_beginning(text: str) -> Any:
    text = text.strip(_AROUND)
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # a number of more than 4,300 digits
        raise UnreadableError(f"it is no JSON: {error}") from None
    except RecursionError:
        raise UnreadableError(TOO_DEEP) from None
    if end < len(text) and not isinstance(value, dict | list):  # "12" may be the half of "1234"
        raise UnreadableError("it is no JSON: text follows its value")
    return value
