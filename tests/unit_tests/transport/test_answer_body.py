"""What an answer's body becomes before upstream reads it."""

from __future__ import annotations

import gzip
import json
import zlib
from itertools import pairwise

import httpx
import pytest
from hypothesis import given, strategies as st

from langchain_tuned_gemini import AnswerTooLongError
from langchain_tuned_gemini.transport.answer_body import AnswerBody, Events

ADDRESS = "https://gemini.example/v1beta/tunedModels/t"

EVENTS = [
    (b"data: {}\r\n\r\n", b"data: {}\r\n\r\n"),
    (b"data:{}\n\n", b"data: {}\n\n"),
    (b"data:  {}\n\n", b"data:  {}\n\n"),
    (b"data: {\ndata: }\n\n", b"data: {\ndata: }\n\n"),
    (b": still there\n\ndata: {}\n\n", b"\ndata: {}\n\n"),
    (b":\n", b""),
    (b"event: message\nid: 7\nretry: 3\ndata: {}\n\n", b"data: {}\n\n"),
    (b"event\nid\ndata\n\n", b"\n"),
    (b"data:\n\ndata: \n\n", b"\n\n"),
    (b"data: {}\n\ndata: [DONE]\n\n", b"data: {}\n\n\n"),
    (b"data:[DONE]", b""),
    (b"\xef\xbb\xbfdata: {}\n\n", b"data: {}\n\n"),
    (b"data: {}\r\rdata: {}\r\r", b"data: {}\r\rdata: {}\r\r"),
    (b'data: {"text": ": no comment\\n"}\n\n', b'data: {"text": ": no comment\\n"}\n\n'),
    (b"data: without an end", b"data: without an end"),
    # Google's errors come as plain JSON, line by line.
    (b'{\n  "error": {\n    "code": 503\n  }\n}\n', b'{\n  "error": {\n    "code": 503\n  }\n}\n'),
    (b'[{"id": 1}\n,\n{"data": 2}]', b'[{"id": 1}\n,\n{"data": 2}]'),
]


def read(pieces: list[bytes]) -> bytes:
    events = Events()
    return b"".join([*map(events.feed, pieces), events.end()])


@pytest.mark.parametrize(("sent", "read_as"), EVENTS)
def test_events_are_rewritten_as_google_writes_them(sent: bytes, read_as: bytes) -> None:
    assert read([sent]) == read_as


@given(st.sampled_from([sent for sent, _ in EVENTS]), st.lists(st.integers(0, 60), max_size=6))
def test_it_makes_no_difference_where_the_network_cuts_them(sent: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(ends)]

    whole, cut = read([sent]), read(pieces)

    # Of the two characters that may end a line, the second may go.
    assert cut.replace(b"\r\n", b"\r").replace(b"\n", b"\r") == whole.replace(
        b"\r\n", b"\r"
    ).replace(b"\n", b"\r")


def body_of(
    *headers: tuple[str, str], limit: int = 1_000, query: str = "", status: int = 200
) -> AnswerBody:
    response = httpx.Response(status, headers=list(headers))
    body = AnswerBody(httpx.Request("POST", ADDRESS + query), response, limit)
    assert "content-encoding" not in response.headers  # or httpx would unpack it again
    return body


PACKED = [
    ("gzip", gzip.compress(b'{"a": 1}')),
    ("x-gzip", gzip.compress(b'{"a": 1}')),
    ("identity", b'{"a": 1}'),
    (" GZIP ", gzip.compress(b'{"a": 1}')),
]


@pytest.mark.parametrize(("encoding", "sent"), PACKED)
def test_an_answer_is_unpacked(encoding: str, sent: bytes) -> None:
    body = body_of(("content-encoding", encoding))

    got = b"".join([*(body.feed(sent[n : n + 1]) for n in range(len(sent))), body.end()])

    assert json.loads(got) == {"a": 1}


@pytest.mark.parametrize("limit", [10, 1_000, 100_000])
@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_is_read_no_further_than_its_limit(limit: int, *, is_packed: bool) -> None:
    def read_all(size: int) -> int:
        whole = b"a" * size
        sent = gzip.compress(whole) if is_packed else whole
        body = body_of(*[("content-encoding", "gzip")] * is_packed, limit=limit)
        return sum(len(body.feed(sent[n : n + 100])) for n in range(0, len(sent), 100))

    assert read_all(limit) == limit
    with pytest.raises(AnswerTooLongError, match=f"{limit:,} bytes"):
        read_all(limit + 1)


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip"])
def test_what_nobody_asked_for_is_not_unpacked(encoding: str) -> None:
    with pytest.raises(httpx.DecodingError, match=encoding):
        body_of(("content-encoding", encoding))


@pytest.mark.parametrize("sent", [b"{}", zlib.compress(b"{}")])
def test_what_is_not_packed_as_it_says_is_refused(sent: bytes) -> None:
    body = body_of(("content-encoding", "gzip"))

    with pytest.raises(httpx.DecodingError):
        body.feed(sent)


@pytest.mark.parametrize(("query", "status"), [("", 200), ("?alt=sse", 400)])
def test_only_a_stream_is_read_as_one(query: str, status: int) -> None:
    body = body_of(query=query, status=status)

    assert body.feed(b"id: 7\n") == b"id: 7\n"
