"""An answer as GenerateContentResponse messages, whole or in chunks."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.wire import JsonObject, compact, timestamp
from langchain_tuned_gemini.emulator.model.prompts import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_tuned_gemini.emulator.http.requests import Message
    from langchain_tuned_gemini.emulator.model.answers import FunctionCall, ModelAnswer
    from langchain_tuned_gemini.emulator.model.base_models import ServedModel

CHARACTERS_PER_TOKEN = 4
TRAFFIC_TYPE = "ON_DEMAND"
CALLED = "Model generated function call(s)."

# Answers of tuned models (1.0 and 1.5 Flash) carry ratings, those of newer models do not.
SAFETY_RATINGS = [
    {"category": f"HARM_CATEGORY_{harm}", "probability": "NEGLIGIBLE"}
    for harm in ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
]


class Style(Enum):
    """The style of a service's answers: what stands beside the text."""

    RATED = "Developer API, tuned models of 1.0 and 1.5"
    PLAIN = "Developer API"
    VERTEX = "Vertex AI"


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer of a model, and the counts that belong to it.

    Attributes:
        answer: The answer; on the wire it is the same for each candidate.
        prompt_tokens: The prompt's, by their modality.
        base: The base model. An answer does not tell which tuned model gave it.
        style: Whose answer it is like.
        candidates: How many are asked for.
    """

    answer: ModelAnswer
    prompt_tokens: Mapping[str, int]
    base: ServedModel
    response_id: str
    style: Style
    create_time: int
    candidates: int = 1

    def whole(self) -> JsonObject:
        """The answer of generateContent."""
        return self._message(self._parts([self.answer.text]), first=True, last=True)

    def chunks(self) -> tuple[JsonObject, ...]:
        """The answers of streamGenerateContent: a word, or a function call, in each.

        A call arrives whole. The finish reason and the count of the answer stand in the last
        chunk only: up to Gemini 2.5 that of the last call, from Gemini 3 on an empty one.
        """
        parts = self._parts(split_words(self.answer.text))
        if self.answer.calls and self.base.gemini_3:
            parts.append({"text": ""})
        last = len(parts) - 1
        return tuple(
            self._message([part], first=i == 0, last=i == last) for i, part in enumerate(parts)
        ) or (self._message([], first=True, last=True),)

    def _parts(self, texts: Sequence[str]) -> list[JsonObject]:
        answer = self.answer
        thoughts = [{"text": answer.thoughts, "thought": True}] if answer.thoughts else []
        said = [{"text": text} for text in texts if text]
        calls = [self._call(number, call) for number, call in enumerate(answer.calls)]
        # Gemini answers nothing with an empty text, unless it withholds an answer.
        empty = [{"text": ""}] if answer.finish_reason in ("STOP", "MAX_TOKENS") else []
        return [*thoughts, *said, *calls] if said or calls else [*thoughts, *empty]

    def _call(self, number: int, call: FunctionCall) -> JsonObject:
        """A part with a call; the first one of a turn is signed."""
        part: JsonObject = {"functionCall": {"name": call.name, "args": dict(call.args)}}
        identity = call.id or (f"{self.response_id[:6]}{number:02}" if self.base.gemini_3 else "")
        if identity:
            part["functionCall"]["id"] = identity
        if self.base.gemini_3 and number == 0:
            signature = f"emulated signature of {self.response_id}".encode()
            part["thoughtSignature"] = base64.b64encode(signature).decode()
        return part

    def _message(self, parts: list[JsonObject], *, first: bool, last: bool) -> JsonObject:
        feedback = {"safetyRatings": SAFETY_RATINGS} if self.style is Style.RATED and first else {}
        return compact(
            candidates=[self._candidate(parts, i, last=last) for i in range(self.candidates)],
            promptFeedback=feedback,
            usageMetadata=self._usage(last=last),
            modelVersion=self.base.id,
            createTime=timestamp(self.create_time) if self.style is Style.VERTEX else "",
            responseId=self.response_id,
        )

    def _candidate(self, parts: list[JsonObject], index: int, *, last: bool) -> JsonObject:
        vertex = self.style is Style.VERTEX
        candidate: JsonObject = {}
        if parts:
            content: JsonObject = {"parts": parts, "role": "model"}
            candidate["content"] = {"role": "model", "parts": parts} if vertex else content
        if last:
            candidate["finishReason"] = self.answer.finish_reason
        if index or not vertex:
            candidate["index"] = index
        if last and self.answer.calls and not vertex:
            candidate["finishMessage"] = CALLED
        if self.style is Style.RATED:
            candidate["safetyRatings"] = SAFETY_RATINGS
        return candidate

    def _usage(self, *, last: bool) -> JsonObject:
        vertex = self.style is Style.VERTEX
        if vertex and not last:
            # Vertex AI counts in the last chunk only.
            return {"trafficType": TRAFFIC_TYPE}
        prompt, cached = sum(self.prompt_tokens.values()), self.answer.cached_tokens
        answered = self._answer_tokens() * self.candidates if last else 0
        thought = thought_tokens(self.answer) if last else 0
        return compact(
            promptTokenCount=prompt,
            cachedContentTokenCount=cached,
            candidatesTokenCount=answered,
            totalTokenCount=prompt + answered + thought,
            trafficType=TRAFFIC_TYPE if vertex else "",
            promptTokensDetails=token_details(self.prompt_tokens),
            cacheTokensDetails=token_details({"TEXT": cached}) if cached else [],
            candidatesTokensDetails=token_details({"TEXT": answered}) if vertex else [],
            thoughtsTokenCount=thought,
        )

    def _answer_tokens(self) -> int:
        if self.answer.answer_tokens is not None:
            return self.answer.answer_tokens
        calls = (json.dumps(dict(call.args), ensure_ascii=False) for call in self.answer.calls)
        return sum(map(estimate_tokens, (self.answer.text, *calls)))


def thought_tokens(answer: ModelAnswer) -> int:
    """The number of tokens that were thought, as the answer says or its thoughts have."""
    if answer.thought_tokens is not None:
        return answer.thought_tokens
    return estimate_tokens(answer.thoughts)


def token_details(tokens: Mapping[str, int]) -> list[JsonObject]:
    """The count by modality."""
    return [compact(modality=modality, tokenCount=count) for modality, count in tokens.items()]


def limited(answer: ModelAnswer, config: Message) -> ModelAnswer:
    """The answer after `stopSequences` and `maxOutputTokens`, which cut its text.

    Thoughts come first and count against the limit, so that they may leave no room for an answer
    (https://github.com/googleapis/python-genai/issues/2062).
    """
    text = _stopped(answer.text, [str(stop) for stop in config.values("stopSequences")])
    limit = config.integer("maxOutputTokens")
    thought = thought_tokens(answer)
    if limit is None or (thought < limit and thought + estimate_tokens(text) <= limit):
        return replace(answer, text=text)
    reason = "MAX_TOKENS" if answer.finish_reason == "STOP" else answer.finish_reason
    thought = min(thought, limit)
    text = text[: (limit - thought) * CHARACTERS_PER_TOKEN]
    # Calls would have come after the text.
    return replace(answer, text=text, calls=(), finish_reason=reason, thought_tokens=thought)


def _stopped(text: str, stops: Sequence[str]) -> str:
    found = [text.index(stop) for stop in stops if stop and stop in text]
    return text[: min(found)] if found else text


def split_words(text: str) -> list[str]:
    """The words with the white space after them; never fewer than two if it can be.

    A single word is cut in its middle, so that every stream can break on its way.
    """
    words = re.findall(r"\s*\S+\s*", text) or [text]
    middle = len(text) // 2
    return [text[:middle], text[middle:]] if len(words) == 1 and middle else words
