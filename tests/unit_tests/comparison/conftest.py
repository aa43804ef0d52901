"""Both ways to compare."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langchain_tuned_gemini.comparison import (
    Comparison,
    acompare,
    compare,
)
from tests.unit_tests.comparison.models import Compare


def in_threads(*args: Any, **settings: Any) -> Comparison:
    return compare(*args, **settings)


def in_tasks(*args: Any, **settings: Any) -> Comparison:
    return asyncio.run(acompare(*args, **settings))


@pytest.fixture(params=[in_threads, in_tasks])
def run(request: pytest.FixtureRequest) -> Compare:
    """Both ways to compare: everything holds for both."""
    return request.param
