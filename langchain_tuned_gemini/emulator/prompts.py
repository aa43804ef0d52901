"""What a prompt says: its question, the examples in it, and how many tokens it has."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.errors import ApiError
from langchain_tuned_gemini.emulator.records import Example

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.wire import Message

_LABEL = re.compile(r"^[ \t]*(input|output)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)

NO_CONTENTS = "* GenerateContentRequest.contents: contents is not specified\n"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request's text as an answer needs it.

    Attributes:
        query: The last thing the user said, without examples.
        examples: The few-shot examples, in their order.
        tokens: The estimate that `countTokens` gives too.
        characters: How many there are, without white space.
        ends_with_model: Whether the last turn is the model's own (a prefill).
    """

    query: str
    examples: tuple[Example, ...]
    tokens: int
    characters: int
    ends_with_model: bool


def estimate_tokens(text: str) -> int:
    """A token for every four characters, rounded up.

    Google's rule of thumb (<https://ai.google.dev/gemini-api/docs/tokens>), taken as the
    whole truth: the same text always has the same count, here and in `countTokens`.
    """
    return math.ceil(len(text) / 4)


def read_prompt(request: Message) -> Prompt:
    """Reads `contents` and `systemInstruction` of a GenerateContentRequest.

    Examples come as pairs of turns, the user's and the model's, before the last question,
    or as lines `Input: …` / `Output: …` in the system instruction or the last question.
    A pair that is real history counts as an example too: an emulator can't tell.

    Raises:
        ApiError: 400 if there are no contents.
    """
    turns = [(turn.text("role"), text_of(turn)) for turn in request.messages("contents")]
    if not turns:
        raise ApiError(400, NO_CONTENTS)
    system = text_of(request.message("systemInstruction"))
    last = max((i for i, (role, text) in enumerate(turns) if role != "model" and text), default=0)
    history = turns[: last + 1]
    pairs = [
        Example(text, answer)
        for (role, text), (next_role, answer) in pairwise(history)
        if role != "model" and next_role == "model"
    ]
    from_system, _ = read_block(system)
    from_query, query = read_block(turns[last][1])
    texts = (system, *(text for _, text in turns))
    return Prompt(
        query=query,
        examples=(*from_system, *pairs, *from_query),
        tokens=sum(estimate_tokens(text) for text in texts),
        characters=sum(len("".join(text.split())) for text in texts),
        ends_with_model=turns[-1][0] == "model",
    )


def text_of(content: Message) -> str:
    """The text of a Content's parts; anything else in it is skipped."""
    return "".join(part.text("text") for part in content.messages("parts"))


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
