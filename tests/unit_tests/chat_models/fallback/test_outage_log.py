"""An outage is two warnings, however many calls it touches."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from langchain_tuned_gemini import FallbackChatModel
from langchain_tuned_gemini.chat_models.fallback.outage_log import OutageLog, outage_log
from langchain_tuned_gemini.testing import ScriptedChatModel

WARNING, INFO = logging.WARNING, logging.INFO


class Story:
    """An outage log, on a clock of its own."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(INFO, "langchain_tuned_gemini")
        self._caplog = caplog
        self.now = 0.0
        self.log = OutageLog(lambda: self.now)

    def fails(self, times: int = 1, *, every: float = 1.0, final: bool = False) -> list[int]:
        """The levels of what is logged while another model answers so many calls."""
        self._caplog.clear()
        for _ in range(times):
            self.log.another_answered("base answered instead", WARNING, is_final=final)
            self.now += every
        return [record.levelno for record in self._caplog.records]

    def answers(self, took: float = 0.1) -> list[int]:
        """The levels of what is logged when the first model answers."""
        self._caplog.clear()
        self.now += 0.1
        self.log.first_answered("tuned", took)
        return [record.levelno for record in self._caplog.records]

    def told(self, level: int) -> str:
        """The only line of a level."""
        (record,) = [one for one in self._caplog.records if one.levelno == level]
        return record.getMessage()

    @property
    def last(self) -> str:
        return self._caplog.records[-1].getMessage()


@pytest.fixture
def story(caplog: pytest.LogCaptureFixture) -> Story:
    return Story(caplog)


def test_a_hundred_calls_are_two_warnings_and_counts_between_them(story: Story) -> None:
    assert story.fails(100) == [WARNING, *[INFO] * 6]
    assert story.last == "base answered instead: 64 calls in 63 s."

    assert story.answers() == [WARNING]
    assert story.last == "tuned answers again. Others have answered 100 calls in 100 s."
    assert story.answers() == []


def test_a_model_that_is_gone_for_ever_is_told_once_an_hour(story: Story) -> None:
    levels = story.fails(24 * 60, every=60.0, final=True)

    assert levels.count(WARNING) == 24


def test_one_that_was_down_and_is_gone_now_is_told_at_once(story: Story) -> None:
    story.fails(2)

    assert story.fails(2, final=True) == [WARNING, INFO]


def test_of_outages_in_one_minute_two_are_warnings(story: Story) -> None:
    levels = [[*story.fails(every=2.0), *story.answers()] for _ in range(5)]

    assert levels == [[WARNING, WARNING]] * 2 + [[INFO, INFO]] * 3


def test_a_third_outage_that_lasts_is_a_warning_after_the_minute(story: Story) -> None:
    for _ in range(2):
        story.fails()
        story.answers()

    levels = story.fails(90)

    assert levels.count(WARNING) == 1
    assert "calls in 58 s" in story.told(WARNING)
    assert story.answers() == [WARNING]


def test_an_answer_to_a_question_from_before_the_outage_does_not_end_it(story: Story) -> None:
    story.now = 10.0
    story.fails(3)

    assert story.answers(took=5.0) == []
    assert story.log.current is not None
    assert story.answers(took=0.5) == [WARNING]


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    return [(r.levelno, r.getMessage()) for r in caplog.records]


def fallback(*answers: Any) -> FallbackChatModel:
    tuned = ScriptedChatModel(name="tuned", answers=answers)
    base = ScriptedChatModel(name="base", answers=["from the base"] * 200)
    return FallbackChatModel(models=[tuned, base], circuit_breaker=False, retry_budget=False)


def test_calls_of_a_fallback_tell_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    model = fallback(*[TimeoutError()] * 100, "back", "well")

    for _ in range(102):
        model.invoke("Hi")

    begun, ended = told(caplog)
    assert begun == (
        WARNING,
        "tuned could not answer: timeout (TimeoutError). base answered instead.",
    )
    assert ended[0] == WARNING
    assert ended[1].startswith("tuned answers again. Others have answered 100 calls in ")


def test_models_with_the_same_circuit_tell_of_one_outage() -> None:
    ours = outage_log("tunedModels/x#1")

    assert outage_log("tunedModels/x#1") is ours
    assert outage_log("tunedModels/y#1") is not ours
