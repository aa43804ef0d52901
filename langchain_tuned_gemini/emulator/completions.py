"""An answer's text as GenerateContentResponse messages, whole or in chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.errors import ApiError
from langchain_tuned_gemini.emulator.prompts import estimate_tokens
from langchain_tuned_gemini.emulator.replies import Framing, Reply
from langchain_tuned_gemini.emulator.wire import compact, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.calls import Call
    from langchain_tuned_gemini.emulator.prompts import Prompt
    from langchain_tuned_gemini.emulator.records import BaseModel, Example
    from langchain_tuned_gemini.emulator.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.world import World

CHARACTERS_PER_TOKEN = 4
KNOWS_NOTHING = (
    "I have no examples of this task, so I can't answer. "
    "(I am an emulator: I repeat the nearest example that I was given.)"
)
RESPONSE_ID_LENGTH = 22
TRAFFIC_TYPE = "ON_DEMAND"
# The words by which langchain-google-genai knows a context overflow.
TOO_LONG = "The input token count ({}) exceeds the maximum number of tokens allowed ({})."

# Answers of tuned models (1.0 and 1.5 Flash) carry ratings, those of newer models do not.
SAFETY_RATINGS = [
    {"category": f"HARM_CATEGORY_{harm}", "probability": "NEGLIGIBLE"}
    for harm in ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
]


class Style(Enum):
    """What stands beside the text in the answers of a service."""

    RATED = "Developer API, tuned models of 1.0 and 1.5"
    PLAIN = "Developer API"
    VERTEX = "Vertex AI"


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answers, and the counts that belong to it."""

    text: str
    finish_reason: str
    prompt_tokens: int
    model_version: str
    response_id: str
    style: Style
    create_time: int
    """Nanoseconds since the epoch."""

    def whole(self) -> JsonObject:
        """The answer of generateContent."""
        return self._message(self.text, first=True, last=True)

    def chunks(self) -> tuple[JsonObject, ...]:
        """The answers of streamGenerateContent: a word in each.

        The finish reason and the count of the answer stand in the last one only.
        """
        pieces = split_words(self.text)
        last = len(pieces) - 1
        return tuple(
            self._message(piece, first=i == 0, last=i == last) for i, piece in enumerate(pieces)
        )

    def _message(self, text: str, *, first: bool, last: bool) -> JsonObject:
        rated = self.style is Style.RATED
        content: JsonObject = {"parts": [{"text": text}], "role": "model"}
        if self.style is Style.VERTEX:
            content = {"role": "model", "parts": content["parts"]}
        candidate: JsonObject = {"content": content}
        if last:
            candidate["finishReason"] = self.finish_reason
        if self.style is not Style.VERTEX:
            candidate["index"] = 0
        if rated:
            candidate["safetyRatings"] = SAFETY_RATINGS
        message: JsonObject = {"candidates": [candidate]}
        if rated and first:
            message["promptFeedback"] = {"safetyRatings": SAFETY_RATINGS}
        message["usageMetadata"] = self._usage(last=last)
        message["modelVersion"] = self.model_version
        if self.style is Style.VERTEX:
            message["createTime"] = timestamp(self.create_time)
        message["responseId"] = self.response_id
        return message

    def _usage(self, *, last: bool) -> JsonObject:
        vertex = self.style is Style.VERTEX
        if vertex and not last:
            # Vertex AI counts in the last chunk only.
            return {"trafficType": TRAFFIC_TYPE}
        answered = estimate_tokens(self.text) if last else 0
        return compact(
            promptTokenCount=self.prompt_tokens,
            candidatesTokenCount=answered,
            totalTokenCount=self.prompt_tokens + answered,
            trafficType=TRAFFIC_TYPE if vertex else "",
            promptTokensDetails=token_details(self.prompt_tokens),
            candidatesTokensDetails=token_details(answered) if vertex else [],
        )


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


def token_details(tokens: int) -> list[JsonObject]:
    """The count by modality: all of it is text."""
    return [compact(modality="TEXT", tokenCount=tokens)]


def limited(text: str, config: Message) -> tuple[str, str]:
    """The text and its finish reason after `stopSequences` and `maxOutputTokens`."""
    text = _stopped(text, [str(stop) for stop in config.values("stopSequences")])
    limit = config.integer("maxOutputTokens")
    if limit is not None and estimate_tokens(text) > limit:
        return text[: limit * CHARACTERS_PER_TOKEN], "MAX_TOKENS"
    return text, "STOP"


def _stopped(text: str, stops: Sequence[str]) -> str:
    found = [text.index(stop) for stop in stops if stop and stop in text]
    return text[: min(found)] if found else text


def split_words(text: str) -> list[str]:
    """The words with the white space after them; never fewer than two if it can be.

    A single word is cut in its middle, so that every stream can break on its way.
    """
    words = re.findall(r"\s*\S+\s*", text) or [text]
    if len(words) == 1 and len(text) > 1:
        middle = len(text) // 2
        return [text[:middle], text[middle:]]
    return words
