"""The ways to ask a chat model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_google_genai import ChatGoogleGenerativeAI

from tests.integration_tests.fault_matrix.task import QUESTION


class Ask(Protocol):
    """Asks a model; what it says is added to `got` as it comes, so also before an error."""

    __name__: str

    def __call__(
        self, model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None
    ) -> None: ...


def invoke(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    got.append(model.invoke(QUESTION, config))


def stream(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    got.extend(model.stream(QUESTION, config))


def batch(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    got.extend(model.batch([QUESTION], config))


def ainvoke(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    async def collect() -> None:
        got.append(await model.ainvoke(QUESTION, config))

    run(model, collect())


def astream(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    async def collect() -> None:
        async for chunk in model.astream(QUESTION, config):
            got.append(chunk)  # noqa: PERF401  # those before an error count, too

    run(model, collect())


def abatch(model: BaseChatModel, got: list[Any], config: RunnableConfig | None = None) -> None:
    async def collect() -> None:
        got.extend(await model.abatch([QUESTION], config))

    run(model, collect())


def answer(ask: Ask, model: BaseChatModel) -> list[Any]:
    """What a model says that raises nothing."""
    got: list[Any] = []
    ask(model, got)
    return got


def run(model: BaseChatModel, asking: Awaitable[None]) -> None:
    """Runs in an event loop of its own; plain models are closed in it, ours close themselves."""

    async def and_close() -> None:
        try:
            await asking
        finally:
            for part in (model, *getattr(model, "models", ())):
                if type(part) is ChatGoogleGenerativeAI:
                    await part.client.aio.aclose()

    asyncio.run(and_close())


STREAMED = (stream, astream)
WHOLE = (invoke, ainvoke)
EVERY = (*WHOLE, *STREAMED)
ASYNC = (ainvoke, astream)

every_way = pytest.mark.parametrize("ask", EVERY)
batched = pytest.mark.parametrize("ask", [batch, abatch])
streamed = pytest.mark.parametrize("ask", STREAMED)
