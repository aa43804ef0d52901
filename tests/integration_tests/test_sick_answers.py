"""Answers that look like success to langchain-google-genai, on real sockets, and what guards say.

The faults' numbers are those of the fault matrix.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs.chat_generation import merge_chat_generation_chunks
from pydantic import ValidationError

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.failures import Failure, Reason, classify
from langchain_tuned_gemini.guards import (
    FinishReason,
    NonEmpty,
    Refusal,
    answer_of,
    as_error,
    check,
    is_cut_off,
)
from tests.conftest import Deployed

TEXT = "Dogs sleep for twelve hours a day."
GUARDS = (NonEmpty(), FinishReason())
QUESTION = [HumanMessage("How long do dogs sleep?")]

Ask = Callable[[ChatTunedGemini], AIMessage]


@pytest.fixture
def deployed(platform: str) -> Iterator[Deployed]:
    with Emulator() as gemini:
        yield Deployed.add(gemini, platform, [(QUESTION[0].text, TEXT)], model_id="dog-expert")


@pytest.fixture
def tuned(deployed: Deployed) -> ChatTunedGemini:
    return deployed.chat(timeout=5)


def invoke(model: ChatTunedGemini) -> AIMessage:
    return model.invoke(QUESTION)


def ainvoke(model: ChatTunedGemini) -> AIMessage:
    return asyncio.run(model.ainvoke(QUESTION))


def stream(model: ChatTunedGemini) -> AIMessage:
    return sum_of(list(model.stream(QUESTION)))


def astream(model: ChatTunedGemini) -> AIMessage:
    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream(QUESTION)]

    return sum_of(asyncio.run(collect()))


def generate(model: ChatTunedGemini) -> AIMessage:
    """Below `invoke`, where a wrapper calls it: `answer_of` brings the metadata together."""
    result = model._generate(QUESTION)
    return answer_of(result.generations[0], result.llm_output)


def generate_stream(model: ChatTunedGemini) -> AIMessage:
    total = merge_chat_generation_chunks(list(model._stream(QUESTION)))
    assert total is not None
    return answer_of(total)


def sum_of(chunks: list[Any]) -> Any:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


WHOLE = [invoke, ainvoke, generate]
STREAMED = [stream, astream, generate_stream]
every_way = pytest.mark.parametrize("ask", [*WHOLE, *STREAMED])


def bad(why: str, guard: str = "FinishReason") -> Refusal:
    return Refusal(why, Reason.BAD_OUTPUT, guard)


def blocked(why: str) -> Refusal:
    return Refusal(why, Reason.BLOCKED, "FinishReason")


EMPTY = bad("it is empty", "NonEmpty")
BROKEN_OFF = bad("it has no finish reason, so it broke off")
MALFORMED = "MALFORMED_FUNCTION_CALL"

EVERY_WAY = {
    "0 nothing wrong": ({"headers": {"x-test": "1"}}, None),
    "19 no candidates": ({"no_candidates": True}, EMPTY),
    "19 empty candidates": ({"body": {"candidates": []}}, EMPTY),
    "18 null": ({"body": b"null"}, EMPTY),
    "18 an array": ({"body": []}, EMPTY),
    "20 blocked prompt": ({"blocked": True}, blocked("the prompt was blocked: SAFETY")),
    "25 MAX_TOKENS with text": ({"finish_reason": "MAX_TOKENS"}, None),
    "25 MAX_TOKENS without text": ({"finish_reason": "MAX_TOKENS", "empty": True}, EMPTY),
    "24 OTHER": ({"finish_reason": "OTHER"}, bad("it ended with OTHER")),
    "24 no finish reason": ({"finish_reason": "FINISH_REASON_UNSPECIFIED"}, BROKEN_OFF),
    "24 LANGUAGE": ({"finish_reason": "LANGUAGE"}, bad("it ended with LANGUAGE")),
    "26 a new finish reason": ({"finish_reason": "SUNSPOTS"}, None),
    "27 STOP without text": ({"empty": True}, EMPTY),
    "32 unknown fields": (
        {
            "body": {
                "mood": "sunny",
                "candidates": [
                    {"content": {"parts": [{"text": TEXT}]}, "finishReason": "STOP", "luck": 7}
                ],
            }
        },
        None,
    ),
    **{
        f"21 {word}": ({"finish_reason": word}, blocked(f"the answer was withheld: {word}"))
        for word in ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY")
    },
}
WITHHELD_TEXT = {
    "22 RECITATION": ({"finish_reason": "RECITATION"}, bad("it ended with RECITATION")),
    "23 MALFORMED_FUNCTION_CALL": ({"finish_reason": MALFORMED}, bad(f"it ended with {MALFORMED}")),
}
OF_WHOLE_ANSWERS = {
    **{key: (fault, EMPTY) for key, (fault, _) in WITHHELD_TEXT.items()},
    "17 an error that has no code": ({"body": {"error": {"status": "UNAVAILABLE"}}}, EMPTY),
    "17 an error in one word": ({"body": {"error": "busy"}}, EMPTY),
    "18 an empty body": ({"body": b""}, EMPTY),
}
OF_STREAMS = {
    **WITHHELD_TEXT,
    "44 ends after 2 chunks": ({"end_after": 2}, BROKEN_OFF),
    "44 ends after 1 chunk": ({"end_after": 1}, BROKEN_OFF),
}

# What guards never see, since no message comes of it: it is raised, and `classify` knows it.
RAISED = {
    "28 malformed JSON": ({"malformed": True}, [*WHOLE, *STREAMED]),
    "28 HTML": ({"body": "<html>"}, [*WHOLE, *STREAMED]),
    "29 a truncated body": ({"cut_after": 0}, [*WHOLE, *STREAMED]),
    "30 bad gzip": (
        {"body": b"no gzip", "headers": {"content-encoding": "gzip"}},
        [*WHOLE, *STREAMED],
    ),
    "42 cut after 2 chunks": ({"cut_after": 2}, STREAMED),
    "43 an error in the stream": ({"error_after": 2}, STREAMED),
    "46 broken JSON in a chunk": ({"malformed": True}, STREAMED),
    "17 an error as the body": ({"body": {"error": {"code": 503}}}, [*WHOLE, *STREAMED]),
    "17 an error that has no code": ({"body": {"error": {"status": "UNAVAILABLE"}}}, STREAMED),
    "17 an error in one word": ({"body": {"error": "busy"}}, STREAMED),
}


def rows(table: dict[str, Any]) -> Any:
    return pytest.mark.parametrize(
        ("fault", "verdict"), table.values(), ids=[key.replace(" ", "-") for key in table]
    )


def judged(deployed: Deployed, tuned: ChatTunedGemini, ask: Ask, fault: dict[str, Any]) -> Any:
    with deployed.emulator.fault(model=deployed.name, **fault):
        return check(GUARDS, ask(tuned))


@every_way
@rows(EVERY_WAY)
@pytest.mark.filterwarnings("ignore:SUNSPOTS is not a valid FinishReason")  # google-genai's own
def test_a_sick_answer_is_recognised_every_way(
    ask: Ask, fault: Any, verdict: Any, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    assert judged(deployed, tuned, ask, fault) == verdict


@pytest.mark.parametrize("ask", WHOLE)
@rows(OF_WHOLE_ANSWERS)
def test_a_sick_answer_in_one_piece_is_recognised(
    ask: Ask, fault: Any, verdict: Any, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    assert judged(deployed, tuned, ask, fault) == verdict


@pytest.mark.parametrize("ask", STREAMED)
@rows(OF_STREAMS)
def test_a_sick_stream_is_recognised(
    ask: Ask, fault: Any, verdict: Any, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    assert judged(deployed, tuned, ask, fault) == verdict


@every_way
def test_an_answer_of_wrong_types_is_none(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    """google-genai makes an empty one of it, or on Vertex AI raises pydantic's own error."""
    with deployed.emulator.fault(model=deployed.name, body={"candidates": "dogs"}):
        if deployed.platform == "developer":
            assert check(GUARDS, ask(tuned)) == EMPTY
            return
        with pytest.raises(ValidationError) as raised:
            ask(tuned)

    assert classify(raised.value) == Failure(Reason.BAD_OUTPUT)


