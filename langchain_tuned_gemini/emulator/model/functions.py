"""The functions that a request declares, when a model here calls them, and how they may be told.

A model that may call (mode `AUTO`) calls the functions that the question names: those whose whole
name occurs in it, or else those of whose name most words do, of four letters or more. One that
must (`ANY`) calls those, or else the first one. A function that was called already for the same
question comes last, so that an agent goes on. After a function's response a model that may call
answers instead.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.answers import FunctionCall
from langchain_tuned_gemini.emulator.model.instances import instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.http.requests import Message
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel
    from langchain_tuned_gemini.emulator.model.prompts import Prompt, PromptTurn

MODES = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
LEAST_LETTERS = 4

# github.com/google-gemini/gemini-cli/issues/7869. Colons are taken, too: a later wording, that of
# github.com/kaitranntt/ccs/issues/25, allows them.
BAD_NAME = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, "
    "A-Z, 0-9), underscores (_), dots (.) or dashes (-), with a maximum length of 64."
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
_WORD = re.compile(r"[A-Z]*[^\W\d_A-Z]+|[A-Z]+")
# github.com/google-gemini/gemini-cli/issues/3814
NOT_ALL_ANSWERED = (
    "Please ensure that the number of function response parts is equal to the number of function "
    "call parts of the function call turn."
)
# github.com/google-gemini/gemini-cli/issues/11814
CALL_OUT_OF_TURN = (
    "Please ensure that function call turn comes immediately after a user turn or after a "
    "function response turn."
)
# github.com/langchain-ai/langchain/issues/27799
RESPONSE_OUT_OF_TURN = (
    "Please ensure that function response turn comes immediately after a function call turn."
)
# github.com/nanbingxyz/5ire/issues/405
UNSIGNED = (
    "Function call is missing a thought_signature in functionCall parts. This is required for "
    "tools to work correctly, and missing thought_signature may lead to degraded model "
    "performance. Additional data, function call `default_api:{}` , position {}. Please refer to "
    "https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
)


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a model may call: its name, and the schema of its arguments."""

    name: str
    schema: JsonObject

    def words_in(self, question: str) -> float:
        """The number of its words in a question, in whatever form; the whole name is most."""
        if re.search(rf"(?<!\w){re.escape(self.name)}(?!\w)", question, re.IGNORECASE):
            return math.inf
        asked = _words(question)
        return sum(any(_are_alike(word, other) for other in asked) for word in _words(self.name))


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The functions that may be called, and whether one must be."""

    functions: tuple[Function, ...] = ()
    must_call: bool = False

    def calls(self, prompt: Prompt) -> tuple[FunctionCall, ...]:
        """The calls that answer a prompt; none where a text shall."""
        if not self.must_call:
            return () if prompt.responses else _calls(_named(self.functions, prompt), prompt)
        fresh = [f for f in self.functions if f.name not in prompt.called] or self.functions
        return _calls(_named(fresh, prompt) or fresh[:1], prompt)


def read_toolbox(request: Message) -> Toolbox:
    """Reads `tools` and `toolConfig` of a GenerateContentRequest.

    Tools of Google's own, such as `googleSearch`, are taken and not used.
    """
    functions = [
        _function(declared)
        for tool in request.messages("tools")
        for declared in tool.messages("functionDeclarations")
    ]
    config = request.message("toolConfig").message("functionCallingConfig")
    mode = config.enum("mode", MODES)
    allowed = [str(name) for name in config.values("allowedFunctionNames")]
    if allowed:
        _check_allowed(allowed, mode, {function.name for function in functions})
        functions = [function for function in functions if function.name in allowed]
    if mode == "NONE":
        return Toolbox()
    return Toolbox(tuple(functions), must_call=mode == "ANY" and bool(functions))


def _function(declared: Message) -> Function:
    name = declared.text("name")
    if not _NAME.fullmatch(name):
        raise ApiError(400, f"* GenerateContentRequest.{declared.path}.name: {BAD_NAME}\n")
    schema = declared.get("parametersJsonSchema")
    if not isinstance(schema, dict):
        schema = declared.message("parameters").fields
    return Function(name, schema)


def _check_allowed(allowed: Sequence[str], mode: str, declared: set[str]) -> None:
    # Both are the emulator's own words: Google's are not published.
    if mode not in ("ANY", "VALIDATED"):
        raise ApiError(400, "allowed_function_names is for the function calling mode ANY only.")
    if unknown := sorted(set(allowed) - declared):
        msg = f"allowed_function_names has {', '.join(unknown)}, which no tool declares."
        raise ApiError(400, msg)


def _named(functions: Sequence[Function], prompt: Prompt) -> Sequence[Function]:
    """Those of whose name most words occur in the question; none where none does."""
    counts = [function.words_in(prompt.query) for function in functions]
    most = max(counts, default=0)
    return [f for f, count in zip(functions, counts, strict=True) if count == most > 0]


def _calls(functions: Sequence[Function], prompt: Prompt) -> tuple[FunctionCall, ...]:
    return tuple(
        FunctionCall(function.name, _arguments(function.schema, prompt.query))
        for function in functions
    )


def _arguments(schema: JsonObject, question: str) -> JsonObject:
    made = instance(schema or {"type": "object"}, question)
    return made if isinstance(made, dict) else {}


def _words(text: str) -> frozenset[str]:
    """The longer words of a sentence, or of a name: `getWeather` and `get_weather` have one."""
    return frozenset(word.casefold() for word in _WORD.findall(text) if len(word) >= LEAST_LETTERS)


def _are_alike(word: str, other: str) -> bool:
    return word.startswith(other) or other.startswith(word)


def check_history(turns: Sequence[PromptTurn], base: ServedModel) -> None:
    """Refuses function calls and responses that don't belong together.

    Turns of one role that follow each other count as one: google-genai sends each chunk of a
    stream as a turn. Models from Gemini 3 on also want their thought signatures back, in what
    they said since the user last asked something:
    <https://ai.google.dev/gemini-api/docs/thought-signatures>. Any value will do, as the one does
    that Google documents for calls of another model.
    """
    steps = [list(step) for _, step in groupby(turns, key=lambda turn: turn.role == "model")]
    open_calls = 0
    for number, step in enumerate(steps):
        calls = sum(len(turn.calls) for turn in step)
        responses = sum(len(turn.responses) for turn in step)
        if calls and number == 0:
            raise ApiError(400, CALL_OUT_OF_TURN)
        if responses and not open_calls:
            raise ApiError(400, RESPONSE_OUT_OF_TURN)
        if responses != open_calls:
            raise ApiError(400, NOT_ALL_ANSWERED)
        open_calls = calls
    if open_calls:
        raise ApiError(400, NOT_ALL_ANSWERED)
    if base.gemini_3:
        _check_signatures(turns)


def _check_signatures(turns: Sequence[PromptTurn]) -> None:
    asked = max((i for i, turn in enumerate(turns) if turn.asks), default=0)
    since = enumerate(turns[asked:], asked + 1)
    for _, step in groupby(since, key=lambda numbered: numbered[1].role == "model"):
        position, turn = next(((p, t) for p, t in step if t.calls), (0, None))
        if turn is not None and not turn.is_signed:
            raise ApiError(400, UNSIGNED.format(turn.calls[0], position))
