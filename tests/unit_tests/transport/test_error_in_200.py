"""Answers that say 200 and hold an error."""

from __future__ import annotations

import json

import httpx
import pytest

from langchain_tuned_gemini.transport.error_in_200 import unmask, unmask_async

URL = "http://x/v1beta/tunedModels/x:generateContent"
OVERLOADED = json.dumps({"error": {"code": 503, "status": "UNAVAILABLE"}})

ANSWERS = [
    (OVERLOADED, 503),
    ('{"error": {"code": 400}}', 400),
    ('{"error": {"code": 599}}', 599),
    (' {\n  "traceId": "x",\n  "error": {"message": "Slow down.", "code": 429}}', 429),
    # What does not say which status it should have had is left to whoever reads it.
    ('{"error": {"code": 399}}', 200),
    ('{"error": {"code": 600}}', 200),
    ('{"error": {"code": "503"}}', 200),
    ('{"error": {"code": true}}', 200),
    ('{"error": {"status": "UNAVAILABLE"}}', 200),
    ('{"error": "busy"}', 200),
    ('{"error": null}', 200),
    ('["error"]', 200),
    ('"error"', 200),
    ('{"error": {"code": 503', 200),
    ('{"error"\xff', 200),
    ("", 200),
    # It is the text of the answer that speaks of an error.
    ('{"candidates": [{"content": {"parts": [{"text": "{\\"error\\": 7}"}]}}]}', 200),
    ('{"candidates": [{"content": {"error": {"code": 503}}}]}', 200),
]


def server(body: str, status: int = 200) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, content=body.encode("latin-1")))


@pytest.mark.parametrize(("body", "status"), ANSWERS)
def test_an_error_in_an_answer_that_says_200_gets_the_status_that_it_speaks_of(
    body: str, status: int
) -> None:
    with httpx.Client(transport=server(body), event_hooks={"response": [unmask]}) as client:
        answer = client.post(URL)

    assert (answer.status_code, answer.content) == (status, body.encode("latin-1"))


async def test_an_asynchronous_answer_gets_the_status_of_its_error() -> None:
    hooks = {"response": [unmask_async]}

    async with httpx.AsyncClient(transport=server(OVERLOADED), event_hooks=hooks) as client:
        answer = await client.post(URL)

    assert answer.status_code == 503


def test_the_status_of_an_answer_that_owns_up_to_its_error_stays() -> None:
    transport = server(OVERLOADED, status=504)

    with httpx.Client(transport=transport, event_hooks={"response": [unmask]}) as client:
        assert client.post(URL).status_code == 504


def test_a_stream_is_not_read_before_whoever_asked_for_it_does() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([b"data: {}"])))

    with (
        httpx.Client(transport=transport, event_hooks={"response": [unmask]}) as client,
        client.stream("POST", URL, params={"alt": "sse"}) as answer,
    ):
        assert not answer.is_stream_consumed