@every_way
def test_a_text_that_was_cut_off_can_be_told_apart(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    with deployed.emulator.fault(model=deployed.name, finish_reason="MAX_TOKENS"):
        answer = ask(tuned)

    assert is_cut_off(answer)
    assert not is_cut_off(ask(tuned))
    assert check([FinishReason(allow_max_tokens=False)], answer) == bad(
        "it was cut off at the token limit"
    )


@every_way
def test_the_error_of_a_blocked_answer_says_what_google_says(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    with deployed.emulator.fault(model=deployed.name, finish_reason="SAFETY"):
        answer = ask(tuned)
    refusal = check(GUARDS, answer)
    assert refusal is not None

    error: Any = as_error(refusal, answer, name=deployed.name)

    assert error.block_reason == "SAFETY"
    if deployed.platform == "developer":  # on Vertex AI the emulator sends none
        assert "HARM_CATEGORY_HARASSMENT" in error.ratings
    assert "Dogs sleep" not in f"{error!s}{error!r}"


@pytest.mark.parametrize(
    ("fault", "ask"),
    [(fault, ask) for fault, ways in RAISED.values() for ask in ways],
    ids=[
        f"{key}-{ask.__name__}".replace(" ", "-")
        for key, (_, ways) in RAISED.items()
        for ask in ways
    ],
)
def test_what_is_no_answer_at_all_is_raised(
    fault: Any, ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    with deployed.emulator.fault(model=deployed.name, **fault), pytest.raises(Exception) as caught:
        ask(tuned)

    assert classify(caught.value) is not None


SOUND = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": TEXT}, {"functionCall": {"name": "f", "args": {"x": 1}}}],
            },
            "finishReason": "STOP",
            "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}],
            "citationMetadata": {"citationSources": [{"startIndex": 1}]},
        }
    ],
    "promptFeedback": {"safetyRatings": []},
    "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2},
    "modelVersion": "x",
}


def spoilt(part: Any) -> Iterator[Any]:
    """The same with one thing in it that is of another type, or missing."""
    yield from (7, "x", [], [7], {}, None)
    if isinstance(part, dict):
        for key, value in part.items():
            yield {other: part[other] for other in part if other != key}
            yield from ({**part, key: worse} for worse in spoilt(value))
    if isinstance(part, list):
        for n, value in enumerate(part):
            yield from ([*part[:n], worse, *part[n + 1 :]] for worse in spoilt(value))


@pytest.mark.parametrize("ask", [invoke, stream])
@pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason")
@pytest.mark.filterwarnings("ignore:.* is not a valid Harm")
def test_whatever_is_wrong_with_an_answer_it_is_taken_for_one_or_its_failure_has_a_meaning(
    ask: Ask, deployed: Deployed, tuned: ChatTunedGemini
) -> None:
    """An error without a meaning would reach the caller, although another model could answer."""
    meanings: list[Any] = []
    for body in spoilt(SOUND):
        with deployed.emulator.fault(model=deployed.name, body=json.dumps(body).encode()):
            try:
                ask(tuned)
            except Exception as error:  # noqa: BLE001  # which ones there are is the question
                meanings.append((classify(error), body))

    assert len(meanings) > 50
    assert [(told, body) for told, body in meanings if told != Failure(Reason.BAD_OUTPUT)] == []
