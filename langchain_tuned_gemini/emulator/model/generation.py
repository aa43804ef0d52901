"""How a model answers on either service: as a test has scripted it, or by the emulator's rules.

Without a script it calls a function if the request's functions and the question call for it
(see `functions`), tells what a function returned if that was last, and else says the output of
the nearest example that it knows, in the form that is asked for (see `output_format`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.replies import Framing, Reply
from langchain_tuned_gemini.emulator.model.answers import Answer
from langchain_tuned_gemini.emulator.model.completions import Completion, Style, limited
from langchain_tuned_gemini.emulator.model.functions import read_toolbox
from langchain_tuned_gemini.emulator.model.history import check_history
from langchain_tuned_gemini.emulator.model.output_format import read_output_format

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import BaseModel, Example
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.model.prompts import Prompt
    from langchain_tuned_gemini.emulator.store import World

KNOWS_NOTHING = (
    "I have no examples of this task, so I can't answer. "
    "(I am an emulator: I repeat the nearest example that I was given.)"
)
THOUGHT_TOKENS = 512
"""How many tokens are thought where nothing else is said; what is shown of it is a summary."""
THOUGHT = "I look for what comes nearest to the question, since I am an emulator."
MOST_CANDIDATES = 8
RESPONSE_ID_LENGTH = 22
# The words by which langchain-google-genai knows a context overflow.
TOO_LONG = "The input token count ({}) exceeds the maximum number of tokens allowed ({})."


def complete(
    world: World, call: Call, prompt: Prompt, example: Example | None, base: BaseModel, style: Style
) -> Completion:
    """The completion that a model gives, within the limits.

    Args:
        world: The scripts are there.
        call: The call, with what it asks for.
        prompt: Its conversation.
        example: The nearest example that the model knows, if any.
        base: The base model.
        style: Whose answers these are like.

    Raises:
        ApiError: 400 for a prompt that is longer than the base model takes, for function calls
            and responses in it that don't match, and for settings that don't go together.
    """
    if prompt.tokens > base.input_token_limit:
        raise ApiError(400, TOO_LONG.format(prompt.tokens, base.input_token_limit))
    check_history(prompt.turns, base)
    config = call.body.message("generationConfig")
    answer = _own_answer(call.body, prompt, example, base)
    if matched := world.scripts.match(call):
        script, hit = matched
        answer = script.answer(hit)
    counted = answer.prompt_tokens
    return Completion(
        answer=limited(answer, config),
        prompt_tokens=prompt.tokens_by_modality if counted is None else {"TEXT": counted},
        base=base,
        response_id=world.random_id(RESPONSE_ID_LENGTH),
        style=style,
        create_time=world.now(),
        candidates=_candidates(config),
    )


def _own_answer(
    request: Message, prompt: Prompt, example: Example | None, base: BaseModel
) -> Answer:
    """What the model answers by itself."""
    toolbox = read_toolbox(request)
    form = read_output_format(request, toolbox, base)
    answer = _thoughts(request.message("generationConfig").message("thinkingConfig"), base)
    if calls := toolbox.calls(prompt):
        return replace(answer, calls=calls)
    known = None if example is None else example.output
    if prompt.responses:
        known = "\n".join(map(_told, prompt.responses))
    text = form.text(known, prompt.query)
    return replace(answer, text=KNOWS_NOTHING if text is None else text)


def _told(response: JsonObject) -> str:
    """What a function returned: a text as it is, anything else as JSON."""
    value = next((response[key] for key in ("output", "result") if key in response), response)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _thoughts(config: Message, base: BaseModel) -> Answer:
    """The thoughts that are counted, and shown if asked for.

    A model that can think does, unless the request says how little: Google's do so by default
    (https://ai.google.dev/gemini-api/docs/thinking). A budget is an upper limit, and a level up to
    `LOW` is taken for none at all; Google's models may think a little then, too.
    """
    budget, level = config.integer("thinkingBudget"), config.text("thinkingLevel").upper()
    if not base.thinking or budget == 0 or level in ("MINIMAL", "LOW"):
        return Answer()
    most = THOUGHT_TOKENS if budget is None or budget < 0 else budget
    shown = bool(config.get("includeThoughts"))
    tokens = min(most, THOUGHT_TOKENS)
    return Answer(thoughts=THOUGHT if shown else "", thought_tokens=tokens)


def _candidates(config: Message) -> int:
    count = config.integer("candidateCount")
    count = 1 if count is None else count
    if not 1 <= count <= MOST_CANDIDATES:
        # The emulator's own words: how Google puts it is not published.
        raise ApiError(400, f"candidateCount must be from 1 to {MOST_CANDIDATES}, not {count}.")
    return count


def refuse_prefill(prompt: Prompt, base: BaseModel) -> None:
    """Refuses a prompt that ends with a turn of the model's own, where the base does.

    Raises:
        ApiError: 400 (github.com/Zoo-Code-Org/Zoo-Code/issues/1052).
    """
    if prompt.ends_with_model and not base.accepts_prefill:
        raise ApiError(400, "Requests ending with a model turn are not supported.")


def whole(world: World, completion: Completion) -> Reply:
    """The answer of generateContent."""
    return Reply((completion.whole(),), latency=world.options.latency)


def streamed(world: World, call: Call, completion: Completion) -> Reply:
    """The answer in pieces: server-sent events with `alt=sse`, else one JSON array."""
    chunks, latency = completion.chunks(), world.options.latency
    if call.parameter("alt") == "sse":
        return Reply(chunks, Framing.SSE, content_type="text/event-stream", latency=latency)
    return Reply(chunks, Framing.JSON_ARRAY, latency=latency)
