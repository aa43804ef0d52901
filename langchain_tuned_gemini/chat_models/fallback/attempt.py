"""One model's round: it answers, or its failure ends here because another model may answer."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from langchain_tuned_gemini.chat_models.delegation import (
    Messages,
    Stop,
    agenerate_with,
    astream_with,
    awithin,
    generate_with,
    stream_with,
    within,
)
from langchain_tuned_gemini.chat_models.fallback.held_stream import Chunks
from langchain_tuned_gemini.chat_models.fallback.limits import Limits, timeout_of
from langchain_tuned_gemini.chat_models.fallback.model_run import (
    aheard,
    aheard_stream,
    heard,
    heard_stream,
)
from langchain_tuned_gemini.chat_models.fallback.retry_budget import RetryBudget
from langchain_tuned_gemini.chat_models.fallback.tracing import AttemptTrace
from langchain_tuned_gemini.chat_models.restartable import note_answer
from langchain_tuned_gemini.circuit_breaker import CircuitBreaker, Outcome, Permit
from langchain_tuned_gemini.errors import (
    AnswerRefusedError,
    BrokenStreamError,
    EmptyAnswerError,
    RateLimiterTimeoutError,
    TunedModelError,
)
from langchain_tuned_gemini.failures import Failure, Reason, classify, read_failure
from langchain_tuned_gemini.guards import (
    Guard,
    answer_of,
    as_error,
    block_of,
    check,
    whole_tool_calls,
)
from langchain_tuned_gemini.provenance import (
    FEW_SHOT_KEY,
    METADATA_KEY,
    RESTARTED,
    AttemptRecord,
    Role,
)
from langchain_tuned_gemini.provenance import Outcome as RecordedOutcome
from langchain_tuned_gemini.runtime.deadline import Deadline
from langchain_tuned_gemini.runtime.program_errors import raised_by_the_program
from langchain_tuned_gemini.secrets.redaction import redact
from langchain_tuned_gemini.telemetry import AttemptSpan, Request

_NOTHING: Final = nullcontext()

_STANDSTILL = 1.0
"""A deadline that ends a call by so many seconds too late says that this process stood still."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer.

    Attributes:
        model: The model.
        name: Its name in provenance, logs and traces.
        role: Whether it is the tuned one or stands in for it.
        limits: What holds for its attempts.
        breaker: Keeps calls from it while it can't serve; None for a model that is always tried.
        retry_budget: Pays for a second try after a transient failure; None for none.
        arguments: What it is sent besides what all are: how it is asked for a schema.
        form: What its answer has to fit, for this call: one that does not makes way for the next
            model's, and is no sign that the model is unwell. By default its tool calls are whole.
        shape: What becomes of an answer that fits; None for the answer as it is.
    """

    model: BaseChatModel
    name: str
    role: Role
    limits: Limits
    breaker: CircuitBreaker | None
    retry_budget: RetryBudget | None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    form: tuple[Guard, ...] = (whole_tool_calls,)
    shape: Callable[[AIMessage], AIMessage] | None = None

    def held_to_the_end(self, *, tells_refusals: bool = False) -> Self:
        """The same whose answer is judged as a whole; a refusal is none, unless it is told."""
        on_blocked = self.limits.on_blocked
        if on_blocked == "message" and not tells_refusals:
            on_blocked = "raise"
        limits = replace(self.limits, commit="complete", on_blocked=on_blocked)
        return replace(self, limits=limits)


def held_to(limits: Mapping[str, Any], candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates with other limits for one call."""
    return tuple(replace(one, limits=replace(one.limits, **limits)) for one in candidates)


def shaped(result: ChatResult, shape: Callable[[AIMessage], AIMessage]) -> ChatResult:
    """A result whose message was made into what is waited for."""
    first, *others = result.generations
    if isinstance(first.message, AIMessage):
        first = ChatGeneration(message=shape(first.message), generation_info=first.generation_info)
    return ChatResult(generations=[first, *others], llm_output=result.llm_output)


class LostRaceError(Exception):
    """Ends an attempt, and never leaves it: another model has answered in the meantime."""


