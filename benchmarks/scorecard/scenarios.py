"""The scenarios: what goes wrong with the tuned model, while the base model is well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CUT_AT = 40
FLAPS = 40
SLOW_FIRST_TOKEN = 12
# Google's text, by which langchain-google-genai and LiteLLM know a context overflow.
TOO_LONG = "The input token count (20481) exceeds the maximum number of tokens allowed (16384)."
# As captured in 2026: a quota per day carries the same RetryInfo as one per minute.
RETRY_DELAY = 41.0


class Mode(StrEnum):
    """How the answer is asked for."""

    INVOKE = "invoke"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to fail.

    Attributes:
        id: Its number, as `--scenario` takes it; a letter marks a variant.
        title: What happens.
        faults: The emulator's faults, for each mode in which the scenario makes sense.
        calls: How many calls are made, one after the other.
        deletes: Whether the model is deleted.
    """

    id: str
    title: str
    faults: dict[Mode, list[dict[str, Any]]]
    calls: int = 1
    deletes: bool = False


def _both(*faults: dict[str, Any]) -> dict[Mode, list[dict[str, Any]]]:
    return {mode: list(faults) for mode in Mode}


def _stream(**fault: Any) -> dict[Mode, list[dict[str, Any]]]:
    return {Mode.STREAM: [fault]}


def _flapping() -> dict[Mode, list[dict[str, Any]]]:
    """Two requests fail, two succeed, and so on, whoever sends them."""
    return _both(*({"nth": n, "times": 2, "status": 503} for n in range(1, FLAPS, 4)))


SCENARIOS = (
    Scenario(
        id="1",
        title="one 429, Retry-After: 2",
        faults=_both({"status": 429, "retry_after": 2, "times": 1}),
    ),
    Scenario(
        id="2",
        title="429 for good, per minute",
        faults=_both({"quota": "minute", "retry_delay": RETRY_DELAY}),
    ),
    Scenario(
        id="3",
        title="429 for good, per day",
        faults=_both({"quota": "day", "retry_delay": RETRY_DELAY}),
    ),
    Scenario(id="4", title="one 500", faults=_both({"status": 500, "times": 1})),
    Scenario(id="5", title="503 for good", faults=_both({"status": 503})),
    Scenario(id="6", title="connection reset", faults=_both({"reset": True})),
    Scenario(id="7", title="silent server", faults=_both({"hang": True})),
    Scenario(
        id="8",
        title=f"first token after {SLOW_FIRST_TOKEN} s",
        faults=_both({"delay": SLOW_FIRST_TOKEN}),
    ),
    Scenario(id="9", title="cut at 40 of 60 words", faults=_both({"cut_after": CUT_AT})),
    Scenario(id="10", title="ends at 40, no finish reason", faults=_stream(end_after=CUT_AT)),
    Scenario(id="11", title="503 in the stream at 40", faults=_stream(error_after=CUT_AT)),
    Scenario(id="12", title="stalls at 20 for good", faults=_stream(stall_after=20)),
    Scenario(id="13", title="malformed first chunk", faults=_both({"malformed": True})),
    Scenario(id="13b", title="malformed chunk at 20", faults=_stream(malformed_after=20)),
    Scenario(
        id="14",
        title="context overflow",
        faults=_both({"status": 400, "message": TOO_LONG}),
    ),
    Scenario(id="15", title="blocked prompt", faults=_both({"blocked": True})),
    Scenario(id="16", title="flapping, 8 calls", faults=_flapping(), calls=8),
    Scenario(id="17", title="model deleted", faults=_both(), deletes=True),
    Scenario(id="18", title="MAX_TOKENS at 40 of 60", faults=_both({"limit_after": CUT_AT})),
    Scenario(
        id="18b",
        title="MAX_TOKENS without a word",
        faults=_both({"limit_after": 0}),
    ),
)
