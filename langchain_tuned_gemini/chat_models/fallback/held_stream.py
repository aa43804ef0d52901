"""One model's stream on its way to the caller: what is held back, and until when."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any, Literal

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks

from langchain_tuned_gemini.guards import has_content
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY, METADATA_KEY, RESTARTED
from langchain_tuned_gemini.runtime.deadline import Deadline

Commit = Literal["first_token", "complete"]
"""When a stream may be handed out: from its first content on, or when all of it was checked."""

Chunks = Sequence[ChatGenerationChunk]


class HeldStream:
    """A stream that is held back until it is committed.

    Until the commit point a failure is invisible to the caller, so that another model may
    answer. Chunks without content don't commit: a blocked or an empty answer begins with them.
    Nor does one that ends the answer: all of it is there to be checked, as an answer in one piece.

    Args:
        commit: When it may be handed out.
        deadline: Its limits.
        claim: Called at the commit point, unless that is the end; an error ends the stream.
    """

    def __init__(self, commit: Commit, deadline: Deadline, claim: Callable[[], None]) -> None:
        self.is_committed = False
        self.was_restarted = False
        self._commit = commit
        self.deadline = deadline
        self._claim = claim
        self._chunks: list[ChatGenerationChunk] = []
        self.few_shot: dict[str, Any] | None = None

    def read(self, stream: Generator[ChatGenerationChunk, None, None]) -> Iterator[Chunks]:
        """Yields what may be handed out after each chunk; each may take as long as the deadline."""
        with closing(stream):
            while True:
                with self.deadline:
                    chunk = next(stream, None)
                if chunk is None:
                    return
                yield self._arrived(chunk)

    async def aread(
        self, stream: AsyncGenerator[ChatGenerationChunk, None]
    ) -> AsyncGenerator[Chunks, None]:
        """Yields what may be handed out after each chunk; each may take as long as the deadline."""
        async with aclosing(stream):
            while True:
                async with self.deadline:
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield self._arrived(chunk)

    @property
    def has_begun(self) -> bool:
        """Whether anything has arrived, be it without content."""
        return bool(self._chunks)

    def cancel(self) -> None:
        """Ends it from another thread."""
        self.deadline.cancel()

    def rest(self) -> Chunks:
        """What was held back to the end, and may go out now that the answer was checked."""
        return () if self.is_committed else self._chunks

    def message(self) -> AIMessage | None:
        """What has arrived so far, as one message; None if nothing has."""
        total = merge_chat_generation_chunks(self._chunks)
        if total is None:
            return None
        message = total.message
        message.response_metadata = {**(total.generation_info or {}), **message.response_metadata}
        return message if isinstance(message, AIMessage) else None

    def text(self) -> str:
        """The text that has arrived so far."""
        return "".join(chunk.text for chunk in self._chunks)

    def _arrived(self, chunk: ChatGenerationChunk) -> Chunks:
        if chunk.message.response_metadata.get(METADATA_KEY, {}).get(RESTARTED[0]):
            self.was_restarted = True  # by a fallback within this one: what it said is void
            self._chunks.clear()
        self._chunks.append(chunk)
        # What a few-shot model says about its examples goes into the provenance instead.
        self.few_shot = chunk.message.response_metadata.pop(FEW_SHOT_KEY, self.few_shot)
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
