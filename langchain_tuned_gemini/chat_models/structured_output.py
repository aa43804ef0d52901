"""Structured output: how an answer in a schema is read, and whether it fits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NotRequired, Required, Self, get_type_hints

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, BaseMessageChunk
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    Generation,
    GenerationChunk,
)
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableLambda,
    RunnableMap,
    RunnableParallel,
    RunnableSequence,
)
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.json import parse_json_markdown
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict, is_typeddict

from langchain_tuned_gemini.errors import ContentBlockedError, MissingExtraError, ParameterError
from langchain_tuned_gemini.guards import (
    FinishReason,
    Refusal,
    as_error,
    block_of,
    is_cut_off,
    whole_tool_calls,
)
from langchain_tuned_gemini.guards.valid_json import (
    CUT_OFF,
    TOO_DEEP,
    UnreadableError,
    breach_of_schema,
    check_schema,
    first_problem,
    read_json,
)

Schema = dict[str, Any] | type

STRUCTURED: Final = "structured_output"
"""The argument with which a call carries its schema: a `StructuredCall` or an `AgentAnswer`."""

FOR_TRACERS: Final = "ls_structured_output_format"
"""LangChain's argument that shows a schema to tracers, and to no model."""


def parsed_text(model: BaseChatModel, schema: Schema, *, include_raw: bool) -> Runnable[Any, Any]:
    """A model, and a parser of its text; nothing of the schema is sent.

    Args:
        model: A model that was tuned to answer in JSON of this form.
        schema: A pydantic class, a TypedDict, or a JSON schema.
        include_raw: Whether to give the message and an error along, instead of raising it.
    """
    parser = SchemaOutputParser.of(schema)
    asked = model.bind(**for_tracers(schema, {"method": "text"}))
    return read_with(parser, asked, include_raw=include_raw)


def read_with(
    parser: SchemaOutputParser, asked: Runnable[Any, AIMessage], *, include_raw: bool
) -> Runnable[Any, Any]:
    """A model's answers, parsed.

    Args:
        parser: Reads an answer.
        asked: The model.
        include_raw: Whether to give the message and an error along, instead of raising it.
    """
    if not include_raw:
        return asked | parser

    def read(answer: dict[str, Any]) -> dict[str, Any]:
        try:
            parsed = parser.invoke(answer["raw"])
        except (OutputParserException, ContentBlockedError) as error:
            return {**answer, "parsed": None, "parsing_error": error}
        return {**answer, "parsed": parsed, "parsing_error": None}

    return RunnableMap(raw=asked) | RunnableLambda(read)


class SchemaOutputParser(BaseTransformOutputParser[Any]):
    """Reads an answer in a schema from a tool call or, where there is none, from the text.

    Which of them it is depends on the model that answers, and that is not known beforehand. Of a
    stream it gives what can be read so far, and at the end it makes sure that all was there.
    """

    make: Callable[[Any], Any]
    """Makes of JSON what the schema is for: an object of a pydantic class, or the same JSON."""

    @classmethod
    def of(cls, schema: Schema) -> Self:
        """The parser for a schema.

        Raises:
            ParameterError: For what is none.
        """
        if isinstance(schema, type) and is_basemodel_subclass(schema):
            known: Any = schema  # of pydantic.v1, too
            return cls(make=getattr(known, "model_validate", None) or known.parse_obj)
        if isinstance(schema, dict) or is_typeddict(schema):
            return cls(make=_as_it_is)
        raise ParameterError(
            f"{schema!r} is no schema: pass a pydantic class, a TypedDict, or a JSON schema."
        )

    def read(self, generation: Generation) -> Any:
        """Reads a whole answer.

        Raises:
            UnreadableError: It can't be read.
        """
        value = whole_value(generation)
        try:
            return self.make(value)
        except RecursionError:
            raise UnreadableError(TOO_DEEP) from None
        except ValueError as error:
            known: Any = error  # pydantic's, of either version; or that of a class's own code
            told = f": {first_problem(known)}" if hasattr(error, "errors") else ""
            raise UnreadableError(f"it does not fit{told}") from error

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Reads an answer; of a part of a stream what can be read so far, or None.

        Raises:
            ContentBlockedError: For a refusal.
            OutputParserException: For an answer that can't be read.
        """
        if partial:
            return self._so_far(result[0])
        _raise_if_refused(result[0])
        try:
            _require_a_good_end(result[0])
            return self.read(result[0])
        except UnreadableError as error:
            raise OutputParserException(
                f"The answer (see llm_output) can't be read: {error}. Ask again, with more "
                "max_output_tokens if it was cut off, or add a fallback with "
                "with_few_shot_fallback(...).",
                llm_output=result[0].text,
            ) from error

    def parse(self, text: str) -> Any:
        """Reads a text."""
        return self.parse_result([Generation(text=text)])

    def _so_far(self, generation: Generation) -> Any:
        call = _call_in(generation)
        try:
            return self.make(call["args"] if call else parse_json_markdown(generation.text))
        except (ValueError, RecursionError):
            return None

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:  # noqa: A002  # LangChain's name
        stream = _Stream()
        for chunk in input:
            value = self.parse_result(stream.add(chunk), partial=True)
            if stream.is_new(value):
                yield value
        if stream.arrived and stream.is_new(value := self.parse_result(stream.arrived)):
            yield value

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:  # noqa: A002  # LangChain's name
        stream = _Stream()
        async for chunk in input:
            value = await self.aparse_result(stream.add(chunk), partial=True)
            if stream.is_new(value):
                yield value
        if stream.arrived and stream.is_new(value := await self.aparse_result(stream.arrived)):
            yield value

    @property
    def _type(self) -> str:
        return "tuned_gemini_schema"


class _Stream:
    """The part of a stream that has arrived, and what was given out of it."""

    def __init__(self) -> None:
        self.arrived: list[Any] = []
        self._given: Any = None

    def add(self, chunk: str | BaseMessage) -> list[Any]:
        """Adds a chunk to what has arrived; a model that does not stream sends a message."""
        if isinstance(chunk, BaseMessageChunk):
            self._add(ChatGenerationChunk(message=chunk))
        elif isinstance(chunk, BaseMessage):
            self.arrived = [ChatGeneration(message=chunk)]
        else:
            self._add(GenerationChunk(text=chunk))
        return self.arrived

    def _add(self, generation: Any) -> None:
        self.arrived = [self.arrived[0] + generation] if self.arrived else [generation]

    def is_new(self, value: Any) -> bool:
        """Whether to give it out."""
        is_new = value is not None and value != self._given
        self._given = value if is_new else self._given
        return is_new


def for_tracers(schema: Schema, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The argument that shows a schema in LangSmith."""
    titled = not isinstance(schema, dict) or "title" in schema
    shown = convert_to_json_schema(schema) if titled else schema
    return {FOR_TRACERS: {"kwargs": dict(settings), "schema": shown}}


