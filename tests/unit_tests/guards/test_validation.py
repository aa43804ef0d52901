"""What becomes of verdicts: the first refusal counts, a crash is the guard's own, nothing leaks."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel

from langchain_tuned_gemini.errors import (
    AnswerRefusedError,
    ContentBlockedError,
    GuardCrashedError,
    ParameterError,
)
from langchain_tuned_gemini.failures import Reason, classify
from langchain_tuned_gemini.guards import (
    FinishReason,
    MatchesRegex,
    NonEmpty,
    OneOf,
    Refusal,
    ValidJSON,
    ValidSQL,
    answer_of,
    as_error,
    as_guards,
    check,
)

GEMINI = {"model_provider": "google_genai"}
WITHHELD = AIMessage("something awful", response_metadata={**GEMINI, "finish_reason": "SAFETY"})
BLOCKED_PROMPT = AIMessage("", response_metadata={"prompt_feedback": {"block_reason": "SAFETY"}})


class Dogs(BaseModel):
    dogs: int


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (None, None),
        (True, None),
        (False, "the guard does not say why"),
        ("", "the guard does not say why"),
        ("too rude", "too rude"),
        (Refusal("too rude"), "too rude"),
    ],
)
def test_a_guard_is_anything_that_returns_a_verdict(verdict: Any, why: str | None) -> None:
    def is_polite(message: AIMessage) -> Any:
        return verdict

    refusal = check([is_polite], AIMessage("42"))

    assert (refusal and refusal.why) == why
    assert refusal is None or refusal.guard == "is_polite"


def test_the_first_refusal_counts_and_ends_the_asking() -> None:
    asked = []

    def says_no(message: AIMessage) -> str:
        asked.append("no")
        return "no"

    def is_not_asked(message: AIMessage) -> None:
        asked.append("never")

    assert check([NonEmpty(), says_no, is_not_asked], AIMessage("42")) == Refusal(
        "no", guard="says_no"
    )
    assert asked == ["no"]


@pytest.mark.parametrize(
    "guards", [[], [NonEmpty()], [OneOf(["yes"])], [NonEmpty(), FinishReason()]]
)
@pytest.mark.parametrize("message", [WITHHELD, BLOCKED_PROMPT])
def test_a_blocked_answer_is_never_taken_for_an_empty_one(guards: Any, message: AIMessage) -> None:
    refusal = check(guards, message)

    assert refusal is not None
    assert refusal.reason is Reason.BLOCKED


async def says_yes_later(message: AIMessage) -> bool:
    return True


class LaterGuard:
    async def __call__(self, message: AIMessage) -> bool:
        return True


@pytest.mark.parametrize(
    ("guard", "advice"),
    [
        (says_yes_later, "is async"),
        (LaterGuard(), "is async"),
        (functools.partial(says_yes_later), "is async"),
        (NonEmpty, "is no guard"),
        ("yes", "is no guard"),
    ],
)
def test_what_can_not_judge_at_once_is_refused_when_the_model_is_built(
    guard: Any, advice: str
) -> None:
    with pytest.raises(ParameterError, match=advice):
        as_guards([guard])


def test_a_guard_that_crashes_is_its_own_failure_and_never_the_models() -> None:
    class JudgeDownError(ConnectionError):
        pass

    def asks_a_judge(message: AIMessage) -> bool:
        raise JudgeDownError("my secret answer")

    with pytest.raises(GuardCrashedError, match="asks_a_judge raised JudgeDownError") as caught:
        check(as_guards([asks_a_judge]), AIMessage("42"))

    assert isinstance(caught.value.__cause__, JudgeDownError)
    assert "secret" not in str(caught.value)
    assert classify(caught.value) is None


def test_a_guard_that_calls_gemini_and_fails_is_still_not_the_model() -> None:
    from google.genai.errors import ServerError

    def asks_gemini(message: AIMessage) -> bool:
        raise ServerError(503, {"error": {"code": 503, "message": "overloaded"}})

    with pytest.raises(GuardCrashedError) as caught:
        check([asks_gemini], AIMessage("42"))

    assert classify(caught.value) is None


@pytest.mark.parametrize("verdict", [42, b"yes", says_yes_later])
def test_what_is_no_verdict_is_a_crash(verdict: Any) -> None:
    def judge(message: AIMessage) -> Any:
        return verdict(message) if callable(verdict) else verdict

    with pytest.raises(GuardCrashedError, match="TypeError"):
        check([judge], AIMessage("42"))


def test_an_interrupt_of_langgraph_passes_through_a_guard() -> None:
    def asks_a_human(message: AIMessage) -> bool:
        raise GraphInterrupt

    with pytest.raises(GraphInterrupt):
        check([asks_a_human], AIMessage("42"))


@given(st.text(min_size=90))
@example("x" * 10_000)
@example("\x1b[31m" * 50)
@example('{"' + "k" * 500 + '": 1}')
def test_a_refusal_never_repeats_the_answer(text: str) -> None:
    guards = [
        OneOf(["yes"]),
        MatchesRegex("yes"),
        ValidJSON({"maxProperties": 0, "type": "object"}),
        ValidJSON(Dogs),
        ValidSQL("sqlite"),
    ]
    for guard in guards:
        refusal = guard(AIMessage(text))
        if refusal is not None:
            assert len(refusal.why) < 200
            assert refusal.why.isprintable()


def test_a_refusal_becomes_an_error_of_its_kind() -> None:
    bad, blocked = AIMessage("x" * 500), WITHHELD.model_copy(deep=True)
    blocked.response_metadata["safety_ratings"] = [
        {"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"}
    ]

    refused = as_error(Refusal("too long", guard="is_short"), bad, name="tunedModels/x")
    withheld = as_error(check([], blocked), blocked, name="tunedModels/x")  # type: ignore[arg-type]

    assert isinstance(refused, AnswerRefusedError)
    assert (refused.name, refused.guard, refused.why) == ("tunedModels/x", "is_short", "too long")
    assert refused.answer is bad
    assert "xxx" not in str(refused)
    assert isinstance(withheld, ContentBlockedError)
    assert withheld.block_reason == "SAFETY"
    assert withheld.ratings == {"HARM_CATEGORY_HARASSMENT": "HIGH"}
    assert "awful" not in str(withheld)


def test_what_the_provider_says_below_invoke_is_brought_together() -> None:
    generation = ChatGeneration(
        message=AIMessage("42", response_metadata=GEMINI),
        generation_info={"finish_reason": "STOP"},
    )

    answer = answer_of(generation, {"prompt_feedback": {"block_reason": "SAFETY"}})

    assert answer.response_metadata["finish_reason"] == "STOP"
    assert answer.response_metadata["prompt_feedback"] == {"block_reason": "SAFETY"}
    assert generation.message.response_metadata == GEMINI


def test_the_sum_of_a_streams_chunks_is_judged_like_an_answer() -> None:
    chunks = [
        AIMessageChunk(content="4", response_metadata=GEMINI),
        AIMessageChunk(content="2", response_metadata={**GEMINI, "finish_reason": "STOP"}),
    ]

    assert check([FinishReason()], chunks[0] + chunks[1]) is None
    assert check([FinishReason()], chunks[0]) is not None


@pytest.mark.parametrize(
    "guard",
    [
        NonEmpty(),
        FinishReason(allow_max_tokens=False),
        OneOf(["yes"]),
        MatchesRegex("yes"),
        ValidJSON(Dogs),
        ValidJSON({"type": "object"}),
        ValidSQL("sqlite"),
    ],
)
def test_a_guard_travels_to_another_process(guard: Any) -> None:
    assert pickle.loads(pickle.dumps(guard)) == guard
