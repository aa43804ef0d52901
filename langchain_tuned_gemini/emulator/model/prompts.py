"""What a prompt says: its question, the examples in it, and how many tokens it has."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer.tuned_model import Example
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.model.turns import (
    TOKENS_OF_A_FILE,
    estimate_tokens,
    read_turn,
    read_turns,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.model.turns import Turn

_LABEL = re.compile(r"^[ \t]*(input|output)[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)

NO_CONTENTS = "* GenerateContentRequest.contents: contents is not specified\n"


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

    turns: tuple[Turn, ...]
    query: str
    examples: tuple[Example, ...]
    tokens_by_modality: Mapping[str, int]
    characters: int

    @property
    def tokens(self) -> int:
        """How many tokens there are of all modalities."""
        return sum(self.tokens_by_modality.values())

    @property
    def ends_with_model(self) -> bool:
        """Whether the last turn is the model's own (a prefill)."""
        return self.turns[-1].role == "model"

    @property
    def responses(self) -> tuple[JsonObject, ...]:
        """What functions have just returned, if that is the last turn."""
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

    Raises:
        ApiError: 400 if there are no contents.
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


def _tokens_by_modality(texts: Iterable[str], turns: Iterable[Turn]) -> dict[str, int]:
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
