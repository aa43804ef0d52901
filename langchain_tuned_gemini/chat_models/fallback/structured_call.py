"""A call whose answer has to fit a schema, whichever model of a fallback gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration

from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate
from langchain_tuned_gemini.chat_models.structured_output import (
    FOR_TRACERS,
    Schema,
    SchemaCheck,
    SchemaOutputParser,
    arguments_for,
)
from langchain_tuned_gemini.guards import Refusal
from langchain_tuned_gemini.guards.valid_json import UnreadableError


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
        """The call of these models that has them answer in a schema.

        Raises:
            ParameterError: For what is no schema, or a model that can't be asked for one here.
        """
        parser = SchemaOutputParser.of(schema)
        check = SchemaCheck.of(schema)
        arguments = tuple(arguments_for(model, schema, settings) for model in models)
        for one in arguments:
            one.pop(FOR_TRACERS, None)  # of the chat model that has these models
        return cls(arguments, parser, check, include_raw)

    def asked_of(
        self, candidates: Sequence[ModelCandidate], _: Sequence[BaseMessage]
    ) -> tuple[ModelCandidate, ...]:
        """The candidates, each asked for the schema, which its answer has to fit."""
        ended = [one.held_to_the_end(tells_refusals=self.is_lenient) for one in candidates]
        asked = [
            replace(candidate, arguments=arguments, form=(self,))
            for candidate, arguments in zip(ended, self.arguments, strict=True)
        ]
        if self.is_lenient:
            asked[-1] = replace(asked[-1], form=())
        return tuple(asked)

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer, as a guard does."""
        name = self.check.name
        try:
            value = self.parser.read(ChatGeneration(message=message))
        except UnreadableError as error:
            return Refusal(f"it can't be read as {name}: {error}")
        if value is None:
            return Refusal(f"there is no {name} in it")
        return self.check(value)
