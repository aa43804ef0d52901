"""What OpenTelemetry is told about calls on real sockets, beside other instrumentations."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import StatusCode

from langchain_tuned_gemini import AllModelsFailedError, ChatTunedGemini, FallbackChatModel
from langchain_tuned_gemini.emulator import Emulator
from tests.conftest import BASE, NEXT_NUMBER, TUNED, Deployed
from tests.otel import OURS, Ask, Recording, every_way

SECRET = "AIza-canary"

Make = Callable[[], FallbackChatModel]


@pytest.fixture
def make(deployed: Deployed) -> Make:
    def robust() -> FallbackChatModel:
        tuned = deployed.chat(api_key=f"{SECRET}-key")
        return tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER)

    return robust


@every_way
def test_an_outage_is_told_as_it_was(
    ask: Ask, make: Make, deployed: Deployed, recorded: Recording
) -> None:
    model = make()

    ask(model, "7")
    with deployed.emulator.fault(model=deployed.name, status=503):
        ask(model, "7")

    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "tuned"}, 1),
        ({"answered_by": "base_fallback", "reason": "overloaded"}, 1),
    ]
    tuned, base = (
        {"model": deployed.name, "role": "tuned"},
        {"model": BASE, "role": "base_fallback"},
    )
    ((_, error_type),) = {
        (told["outcome"], told["error.type"])
        for told, _ in recorded.points("tuned_gemini.attempts")
        if "error.type" in told
    }
    assert recorded.points("tuned_gemini.attempts") == [
        ({**tuned, "outcome": "ok"}, 1),
        ({**tuned, "outcome": "error", "error.type": error_type}, 2),  # one of them a second try
        ({**base, "outcome": "ok"}, 1),
    ]
    assert error_type == "GoogleAPIError"
    assert recorded.points("tuned_gemini.fallback.delay") == [
        ({"model": BASE, "reason": "overloaded"}, 1)
    ]
    assert recorded.states_of("tuned_gemini.readiness.state", deployed.name).get("active", 0) >= 1


@pytest.fixture
def hedged(emulator: Emulator) -> FallbackChatModel:
    """A model that asks its base model, too, after 50 ms."""
    tuned = ChatTunedGemini(model=TUNED, api_key="k", base_url=emulator.base_url)
    tuned.gate.check()
    model = tuned.with_few_shot_fallback(BASE, examples=NEXT_NUMBER, hedge_after=0.05)
    assert model._hedge_policy
    for _ in range(20):  # they pay for the hedge
        model._hedge_policy.count_call()
    return model


@every_way
def test_a_hedge_that_fails_like_the_first_model_has_not_won(
    ask: Ask, hedged: FallbackChatModel, emulator: Emulator, recorded: Recording
) -> None:
    emulator.fault(delay=0.1, status=429)

    with pytest.raises(AllModelsFailedError):
        ask(hedged, "7")

    assert recorded.points("tuned_gemini.hedges") == [({"model": BASE, "won": False}, 1)]
    assert recorded.points("tuned_gemini.requests") == [
        ({"answered_by": "none", "reason": "quota"}, 1)
    ]


@every_way
@pytest.mark.parametrize("slow", [TUNED, BASE])
def test_a_hedge_is_told_with_who_won(
    ask: Ask, slow: str, hedged: FallbackChatModel, emulator: Emulator, recorded: Recording
) -> None:
    has_won = slow == TUNED
    emulator.fault(model=TUNED, delay=5.0 if has_won else 0.2)
    emulator.fault(model=f"models/{BASE}", delay=0.0 if has_won else 5.0)

    ask(hedged, "7")
    emulator.clear_faults()

    quick = BASE if has_won else TUNED
    assert recorded.points("tuned_gemini.hedges") == [({"model": BASE, "won": has_won}, 1)]
    answered_by = (
        {"answered_by": "base_fallback", "reason": "slow"} if has_won else {"answered_by": "tuned"}
    )
    assert recorded.points("tuned_gemini.requests") == [(answered_by, 1)]
    assert [0.05 <= delay < 1.0 for delay in delays(recorded)] == ([True] if has_won else [])
    eventually(lambda: len(recorded.attempts()) == 2)  # a thread may take a moment to end
    told = {told["model"]: told["outcome"] for told, _ in recorded.points("tuned_gemini.attempts")}
    assert told == {slow: "cancelled", quick: "ok"}
    assert {span.status.status_code for span in recorded.attempts()} == {StatusCode.UNSET}


def delays(recorded: Recording) -> list[float]:
    metric = recorded.metrics().get((OURS, "tuned_gemini.fallback.delay"))
    return [point.sum for point in metric.data.data_points] if metric else []


def eventually(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 5.0
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


@every_way
def test_no_key_no_prompt_and_no_text_of_the_server_is_told(
    ask: Ask, make: Make, deployed: Deployed, recorded: Recording
) -> None:
    model = make()
    deployed.emulator.fault(model=deployed.name, status=429, message=f"{SECRET} quota")

    ask(model, f"{SECRET} prompt")

    assert len(recorded.attempts()) == 2
    assert SECRET not in recorded.everything()
    assert not [span for span in recorded.attempts() if span.events]


# Beside the instrumentations of others

GENAI, LANGCHAIN = (
    f"opentelemetry.instrumentation.{name}" for name in ("google_genai", "langchain")
)


@pytest.fixture(scope="module")
def calls() -> list[dict[str, Any]]:
    """What calls in an instrumented application have used and told; half of them in an outage.

    For the first eight, google-genai is instrumented, for the others LangChain, too.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.instrumented"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    assert [call["way"] for call in told] == ["invoke", "ainvoke", "stream", "astream"] * 4
    return told


every_call = pytest.mark.parametrize("n", range(16))


def models_of(n: int) -> list[str]:
    """The models that were asked: in the outage, both."""
    return [TUNED, BASE] if n // 4 % 2 else [TUNED]


@every_call
def test_each_instrumentation_counts_the_tokens_once_and_we_do_not(
    n: int, calls: list[dict[str, Any]]
) -> None:
    used = calls[n]["used"]

    assert used["input"] > 0
    assert sorted(calls[n]["tokens"], key=lambda one: (one["scope"], one["kind"])) == [
        {"scope": scope, "model": models_of(n)[-1], "kind": kind, "sum": used[kind]}
        for scope in ([GENAI] if n < 8 else [GENAI, LANGCHAIN])
        for kind in ("input", "output")
    ]


@every_call
def test_no_span_of_ours_is_taken_for_another_call_of_a_model(
    n: int, calls: list[dict[str, Any]]
) -> None:
    ours = [span for span in calls[n]["spans"] if span["scope"] == OURS]

    assert [span["name"] for span in ours] == [f"attempt {model}" for model in models_of(n)]
    for span in ours:
        assert not [name for name in span["attributes"] if name.startswith("gen_ai")]


@every_call
def test_the_attempts_stand_between_their_callers_and_their_own_calls(
    n: int, calls: list[dict[str, Any]]
) -> None:
    parents = [
        (span["name"], span["parent"])
        for span in calls[n]["spans"]
        if span["scope"] in {OURS, GENAI}
    ]

    assert parents == [
        link
        for model in models_of(n)
        for link in [
            (f"attempt {model}", "caller" if n < 8 else f"execute_task {model}"),
            (f"generate_content {model}", f"attempt {model}"),
        ]
    ]


@pytest.mark.parametrize("n", range(8))
def test_after_a_call_the_caller_is_in_its_own_span_again(
    n: int, calls: list[dict[str, Any]]
) -> None:
    assert calls[n]["is_clean"]
