"""A library over the emulator, on both platforms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.generativeai import GenerativeAIService
from langchain_tuned_gemini.services.vertex import VertexService

KEY = "not-a-real-key-1234"
AT = "projects/acme/locations/us-central1"
NOW = 1_790_000_000.0
DAY = 86_400.0

Ask = Callable[..., Awaitable[Any]]


async def _ask(owner: Any, method: str, *args: Any, **options: Any) -> Any:
    return getattr(owner, method)(*args, **options)


async def _aask(owner: Any, method: str, *args: Any, **options: Any) -> Any:
    return await getattr(owner, f"a{method}")(*args, **options)


@pytest.fixture(params=[_ask, _aask], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Calls a method, or its asynchronous twin."""
    ask: Ask = request.param
    return ask


@pytest.fixture
def gemini() -> Iterator[Emulator]:
    """An emulator without any tuned model, at a time that is set."""
    with Emulator(clock=lambda: NOW) as emulator:
        yield emulator


@pytest.fixture
def genai(gemini: Emulator) -> GenAIService:
    return GenAIService.from_api_key(KEY, base_url=gemini.base_url)


@pytest.fixture
def generativeai(gemini: Emulator) -> GenerativeAIService:
    return GenerativeAIService(KEY, gemini.base_url)


@pytest.fixture
def vertex(gemini: Emulator) -> VertexService:
    return VertexService("acme", "us-central1", api_key=KEY, base_url=gemini.base_url)
