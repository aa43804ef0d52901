"""One runner for flows: generators that decide, and yield what they want done.

So the decisions stand once, and each is made the same way whether the caller blocks or awaits. An
error of an effect is raised inside the flow, at its `yield`, where a refusal may be expected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

_E = TypeVar("_E")
_T = TypeVar("_T")


class Effect(Protocol):
    """Something that is waited for."""

    def run(self) -> Any:
        """Waits for it."""

    def arun(self) -> Awaitable[Any]:
        """Waits for it without blocking the event loop."""


Flow: TypeAlias = Generator[Effect, Any, _T]
"""What it wants done, what it is given back, and what it comes to."""


class Run:
    """An action that blocks for a moment, such as changing a file; asyncio does it in a thread."""

    def __init__(self, action: Callable[[], Any]) -> None:
        self.run = action

    async def arun(self) -> Any:
        """Does it in a thread."""
        return await asyncio.to_thread(self.run)


class Call:
    """A method that waits, its asynchronous twin, and the arguments of both."""

    def __init__(
        self,
        method: Callable[..., Any],
        twin: Callable[..., Awaitable[Any]],
        *arguments: Any,
        **parameters: Any,
    ) -> None:
        self.run = partial(method, *arguments, **parameters)
        self.arun = partial(twin, *arguments, **parameters)


class SubFlow:
    """A flow as an effect, for what is done together with others."""

    def __init__(self, begin: Callable[[], Flow[Any]]) -> None:
        self._begin = begin

    def run(self) -> Any:
        """Carries it out."""
        return run(self._begin())

    async def arun(self) -> Any:
        """Carries it out without blocking the event loop."""
        return await arun(self._begin())


class Together:
    """Several effects at once; it gives a list of what they gave, and the first error ends it.

    Args:
        effects: The effects.
        at_once: How many of them may be on their way at the same time; all when None.
    """

    def __init__(self, effects: Sequence[Effect], at_once: int | None = None) -> None:
        self._effects = effects
        self._at_once = min(at_once or len(effects), len(effects))

    def run(self) -> list[Any]:
        """Waits for all, in threads."""
        if len(self._effects) < 2:
            return [effect.run() for effect in self._effects]
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="tuned-models") as pool:
            return list(pool.map(lambda effect: effect.run(), self._effects))

    async def arun(self) -> list[Any]:
        """Waits for all."""
        turn = asyncio.Semaphore(self._at_once)

        async def in_turn(effect: Effect) -> Any:
            async with turn:
                return await effect.arun()

        tasks = [asyncio.ensure_future(in_turn(effect)) for effect in self._effects]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


def _run(effect: Any) -> Any:
    return effect.run()


async def _arun(effect: Any) -> Any:
    return await effect.arun()


def run(flow: Generator[_E, Any, _T], perform: Callable[[_E], Any] = _run) -> _T:
    """Carries a flow out, and returns what it comes to.

    Args:
        flow: The flow, not begun.
        perform: Does what the flow yields; by default that has a method `run`.

    Example:
        >>> def asking():
        ...     name = yield Run(lambda: "Ann")
        ...     return f"Hello, {name}."
        >>> run(asking())
        'Hello, Ann.'
    """
    with closing(flow):
        try:
            effect = next(flow)
            while True:
                try:
                    answer = perform(effect)
                except Exception as error:  # noqa: BLE001  # raised inside the flow
                    effect = flow.throw(error)
                else:
                    effect = flow.send(answer)
        except StopIteration as end:
            outcome: _T = end.value
            return outcome


async def arun(flow: Generator[_E, Any, _T], perform: Callable[[_E], Awaitable[Any]] = _arun) -> _T:
    """Carries a flow out without blocking the event loop; see `run`."""
    with closing(flow):
        try:
            effect = next(flow)
            while True:
                try:
                    answer = await perform(effect)
                except Exception as error:  # noqa: BLE001  # raised inside the flow
                    effect = flow.throw(error)
                else:
                    effect = flow.send(answer)
        except StopIteration as end:
            outcome: _T = end.value
            return outcome
