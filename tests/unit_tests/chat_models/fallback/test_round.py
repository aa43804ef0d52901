"""Of two models that were asked, one answers: the first to have something to say."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from langchain_tuned_gemini import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.attempt import Attempt, LostRaceError
from langchain_tuned_gemini.chat_models.fallback.candidate import ModelCandidate
from langchain_tuned_gemini.chat_models.fallback.hedge_policy import HedgePolicy
from langchain_tuned_gemini.chat_models.fallback.held_stream import Limits
from langchain_tuned_gemini.chat_models.fallback.round import Hedge, Round
from langchain_tuned_gemini.telemetry import Request
from langchain_tuned_gemini.testing import ScriptedChatModel

LIMITS = Limits(
    first_token_timeout=None,
    stall_timeout=None,
    total_timeout=None,
    commit="first_token",
    on_broken_stream="raise",
    guards=(),
    on_blocked="raise",
)


class Late(ScriptedChatModel):
    """Answers when it is told to, as a model that can't be interrupted would."""

    go_on: Any
    """The event that it waits for."""

    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        assert self.go_on.wait(10.0)
        return super()._generate(*args, **kwargs)


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    go_on, told = threading.Event(), []
    late = Late(name="late", answers=["too late"], go_on=go_on)
    quick = ScriptedChatModel(name="quick", answers=["in time"])
    model = FallbackChatModel(
        models=[late, quick], hedge_after=0.01, on_fallback=told.append, guards=[lambda _: True]
    )
    assert model._hedge_policy is not None
    for _ in range(20):
        model._hedge_policy.count_call()

    answer = model.invoke("Hi")
    before = dict(answer.response_metadata["tuned_gemini"])
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "tuned-gemini-helper":
            thread.join(10.0)

    assert answer.text == "in time"
    assert answer.response_metadata["tuned_gemini"] == before
    assert told == [before]
    assert model.circuit is not None
    assert model.circuit.view().outcomes == 0


def test_only_one_of_two_that_answer_at_the_same_moment_is_let_through() -> None:
    def begin(candidate: ModelCandidate, round_: Round) -> Attempt:
        return Attempt(
            candidate,
            permit=None,
            trace=None,
            request=Request(),
            is_streamed=False,
            interrupted=None,
            claim=round_.claim,
            provenance=lambda *_: {},
        )

    first, other = (
        ModelCandidate(model, model.name, "tuned", LIMITS, None, None)
        for model in (ScriptedChatModel(answers=["x"]), ScriptedChatModel(answers=["y"]))
    )
    policy = HedgePolicy(1.0)
    for _ in range(20):
        policy.count_call()
    round_ = Round(begin, Hedge(policy, other, is_streamed=False))
    round_.attempts.append(begin(first, round_))
    hedge = round_.begin_hedge()
    assert hedge is not None

    round_.claim(hedge)
    with pytest.raises(LostRaceError):
        round_.claim(round_.attempts[0])
    round_.claim(hedge)

    assert round_.winner is hedge
    assert round_.end() == [round_.attempts[0]]
