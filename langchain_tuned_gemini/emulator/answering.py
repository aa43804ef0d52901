"""How a model answers on either service: with the output of an example, whole or streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.completions import Completion, Style, limited
from langchain_tuned_gemini.emulator.errors import ApiError
from langchain_tuned_gemini.emulator.replies import Framing, Reply

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.calls import Call
    from langchain_tuned_gemini.emulator.prompts import Prompt
    from langchain_tuned_gemini.emulator.records import BaseModel, Example
    from langchain_tuned_gemini.emulator.world import World

KNOWS_NOTHING = (
    "I have no examples of this task, so I can't answer. "
    "(I am an emulator: I repeat the nearest example that I was given.)"
)
RESPONSE_ID_LENGTH = 22
# The words by which langchain-google-genai knows a context overflow.
TOO_LONG = "The input token count ({}) exceeds the maximum number of tokens allowed ({})."


def complete(
    world: World, call: Call, prompt: Prompt, answer: Example | None, base: BaseModel, style: Style
) -> Completion:
    """The completion that a model gives: the output of an example, within the limits.

    Raises:
        ApiError: 400 for a prompt that is longer than the base model takes.
    """
    if prompt.tokens > base.input_token_limit:
        raise ApiError(400, TOO_LONG.format(prompt.tokens, base.input_token_limit))
    known = answer.output if answer is not None else KNOWS_NOTHING
    text, finish_reason = limited(known, call.body.message("generationConfig"))
    return Completion(
        text=text,
        finish_reason=finish_reason,
        prompt_tokens=prompt.tokens,
        # The base model's name: an answer does not tell which tuned model gave it.
        model_version=base.id,
        response_id=world.random_id(RESPONSE_ID_LENGTH),
        style=style,
        create_time=world.now(),
    )


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
