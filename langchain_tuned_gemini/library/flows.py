"""What a library does, as flows whose wishes know how to wait, blocking or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

from langchain_tuned_gemini.effects import Course
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import TunedModels, TunedModelService
from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel

_T = TypeVar("_T")


class Wish(Protocol):
    """Something that is waited for."""

    def ask(self) -> Any:
        """Waits for it."""

    async def aask(self) -> Any:
        """Waits for it without blocking the event loop."""


Flow: TypeAlias = Generator[Wish, Any, _T]
"""What it wants, what it is given, and what it comes to."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All tuned models that services know, in the services' order; all are asked together."""

    services: Sequence[TunedModelService]

    def ask(self) -> list[TunedModels]:
        """Waits for it; the first service that fails ends it."""
        if len(self.services) < 2:
            return [service.list() for service in self.services]
        with ThreadPoolExecutor(len(self.services), thread_name_prefix="tuned-models") as pool:
            return list(pool.map(lambda service: service.list(), self.services))

    async def aask(self) -> list[TunedModels]:
        """Waits for it; the first service that fails ends it."""
        asked = [asyncio.create_task(service.alist()) for service in self.services]
        try:
            return await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()


@dataclass(frozen=True, slots=True)
class Reading:
    """A tuned model as it is now."""

    service: TunedModelService
    name: TunedModelName

    def ask(self) -> TunedModel:
        """Waits for it."""
        return self.service.get(self.name)

    async def aask(self) -> TunedModel:
        """Waits for it."""
        return await self.service.aget(self.name)


class Doing:
    """Something that blocks for a moment, such as a change of a file; asyncio has it in a thread.

    Args:
        action: What is done.
    """

    def __init__(self, action: Callable[[], Any]) -> None:
        self._action = action

    def ask(self) -> Any:
        """Does it."""
        return self._action()

    async def aask(self) -> Any:
        """Does it in a thread."""
        return await asyncio.to_thread(self._action)


class Asking:
    """A method that waits, and its asynchronous twin.

    Args:
        ask: The method.
        aask: Its twin.
        *arguments: What both take.
        **parameters: What both take.
    """

    def __init__(
        self,
        ask: Callable[..., Any],
        aask: Callable[..., Awaitable[Any]],
        *arguments: Any,
        **parameters: Any,
    ) -> None:
        self._ask = partial(ask, *arguments, **parameters)
        self._aask = partial(aask, *arguments, **parameters)

    def ask(self) -> Any:
        """Waits for it."""
        return self._ask()

    async def aask(self) -> Any:
        """Waits for it."""
        return await self._aask()


def run(flow: Flow[_T]) -> _T:
    """Carries a flow out, and returns what it comes to."""
    with Course(flow) as course:
        while course.wish is not None:
            course.go_on(_answer(course.wish))
        return course.outcome


async def arun(flow: Flow[_T]) -> _T:
    """Carries a flow out without blocking the event loop."""
    with Course(flow) as course:
        while course.wish is not None:
            course.go_on(await _aanswer(course.wish))
        return course.outcome


def _answer(wish: Wish) -> object:
    try:
        return wish.ask()
    except Exception as error:  # noqa: BLE001  # raised inside the flow
        return error


async def _aanswer(wish: Wish) -> object:
    try:
        return await wish.aask()
    except Exception as error:  # noqa: BLE001  # raised inside the flow
        return error
