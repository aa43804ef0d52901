"""One try of one model: it answers, or its failure ends here because another model may answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.delegation import (
    Messages,
    Stop,
    aclose,
    agenerate_with,
    astream_with,
    close,
    generate_with,
    stream_with,
)
from langchain_tuned_gemini.chat_models.fallback.candidate import (
    WHOLE_TOOL_CALLS,
    ModelCandidate,
    asked_of,
    shaped,
)
from langchain_tuned_gemini.chat_models.fallback.held_stream import HeldStream, timeout_of
from langchain_tuned_gemini.chat_models.fallback.tracing import AttemptTrace
from langchain_tuned_gemini.chat_models.foundation import note_answer
from langchain_tuned_gemini.circuit_breaker import Outcome, Permit
from langchain_tuned_gemini.errors import (
    AnswerRefusedError,
    BrokenStreamError,
    EmptyAnswerError,
    RateLimiterTimeoutError,
    TunedModelError,
)
from langchain_tuned_gemini.failures import Failure, Reason, classify, read_failure
from langchain_tuned_gemini.guards import answer_of, as_error, block_of, check
from langchain_tuned_gemini.provenance import (
    FEW_SHOT_KEY,
    METADATA_KEY,
    RESTARTED,
    AttemptRecord,
    Outcome as RecordedOutcome,
)
from langchain_tuned_gemini.runtime.error_origins import raised_by_the_program
from langchain_tuned_gemini.secrets.redaction import redact
from langchain_tuned_gemini.telemetry import AttemptSpan, Request

_NOTHING: Final = nullcontext()

_STANDSTILL = 1.0
"""A deadline that ends a call by so many seconds too late says that this process stood still."""


class LostRaceError(Exception):
    """Ends an attempt, and never leaves it: another model has answered in the meantime."""


class Attempt:
    """One call of one model.

    It ends a failure that another model may answer for, and raises all others. Whatever
    happens, the circuit learns of it and the trace shows it.

    Args:
        candidate: The model.
        permit: What its circuit has given out for this call.
        trace: How traces show it; None where nobody listens.
        request: The call that it belongs to, as telemetry sees it.
        is_streamed: Whether its answer is a stream.
        interrupted: Why another model's text ends here; None if none was handed out.
        claim: Called before it hands out something; raises `LostRaceError` if another one does.
        provenance: What its answer says about the call.
    """

    def __init__(
        self,
        candidate: ModelCandidate,
        *,
        permit: Permit | None,
        trace: AttemptTrace | None,
        request: Request,
        is_streamed: bool,
        interrupted: str | None,
        claim: Callable[[Attempt], None],
        provenance: Callable[[Attempt, dict[str, Any] | None], dict[str, Any]],
    ) -> None:
        self.candidate = candidate
        self.deadline = candidate.limits.deadline(is_streamed=is_streamed)
        self.stream = HeldStream(candidate.limits.commit, partial(claim, self))
        self.record: AttemptRecord | None = None
        self.error: Exception | None = None
        self.is_abandoned = False
        self._has_answered = False
        self._failure: Failure | None = None
        self._is_schema_mismatch = False
        self._started = time.perf_counter()
        self._permit = permit
        self.trace = trace
        self._request = request
        self._interrupted = interrupted
        self._claim = claim
        self._provenance = provenance

    def generate(
        self, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> ChatResult | None:
        """Its model's answer; None after a failure that another model may answer for.

        Raises:
            Exception: Whatever else ends the call.
        """
        with self, self.deadline, self._computing() if self._is_observed else _NOTHING:
            model, told, options = asked_of(self.candidate, messages, arguments)
            trace = self.trace
            run = trace.of_model(model, told, stop, options) if trace else None
            ask = partial(generate_with, model, told, stop, self.candidate.takes, **options)
            return self._finish(ask() if run is None else run.ask(ask))
        return None

    async def agenerate(
        self, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> ChatResult | None:
        """The same without blocking the event loop."""
        async with self, self.deadline:
            with self._computing() if self._is_observed else _NOTHING:
                model, told, options = asked_of(self.candidate, messages, arguments)
                trace = self.trace
                run = trace.of_model(model, told, stop, options) if trace else None
                asked = agenerate_with(model, told, stop, self.candidate.takes, **options)
                return self._finish(await asked if run is None else await run.aask(asked))
        return None

    def chunks(
        self, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> Generator[ChatGenerationChunk, None, None]:
        """The chunks of its model that may be handed out, and at the end who answered."""
        with self:
            model, told, options = asked_of(self.candidate, messages, arguments)
            yield from self._restart_mark()
            trace = self.trace
            run = trace.of_model(model, told, stop, options) if trace else None
            begin = partial(stream_with, model, told, stop, **options)
            arriving: Iterator[ChatGenerationChunk] | None = None
            try:
                while True:
                    with self.deadline, self._computing() if self._is_observed else _NOTHING:
                        if arriving is None:  # it begins within the deadline of its first chunk
                            arriving = begin() if run is None else run.read(begin)
                        chunk = next(arriving, None)
                    if chunk is None:
                        break
                    yield from self.stream.arrived(chunk)
            finally:
                close(arriving)
            yield from self._closing()

    async def achunks(
        self, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        """The same without blocking the event loop."""
        async with self:
            model, told, options = asked_of(self.candidate, messages, arguments)
            for chunk in self._restart_mark():
                yield chunk
            trace = self.trace
            run = trace.of_model(model, told, stop, options) if trace else None
            begin = partial(astream_with, model, told, stop, **options)
            arriving: AsyncIterator[ChatGenerationChunk] | None = None
            try:
                while True:
                    async with self.deadline:
                        with self._computing() if self._is_observed else _NOTHING:
                            if arriving is None:
                                arriving = await begin() if run is None else run.aread(begin)
                            arrived = await anext(arriving, None)
                    if arrived is None:
                        break
                    for chunk in self.stream.arrived(arrived):
                        yield chunk
            finally:
                await aclose(arriving)
            for chunk in self._closing():
                yield chunk

    def abandon(self) -> None:
        """Gives it up from outside, because another model has answered; once it ended, nothing."""
        if self.record is None:
            self.is_abandoned = True
            self.deadline.cancel()

    def lost(self) -> list[tuple[AttemptRecord, Exception]]:
        """The tries before it that ended with a connection which the server had just closed."""
        lost = []
        for at, error in self.deadline.lost:
            record = self._as_record(Failure(Reason.CONNECTION), redact(error), None)
            lost.append((replace(record, outcome="error", duration_s=at - self._started), error))
        return lost

    def elapsed(self) -> float:
        """How long it has been under way, in seconds."""
        return time.perf_counter() - self._started

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Inside, the model's spans are this one's, and it can tell what it was sent."""
        trace = self.trace
        with trace.current() if trace and trace.is_heard else _NOTHING, self.span.current():
            yield

    def _finish(self, result: ChatResult) -> ChatResult:
        """Ends the call with this model's answer, and says in it who answered.

        Raises:
            AnswerRefusedError: If a guard refuses the answer.
            ContentBlockedError: If it was blocked for safety.
        """
        metadata = result.generations[0].message.response_metadata
        complete = answer_of(result.generations[0], result.llm_output)
        few_shot = metadata.pop(FEW_SHOT_KEY, None)
        metadata.update(self._succeed(complete, few_shot))
        return shaped(result, self.candidate.shape) if self.candidate.shape else result

    def _restart_mark(self) -> Iterator[ChatGenerationChunk]:
        """A chunk that marks a new beginning, if another model's text has been handed out."""
        if self._interrupted:
            told = {METADATA_KEY: dict(zip(RESTARTED, (True, self._interrupted), strict=True))}
            mark = AIMessageChunk(content="", response_metadata=told)
            yield ChatGenerationChunk(message=mark)

    def _closing(self) -> Iterator[ChatGenerationChunk]:
        """Ends a streamed answer: what was held back, and a chunk that says who answered.

        Raises:
            EmptyAnswerError: If the model ended its stream without a single chunk.
            AnswerRefusedError: If a guard refuses the answer.
            ContentBlockedError: If it was blocked for safety.
        """
        message = self.stream.message()
        if message is None:
            raise EmptyAnswerError(self.candidate.name)
        told = self._succeed(message, self.stream.few_shot)
        answer = self.candidate.shape(message) if self.candidate.shape else message
        if self._interrupted or self.stream.was_restarted:
            note_answer(answer)
        if answer is message:
            yield from self.stream.rest()
        else:
            yield ChatGenerationChunk(message=cast("AIMessageChunk", answer))
        content: str | list[str | dict[Any, Any]] = "" if isinstance(message.content, str) else []
        last = AIMessageChunk(content=content, response_metadata=told, chunk_position="last")
        yield ChatGenerationChunk(message=last)

    def _succeed(self, message: AIMessage, few_shot: dict[str, Any] | None) -> dict[str, Any]:
        limits, form = self.candidate.limits, self.candidate.form
        is_refusal = limits.on_blocked == "message" and block_of(message) is not None
        if not is_refusal:
            refusal = check(limits.guards, message)
            if refusal is None and (message.tool_calls or form is not WHOLE_TOOL_CALLS):
                refusal = check(form, message)
                self._is_schema_mismatch = refusal is not None
            if refusal is not None:
                raise as_error(refusal, message, name=self.candidate.name)
        if not self.stream.is_committed:
            self._claim(self)
        self._has_answered = not is_refusal  # the circuit counts neither for the model
        self.record = self._as_record(None, None, message)
        if is_refusal:
            self.record = replace(self.record, outcome="rejected", reason=Reason.BLOCKED.value)
        return self._provenance(self, few_shot)

    def __enter__(self) -> Self:
        with self._settling() if self.trace else _NOTHING:
            try:
                if self.trace is not None:
                    self.trace.start()
            finally:
                self._begin_span()
        return self

    async def __aenter__(self) -> Self:
        with self._settling() if self.trace else _NOTHING:
            try:
                if self.trace is not None:
                    await self.trace.astart()
            finally:
                self._begin_span()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        read = None if error is None else self._read(error)
        if self.trace is not None:
            with self._settling():
                self.trace.end(self._as_seen(read))
        return self._settle(read, error)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        read = None if error is None else self._read(error)
        if self.trace is not None:
            with self._settling():
                await self.trace.aend(self._as_seen(read))
        return self._settle(read, error)

    def _begin_span(self) -> None:
        """Begun after the run, whose span is its parent where LangChain is instrumented."""
        self.span = AttemptSpan(self._request, self.candidate.name, self.candidate.role)
        is_heard = self.trace is not None and self.trace.is_heard
        self._is_observed = is_heard or (self.span.is_traced and self.span.is_recorded)

    def _read(self, error: BaseException) -> BaseException:
        """The error without secrets, a deadline's end by its name, the program's own as it was."""
        failure = self._failure = read_failure(error)  # before anybody else sees it
        if failure is None:
            return raised_by_the_program(error) or error
        is_late = self.deadline.is_over and failure.reason is Reason.TIMEOUT
        if not is_late or failure.status is not None:
            return error
        late = timeout_of(self.candidate.name, self.deadline)
        late.__cause__ = error
        self._failure = classify(late)
        return late

    @contextmanager
    def _settling(self) -> Iterator[None]:
        """Raises what a handler raises, as LangChain has it, and says nothing of the model then."""
        try:
            yield
        except BaseException as error:
            self._report(None, has_failed=True)
            self.span.end(self._as_record(None, error, None))
            raise

    def _as_seen(self, error: BaseException | None) -> BaseException | None:
        """The error as a trace shows it: an abandoned call is torn down, and has not failed."""
        is_torn_down = error is not None and self.is_abandoned
        return LostRaceError("another model answered first") if is_torn_down else error

    def _settle(self, error: BaseException | None, raised: BaseException | None) -> bool:
        """Whether a failure ends here, because another model may answer in this one's place."""
        for lost, _ in self.lost() if self.deadline.lost else ():
            self._request.skipped(lost)
        if self.is_abandoned:
            self._report(None, has_failed=True)
            self.span.end(self._as_record(None, error, None))
            return isinstance(error, Exception)
        failure = self._failure
        self._report(failure, has_failed=error is not None)
        record = None if failure is not None else self.record
        # A refused answer has cost its tokens all the same.
        refused = error.answer if isinstance(error, AnswerRefusedError) else None
        record = record or self._as_record(failure, error, refused)
        self.span.end(record)
        if failure is None or not self._may_degrade(failure):
            if error is not None and error is not raised:
                raise error
            return False
        assert isinstance(error, Exception)  # noqa: S101  # only those are classified
        self.error = error
        self.record = record
        if not self.stream.is_committed or self.candidate.limits.on_broken_stream == "restart":
            return True
        raise BrokenStreamError(
            self.candidate.name, partial=self.stream.text(), reason=failure.reason
        ) from error

    def _may_degrade(self, failure: Failure) -> bool:
        if failure.reason is Reason.BLOCKED:
            return self.candidate.limits.on_blocked == "next"
        return failure.reason.degrades

    def _report(self, failure: Failure | None, *, has_failed: bool) -> None:
        """Tells the circuit how it went; an abandoned call says nothing about the model."""
        if self._permit is None or self.candidate.breaker is None:
            return
        outcome = Outcome.SUCCESS if self._has_answered and not has_failed else Outcome.NEUTRAL
        if failure is not None and not self._is_schema_mismatch:
            outcome = Outcome(failure.counts)
        if outcome is Outcome.TIMEOUT and self.deadline.queued > _STANDSTILL:
            outcome = Outcome.NEUTRAL  # it had less time than it may take
        if outcome is Outcome.TIMEOUT and self._was_silence(failure):
            outcome = Outcome.SILENCE
        self.candidate.breaker.report(
            self._permit,
            outcome,
            reason=failure.reason.value if failure else None,
            retry_after=failure.retry_after if failure else None,
        )

    def _was_silence(self, timeout: Failure | None) -> bool:
        """Whether nothing at all came of a call that took too long, not even a 408.

        What a standstill of this process kept from arriving may have been sent in time.
        """
        has_answered = timeout is not None and timeout.status is not None
        is_late = self.deadline.overdue > _STANDSTILL
        return not (has_answered or self.stream.has_begun or is_late)

    def _as_record(
        self,
        failure: Failure | None,
        error: BaseException | None,
        answer: AIMessage | None,
    ) -> AttemptRecord:
        outcome: RecordedOutcome = "ok" if error is None else _outcome(failure, error)
        return AttemptRecord(
            model=self.candidate.name,
            role=self.candidate.role,
            outcome="cancelled" if self.is_abandoned else outcome,
            reason=failure.reason.value if failure else None,
            error_type=type(error).__name__ if error else None,
            status=failure.status if failure else None,
            duration_s=time.perf_counter() - self._started,
            usage=dict(answer.usage_metadata) if answer and answer.usage_metadata else None,
        )


def _outcome(failure: Failure | None, error: BaseException) -> RecordedOutcome:
    if not isinstance(error, Exception):
        return "cancelled"
    if isinstance(error, TunedModelError | RateLimiterTimeoutError):  # it was not called
        return "skipped"
    if failure is not None and failure.reason in {Reason.BAD_OUTPUT, Reason.BLOCKED}:
        return "rejected"
    return "error"
