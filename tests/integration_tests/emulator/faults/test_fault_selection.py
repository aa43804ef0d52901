"""Which calls a fault hits, and which faults are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator, Fault

Ask = Callable[..., httpx.Response]

MODEL = "tunedModels/sql-expert-v1"
BASE = "models/gemini-3.5-flash"


def statuses(ask: Ask, count: int, **options: Any) -> list[int]:
    return [ask(**options).status_code for _ in range(count)]


def test_a_fault_hits_its_model_only(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(model=MODEL, status=503)

    assert ask().status_code == 503
    assert ask(model=BASE).status_code == 200


def test_a_base_model_may_be_named_without_its_prefix(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(model="gemini-3.5-flash", status=503)

    assert (ask(model=BASE).status_code, ask().status_code) == (503, 200)


@pytest.mark.parametrize(
    ("method", "hit"),
    [
        (None, {"generateContent", "streamGenerateContent"}),
        ("generate", {"generateContent", "streamGenerateContent"}),
        ("generateContent", {"generateContent"}),
        ("streamGenerateContent", {"streamGenerateContent"}),
        ("get", {"get"}),
        ("list", {"list"}),
        ("any", {"generateContent", "streamGenerateContent", "get", "list"}),
    ],
)
def test_a_fault_hits_its_method_only(
    gemini: Emulator, api: httpx.Client, ask: Ask, method: str | None, hit: set[str]
) -> None:
    gemini.fault(method=method, status=503)

    seen = {
        "generateContent": ask(),
        "streamGenerateContent": ask(verb="streamGenerateContent"),
        "get": api.get(f"/v1beta/{MODEL}"),
        "list": api.get("/v1beta/tunedModels"),
    }

    assert {name for name, response in seen.items() if response.status_code == 503} == hit


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, [503, 503, 503, 503]),
        ({"times": 2}, [503, 503, 200, 200]),
        ({"nth": 2}, [200, 503, 200, 200]),
        ({"nth": 2, "times": 2}, [200, 503, 503, 200]),
    ],
    ids=str,
)
def test_a_fault_hits_the_nth_call_and_so_many_times(
    gemini: Emulator, ask: Ask, selection: dict[str, Any], expected: list[int]
) -> None:
    armed = gemini.fault(status=503, **selection)

    assert statuses(ask, 4) == expected
    assert (armed.calls, armed.hits) == (4, expected.count(503))


def test_of_two_faults_the_later_one_hits_and_then_the_earlier_again(
    gemini: Emulator, ask: Ask
) -> None:
    gemini.fault(status=503)
    with gemini.fault(status=429):
        assert ask().status_code == 429

    assert ask().status_code == 503


def test_a_fault_ends_by_its_block_by_removal_and_all_at_once(gemini: Emulator, ask: Ask) -> None:
    with gemini.fault(status=503) as armed:
        assert ask().status_code == 503
    assert ask().status_code == 200
    armed.remove()

    gemini.fault(status=503).remove()
    assert ask().status_code == 200

    gemini.fault(status=503)
    gemini.fault(status=429)
    gemini.clear_faults()
    assert ask().status_code == 200


def test_calls_that_are_hit_are_recorded(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=503)
    ask()

    assert [request.model for request in gemini.requests] == [MODEL]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "needs an effect"),
        ({"model": MODEL, "nth": 1}, "needs an effect"),
        ({"message": "no status, no body"}, "needs an effect"),
        ({"status": 42}, "200 to 599"),
        ({"status": 503, "method": "generate_content"}, "generateContent"),
        ({"status": 503, "nth": 0}, "at least 1"),
        ({"status": 503, "times": 0}, "at least 1"),
        ({"quota": "year"}, "minute"),
        ({"cut_after": 1, "end_after": 1}, "ends once"),
        ({"cut_after": 1, "limit_after": 1}, "ends once"),
        ({"delay": -1}, "delay"),
        ({"cut_after": -1}, "cut_after"),
    ],
    ids=str,
)
def test_a_fault_that_makes_no_sense_is_refused(
    gemini: Emulator, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        gemini.fault(**fields)


def test_a_fault_is_a_value() -> None:
    assert Fault(status=503) == Fault(status=503)
    with pytest.raises(AttributeError):
        Fault(status=503).status = 500  # type: ignore[misc]
