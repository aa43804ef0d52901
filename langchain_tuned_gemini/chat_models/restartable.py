"""Streams that begin anew within `invoke`, whose answer is still one model's.

Within `invoke`, LangChain streams where somebody listens to tokens, such as LangGraph, and adds
up the chunks. Those from before a restart are void, so what they add up to is not the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.outputs import ChatResult

from langchain_tuned_gemini.provenance import METADATA_KEY, RESTARTED


@dataclass(slots=True)
class AddedUp:
    """What the chunks of a stream add up to."""

    answer: AIMessage | None = None
    """The answer after a restart; None without one."""


_added_up: ContextVar[AddedUp | None] = ContextVar("tuned_gemini_added_up", default=None)


@contextmanager
def adding_up() -> Iterator[AddedUp]:
    """Inside, a stream that is restarted notes the answer."""
    added_up = AddedUp()
    token = _added_up.set(added_up)
    try:
        yield added_up
    finally:
        _added_up.reset(token)


def is_added_up() -> bool:
    """Whether the chunks of a stream are being added up, by code that asks what the answer is."""
    return _added_up.get() is not None


def note_answer(answer: AIMessage) -> None:
    """Tells whoever adds up the chunks of a stream that was restarted what the answer is."""
    if added_up := _added_up.get():
        added_up.answer = answer


def answered(result: ChatResult, answer: AIMessage) -> ChatResult:
    """The result with the answer in the place of all that was streamed."""
    added_up = result.generations[0].message
    metadata = dict(added_up.response_metadata)
    told = {k: v for k, v in metadata[METADATA_KEY].items() if k not in RESTARTED}
    is_v1 = metadata.get("output_version") == "v1" or _has_blocks(added_up, answer)
    whole = (
        message_chunk_to_message(answer) if isinstance(answer, AIMessageChunk) else answer
    ).model_copy(
        update={
            "id": added_up.id,
            "content": answer.content_blocks if is_v1 else answer.content,
            "response_metadata": {**metadata, METADATA_KEY: told},
        }
    )
    result.generations[0].message = whole
    return result


def _has_blocks(added_up: BaseMessage, answer: AIMessage) -> bool:
    """Whether LangChain has put the content into blocks, as `output_version="v1"` wants it."""
    return isinstance(added_up.content, list) and isinstance(answer.content, str)
