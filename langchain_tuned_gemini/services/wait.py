"""Waiting until a tuned model can serve."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from langchain_tuned_gemini.effects import Call, Effect, Flow, arun, run
from langchain_tuned_gemini.errors import (
    Advice,
    ParameterError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelFailedError,
    WaitCancelledError,
    WaitTimeoutError,
)
from langchain_tuned_gemini.errors.model_states import BASE_MODEL_INSTEAD
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import StateService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

_GROWTH = 1.5
"""Each interval is this much longer than the one before, …"""

_LONGEST_INTERVAL = 30.0
"""… up to this, in seconds: a tuning takes from minutes to hours."""

_JITTER = 0.25
"""The largest share of an interval that chance takes off, so that waiters don't ask in step."""

_FIRST_CONTACT = 30.0
"""For how long, in seconds, a service that has never answered is asked again: it is more likely
to be a wrong address than an outage, and nobody wants to learn that after an hour."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The outcome of one look at a tuned model.

    Attributes:
        model: The model as it was last seen; None as long as the service has not answered.
        waited: How long has been waited, in seconds.
        problem: Why the service could not answer this time; None where it did.
    """

    model: TunedModel | None
    waited: float
    problem: ServiceError | None = None

    @property
    def percent(self) -> float | None:
        """How much of the tuning is done, from 0 to 100; None where the service does not tell.

        Example:
            >>> model = TunedModel("tunedModels/x", TunedModelState.ACTIVE, raw_state="ACTIVE")
            >>> Progress(model, waited=2.0).percent
            100.0
        """
        done = self.model.progress if self.model else None
        return None if done is None else 100.0 * done

    @property
    def doing(self) -> str:
        """The step that the tuning is at, such as `waiting for quota`; empty where not told."""
        return self.model.doing if self.model else ""

    @property
    def loss(self) -> float | None:
        """The newest mean loss; None where the service does not tell."""
        return self.model.loss if self.model else None


OnProgress: TypeAlias = Callable[[Progress], object]


