"""What a server said in an error, about waiting above all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini.failures.server_answer import (
    DAY_QUOTA_WAIT,
    LONGEST_WAIT,
    ServerAnswer,
    headers_of,
    parse_duration,
    parse_retry_after,
)

PAYLOADS = Path(__file__).resolve().parents[4] / "shared" / "facts" / "payloads"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()

MINUTE = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"}
DAY = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota_failure(*violations: dict[str, Any]) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [*violations]}


def answer(
    *details: dict[str, Any], message: str = "", headers: Mapping[str, str] | None = None
) -> ServerAnswer:
    body = {"error": {"code": 429, "message": message, "details": [*details]}}
    return ServerAnswer.read(429, body, httpx.Response(429, headers=headers))


PLEASE = "You exceeded your current quota.\nPlease retry in {}."


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (answer(), None),
        (answer(retry_info("57s")), 57.0),
        (answer({"@type": "Help", "links": []}, retry_info("57.219397761s")), 57.219397761),
        (answer(retry_info("-3s")), 0.0),
        (answer(retry_info("999999999s")), LONGEST_WAIT),
        (answer(retry_info("soon")), None),
        (answer(retry_info(""), headers={"Retry-After": "9"}), 9.0),
        (answer(headers={"Retry-After": "0"}), 0.0),
        (answer(headers={"RETRY-AFTER": "Sun, 01 Mar 2026 12:00:30 GMT"}), 30.0),
        (answer(message=PLEASE.format("57.219397761s")), 57.219397761),
        (answer(message=PLEASE.format("2h47m56.5s")), 10076.5),
        (answer(message=PLEASE.format("822.5ms")), 0.8225),
        (answer(message="Please retry in a moment."), None),
        # The most exact source decides.
        (answer(retry_info("7s"), message=PLEASE.format("99s"), headers={"retry-after": "9"}), 7.0),
        (answer(message=PLEASE.format("99s"), headers={"retry-after": "9"}), 9.0),
        (answer(message=PLEASE.format("99s"), headers={"retry-after": "nan"}), 99.0),
        # No hint of seconds brings the quota of a day back.
        (answer(quota_failure(MINUTE), retry_info("57s")), 57.0),
        (answer(quota_failure(MINUTE)), None),
        (answer(quota_failure(MINUTE, DAY), retry_info("57s")), DAY_QUOTA_WAIT),
        (answer(quota_failure(DAY)), DAY_QUOTA_WAIT),
        (answer(quota_failure(DAY), retry_info("10076s")), 10076.0),
    ],
)
def test_a_server_says_how_long_to_stay_away(said: ServerAnswer, seconds: float | None) -> None:
    assert said.retry_after(NOON) == seconds


@pytest.mark.parametrize(
    ("file", "seconds"),
    [
        ("dev_generateContent_429_QuotaFailure_RetryInfo.json", DAY_QUOTA_WAIT),
        ("dev_generateContent_429_simple.json", None),
        ("dev_generateContent_400_API_KEY_INVALID.json", None),
    ],
)
def test_real_answers_are_read(file: str, seconds: float | None) -> None:
    if not (PAYLOADS / file).exists():
        pytest.skip("the real payloads are not here")
    body = json.loads((PAYLOADS / file).read_text(encoding="utf-8"))

    said = ServerAnswer.read(body["error"]["code"], body, None)

    assert said.retry_after(NOON) == seconds
    assert said.word == body["error"]["status"]
    assert said.reasons == ({"API_KEY_INVALID"} if "API_KEY" in file else set())


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"status": "X", "message": "m", "details": [{"reason": "R"}]}},
        {"status": "X", "message": "m", "details": [{"reason": "R"}]},
        {"error": {"status": "X", "message": "m", "details": [1, None, {"reason": "R"}]}},
    ],
)
def test_a_body_is_read_with_and_without_its_outermost_layer(body: object) -> None:
    said = ServerAnswer.read(400, body, None)

    assert (said.word, said.message, said.reasons) == ("X", "m", {"R"})


@pytest.mark.parametrize("body", [None, "<html>", [], {}, {"error": "busy"}, {"error": {}}])
def test_a_body_that_is_not_google_s_says_nothing(body: object) -> None:
    said = ServerAnswer.read(502, body, None)

    assert said == ServerAnswer(502, word="", message="", details=(), headers={})


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "status", "message", "details", "violations", "quotaId"])
            | st.sampled_from(["retryDelay", "reason"]),
            inner,
        )
    ),
)


@given(body=_JSON, header=st.text(), now=st.floats(0, 1e11))
def test_whatever_a_server_says_its_hint_is_none_or_within_bounds(
    body: object, header: str, now: float
) -> None:
    response = SimpleNamespace(headers={"Retry-After": header})

    said = ServerAnswer.read(429, body, response)

    hint = said.retry_after(now)
    assert hint is None or 0.0 <= hint <= LONGEST_WAIT
    assert isinstance(said.reasons, frozenset)


@given(st.floats(-1e9, 1e9) | st.sampled_from([float("inf"), float("-inf")]), st.floats(0, 1e11))
def test_seconds_in_a_header_are_clamped(seconds: float, now: float) -> None:
    assert parse_retry_after(str(seconds), now) == min(max(seconds, 0.0), LONGEST_WAIT)


@given(st.integers(0, 3_000_000_000), st.integers(-200_000, 200_000))
def test_a_date_in_a_header_is_so_many_seconds_from_now(now: int, ahead: int) -> None:
    date = datetime.fromtimestamp(max(now + ahead, 0), UTC)

    parsed = parse_retry_after(format_datetime(date, usegmt=True), float(now))

    assert parsed == min(max(date.timestamp() - now, 0.0), LONGEST_WAIT)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),  # a zone that is not known
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
        ("Sun, 01 Mar 99999999999999999999 12:00:30 GMT", None),
        ("Sun, 01 Mar 2026 12:00:30 +9999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", LONGEST_WAIT),
        ("nan", None),
        ("inf", LONGEST_WAIT),
        ("-inf", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_header_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    assert parse_retry_after(header, NOON) == seconds


@given(st.text() | st.from_regex(r"-?(\d+(\.\d+)?(ms|h|m|s)){1,4}", fullmatch=True))
def test_a_duration_is_none_or_within_bounds(text: str) -> None:
    seconds = parse_duration(text)

    assert seconds is None or 0.0 <= seconds <= LONGEST_WAIT


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59_999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, millis: int) -> None:
    text = f"{hours}h{minutes}m{millis / 1000}s"

    assert parse_duration(text) == pytest.approx(hours * 3600 + minutes * 60 + millis / 1000)


@pytest.mark.parametrize("text", ["57", "57 s", "s", "1.s", ".5s", "57s!", "+3s", "1d", "--1s"])
def test_what_is_no_duration_says_nothing(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize("response", [None, "x", SimpleNamespace(headers=None)])
def test_a_response_without_headers_has_none(response: object) -> None:
    assert headers_of(response) == {}


def test_waits_are_of_a_length_that_somebody_chose() -> None:
    assert (LONGEST_WAIT, DAY_QUOTA_WAIT) == (86_400.0, 3_600.0)


def test_nothing_that_may_be_a_secret_is_shown() -> None:
    body = {"error": {"status": "AIza", "message": "AIza", "details": [{"detail": "AIza"}]}}

    said = ServerAnswer.read(400, body, httpx.Response(400, headers={"x": "AIza"}))

    assert "AIza" not in repr(said)
