"""Faults of streams and of what is in an answer, on a real socket."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

Ask = Callable[..., httpx.Response]
Raw = Callable[..., bytes]

MODEL = "tunedModels/sql-expert-v1"
SSE = "streamGenerateContent?alt=sse"
ANSWER = "SELECT COUNT(*) FROM users"


def chunks(received: bytes) -> list[bytes]:
    """The chunks of a chunked answer; raises where the last one is missing."""
    body = received.split(b"\r\n\r\n", 1)[1]
    found: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return found
        found.append(body[:length])
        body = body[length + 2 :]


def texts(received: bytes) -> list[str]:
    """The texts of the events of a stream."""
    messages = [json.loads(chunk.removeprefix(b"data: ")) for chunk in chunks(received)]
    return [m["candidates"][0]["content"]["parts"][0]["text"] for m in messages]


def test_a_stream_that_is_cut_has_its_first_chunks_and_no_end(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(cut_after=2)

    received = raw(SSE)

    with pytest.raises(ValueError, match="invalid literal"):
        chunks(received)
    assert texts(received + b"0\r\n\r\n") == ["SELECT ", "COUNT(*) "]


def test_a_stream_can_be_cut_after_its_headers(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(cut_after=0)

    received = raw(SSE)

    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b"\r\n\r\n")


def test_a_cut_may_be_a_reset(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(cut_after=1, reset=True)

    with pytest.raises(ConnectionResetError):
        raw(SSE)


def test_an_answer_that_is_no_stream_is_cut_in_its_body(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(cut_after=1)

    head, _, body = raw().partition(b"\r\n\r\n")

    (length,) = (line for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    assert 0 < len(body) < int(length.partition(b":")[2])


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_stream_that_ends_early_ends_properly_without_a_reason(
    gemini: Emulator, raw: Raw, count: int
) -> None:
    gemini.fault(end_after=count)

    received = raw(SSE)

    assert len(texts(received)) == count
    assert b"finishReason" not in received


def test_an_array_that_ends_early_is_an_array(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(end_after=1)
    assert len(ask(verb="streamGenerateContent").json()) == 1
    gemini.fault(end_after=0)
    assert ask(verb="streamGenerateContent").json() == []


def test_an_error_in_a_stream_is_bare_json_after_the_events(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(error_after=1, status=499)

    event, error = chunks(raw(SSE))

    assert event.startswith(b"data: ")
    assert json.loads(error)["error"]["status"] == "CANCELLED"
    assert not error.startswith(b"data:")


def test_an_error_in_an_array_is_its_last_item(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(error_after=1)

    _, error = ask(verb="streamGenerateContent").json()

    assert error["error"]["code"] == 503


def test_an_error_in_a_stream_is_the_answer_where_there_is_no_stream(
    gemini: Emulator, ask: Ask
) -> None:
    gemini.fault(error_after=1)

    assert ask().status_code == 503


def test_a_stall_is_a_pause_between_two_chunks(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(stall_after=2, stall=0.2)

    begun = time.monotonic()
    received = raw(SSE)

    assert time.monotonic() - begun >= 0.2
    assert "".join(texts(received)) == ANSWER


def test_a_stall_lasts_for_ever_unless_told(gemini: Emulator, raw: Raw, api: httpx.Client) -> None:
    gemini.fault(stall_after=1)
    body = {"contents": [{"parts": [{"text": "How many users are there?"}]}]}
    seen: list[bytes] = []

    with (
        pytest.raises(httpx.ReadTimeout),
        api.stream("POST", f"/v1beta/{MODEL}:{SSE}", json=body, timeout=0.3) as response,
    ):
        seen.extend(response.iter_raw())

    assert len(seen) == 1


def test_a_malformed_event_is_framed_well_and_cant_be_parsed(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(malformed=True)

    first, second, *_ = chunks(raw(SSE))

    assert first.startswith(b"data: ")
    assert first.endswith(b"\r\n\r\n")
    with pytest.raises(json.JSONDecodeError):
        json.loads(first.removeprefix(b"data: "))
    assert json.loads(second.removeprefix(b"data: "))


@pytest.mark.parametrize(("count", "broken"), [(0, 0), (2, 2), (99, 3)])
def test_the_malformed_event_may_come_later(
    gemini: Emulator, raw: Raw, count: int, broken: int
) -> None:
    gemini.fault(malformed_after=count)

    received = chunks(raw(SSE))

    assert len(received) == len(ANSWER.split())
    for place, chunk in enumerate(received):
        if place == broken:
            with pytest.raises(json.JSONDecodeError):
                json.loads(chunk.removeprefix(b"data: "))
        else:
            assert json.loads(chunk.removeprefix(b"data: "))


@pytest.mark.parametrize("fault", [{"malformed": True}, {"malformed_after": 2}], ids=str)
def test_a_malformed_answer_is_whole_by_its_length_and_cant_be_parsed(
    gemini: Emulator, ask: Ask, fault: dict[str, Any]
) -> None:
    gemini.fault(**fault)

    response = ask()

    assert response.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        response.json()


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent"])
def test_an_empty_answer_stops_without_a_text(gemini: Emulator, ask: Ask, verb: str) -> None:
    gemini.fault(empty=True)

    body = ask(verb=verb).json()

    (message,) = body if isinstance(body, list) else [body]
    candidate = message["candidates"][0]
    assert candidate["finishReason"] == "STOP"
    assert candidate["content"]["parts"] == [{"text": ""}]


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent"])
def test_an_answer_without_candidates_has_none(gemini: Emulator, ask: Ask, verb: str) -> None:
    gemini.fault(no_candidates=True)

    body = ask(verb=verb).json()

    (message,) = body if isinstance(body, list) else [body]
    assert "candidates" not in message
    assert "promptFeedback" not in message


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent"])
def test_a_blocked_prompt_has_its_reason_and_no_candidate(
    gemini: Emulator, ask: Ask, verb: str
) -> None:
    gemini.fault(blocked=True)

    body = ask(verb=verb).json()

    (message,) = body if isinstance(body, list) else [body]
    assert message["promptFeedback"]["blockReason"] == "SAFETY"
    assert "candidates" not in message


@pytest.mark.parametrize(
    ("reason", "has_text"),
    [("SAFETY", False), ("RECITATION", False), ("MAX_TOKENS", True), ("NEVER_SEEN", True)],
)
def test_a_finish_reason_ends_the_answer_and_may_withhold_it(
    gemini: Emulator, ask: Ask, reason: str, has_text: bool
) -> None:
    gemini.fault(finish_reason=reason)

    candidate = ask().json()["candidates"][0]
    last = ask(verb="streamGenerateContent").json()[-1]["candidates"][0]

    assert candidate["finishReason"] == last["finishReason"] == reason
    assert ("content" in candidate) == ("content" in last) == has_text


@pytest.mark.parametrize(
    ("count", "text"), [(0, ""), (1, "SELECT "), (2, "SELECT COUNT(*) "), (99, ANSWER)]
)
def test_the_token_limit_ends_an_answer_after_so_many_words(
    gemini: Emulator, ask: Ask, raw: Raw, count: int, text: str
) -> None:
    gemini.fault(limit_after=count)

    candidate = ask().json()["candidates"][0]
    received = raw(SSE)

    assert candidate["finishReason"] == "MAX_TOKENS"
    assert candidate["content"]["parts"][0]["text"] == text
    assert "".join(texts(received)) == text
    assert len(texts(received)) == max(1, min(count, len(ANSWER.split())))
    assert received.count(b"MAX_TOKENS") == 1
    assert b"STOP" not in received


def test_an_unspecified_finish_reason_is_left_out(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(finish_reason="FINISH_REASON_UNSPECIFIED")

    candidate = ask().json()["candidates"][0]

    assert "finishReason" not in candidate
    assert candidate["content"]["parts"][0]["text"] == ANSWER


def test_of_a_stream_without_a_chunk_nothing_can_be_broken(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(end_after=0, malformed=True)

    assert chunks(raw(SSE)) == []


def test_effects_combine(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(delay=0.1, empty=True, finish_reason="MAX_TOKENS", cut_after=1, drip=0.0001)

    begun = time.monotonic()
    received = raw(SSE)

    assert time.monotonic() - begun >= 0.1
    assert b"MAX_TOKENS" in b"".join(received.split(b"\r\n1\r\n"))
    assert not received.endswith(b"0\r\n\r\n")
