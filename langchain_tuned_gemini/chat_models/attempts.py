"""One call of a fallback model: which model is tried next, and what its failure means.

Everything is decided here, once; the sync and the async methods of the chat model loop over the
same `Attempts` and differ in `await` alone:

```python
for attempt in attempts:
    with attempt:                    # async: `async with`
        answer = attempt.finish(...) # a failure that another model may answer for ends here
```
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.tracing import Caller
from langchain_tuned_gemini.errors import AllModelsFailedError, EmptyAnswerError, TunedModelError
from langchain_tuned_gemini.failures import Failure, classify
from langchain_tuned_gemini.provenance import FEW_SHOT_KEY, METADATA_KEY, Attempt, Role

logger = logging.getLogger("langchain_tuned_gemini")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer.

    Attributes:
        model: The model.
        name: Its name in provenance, logs and traces.
        role: Whether it is the tuned one or stands in for it.
    """

    model: BaseChatModel
    name: str
    role: Role


class Attempts:
    """The attempts of one call, in order, until one has answered."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        caller: Caller | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._candidates = candidates
        self._caller = caller
        self._clock = clock
        self._records: list[Attempt] = []
        self._errors: list[Exception] = []
        self._few_shot: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[RunningAttempt]:
        """Yields the next model until one has answered.

        Raises:
            AllModelsFailedError: After the last one has failed.
        """
        for candidate in self._candidates:
            attempt = RunningAttempt(self, candidate, self._caller, self._clock)
            yield attempt
            if attempt.has_answered:
                self._report_recovery(candidate)
                return
        logger.error("No model could answer: %s", self._told())
        raise AllModelsFailedError(self._records, self._errors)

    @property
    def provenance(self) -> dict[str, Any]:
        """Who answered, and why: for `response_metadata`, once an attempt has answered."""
        answer = self._records[-1]
        failed = [record for record in self._records if record.reason]
        return {
            METADATA_KEY: {
                "answered_by": answer.role,
                "model": answer.model,
                "reason": failed[0].reason if failed else None,
                "few_shot": self._few_shot,
                "attempts": [record.as_dict() for record in self._records],
            }
        }

    def record(self, attempt: Attempt, error: Exception | None = None) -> None:
        """Notes what happened with a model."""
        self._records.append(attempt)
        if error is not None:
            self._errors.append(error)

    def take_few_shot(self, message: BaseMessage) -> None:
        """Moves what the few-shot model said about its examples into the provenance."""
        said = message.response_metadata.pop(FEW_SHOT_KEY, None)
        self._few_shot = said or self._few_shot

    def _report_recovery(self, answered: Candidate) -> None:
        """One WARNING for a call that another model answered."""
        if len(self._records) > 1:
            logger.warning("%s. %s answered instead.", self._told(), answered.name)

    def _told(self) -> str:
        return "; ".join(
            f"{record.model} could not answer: {record.reason} ({record.error_type}"
            + (f", HTTP {record.status})" if record.status else ")")
            for record in self._records
            if record.reason
        )


class RunningAttempt:
    """One model's turn: a context manager that ends a failure another model may answer for."""

    def __init__(
        self,
        attempts: Attempts,
        candidate: Candidate,
        caller: Caller | None,
        clock: Callable[[], float],
    ) -> None:
        self.model = candidate.model
        self.has_answered = False
        self._attempts = attempts
        self._candidate = candidate
        self._caller = caller
        self._clock = clock
        self._last_content: str | list[str | dict[str, Any]] | None = None
        self._usage: UsageMetadata | None = None
        self._run: CallbackManagerForChainRun | None = None
        self._arun: AsyncCallbackManagerForChainRun | None = None

    def finish(self, result: ChatResult) -> ChatResult:
        """Ends the call with this model's answer, and says in it who answered."""
        message = result.generations[0].message
        self._observe(message)
        message.response_metadata.update(self._succeed())
        return result

    def hand_out(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        """Looks at a chunk on its way to the caller; from here on a failure is raised."""
        self._last_content = chunk.message.content
        self._observe(chunk.message)
        return chunk

    def last_chunk(self) -> ChatGenerationChunk:
        """Ends a streamed answer with an empty chunk that says who answered.

        Raises:
            EmptyAnswerError: If the model ended its stream without a single chunk.
        """
        if self._last_content is None:
            raise EmptyAnswerError(self._candidate.name)
        message = AIMessageChunk(
            content="" if isinstance(self._last_content, str) else [],
            response_metadata=self._succeed(),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def _observe(self, message: BaseMessage) -> None:
        if message.response_metadata:
            self._attempts.take_few_shot(message)
        usage = message.usage_metadata if isinstance(message, AIMessage) else None
        if usage:
            self._usage = add_usage(self._usage, usage)

    def _succeed(self) -> dict[str, Any]:
        self.has_answered = True
        self._attempts.record(self._as_record(None, None))
        return self._attempts.provenance

    def __enter__(self) -> Self:
        self._run = self._caller.start(self._candidate.name) if self._caller else None
        self._started = self._clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        is_settled = self._settle(error)
        if self._run and error is None:
            self._run.on_chain_end({})
        elif self._run and error is not None:
            self._run.on_chain_error(error)
        return is_settled

    async def __aenter__(self) -> Self:
        self._arun = await self._caller.astart(self._candidate.name) if self._caller else None
        self._started = self._clock()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        is_settled = self._settle(error)
        if self._arun and error is None:
            await self._arun.on_chain_end({})
        elif self._arun and error is not None:
            await self._arun.on_chain_error(error)
        return is_settled

    def _settle(self, error: BaseException | None) -> bool:
        """Whether a failure ends here, because another model may answer in this one's place."""
        failure = classify(error) if isinstance(error, Exception) else None
        is_committed = self._last_content is not None
        if failure is None or not failure.reason.degrades or is_committed:
            return False
        self._attempts.record(self._as_record(failure, error), error)  # type: ignore[arg-type]
        return True

    def _as_record(self, failure: Failure | None, error: BaseException | None) -> Attempt:
        # The gate's errors come before the model is called.
        skipped = isinstance(error, TunedModelError)
        return Attempt(
            model=self._candidate.name,
            role=self._candidate.role,
            outcome="ok" if error is None else "skipped" if skipped else "error",
            reason=failure.reason.value if failure else None,
            error_type=type(error).__name__ if error else None,
            status=failure.status if failure else None,
            duration_s=self._clock() - self._started,
            usage=dict(self._usage) if self._usage else None,
        )