def _message_in(generation: Generation) -> AIMessage | None:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    return message if isinstance(message, AIMessage) else None


def _raise_if_refused(generation: Generation) -> None:
    message = _message_in(generation)
    if message is not None and (refusal := block_of(message)):
        name = message.response_metadata.get("model_name") or "The model"
        raise as_error(refusal, message, name=name)


def _require_a_good_end(generation: Generation) -> None:
    """Refuses what Gemini itself calls malformed; where an answer was cut off, its text shows."""
    message = _message_in(generation)
    if message is not None and message.response_metadata.get("finish_reason"):
        refusal = None if is_cut_off(message) else FinishReason()(message)
        if refusal:
            raise UnreadableError(refusal.why)


def _as_it_is(value: Any) -> Any:
    return value


def _call_in(generation: Generation) -> Mapping[str, Any] | None:
    message = _message_in(generation)
    return message.tool_calls[0] if message is not None and message.tool_calls else None


def whole_value(generation: Generation) -> Any:
    """The JSON of an answer: of its tool call, or of its text.

    Raises:
        UnreadableError: There is none, or its end is missing.
    """
    message = _message_in(generation)
    if message is None:
        return read_json(generation.text)
    if message.tool_calls:
        if refusal := whole_tool_calls(message):
            raise UnreadableError(refusal.why)
        return message.tool_calls[0]["args"]
    try:
        value = read_json(generation.text)
    except UnreadableError as error:
        raise UnreadableError(CUT_OFF if is_cut_off(message) else error) from None
    if is_cut_off(message) and not isinstance(value, dict | list):  # they say where they end
        raise UnreadableError(CUT_OFF)
    return value


def arguments_for(
    model: BaseChatModel, schema: Schema, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments that a model binds to itself for a schema.

    Raises:
        ParameterError: If it does something else than that.
    """
    step: Any = model.with_structured_output(_without_a_tool(schema), **settings)
    while isinstance(step, RunnableSequence | RunnableParallel):
        step = step.first if isinstance(step, RunnableSequence) else step.steps__["raw"]
    arguments: dict[str, Any] = {}
    while isinstance(step, RunnableBinding):
        arguments = {**step.kwargs, **arguments}
        step = step.bound
    if step is not model:
        raise ParameterError(
            f"{type(model).__name__}.with_structured_output() does not begin with the model, so "
            "it can't be asked for a schema within another model."
        )
    return arguments


def _without_a_tool(schema: Schema) -> Schema:
    """A schema; of a tool, as providers write them, the schema of its arguments."""
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = schema
    if plain.get("type") == "function" and isinstance(plain.get("function"), dict):
        plain = plain["function"]
    return plain if {"type", "properties"} & plain.keys() else convert_to_json_schema(plain)


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
        schema = _without_a_tool(schema)
        if isinstance(schema, dict):
            return cls.of_json(schema)
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