class Attempt:
    """One call of one model, as a context manager.

    It ends a failure that another model may answer for, and raises all others. Whatever
    happens, the circuit learns of it and the trace shows it.

    Args:
        candidate: The model.
        permit: What its circuit has given out for this call.
        trace: How traces show it.
        request: The call that it belongs to, as telemetry sees it.
        interrupted: Why another model's text ends here; None if none was handed out.
        claim: Called when it is about to hand out something: whether it is the one to answer.
        provenance: What its answer says about the call.
    """

    def __init__(
        self,
        candidate: Candidate,
        permit: Permit | None,
        trace: AttemptTrace,
        request: Request,
        interrupted: str | None,
        claim: Callable[[Attempt], bool],
        provenance: Callable[[Attempt, dict[str, Any] | None], dict[str, Any]],
    ) -> None:
        self.model = candidate.model
        self.candidate = candidate
        self.deadline = candidate.limits.deadline_of_a_call()
        self.stream = candidate.limits.new_stream(self._claim)
        self.record: AttemptRecord | None = None
        self.error: Exception | None = None
        self.has_answered = False
        self.is_abandoned = False
        self._failure: Failure | None = None
        self._is_schema_mismatch = False
        self._started = time.perf_counter()
        self._permit = permit
        self.trace = trace
        self._request = request
        self._interrupted = interrupted
        self._is_the_one_to_answer = claim
        self._provenance = provenance

    def finish(self, result: ChatResult) -> ChatResult:
        """Ends the call with this model's answer, and says in it who answered.

        Raises:
            AnswerRefusedError: If a guard refuses the answer.
            ContentBlockedError: If it was blocked for safety.
        """
        message = result.generations[0].message
        complete = answer_of(result.generations[0], result.llm_output)
        few_shot = message.response_metadata.pop(FEW_SHOT_KEY, None)
        message.response_metadata.update(self._succeed(complete, few_shot))
        return shaped(result, self.candidate.shape) if self.candidate.shape else result

    def opening(self) -> Iterator[ChatGenerationChunk]:
        """A chunk that marks a new beginning, if another model's text has been handed out."""
        if self._interrupted:
            told = {METADATA_KEY: dict(zip(RESTARTED, (True, self._interrupted), strict=True))}
            mark = AIMessageChunk(content="", response_metadata=told)
            yield ChatGenerationChunk(message=mark)

    def closing(self) -> Iterator[ChatGenerationChunk]:
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

    def abandon(self) -> None:
        """Gives it up from outside, because another model has answered; once it ended, nothing."""
        if self.record is None:
            self.is_abandoned = True
            self.deadline.cancel()
            self.stream.cancel()

    def lost(self) -> list[tuple[AttemptRecord, Exception]]:
        """The tries before it that ended with a connection which the server had just closed."""
        return [
            (self._as_lost(error, at - self._started), redact(error))
            for at, error in (*self.deadline.lost, *self.stream.deadline.lost)
        ]

    def elapsed(self) -> float:
        """How long it has been under way, in seconds."""
        return time.perf_counter() - self._started

    def _claim(self) -> None:
        if not self._is_the_one_to_answer(self):
            self.abandon()
            raise LostRaceError
        self.trace.answers()

    def _succeed(self, message: AIMessage, few_shot: dict[str, Any] | None) -> dict[str, Any]:
        is_refusal = self.candidate.limits.on_blocked == "message" and block_of(message) is not None
        if not is_refusal:
            self._judge(message)
        if not self.stream.is_committed:
            self._claim()
        self.has_answered = not is_refusal  # the circuit counts neither for the model
        self.record = self._as_record(None, None, _usage_of(message))
        if is_refusal:
            self.record = replace(self.record, outcome="rejected", reason=Reason.BLOCKED.value)
        return self._provenance(self, few_shot)

    def _judge(self, message: AIMessage) -> None:
        if refusal := check(self.candidate.limits.guards, message):
            raise as_error(refusal, message, name=self.candidate.name)
        if refusal := check(self.candidate.form, message):
            self._is_schema_mismatch = True
            raise as_error(refusal, message, name=self.candidate.name)

    def computing(self) -> AbstractContextManager[Any]:
        """Inside, the model's spans are this one's, and it can tell what it was sent."""
        return self._computing() if self.trace.is_heard else self.span.current()

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with self.trace.current(), self.span.current():
            yield

    def ask(
        self, model: BaseChatModel, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> ChatResult:
        """Its model's answer, told to whoever was set on the model."""
        run = self.trace.of_model(model, messages, stop, arguments)
        return heard(run, partial(generate_with, model, messages, stop, **arguments))

    async def aask(
        self, model: BaseChatModel, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> ChatResult:
        """Its model's answer, told to whoever was set on the model."""
        run = self.trace.of_model(model, messages, stop, arguments)
        return await aheard(run, agenerate_with(model, messages, stop, **arguments))

    def read(
        self, model: BaseChatModel, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> Iterator[Chunks]:
        """Its model's stream, told likewise: yields what may be handed out after each chunk."""
        run = self.trace.of_model(model, messages, stop, arguments)
        stream = heard_stream(run, stream_with(model, messages, stop, **arguments))
        return self.stream.read(within(self.computing, stream) if self._is_observed else stream)

    def aread(
        self, model: BaseChatModel, messages: Messages, stop: Stop, arguments: Mapping[str, Any]
    ) -> AsyncGenerator[Chunks, None]:
        """Its model's stream, told likewise: yields what may be handed out after each chunk."""
        run = self.trace.of_model(model, messages, stop, arguments)
        stream = aheard_stream(run, astream_with(model, messages, stop, **arguments))
        return self.stream.aread(awithin(self.computing, stream) if self._is_observed else stream)

    @property
    def _is_observed(self) -> bool:
        return self.trace.is_heard or self.span.is_recorded

    def __enter__(self) -> Self:
        with self._unharmed():
            try:
                self.trace.start()
            finally:
                self.span = self._new_span()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        told = self._as_told(error)
        with self._unharmed():
            self.trace.end(self._as_seen(told))
        return self._settle(told, error)

    async def __aenter__(self) -> Self:
        with self._unharmed():
            try:
                await self.trace.astart()
            finally:
                self.span = self._new_span()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        told = self._as_told(error)
        with self._unharmed():
            await self.trace.aend(self._as_seen(told))
        return self._settle(told, error)

    def _new_span(self) -> AttemptSpan:
        """Begun after the run, whose span is its parent where LangChain is instrumented."""
        return self._request.attempt(self.candidate.name, self.candidate.role)

    def _unharmed(self) -> AbstractContextManager[Any]:
        """Raises what a handler raises, as LangChain has it, and says nothing of the model then."""
        return self._settling() if self.trace.is_shown else _NOTHING

    def _as_told(self, error: BaseException | None) -> BaseException | None:
        """The error without secrets, a deadline's end by its name, the program's own as it was."""
        if error is None:
            return None
        failure = self._failure = read_failure(error)  # before anybody else sees it
        if failure is None:
            return raised_by_the_program(error) or error
        late = self._latest
        if not late.is_over or failure.reason is not Reason.TIMEOUT or failure.status is not None:
            return error
        told = timeout_of(self.candidate.name, late)
        told.__cause__ = error
        self._failure = classify(told)
        return told

    @contextmanager
    def _settling(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._report(None, has_failed=True)
            self.span.end(self._as_record(None, error, None))
            raise

    def _as_seen(self, error: BaseException | None) -> BaseException | None:
        """What a trace shows: what is torn down with an abandoned call is no failure of it."""
        is_torn_down = error is not None and self.is_abandoned
        return LostRaceError("another model answered first") if is_torn_down else error

    def _settle(self, error: BaseException | None, raised: BaseException | None) -> bool:
        """Whether a failure ends here, because another model may answer in this one's place."""
        for lost, _ in self.lost():
            self._request.skipped(lost)
        if self.is_abandoned:
            self._report(None, has_failed=True)
            self.span.end(self._as_record(None, error, None))
            return isinstance(error, Exception)
        failure = self._failure
        self._report(failure, has_failed=error is not None)
        record = None if failure is not None else self.record
        # A refused answer has cost its tokens all the same.
        usage = _usage_of(error.answer) if isinstance(error, AnswerRefusedError) else None
        record = record or self._as_record(failure, error, usage)
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
        outcome = Outcome.SUCCESS if self.has_answered and not has_failed else Outcome.NEUTRAL
        if failure is not None and not self._is_schema_mismatch:
            outcome = Outcome(failure.counts)
        if outcome is Outcome.TIMEOUT and self._latest.queued > _STANDSTILL:
            outcome = Outcome.NEUTRAL  # it had less time than it may take
        if outcome is Outcome.TIMEOUT and self._was_silence(failure):
            outcome = Outcome.SILENCE
        self.candidate.breaker.report(
            self._permit,
            outcome,
            reason=failure.reason.value if failure else None,
            retry_after=failure.retry_after if failure else None,
        )

    @property
    def _latest(self) -> Deadline:
        """The deadline of whichever way it was asked in: the other one was never in force."""
        return max(self.deadline, self.stream.deadline, key=lambda one: one.overdue)

    def _was_silence(self, timeout: Failure | None) -> bool:
        """Whether nothing at all came of a call that took too long, not even a 408.

        What a standstill of this process kept from arriving may have been sent in time.
        """
        overdue = self._latest.overdue
        has_said_so = timeout is not None and timeout.status is not None
        return not (has_said_so or self.stream.has_begun or overdue > _STANDSTILL)

    def _as_lost(self, error: Exception, duration: float) -> AttemptRecord:
        return AttemptRecord(
            model=self.candidate.name,
            role=self.candidate.role,
            outcome="error",
            reason=Reason.CONNECTION.value,
            error_type=type(error).__name__,
            duration_s=duration,
        )

    def _as_record(
        self,
        failure: Failure | None,
        error: BaseException | None,
        usage: dict[str, Any] | None,
    ) -> AttemptRecord:
        return AttemptRecord(
            model=self.candidate.name,
            role=self.candidate.role,
            outcome="cancelled" if self.is_abandoned else _outcome(failure, error),
            reason=failure.reason.value if failure else None,
            error_type=type(error).__name__ if error else None,
            status=failure.status if failure else None,
            duration_s=self.elapsed(),
            usage=usage,
        )


def _usage_of(message: AIMessage) -> dict[str, Any] | None:
    """The tokens that an answer took, where it tells."""
    return dict(message.usage_metadata or {}) or None


def _outcome(failure: Failure | None, error: BaseException | None) -> RecordedOutcome:
    if error is None:
        return "ok"
    if not isinstance(error, Exception):
        return "cancelled"
    if isinstance(error, TunedModelError | RateLimiterTimeoutError):  # it was not called
        return "skipped"
    if failure is not None and failure.reason in {Reason.BAD_OUTPUT, Reason.BLOCKED}:
        return "rejected"
    return "error"
