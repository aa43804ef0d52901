"""A tuned model that answers, and one that is down: what holds in both states."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import TUNED

in_both_states = pytest.mark.parametrize("is_down", [False, True], ids=["healthy", "down"])


def state(gemini: Emulator, *, is_down: bool) -> AbstractContextManager[Any]:
    """The tuned model in one of them."""
    return gemini.fault(model=TUNED, status=503) if is_down else nullcontext()
