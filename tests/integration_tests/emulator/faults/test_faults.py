"""Faults that replace an answer or keep it back, on a real socket."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("status", "word", "text"),
    [
        (400, "INVALID_ARGUMENT", "invalid argument"),
        (401, "UNAUTHENTICATED", "OAuth 2 access token"),
        (403, "PERMISSION_DENIED", f"access tuned model {MODEL}"),
        (404, "NOT_FOUND", f"Tuned model {MODEL} does not exist."),
        (408, "DEADLINE_EXCEEDED", "timed out"),
        (409, "ABORTED", "aborted"),
        (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
        (499, "CANCELLED", "The operation was cancelled."),
        (500, "INTERNAL", "An internal error has occurred. Please retry"),
        (501, "UNIMPLEMENTED", "not implemented"),
        (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        (504, "DEADLINE_EXCEEDED", "Deadline expired"),
        (599, "UNKNOWN", "unknown error"),
    ],
)
@pytest.mark.parametrize("verb", ["generateContent", SSE])
def test_a_status_comes_with_googles_body(
    gemini: Emulator, ask: Ask, *, verb: str, status: int, word: str, text: str
) -> None:
    with gemini.fault(model=MODEL, status=status):
        response = ask(verb=verb)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["status"]) == (status, status, word)
    assert text in error["message"]
    assert "details" not in error
    assert ask(verb=verb).status_code == 200


def test_a_bad_gateway_is_a_page(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=502)

    response = ask()

    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


def test_a_message_takes_the_place_of_the_usual_one(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=400, message="no tools for tuned models")

    assert ask().json()["error"]["message"] == "no tools for tuned models"


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({"error": {"code": 503}}, "application/json; charset=UTF-8", '{"error": {"code": 503}}'),
        ([], "application/json; charset=UTF-8", "[]"),
        ("<html>login</html>", "text/html; charset=UTF-8", "<html>login</html>"),
        ("", "text/html; charset=UTF-8", ""),
    ],
)
def test_a_body_takes_the_place_of_the_answer(
    gemini: Emulator, ask: Ask, body: Any, kind: str, text: str
) -> None:
    gemini.fault(body=body)

    response = ask()

    assert (response.status_code, response.text) == (200, text)
    assert response.headers["content-type"] == kind


def test_bytes_and_headers_are_sent_as_they_are(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(body=b"no gzip", headers={"content-encoding": "gzip"})

    with pytest.raises(httpx.DecodingError):
        ask()


def test_headers_alone_go_with_the_real_answer(gemini: Emulator, api: httpx.Client) -> None:
    gemini.fault(method="get", headers={"x-seen": "yes"})

    response = api.get(f"/v1beta/{MODEL}")

    assert (response.json()["name"], response.headers["x-seen"]) == (MODEL, "yes")


def test_a_body_may_have_a_status(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=503, body="<html>")

    assert ask().status_code == 503


def test_a_retry_delay_comes_with_quota_and_rounded_seconds(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(retry_delay=57.219397761)

    response = ask()

    error = response.json()["error"]
    kinds = [detail["@type"].rpartition(".")[2] for detail in error["details"]]
    assert response.status_code == 429
    assert kinds == ["Help", "QuotaFailure", "RetryInfo"]
    assert error["message"].endswith("\nPlease retry in 57.219397761s.")
    assert error["details"][2]["retryDelay"] == "57s"


@pytest.mark.parametrize(("quota", "word"), [("minute", "PerMinute"), ("day", "PerDay")])
def test_a_quota_is_named_in_its_violation(
    gemini: Emulator, ask: Ask, quota: Any, word: str
) -> None:
    gemini.fault(quota=quota)

    (help_, failure) = ask().json()["error"]["details"]

    assert help_["links"]
    assert word in failure["violations"][0]["quotaId"]
    assert failure["violations"][0]["quotaDimensions"]["model"] == "sql-expert-v1"


def test_a_retry_delay_goes_with_other_errors(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=503, retry_delay=2)

    error = ask().json()["error"]

    assert [d["retryDelay"] for d in error["details"]] == ["2s"]


def test_a_retry_after_header_can_be_sent(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(status=429, retry_after=7)

    assert ask().headers["retry-after"] == "7"


def test_a_redirect_names_another_place(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(redirect="https://elsewhere.example.com/")

    response = ask()

    assert response.status_code == 307
    assert response.headers["location"] == "https://elsewhere.example.com/"


def test_a_delay_is_waited_before_the_answer_and_before_an_error(
    gemini: Emulator, ask: Ask
) -> None:
    effects: list[dict[str, Any]] = [{}, {"status": 503}]
    for effect in effects:
        with gemini.fault(delay=0.15, **effect):
            begun = time.monotonic()
            response = ask()

            assert time.monotonic() - begun >= 0.15
            assert response.status_code == effect.get("status", 200)


def test_a_hanging_call_never_gets_a_byte(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(hang=True)

    with pytest.raises(TimeoutError):
        raw(timeout=0.3)


def test_a_reset_is_a_tcp_reset_before_any_byte(gemini: Emulator, raw: Raw) -> None:
    gemini.fault(reset=True)

    with pytest.raises(ConnectionResetError):
        raw()


def test_a_call_that_never_gets_an_answer_is_not_carried_out(
    gemini: Emulator, api: httpx.Client
) -> None:
    with gemini.fault(method="delete", reset=True), pytest.raises(httpx.ReadError):
        api.delete(f"/v1beta/{MODEL}")
    with gemini.fault(method="delete", status=503):
        api.delete(f"/v1beta/{MODEL}")

    assert api.get(f"/v1beta/{MODEL}").status_code == 200


def test_dripping_takes_its_time_for_every_byte(gemini: Emulator, ask: Ask) -> None:
    gemini.fault(drip=0.002, body="x" * 50)

    begun = time.monotonic()
    response = ask()

    assert response.text == "x" * 50
    assert time.monotonic() - begun >= 0.1
