"""Structured output: what is asked of a model, how its answer is read, and whether it fits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import (
    BaseCumulativeTransformOutputParser,
    BaseOutputParser,
    JsonOutputParser,
    PydanticOutputParser,
)
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableMap,
    RunnableParallel,
    RunnablePassthrough,
    RunnableSequence,
)
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import InstanceOf
from typing_extensions import is_typeddict

from langchain_tuned_gemini.chat_models.schemas import SchemaCheck
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.guards import Refusal

Schema = dict[str, Any] | type


def parsed_text(model: BaseChatModel, schema: Schema, *, include_raw: bool) -> Runnable[Any, Any]:
    """A model, and a parser of its text; nothing of the schema is sent.

    Args:
        model: A model that was tuned to answer in JSON of this form.
        schema: A pydantic class, a TypedDict, or a JSON schema.
        include_raw: Whether to give the message and an error along, instead of raising it.
    """
    parser = _parser(schema)
    asked = model.bind(ls_structured_output_format=for_tracers(schema, {"method": "text"}))
    return read_with(parser, asked, include_raw=include_raw)


def read_with(
    parser: BaseOutputParser[Any], asked: Runnable[Any, AIMessage], *, include_raw: bool
) -> Runnable[Any, Any]:
    """A model's answers, parsed.

    Args:
        parser: Reads an answer.
        asked: The model.
        include_raw: Whether to give the message and an error along, instead of raising it.
    """
    if not include_raw:
        return asked | parser
    parsed = RunnablePassthrough.assign(
        parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
    )
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | parsed.with_fallbacks([failed], exception_key="parsing_error")


@dataclass(frozen=True, slots=True)
class StructuredCall:
    """A call whose answer has to fit a schema, whichever model gives it.

    Each model is asked in its own way: a tuned model answers as it was tuned to, a base model
    as its `with_structured_output` does by default.

    Attributes:
        arguments: What each model is sent, in the order of the models.
        parser: Reads the answer of any of them.
        check: Whether what was read fits.
        is_lenient: Whether the last model's answer is given out though it does not fit: for
            `include_raw`, which tells of that by itself.
    """

    arguments: tuple[Mapping[str, Any], ...]
    parser: SchemaOutputParser
    check: SchemaCheck
    is_lenient: bool

    @classmethod
    def of(
        cls, models: tuple[BaseChatModel, ...], schema: Schema, settings: Mapping[str, Any], *,
        include_raw: bool,
    ) -> StructuredCall:  # fmt: skip
        """What to ask these models, so that they answer in a schema.

        Raises:
            ParameterError: For what is no schema, or a model that can't be asked for one here.
        """
        parser = SchemaOutputParser(reader=_parser(schema))
        check = SchemaCheck.of(schema)
        arguments = tuple(_arguments_of(model, schema, settings) for model in models)
        return cls(arguments, parser, check, include_raw)

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer, as a guard does."""
        try:
            value = self.parser.parse_result([ChatGeneration(message=message)])
        except ValueError:  # what parsers and pydantic raise; it repeats the answer
            return Refusal(f"it can't be read as {self.check.name}")
        if value is None:
            return Refusal(f"there is no {self.check.name} in it")
        return self.check(value)


class SchemaOutputParser(BaseCumulativeTransformOutputParser[Any]):
    """Reads an answer in a schema from a tool call or, where there is none, from the text.

    Which of them it is depends on the model that answers, and that is not known beforehand.
    """

    reader: InstanceOf[BaseOutputParser[Any]]
    """Reads the JSON."""

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Reads a message; of a part of a stream what can be read so far.

        Raises:
            OutputParserException: For what can't be read.
        """
        return self.reader.parse_result([_as_text(result[0])], partial=partial)

    def parse(self, text: str) -> Any:
        """Reads a text."""
        return self.reader.parse(text)

    @property
    def _type(self) -> str:
        return "tuned_gemini_schema"


def for_tracers(schema: Schema, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as LangSmith shows it."""
    titled = not isinstance(schema, dict) or "title" in schema
    return {
        "kwargs": dict(settings),
        "schema": convert_to_json_schema(schema) if titled else schema,
    }


def _as_text(generation: Generation) -> Generation:
    message = generation.message if isinstance(generation, ChatGeneration) else None
    if isinstance(message, AIMessage) and message.tool_calls:
        return Generation(text=json.dumps(message.tool_calls[0]["args"]))
    return generation


def _arguments_of(
    model: BaseChatModel, schema: Schema, settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What a model binds to itself for a schema."""
    step: Any = model.with_structured_output(schema, **settings)
    while isinstance(step, RunnableSequence | RunnableParallel):
        step = step.first if isinstance(step, RunnableSequence) else step.steps__["raw"]
    arguments: dict[str, Any] = {}
    while isinstance(step, RunnableBinding):
        arguments = {**step.kwargs, **arguments}
        step = step.bound
    if step is not model:
        raise ParameterError(
            f"{type(model).__name__}.with_structured_output() does not begin with the model, so "
            "it can't be one of the models of a FallbackChatModel that answers in a schema."
        )
    arguments.pop("ls_structured_output_format", None)  # LangChain's own, for tracers
    return arguments


def _parser(schema: Schema) -> BaseOutputParser[Any]:
    if isinstance(schema, type) and is_basemodel_subclass(schema):  # of pydantic.v1, too
        return PydanticOutputParser(pydantic_object=schema)
    if isinstance(schema, dict) or is_typeddict(schema):
        return JsonOutputParser()
    raise ParameterError(
        f"{schema!r} is no schema: pass a pydantic class, a TypedDict, or a JSON schema."
    )
