"""Whether a tuned model may be called now, without asking the control plane every time.

`ReadinessPolicy` decides what an answer of the control plane means and for how long; it is pure.
`ReadinessGate` remembers, and asks when it has to.

A gate belongs to whoever made it. It is not shared behind the scenes by models of the same name:
a model that was deleted and made again, or another project's key, would meet what somebody else
has learnt. To share one, pass it on; `bind`, `with_config` and copies of a model do.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias, assert_never

from langchain_tuned_gemini import telemetry
from langchain_tuned_gemini.errors import (
    Advice,
    ServiceError,
    TunedGeminiError,
    TunedModelFailedError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.runtime.deadline import time_left, wait_within_deadline
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

_logger = logging.getLogger(__name__)

Answer: TypeAlias = TunedModel | TunedModelNotFoundError | ServiceError
"""What the control plane says about a model."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A model's state, as it is remembered.

    Attributes:
        answer: What the control plane said.
        model: The model as it was last seen; None where it is not known, or gone.
        lets_pass: Whether the model may be called.
        until: Until when this is fresh, by the gate's clock.
    """

    answer: Answer
    model: TunedModel | None
    lets_pass: bool
    until: float

    @property
    def state(self) -> str:
        """The state in which the model was last seen, in one word."""
        if isinstance(self.answer, TunedModelNotFoundError):
            return "NOT_FOUND"
        return (self.model.state if self.model else TunedModelState.UNKNOWN).value


@dataclass(frozen=True, slots=True)
class ReadinessPolicy:
    """The meaning of the control plane's answers, and for how long. Durations are in seconds.

    Attributes:
        active_for: How long ACTIVE is fresh. It may be long: an inference error that speaks of
            the model makes the gate forget, and what is no longer fresh is still believed
            while it is asked for again in the background.
        creating_for: How long CREATING is believed.
        ended_for: How long FAILED, CANCELLED, a deletion, and a refusal to tell are believed.
        unknown_for: How soon a control plane that could not answer is asked again.
        timeout: How long a call waits for the control plane before the state counts as unknown.
        when_unknown: Whether a model whose state can't be learnt is called all the same. By
            default it is: an account may often call a model and see nothing else, and the
            control plane must not become another thing that can take the service down.
    """

    active_for: float = 300.0
    creating_for: float = 5.0
    ended_for: float = 60.0
    unknown_for: float = 10.0
    timeout: float = 2.0
    when_unknown: Literal["try", "raise"] = "try"

    def remember(self, before: Memory | None, answer: Answer, now: float) -> Memory:
        """Takes an answer in. A model that was ACTIVE stays so as long as nobody can tell.

        Example:
            >>> policy = ReadinessPolicy()
            >>> model = TunedModel("tunedModels/x", TunedModelState.CREATING, raw_state="CREATING")
            >>> policy.remember(None, model, now=100.0).until
            105.0
        """
        if isinstance(answer, TunedModel):
            fresh_for, lets_pass = self._meaning_of(answer.state)
            return Memory(answer, answer, lets_pass, now + fresh_for)
        if isinstance(answer, TunedModelNotFoundError):
            return Memory(answer, None, lets_pass=False, until=now + self.ended_for)
        until = now + (self.unknown_for if answer.is_retryable else self.ended_for)
        known = before.answer if before else None
        if before and isinstance(known, TunedModel) and known.state is TunedModelState.ACTIVE:
            return replace(before, until=until)
        seen = before.model if before else None
        return Memory(answer, seen, self.when_unknown == "try", until)

    def objection(self, memory: Memory, name: TunedModelName) -> TunedGeminiError | None:
        """Why the model may not be called; None if it may. A new error each time."""
        if memory.lets_pass:
            return None
        answer = memory.answer
        if isinstance(answer, TunedModelNotFoundError):
            return TunedModelNotFoundError.of(str(name))
        if isinstance(answer, ServiceError):
            return _unknown(name, answer.message, answer)
        match answer.state:
            case TunedModelState.CREATING:
                return TunedModelNotReadyError.of(answer)
            case TunedModelState.FAILED | TunedModelState.CANCELLED:
                return TunedModelFailedError.of(answer)
            case _:
                return _unknown(name, f"the platform calls it {answer.state_text}")

    def _meaning_of(self, state: TunedModelState) -> tuple[float, bool]:
        """For how long a state is fresh, and whether it lets calls pass."""
        match state:
            case TunedModelState.ACTIVE:
                return self.active_for, True
            case TunedModelState.CREATING:
                return self.creating_for, False
            case TunedModelState.FAILED | TunedModelState.CANCELLED:
                return self.ended_for, False
            case TunedModelState.UNKNOWN:
                return self.unknown_for, self.when_unknown == "try"
            case _:
                assert_never(state)


class ReadinessGate:
    """Lets calls pass while a tuned model can serve, and says why when it can't.

    A remembered answer costs a fraction of a microsecond: no request, no lock. An ACTIVE that
    is no longer fresh is served at once while it is asked for again. However many threads,
    tasks and event loops ask at the same time, one request is in the air.

    That request runs in a short-lived daemon thread, for asynchronous callers, too: so it
    belongs to no event loop, outlives the call that started it, and never keeps the interpreter
    from ending.

    Args:
        service: Who knows the state.
        name: The tuned model.
        policy: What answers mean, and for how long.
        clock: The time in seconds.
        in_background: Runs a function without waiting for it.

    Example:
        ```python
        gate = ReadinessGate(GenAIService.from_api_key(key), "tunedModels/sql-expert-v1")
        gate.check()  # one request; raises TunedModelNotReadyError while the model is CREATING
        gate.check()  # no request
        ```
    """

    _lock: threading.Lock
    _flight: _Flight | None

    def __init__(
        self,
        service: TunedModelService,
        name: str | TunedModelName,
        *,
        policy: ReadinessPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        in_background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._service = service
        self._name = TunedModelName.parse(name)
        self._policy = policy or ReadinessPolicy()
        self._clock = clock
        self._in_background = in_background or _in_daemon_thread
        self._memory: Memory | None = None
        self.renew()
        renew_after_fork(self)
        telemetry.gates.add(self)

    @property
    def state(self) -> TunedModel | None:
        """The model as it was last seen; None where that is not known, or forgotten."""
        memory = self._memory
        return memory.model if memory else None

    @property
    def answer(self) -> Answer | None:
        """The control plane's last answer; None where there is none, or it is forgotten."""
        memory = self._memory
        return memory.answer if memory else None

    def observed(self) -> telemetry.Observed:
        """The state for telemetry: the one that is remembered, however old."""
        memory = self._memory
        state = memory.state if memory else TunedModelState.UNKNOWN.value
        return telemetry.Observed(id(self), str(self._name), state.lower())

    def check(self) -> None:
        """Returns if the model may be called.

        It waits no longer than half of what the deadline of the call leaves, if there is one: the
        other half is for the model, which may well answer.

        Raises:
            TunedModelNotReadyError: It is CREATING.
            TunedModelFailedError: It FAILED or was CANCELLED.
            TunedModelNotFoundError: It does not exist.
            ServiceError: Its state can't be learnt, and the policy says `"raise"`.
            TimeoutError: The deadline is over already.
        """
        if flight := self._flight_to_wait_for():
            over = threading.Event()
            flight.landing.add_done_callback(lambda _: over.set())
            wait_within_deadline(over.wait, self._patience(flight), over.set)
            self._conclude(flight)

    async def acheck(self) -> None:
        """Returns if the model may be called, without blocking the event loop; see `check`."""
        if flight := self._flight_to_wait_for():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience(flight)):
                    await asyncio.wrap_future(flight.landing)
            self._conclude(flight)

    def _patience(self, flight: _Flight) -> float:
        return min(flight.patience(self._clock()), max(time_left(), 0.0) / 2)

    def forget(self) -> None:
        """Drops what is remembered: a call of the model has shown that it may be wrong.

        A request that is in the air still answers those who wait for it, but what it says may
        be older than that call, so it is not believed for longer.
        """
        with self._lock:
            self._memory = None
            if self._flight:
                self._flight.outdated = True

    def _flight_to_wait_for(self) -> _Flight | None:
        """None if what is remembered lets the call pass; raises if it does not."""
        memory = self._memory
        if memory is not None:
            is_fresh = self._clock() < memory.until
            if memory.lets_pass:
                if not is_fresh:
                    self._ask(may_block=False)
                return None
            if is_fresh and (objection := self._policy.objection(memory, self._name)):
                raise objection
        return self._ask(may_block=True)

    def _ask(self, *, may_block: bool) -> _Flight | None:
        """The request in the air, starting one if there is none.

        None only without `may_block`: somebody else is just starting one.
        """
        if not self._lock.acquire(blocking=may_block):
            return None
        try:
            memory, now = self._memory, self._clock()
            if memory and now < memory.until:  # it has landed since we looked
                return _Flight.landed(memory)
            if self._flight:
                return self._flight
            flight = self._flight = _Flight(deadline=now + self._policy.timeout)
        finally:
            self._lock.release()
        try:
            self._in_background(lambda: self._fly(flight))
        except RuntimeError as exhausted:  # no more threads: nobody can tell
            self._land(flight, ServiceError(f"Can't ask: {exhausted}.", is_retryable=True))
        return flight

    def _fly(self, flight: _Flight) -> None:
        """Asks the control plane."""
        try:
            answer: Answer = self._service.get(self._name)
        except (TunedModelNotFoundError, ServiceError) as told:
            answer = told
        except BaseException as bug:  # noqa: BLE001  # those who wait must get it, or they hang
            self._crash(flight, bug)
            return
        self._land(flight, answer)

    def _land(self, flight: _Flight, answer: Answer) -> None:
        """Remembers an answer, and tells those who wait for it."""
        with self._lock:
            now = self._clock()
            memory = self._policy.remember(self._memory, answer, now)
            self._memory = replace(memory, until=now) if flight.outdated else memory
            self._flight = None
        flight.landing.set_result(memory)

    def _crash(self, flight: _Flight, bug: BaseException) -> None:
        """Hands a bug on, and logs it: a request in the background has nobody to hand it to."""
        _logger.error("Asking for the state of %s crashed: %r", self._name, bug, exc_info=bug)
        with self._lock:
            if self._memory:
                until = self._clock() + self._policy.unknown_for
                self._memory = replace(self._memory, until=until)
            self._flight = None
        flight.landing.set_exception(bug)

    def _conclude(self, flight: _Flight) -> None:
        """Raises if what a request has shown does not let the call pass."""
        if flight.landing.done():
            if objection := self._policy.objection(flight.landing.result(), self._name):
                raise objection
        elif self._policy.when_unknown == "raise":
            raise _unknown(self._name, f"no answer within {self._policy.timeout:g} s")

    def renew(self) -> None:
        """Starts with a lock that nobody holds and with no request in the air."""
        self._lock = threading.Lock()
        self._flight = None

    def __getstate__(self) -> dict[str, Any]:
        """The parts from which another process builds a gate of its own; it learns by itself."""
        return {"service": self._service, "name": self._name, "policy": self._policy}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]  # a new gate in every respect

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Returns itself: copies of a chat model ask about the same tuned model."""
        return self


class _Flight:
    """One request to the control plane, and those who wait for it.

    Attributes:
        landing: What is remembered from it, once it is there.
        deadline: Until when it is waited for, by the gate's clock.
        outdated: Whether a call has meanwhile shown that its answer may be wrong.
    """

    __slots__ = ("deadline", "landing", "outdated")

    def __init__(self, deadline: float) -> None:
        self.landing: Future[Memory] = Future()
        self.landing.set_running_or_notify_cancel()  # one waiter's end must not cancel it for all
        self.deadline = deadline
        self.outdated = False

    @classmethod
    def landed(cls, memory: Memory) -> _Flight:
        """A flight that needs no waiting."""
        flight = cls(deadline=0.0)
        flight.landing.set_result(memory)
        return flight

    def patience(self, now: float) -> float:
        """How long to wait for it from now on, in seconds."""
        return max(self.deadline - now, 0.0)


def _unknown(name: TunedModelName, why: str, problem: ServiceError | None = None) -> ServiceError:
    """Says that nobody knows whether the model can serve."""
    anyway = Advice(in_python='To call it anyway, use ReadinessPolicy(when_unknown="try").')
    error = ServiceError(
        f"It is not known whether the tuned model {name} can serve: {why.rstrip('.')}.",
        advice=problem.advice.plus(anyway) if problem else anyway,
        status=problem.status if problem else None,
        is_retryable=problem.is_retryable if problem else True,
    )
    error.__cause__ = problem
    return error


def _in_daemon_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="tuned-model-state", daemon=True).start()
