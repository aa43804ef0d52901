"""The limits of an attempt, and how long its stream is held back on the way to the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks

from langchain_tuned_gemini.errors import AnswerTimeoutError, RateLimiterTimeoutError
from langchain_tuned_gemini.guards import Guard, has_content
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY, METADATA_KEY, RESTARTED
from langchain_tuned_gemini.runtime.deadline import Deadline, Limit

Commit = Literal["first_token", "complete"]
"""When a stream may be handed out: from its first content on, or when all of it was checked."""

OnBrokenStream = Literal["raise", "restart"]
"""What happens when a stream breaks after a part of it has been handed out."""

OnBlocked = Literal["raise", "message", "next"]
"""What happens when an answer is blocked for safety, or a model refuses to give one."""

Chunks = Sequence[ChatGenerationChunk]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of every attempt of a call; `FallbackChatModel` describes each.

    Durations are in seconds; None is for ever.
    """

    first_token_timeout: float | None
    stall_timeout: float | None
    total_timeout: float | None
    commit: Commit
    on_broken_stream: OnBrokenStream
    guards: tuple[Guard, ...]
    on_blocked: OnBlocked

    def deadline(self, *, is_streamed: bool) -> Deadline:
        """A new one; an answer in one piece begins when it is finished."""
        if not is_streamed:
            return Deadline(total=self.total_timeout)
        return Deadline(
            first=self.first_token_timeout, stall=self.stall_timeout, total=self.total_timeout
        )


_NAMES: Final[dict[Limit, str]] = {
    "first": "first_token_timeout",
    "stall": "stall_timeout",
    "total": "total_timeout",
}


def timeout_of(name: str, passed: Deadline) -> AnswerTimeoutError | RateLimiterTimeoutError:
    """The error of a model, by its name, whose deadline has passed."""
    kind, seconds = passed.limit
    limit = _NAMES[kind]
    if passed.is_queueing:
        return RateLimiterTimeoutError(name, limit=limit, seconds=seconds)
    return AnswerTimeoutError(name, limit=limit, seconds=seconds, queued=passed.queued)


class HeldStream:
    """A stream that is held back until it is committed.

    Until the commit point a failure is invisible to the caller, so that another model may
    answer. Chunks without content don't commit: a blocked or an empty answer begins with them.
    Nor does one that ends the answer: all of it is there to be checked, as an answer in one piece.

    Args:
        commit: When it may be handed out.
        claim: Called at the commit point, unless that is the end; an error ends the stream.
    """

    def __init__(self, commit: Commit, claim: Callable[[], None]) -> None:
        self.is_committed = False
        self.was_restarted = False
        self._commit = commit
        self._claim = claim
        self._chunks: list[ChatGenerationChunk] = []
        self.few_shot: dict[str, Any] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether anything has arrived, be it without content."""
        return bool(self._chunks)

    def rest(self) -> Chunks:
        """The chunks that were held back to the end, and may go out now that all was checked."""
        return () if self.is_committed else self._chunks

    def message(self) -> AIMessage | None:
        """All that has arrived so far, as one message; None if nothing has."""
        total = merge_chat_generation_chunks(self._chunks)
        if total is None:
            return None
        message = total.message
        message.response_metadata = {**(total.generation_info or {}), **message.response_metadata}
        return message if isinstance(message, AIMessage) else None

    def text(self) -> str:
        """The text that has arrived so far."""
        return "".join(chunk.text for chunk in self._chunks)

    def arrived(self, chunk: ChatGenerationChunk) -> Chunks:
        """Takes in a chunk; returns what may be handed out now."""
        metadata = chunk.message.response_metadata
        if metadata.get(METADATA_KEY, {}).get(RESTARTED[0]):
            self.was_restarted = True  # by a fallback within this one: what it said is void
            self._chunks.clear()
        self._chunks.append(chunk)
        # What a few-shot model says about its examples goes into the provenance instead.
        self.few_shot = metadata.pop(FEW_SHOT_KEY, self.few_shot)
        if self.is_committed:
            return (chunk,)
        if self._commit == "complete" or not _commits(chunk):
            return ()
        self._claim()
        self.is_committed = True
        return tuple(self._chunks)


def _commits(chunk: ChatGenerationChunk) -> bool:
    """Whether it has content, and is not a stream's last word, which says how the answer ended."""
    message = chunk.message
    if not isinstance(message, AIMessageChunk) or not has_content(message):
        return False
    told = (chunk.generation_info or {}, message.response_metadata)
    return not any(metadata.get("finish_reason") for metadata in told)
