"""What a test lets models answer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from langchain_tuned_gemini.emulator import Emulator, FunctionCall, ModelAnswer
from tests.integration_tests.emulator.model.conftest import Service, model, user

OSLO = FunctionCall("weather", {"city": "Oslo"})
TOOLS = [{"functionDeclarations": [{"name": "weather"}]}]


def test_one_answer_is_given_to_every_call_until_the_script_ends(service: Service) -> None:
    with service.gemini.script("It rains.") as script:
        texts = {service.text("Hi", model=who) for who in (service.old, service.tuned) * 2}

    assert texts == {"It rains."}
    assert (script.calls, script.hits) == (4, 4)
    assert service.text("List all dogs", model=service.tuned) == "SELECT * FROM dogs"


def test_several_answers_are_given_once_each_in_their_order(service: Service) -> None:
    script = service.gemini.script("one", "two")

    texts = [service.text("List all dogs", model=service.tuned) for _ in range(3)]

    assert texts == ["one", "two", "SELECT * FROM dogs"]
    assert (script.calls, script.hits) == (3, 2)


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"times": 3}, ["one", "two", "one", "own"]),
        ({"times": 1}, ["one", "own", "own", "own"]),
        ({"nth": 2}, ["own", "one", "two", "own"]),
        ({"nth": 4}, ["own", "own", "own", "one"]),
    ],
)
def test_nth_and_times_say_which_calls(
    service: Service, settings: dict[str, int], texts: list[str]
) -> None:
    service.gemini.script("own")
    service.gemini.script("one", "two", **settings)

    assert [service.text("Hi", model=service.old) for _ in texts] == texts


def test_a_script_is_for_one_model(service: Service) -> None:
    service.gemini.script("tuned", model=service.tuned)
    service.gemini.script("base", model="gemini-2.5-flash")

    assert service.text("Hi", model=service.tuned) == "tuned"
    assert service.text("Hi", model=service.old) == "base"
    assert "no examples" in service.text("Hi", model=service.new)


@pytest.mark.parametrize("when", ["RAIN", re.compile(r"rain(s|ed)\b")])
def test_a_script_is_for_a_last_message(service: Service, when: str | re.Pattern[str]) -> None:
    script = service.gemini.script("Take an umbrella.", when=when)
    called = model({"functionCall": {"name": "weather", "args": {}}})
    told = {"functionResponse": {"name": "weather", "response": {"output": "It rains."}}}

    asked = service.text("It rained.", model=service.old)
    informed = service.text("Hm?", called, user(told), model=service.old)
    service.text("It rained.", model({"text": "Yes"}), "And now?", model=service.old)

    assert asked == informed == "Take an umbrella."
    assert script.calls == 2


def test_of_two_scripts_the_last_one_answers(service: Service) -> None:
    service.gemini.script("first")
    with service.gemini.script("second"):
        assert service.text("Hi", model=service.old) == "second"

    assert service.text("Hi", model=service.old) == "first"
    service.gemini.clear_scripts()
    assert "no examples" in service.text("Hi", model=service.old)


def test_an_agent_is_scripted_turn_by_turn(service: Service) -> None:
    service.gemini.script([OSLO, FunctionCall("weather", {"city": "Rome"})], OSLO, "Done.")

    first = service.calls("Hi", model=service.tuned, tools=TOOLS)
    second = service.calls("Hi", model=service.old)

    assert first == [("weather", {"city": "Oslo"}), ("weather", {"city": "Rome"})]
    assert second == [("weather", {"city": "Oslo"})]
    assert service.text("Hi", model=service.tuned) == "Done."


def test_a_dict_is_json(service: Service) -> None:
    service.gemini.script({"city": "Malmö", "rain": True})

    text = service.text("Hi", model=service.old)

    assert json.loads(text) == {"city": "Malmö", "rain": True}
    assert "Malmö" in text


def test_an_answer_says_the_rest(service: Service) -> None:
    full = ModelAnswer(
        text="Well, I must",
        calls=[FunctionCall("weather", id="my-id")],
        thoughts="Let me see.",
        finish_reason="MAX_TOKENS",
        prompt_tokens=5000,
        answer_tokens=7,
        thought_tokens=90,
        cached_tokens=4096,
    )
    service.gemini.script(full)

    answer = service.answer("Hi", model=service.old)

    (candidate,) = answer["candidates"]
    assert candidate["content"]["parts"] == [
        {"text": "Let me see.", "thought": True},
        {"text": "Well, I must"},
        {"functionCall": {"name": "weather", "args": {}, "id": "my-id"}},
    ]
    assert candidate["finishReason"] == "MAX_TOKENS"
    usage = answer["usageMetadata"]
    assert usage["promptTokenCount"] == 5000
    assert usage["cachedContentTokenCount"] == 4096
    assert usage["candidatesTokenCount"] == 7
    assert usage["thoughtsTokenCount"] == 90
    assert usage["totalTokenCount"] == 5097


def test_an_answer_that_is_withheld_has_no_content(service: Service) -> None:
    service.gemini.script(ModelAnswer(finish_reason="SAFETY"))

    (candidate,) = service.answer("Hi", model=service.old)["candidates"]
    (chunk,) = service.chunks("Hi", model=service.old)

    assert "content" not in candidate
    assert candidate["finishReason"] == "SAFETY"
    assert chunk["candidates"][0] == candidate


def test_a_scripted_text_is_streamed_by_words(service: Service) -> None:
    service.gemini.script(ModelAnswer(text="It rains now.", calls=[OSLO], thoughts="Hm."))

    chunks = service.chunks("Hi", model=service.old)

    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    assert [part.get("text") for part in parts] == ["Hm.", "It ", "rains ", "now.", None]
    assert parts[-1]["functionCall"]["name"] == "weather"


def test_limits_of_the_request_hold_for_scripts(service: Service) -> None:
    service.gemini.script("It rains in Oslo.")

    def finish(**config: Any) -> tuple[str, str]:
        answer = service.answer("Hi", model=service.old, generationConfig=config)
        (candidate,) = answer["candidates"]
        return candidate["content"]["parts"][0]["text"], candidate["finishReason"]

    assert finish(stopSequences=[" in"]) == ("It rains", "STOP")
    assert finish(maxOutputTokens=1) == ("It r", "MAX_TOKENS")


def test_what_is_cut_calls_nothing_and_keeps_its_own_end(service: Service) -> None:
    limit = {"generationConfig": {"maxOutputTokens": 1}}
    service.gemini.script(ModelAnswer(text="It rains.", calls=[OSLO], finish_reason="OTHER"))

    (candidate,) = service.answer("Hi", model=service.old, **limit)["candidates"]

    assert candidate["content"]["parts"] == [{"text": "It r"}]
    assert candidate["finishReason"] == "OTHER"


def test_a_call_that_a_fault_answers_is_not_counted(service: Service) -> None:
    script = service.gemini.script("one", "two")

    with service.gemini.fault(status=503):
        failed = service.post("Hi", model=service.tuned)

    assert failed.status_code == 503
    assert service.text("Hi", model=service.old) == "one"
    assert (script.calls, script.hits) == (1, 1)


def test_a_fault_spoils_what_is_scripted(service: Service) -> None:
    service.gemini.script(ModelAnswer(text="one two three", calls=[OSLO]))

    with service.gemini.fault(limit_after=2):
        (candidate,) = service.answer("Hi", model=service.old)["candidates"]

    assert candidate["content"]["parts"] == [{"text": "one two "}]
    assert candidate["finishReason"] == "MAX_TOKENS"


@pytest.mark.parametrize("bad", [7, ["one", "two"], [], None])
def test_what_is_no_answer_is_refused_at_once(gemini: Emulator, bad: Any) -> None:
    with pytest.raises(TypeError, match="one after another"):
        gemini.script(bad)


@pytest.mark.parametrize("settings", [{"nth": 0}, {"times": 0}])
def test_a_script_that_is_never_due_is_refused_at_once(
    gemini: Emulator, settings: dict[str, int]
) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        gemini.script("Hi", **settings)


def test_a_script_without_an_answer_is_refused_at_once(gemini: Emulator) -> None:
    with pytest.raises(ValueError, match="needs an answer"):
        gemini.script()