def wait_until_active(
    service: StateService,
    model: str | TunedModelName | TunedModel,
    *,
    timeout: float = 3600.0,
    poll_interval: float = 1.0,
    on_progress: OnProgress | None = None,
    cancel: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> TunedModel:
    """Blocks until a tuned model is ACTIVE, or will never be.

    An outage of the service does not end the wait. A service that can't be reached at all ends
    it after 30 seconds, unless it has answered before.

    Args:
        service: Who knows the state.
        model: The model, or its name. A model that `create` returned knows how many steps the
            tuning takes, which a later answer does not tell: with it there is a percentage.
        timeout: How long to wait at most, in seconds, plus the time of one last request; 0
            looks once.
        poll_interval: The first pause between two looks, in seconds. The pauses grow by half
            each time, up to 30 seconds, and chance shortens each by up to a quarter.
        on_progress: Called after every look.
        cancel: Ends the wait as soon as it is set.
        clock: The time in seconds.
        sleep: Pauses for so many seconds; not used with `cancel`.
        chance: A number from 0.0 to 1.0.

    Returns:
        The model, ACTIVE.

    Raises:
        TunedModelFailedError: Tuning FAILED or was CANCELLED; `platform_reason` says why.
        TunedModelNotFoundError: The model is not there, or was deleted meanwhile.
        WaitTimeoutError: The model was not ACTIVE in time; `waited` says how long.
        WaitCancelledError: `cancel` was set.
        ServiceError: The service refuses to tell, or could never be reached.
        ParameterError: `timeout` or `poll_interval` is no sensible number of seconds.
    """
    pause = cancel.wait if cancel else sleep
    pace = _Pace(timeout, poll_interval, clock, chance)
    return run(_wait(service, model, pace, partial(Call, pause, asyncio.sleep), on_progress))


async def await_until_active(
    service: StateService,
    model: str | TunedModelName | TunedModel,
    *,
    timeout: float = 3600.0,  # the wait ends with an error that tells more
    poll_interval: float = 1.0,
    on_progress: OnProgress | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> TunedModel:
    """Waits until a tuned model is ACTIVE, or will never be, without blocking the event loop.

    As `wait_until_active`; to end it early, cancel the task.
    """
    pace = _Pace(timeout, poll_interval, clock, chance)
    return await arun(_wait(service, model, pace, partial(Call, time.sleep, sleep), on_progress))


@dataclass(frozen=True, slots=True)
class _Pace:
    """How long to wait, and how often to look."""

    timeout: float
    poll_interval: float
    clock: Callable[[], float]
    chance: Callable[[], float]

    def __post_init__(self) -> None:
        if not self.timeout >= 0 or not self.poll_interval > 0:
            raise ParameterError(
                f"timeout={self.timeout!r} and poll_interval={self.poll_interval!r} must be "
                "seconds: the first 0 or more, the second more than 0."
            )

    def pauses(self) -> Iterator[float]:
        """The pauses between looks: ever longer up to a limit, and never quite regular."""
        longest = max(self.poll_interval, _LONGEST_INTERVAL)
        interval = self.poll_interval
        while True:
            yield interval * (1.0 - _JITTER * self.chance())
            interval = min(interval * _GROWTH, longest)


def _wait(
    service: StateService,
    model: str | TunedModelName | TunedModel,
    pace: _Pace,
    pause: Callable[[float], Effect],
    on_progress: OnProgress | None,
) -> Flow[TunedModel]:
    """Decides when to look, how long to pause, and when the wait is over.

    It never pauses past the deadline, and looks once more there. A pause may give True: then the
    wait was cancelled meanwhile.
    """
    name = TunedModelName.parse(model.name if isinstance(model, TunedModel) else model)
    total_steps = model.total_steps if isinstance(model, TunedModel) else None
    seen: TunedModel | None = None
    pauses = pace.pauses()
    started = pace.clock()
    while True:
        problem: ServiceError | None = None
        try:
            answer: TunedModel = yield Call(service.get, service.aget, name)
            seen = replace(answer, total_steps=answer.total_steps or total_steps)
        except ServiceError as error:
            problem = error
        waited = pace.clock() - started
        if on_progress:
            on_progress(Progress(seen, waited, problem))
        if problem:
            _raise_unless_it_may_pass(problem, seen, waited)
        elif seen and seen.state.is_terminal:
            if seen.state is not TunedModelState.ACTIVE:
                raise TunedModelFailedError.of(seen)
            return seen
        if waited >= pace.timeout:
            raise _timed_out(name, seen, waited, problem) from problem
        if (yield pause(min(next(pauses), pace.timeout - waited))) is True:
            raise _cancelled(name, seen, pace.clock() - started)


def _raise_unless_it_may_pass(
    problem: ServiceError, seen: TunedModel | None, waited: float
) -> None:
    """Lets an outage pass, but neither a refusal nor an address that never answered."""
    unreachable = isinstance(problem, ServiceUnreachableError) and seen is None
    if not problem.is_retryable or (unreachable and waited >= _FIRST_CONTACT):
        raise problem


def _timed_out(
    name: TunedModelName, seen: TunedModel | None, waited: float, problem: ServiceError | None
) -> WaitTimeoutError:
    """Says in which state the model was left, and what to do."""
    last = f" The last question failed: {problem.message}" if problem else ""
    advice = Advice(
        f"Wait longer with a larger timeout, or {BASE_MODEL_INSTEAD.in_python}",
        "Wait longer with --timeout SECONDS.",
    )
    return WaitTimeoutError(
        f"The tuned model {name} is {_last_seen(seen)} after {waited:.1f} s.{last}",
        advice=advice.plus(problem.advice) if problem else advice,
        name=str(name),
        state=seen.state if seen else None,
        waited=waited,
    )


def _cancelled(name: TunedModelName, seen: TunedModel | None, waited: float) -> WaitCancelledError:
    """Says in which state the model was left."""
    return WaitCancelledError(
        f"Waiting for the tuned model {name} was cancelled after {waited:.1f} s; it is "
        f"{_last_seen(seen)}.",
        advice="Its tuning goes on: wait again whenever you like.",
        name=str(name),
        state=seen.state if seen else None,
        waited=waited,
    )


def _last_seen(seen: TunedModel | None) -> str:
    """The state, for a sentence."""
    if seen is None:
        return "in a state that nobody could tell"
    done = seen.progress
    told = [seen.doing, f"{done:.0%}" if done is not None else ""]
    more = ", ".join(filter(None, told))
    return f"still {seen.state_text}" + (f" ({more})" if more else "")
