"""The conversation of a request: its turns, its question, the examples in it, its tokens."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.examples import Example

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_tuned_gemini.emulator.http.requests import Message
    from langchain_tuned_gemini.emulator.http.wire import JsonObject

TOKENS_OF_A_FILE = 258
"""What a small image or a page of a PDF counts (<https://ai.google.dev/gemini-api/docs/tokens>);
here every file does, whatever is in it."""

_MODALITIES = {"image": "IMAGE", "audio": "AUDIO", "video": "VIDEO", "application": "DOCUMENT"}

_LABEL = re.compile(r"^[ \t]*(input|output)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)

NO_CONTENTS = "* GenerateContentRequest.contents: contents is not specified\n"


@dataclass(frozen=True, slots=True)
class PromptTurn:
    """One Content of a request.

    Attributes:
        role: `user`, `model`, or what else the client calls it.
        text: What it says, without thoughts.
        calls: The functions that the model called, by their names.
        responses: What they returned: `functionResponse.response`.
        files: The modality of each image, recording, video or document.
        is_signed: Whether the first of its calls, if any, has a thought signature.
        data: The calls and responses as JSON, which is what they are counted by.
    """

    role: str
    text: str
    calls: tuple[str, ...]
    responses: tuple[JsonObject, ...]
    files: tuple[str, ...]
    is_signed: bool
    data: tuple[str, ...]

    @property
    def message(self) -> str:
        """Its words and what its functions returned, for who looks for a word in it."""
        return "\n".join([self.text, *map(_as_json, self.responses)]).strip()

    @property
    def asks(self) -> bool:
        """Whether the user says or shows something here, and no function only returns."""
        return self.role != "model" and not self.responses and bool(self.text or self.files)


def read_turns(request: Message) -> list[PromptTurn]:
    """The turns of `contents`."""
    return [read_turn(content) for content in request.messages("contents")]


def read_turn(content: Message) -> PromptTurn:
    """One turn."""
    parts = content.messages("parts")
    calls = [part for part in parts if "functionCall" in part]
    responses = [part.message("functionResponse") for part in parts if "functionResponse" in part]
    shown = [*parts, *(part for response in responses for part in response.messages("parts"))]
    called = [part.message("functionCall") for part in calls]
    returned = [response.message("response").fields for response in responses]
    return PromptTurn(
        role=content.text("role"),
        text="".join(part.text("text") for part in parts if not part.get("thought")),
        calls=tuple(call.text("name") for call in called),
        responses=tuple(returned),
        files=tuple(filter(None, map(_modality, shown))),
        is_signed=not calls or "thoughtSignature" in calls[0],
        data=tuple(map(_as_json, [*(call.message("args").fields for call in called), *returned])),
    )


def estimate_tokens(text: str) -> int:
    """A token for every four characters, rounded up.

    Google's rule of thumb (<https://ai.google.dev/gemini-api/docs/tokens>), taken as the
    whole truth: the same text always has the same count, here and in `countTokens`.
    """
    return math.ceil(len(text) / 4)


def _modality(part: Message) -> str | None:
    """The modality of a part that is a file; of an unknown kind it counts as a document."""
    if "inlineData" in part:
        blob = part.message("inlineData")
        try:
            base64.b64decode(blob.text("data").replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            msg = f"Invalid value at '{blob.path}.data' (TYPE_BYTES), Base64 decoding failed"
            raise ApiError(400, msg) from None
    elif "fileData" in part:
        blob = part.message("fileData")
    else:
        return None
    return _MODALITIES.get(blob.text("mimeType").partition("/")[0], "DOCUMENT")


def _as_json(value: JsonObject) -> str:
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request's conversation as an answer needs it.

    Attributes:
        turns: All of it.
        query: The last thing the user said, without examples.
        examples: The few-shot examples, in their order.
        tokens_by_modality: The estimate that `countTokens` gives too: `TEXT`, `IMAGE` and so on.
        characters: How many there are, without white space.
    """

    turns: tuple[PromptTurn, ...]
    query: str
    examples: tuple[Example, ...]
    tokens_by_modality: Mapping[str, int]
    characters: int

    @property
    def tokens(self) -> int:
        """The number of tokens of all modalities."""
        return sum(self.tokens_by_modality.values())

    @property
    def ends_with_model(self) -> bool:
        """Whether the last turn is the model's own (a prefill)."""
        return self.turns[-1].role == "model"

    @property
    def responses(self) -> tuple[JsonObject, ...]:
        """The results of functions, if they are the last turn."""
        return self.turns[-1].responses

    @property
    def called(self) -> frozenset[str]:
        """The functions that were called since the user last asked something."""
        asked = max((i for i, turn in enumerate(self.turns) if turn.asks), default=0)
        return frozenset(name for turn in self.turns[asked:] for name in turn.calls)


def read_prompt(request: Message) -> Prompt:
    """Reads `contents` and `systemInstruction` of a GenerateContentRequest.

    Examples come as pairs of turns, the user's and the model's, before the last question,
    or as lines `Input: …` / `Output: …` in the system instruction or the last question.
    A pair that is real history counts as an example too: an emulator can't tell. The
    declarations of functions are not counted.
    """
    turns = read_turns(request)
    if not turns:
        raise ApiError(400, NO_CONTENTS)
    system = read_turn(request.message("systemInstruction"))
    last = max((i for i, t in enumerate(turns) if t.role != "model" and t.text), default=0)
    pairs = [
        Example(asked.text, answer.text)
        for asked, answer in pairwise(turns[: last + 1])
        if asked.role != "model" and asked.text and answer.role == "model" and answer.text
    ]
    from_system, _ = read_block(system.text)
    from_query, query = read_block(turns[last].text)
    texts = [text for turn in (system, *turns) for text in (turn.text, *turn.data)]
    return Prompt(
        turns=tuple(turns),
        query=query,
        examples=(*from_system, *pairs, *from_query),
        tokens_by_modality=_tokens_by_modality(texts, (system, *turns)),
        characters=sum(len("".join(text.split())) for text in texts),
    )


def _tokens_by_modality(texts: Iterable[str], turns: Iterable[PromptTurn]) -> dict[str, int]:
    files = Counter(modality for turn in turns for modality in turn.files)
    text = {"TEXT": sum(estimate_tokens(text) for text in texts)}
    return text | {modality: count * TOKENS_OF_A_FILE for modality, count in files.items()}


def read_block(text: str) -> tuple[list[Example], str]:
    """The examples of a text with `Input:` and `Output:` lines, and its open question.

    An output ends at a blank line. The question is the input that has no output yet, or
    else the text around the examples; without examples it is the text as it is.
    """
    before, *labelled = _LABEL.split(text)
    examples: list[Example] = []
    asked, around = "", [before]
    for label, value in zip(labelled[::2], labelled[1::2], strict=True):
        if label.casefold() == "input":
            asked = value.strip()
            continue
        answer, _, rest = value.partition("\n\n")
        around.append(rest)
        if asked and answer.strip():
            examples.append(Example(asked, answer.strip()))
            asked = ""
    outside = [part.strip() for part in around if part.strip()]
    if asked:
        return examples, asked
    if not examples:
        return [], text
    return examples, outside[-1] if outside else ""
