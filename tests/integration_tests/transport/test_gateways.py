"""What stands between here and Gemini: proxies, gateways with their own ways, wrong certificates."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini import AnswerTooLongError, ChatTunedGemini, ParameterError
from langchain_tuned_gemini.transport import connections
from tests.scripted_server import ANSWER, Asked, ScriptedServer, http_answer, well

MODEL = "tunedModels/t"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


def model_at(address: str, **parameters: Any) -> ChatTunedGemini:
    return ChatTunedGemini(model=MODEL, api_key="key", base_url=address, **parameters)


async def _streamed(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream("1")])


WAYS: dict[str, Callable[[Any], str]] = {
    "invoke": lambda model: model.invoke("1").text,
    "ainvoke": lambda model: asyncio.run(model.ainvoke("1")).text,
    "stream": lambda model: "".join(chunk.text for chunk in model.stream("1")),
    "astream": lambda model: asyncio.run(_streamed(model)),
}
in_every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)

STREAMS = [
    b": ping\n\ndata: %s\n\n: ping\n\n",
    b"event: message\nid: 1\ndata: %s\n\n",
    b"data:%s\n\n",
    b"data: %s\n\ndata: [DONE]\n\n",
    b"retry: 1000\r\rdata: %s\r\r",
    b"\xef\xbb\xbfdata: %s\n\n",
    b"data: %s",
]


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("ask", [WAYS["stream"], WAYS["astream"]], ids=["stream", "astream"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_stream_in_any_form_of_the_format_is_read(
    server: ScriptedServer, stream: bytes, ask: Callable[[Any], str], *, is_packed: bool
) -> None:
    body = stream % ANSWER
    if is_packed:
        body = gzip.compress(body)
    sent = http_answer(body, *["content-encoding: gzip"] * is_packed, kind="text/event-stream")
    server.script = lambda asked: sent if "alt=sse" in asked.path else well(asked)
    model = model_at(server.base_url)

    assert ask(model) == "hello"
    assert ask(model.with_few_shot_fallback("gemini-2.5-flash", examples=[("1", "2")])) == "hello"


@in_every_way
def test_an_answer_has_a_limit_packed_or_not(
    server: ScriptedServer, ask: Callable[[Any], str]
) -> None:
    bomb = gzip.compress(b'{"candidates": "' + b"a" * 300_000_000)
    huge = http_answer(bomb, "content-encoding: gzip")
    server.script = lambda asked: well(asked) if asked.method == "GET" else huge
    model = model_at(server.base_url, max_answer_bytes=1_000_000)

    tracemalloc.start()
    with pytest.raises(AnswerTooLongError):
        ask(model)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 30_000_000


@in_every_way
def test_the_next_model_answers_for_one_whose_answer_is_too_long(
    server: ScriptedServer, ask: Callable[[Any], str]
) -> None:
    def script(asked: Asked) -> bytes:
        return http_answer(b" " * 20_000 + ANSWER) if f"{MODEL}:" in asked.path else well(asked)

    server.script = script
    model = model_at(server.base_url, max_answer_bytes=10_000)

    robust = model.with_few_shot_fallback("gemini-2.5-flash", examples=[("1", "2")])

    assert ask(robust) == "hello"
    assert sum("gemini-2.5-flash" in asked.path for asked in server.asked) == 1


PROXIES = {
    "http_proxy": ["http://proxy.example:3128", "proxy.example:3128", "me:pass@proxy.example:3128"],
    "all_proxy": ["proxy.example:3128"],
}
NO_PROXY = [
    "",
    "*",
    "other.example, *",
    "gemini.example",
    ".example",
    "example",
    "gemini.example:8080",
    "gemini.example:9090",
    "other.example,gemini.example:8080",
    "http://gemini.example",
    "https://gemini.example",
    "emini.example",
    "127.0.0.1",
    "127.0.0.1:8080",
    "::1",
    "localhost",
]
ADDRESSES = [
    "http://gemini.example:8080/x",
    "http://gemini.example/x",
    "https://gemini.example/x",
    "http://127.0.0.1:8080/x",
    "http://[::1]:8080/x",
    "http://localhost:8080/x",
]


@pytest.mark.parametrize(("variable", "value"), [(k, v) for k, vs in PROXIES.items() for v in vs])
@pytest.mark.parametrize("no_proxy", NO_PROXY)
def test_proxies_are_those_that_httpx_finds(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, no_proxy: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("no_proxy", no_proxy)

    with httpx.Client(verify=connections.tls_context()) as client:
        for address in ADDRESSES:
            pool: Any = client._transport_for_url(httpx.URL(address))
            theirs = getattr(pool._pool, "_proxy_url", None)
            ours = connections.proxy_for(httpx.URL(address))

            assert (ours is None) == (theirs is None), (address, no_proxy)
            if ours is not None:
                assert (ours.url.host, ours.url.port) == ("proxy.example", 3128)


@in_every_way
@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_request_goes_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, server: ScriptedServer, ask: Callable[[Any], str], scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", scheme + server.base_url.removeprefix("http://"))

    assert ask(model_at("http://gemini.example:8080")) == "hello"
    assert {asked.host for asked in server.asked} == {"gemini.example:8080"}


@pytest.mark.parametrize(
    "value", ["ftp://me:pass@proxy.example", "http://me:x@proxy.example:pass", "socks5://x:1080"]
)
def test_a_proxy_that_cannot_be_one_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("http_proxy", value)

    with pytest.raises(ParameterError, match="HTTP_PROXY") as refused:
        model_at("http://gemini.example").invoke("1")

    assert "pass" not in str(refused.value)


def test_a_cgi_scripts_header_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request with a header named Proxy would set it: https://httpoxy.org."""
    monkeypatch.setenv("HTTP_PROXY", "http://evil.example:3128")
    monkeypatch.setenv("REQUEST_METHOD", "GET")

    assert connections.proxy_for(httpx.URL("http://gemini.example")) is None
