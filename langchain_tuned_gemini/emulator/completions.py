"""An answer's text as GenerateContentResponse messages, whole or in chunks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.prompts import estimate_tokens
from langchain_tuned_gemini.emulator.wire import compact, timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.wire import JsonObject, Message

CHARACTERS_PER_TOKEN = 4
TRAFFIC_TYPE = "ON_DEMAND"

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
