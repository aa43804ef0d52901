"""The tools of an agent, and the answer in a schema that `create_agent(response_format=...)` wants.

A model that was tuned to answer in JSON does so, whatever tool it is told to call. An agent that
waits for the call would ask again and again, as it would a model that repeats what it has refused.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, Final, Self

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.tool import tool_call
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate, shaped
from langchain_tuned_gemini.chat_models.structured_output import SchemaCheck, whole_value
from langchain_tuned_gemini.guards import Refusal, answer_of, as_error, check, whole_tool_calls
from langchain_tuned_gemini.guards.valid_json import UnreadableError

_TEXTS: Final = 3
"""How many texts are taken for a call in one turn, each after the agent has refused the last."""


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """The answer in a schema that an agent takes, besides the tools that it runs.

    Attributes:
        schemas: JSON schemas by their names; the answer has to fit one of them.
        is_a_call: Whether the agent waits for a tool call, and not for a text in JSON.
        refused: What it was given in this turn, and has refused: schemas check less than the
            program's own code does.
    """

    schemas: Mapping[str, dict[str, Any]]
    is_a_call: bool
    refused: Sequence[list[tuple[str, Any]]] = ()

    @classmethod
    def waited_for(cls, tools: Iterable[Any], arguments: Mapping[str, Any]) -> Self | None:
        """The answer that an agent waits for which binds these tools; None for no schema.

        It tells the model to call any tool, and its tools for the answer have nothing to run.

        Args:
            tools: The tools as they are bound.
            arguments: The call's arguments, with the tools in LangChain's neutral form.
        """
        form = arguments.get("response_format")
        told = form.get("json_schema") if isinstance(form, dict) else None
        if isinstance(told, dict) and "schema" in told:
            return cls({told.get("name", "the schema"): told["schema"]}, is_a_call=False)
        if arguments.get("tool_choice") != "any":
            return None
        functions = [
            neutral["function"]
            for tool, neutral in zip(tools, arguments["tools"], strict=True)
            if isinstance(tool, StructuredTool) and tool.func is None and tool.coroutine is None
        ]
        schemas = {function["name"]: function.get("parameters", {}) for function in functions}
        return cls(schemas, is_a_call=True) if schemas else None

    def asked_of(
        self, candidates: Sequence[ModelCandidate], messages: Sequence[BaseMessage]
    ) -> tuple[ModelCandidate, ...]:
        """The candidates, whose answers have to be what the agent waits for."""
        form = (self._within(messages),)
        ended = (candidate.held_to_the_end() for candidate in candidates)
        return tuple(replace(one, form=form, shape=self._as_waited_for) for one in ended)

    def taken(self, result: ChatResult, messages: Sequence[BaseMessage], name: str) -> ChatResult:
        """The answer of a model that is asked alone, as the agent waits for it.

        Raises:
            AnswerRefusedError: If it is none that the agent would take.
            ContentBlockedError: If it was blocked for safety.
        """
        message = answer_of(result.generations[0], result.llm_output)
        if refusal := check((self._within(messages),), message):
            raise as_error(refusal, message, name=name)
        return shaped(result, self._as_waited_for)

    def __call__(self, message: AIMessage) -> Refusal | None:
        """Judges an answer, as a guard does."""
        if cut := whole_tool_calls(message):
            return cut
        try:
            answers = self._answers_in(message)
        except UnreadableError as error:
            called = "it calls no tool, and " if self.is_a_call else ""
            return Refusal(f"{called}it can't be read as {' or '.join(self.schemas)}: {error}")
        is_text = not message.tool_calls
        if answers in self.refused or (is_text and len(self.refused) >= _TEXTS):
            return Refusal("the agent has refused such an answer before")
        return None

    def _within(self, messages: Sequence[BaseMessage]) -> Self:
        """The same in a conversation: an answer that it had accepted would have ended the turn."""
        turn = takewhile(lambda m: not isinstance(m, HumanMessage), reversed(messages))
        given = (self._answers_in(m) for m in turn if isinstance(m, AIMessage) and m.tool_calls)
        return replace(self, refused=[answers for answers in given if answers])

    def _answers_in(self, message: AIMessage) -> list[tuple[str, Any]]:
        """The calls in its schemas, or what the text would be as one; calls of other tools not."""
        if not message.tool_calls:
            return [self._read(message)]
        return [(c["name"], c["args"]) for c in message.tool_calls if c["name"] in self.schemas]

    def _as_waited_for(self, message: AIMessage) -> AIMessage:
        """An answer that was accepted, with its text as the call that the agent waits for."""
        if message.tool_calls or not self.is_a_call:
            return message
        name, args = self._read(message)
        blocks = message.content if isinstance(message.content, list) else None
        others = [b for b in blocks or () if isinstance(b, dict) and b.get("type") != "text"]
        call = tool_call(name=name, args=args, id=str(uuid.uuid4()))
        changes: dict[str, Any] = {
            "content": "" if blocks is None else others,
            "tool_calls": [call],
        }
        if isinstance(message, AIMessageChunk):
            as_chunk = AIMessageChunk(content="", tool_calls=[call])
            changes["tool_call_chunks"] = as_chunk.tool_call_chunks
        return message.model_copy(update=changes)

    def _read(self, message: AIMessage) -> tuple[str, dict[str, Any]]:
        """The schema that a text fits, and its JSON; of several the one that names most of it."""
        value = whole_value(ChatGeneration(message=message))
        if not isinstance(value, dict):
            raise UnreadableError("it is no JSON object")
        schemas = self.schemas
        verdicts = {name: SchemaCheck.of_json(schemas[name])(value) for name in schemas}
        fitting = [name for name, refusal in verdicts.items() if refusal is None]
        if not fitting:
            whys = dict.fromkeys(refusal.why for refusal in verdicts.values() if refusal)
            raise UnreadableError("; ".join(whys))
        known = {name: schemas[name].get("properties", {}).keys() for name in fitting}
        return max(fitting, key=lambda name: len(known[name] & value.keys())), value


def neutral(
    tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
    tool_choice: str | None,
) -> dict[str, Any]:
    """Call arguments that any model's `bind_tools` can be given later."""
    arguments: dict[str, Any] = {"tools": [_neutral_tool(tool) for tool in tools]}
    if tool_choice is not None:
        arguments["tool_choice"] = tool_choice
    return arguments


def _neutral_tool(tool: Any) -> Any:
    """A JSON schema; a provider's own tool (`types.Tool`, `{"google_search": {}}`) as it is."""
    if isinstance(tool, dict) and not {"type", "name", "title"} & tool.keys():
        return tool
    if isinstance(tool, BaseModel) and not isinstance(tool, BaseTool):
        return tool
    return convert_to_openai_tool(tool)
