"""The shared HTTP clients, on real sockets."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini import (
    AllModelsFailedError,
    AnswerTimeoutError,
    ChatTunedGemini,
    FallbackChatModel,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.transport import http
from tests.conftest import TUNED, Deployed


@pytest.fixture
def emulator(deployed: Deployed) -> Emulator:
    return deployed.emulator


@pytest.fixture
def tuned(deployed: Deployed) -> ChatTunedGemini:
    return deployed.chat()


def test_models_share_their_connections(deployed: Deployed, emulator: Emulator) -> None:
    for _ in range(5):
        deployed.chat().invoke("7")
        assert emulator.connections <= 5

    models = [deployed.chat() for _ in range(5)]
    before = emulator.connections
    for model in models:
        model.invoke("7")
    assert emulator.connections - before <= 1


class Gateway(BaseHTTPRequestHandler):
    """A gateway that wants a password: it answers with what it was sent for one."""

    def do_GET(self) -> None:
        answer = self.headers.get("authorization", "").encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def gateway() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://me:s3cret-word@127.0.0.1:{server.server_port}/"
        server.shutdown()


async def test_the_password_of_an_address_is_sent_and_not_logged(
    gateway: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    answers = [http.sync_client().get(gateway), await http.async_client().get(gateway)]

    for answer in answers:
        scheme, _, sent = answer.text.partition(" ")
        assert (scheme, base64.b64decode(sent)) == ("Basic", b"me:s3cret-word")
    assert "HTTP Request: GET http://127.0.0.1:" in caplog.text
    assert "s3cret-word" not in caplog.text


def test_calls_at_once_open_no_more_connections_than_calls_in_flight(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    tuned.batch(["7"] * 200, {"max_concurrency": 8})

    assert emulator.connections <= 9  # and one for the state


async def test_calls_at_once_do_not_either_on_an_event_loop(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    await tuned.abatch(["7"] * 200, {"max_concurrency": 8})

    assert emulator.connections <= 9


def test_event_loops_that_come_and_go_are_served(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    answers = [asyncio.run(tuned.ainvoke("7")).text for _ in range(3)]

    assert answers == ["8", "8", "8"]


def test_event_loops_in_many_threads_are_served(tuned: ChatTunedGemini) -> None:
    async def ask() -> list[str]:
        return [(await tuned.ainvoke("7")).text for _ in range(3)]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: asyncio.run(ask()), range(16)))

    assert answers == [["8"] * 3] * 16


def test_event_loops_that_come_and_go_in_threads_get_in_nobodys_way(
    tuned: ChatTunedGemini, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads take turns after a microsecond here, so that they meet wherever they can."""
    monkeypatch.setattr(http, "SWEEP_EVERY", 0.0)
    tuned.invoke("7")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as threads:
            answers = list(
                threads.map(
                    lambda n: (
                        (asyncio.run(tuned.ainvoke("7")) if n % 4 else tuned.invoke("7")).text
                    ),
                    range(200),
                )
            )
    finally:
        sys.setswitchinterval(before)

    assert answers == ["8"] * 200


def test_the_table_of_loops_is_changed_by_many_threads_at_once() -> None:
    transport = http._AsyncTransport()
    others = [asyncio.new_event_loop() for _ in range(100)]  # so that it takes long to look
    for loop in others:
        loop.run_until_complete(transport._new_pool())
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            for done in [threads.submit(asyncio.run, transport._new_pool()) for _ in range(3_000)]:
                done.result()
    finally:
        sys.setswitchinterval(before)
        for loop in others:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    assert len(transport.loops) <= 108


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_process_opens_connections_of_its_own(
    tuned: ChatTunedGemini, emulator: Emulator
) -> None:
    tuned.invoke("7")
    before = emulator.connections

    child = os.fork()
    if child == 0:
        os._exit(0 if tuned.invoke("7").text == "8" else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert emulator.connections == before + 1
    assert tuned.invoke("8").text == "9"
    assert emulator.connections == before + 1  # the parent's is still open


def test_a_redirect_is_refused_and_no_key_leaves_the_origin(
    tuned: ChatTunedGemini, deployed: Deployed
) -> None:
    with Emulator() as elsewhere:
        with deployed.emulator.fault(model=deployed.name, redirect=elsewhere.base_url):
            for call in (tuned.invoke, lambda text: asyncio.run(tuned.ainvoke(text))):
                with pytest.raises(Exception, match="307"):
                    call("7")

        assert elsewhere.requests == []


def test_no_cookie_is_kept() -> None:
    client = http.sync_client()
    request = httpx.Request("GET", "https://example.com/")
    answer = httpx.Response(200, headers={"set-cookie": "who=me"}, request=request)

    client.cookies.extract_cookies(answer)

    assert list(client.cookies.jar) == []


USE_AND_LET_GO = """
import gc, sys, weakref

from langchain_tuned_gemini.transport import http

client = http.sync_client()
gone, transport = weakref.ref(client), client._transport
client.get(sys.argv[1], headers={"x-goog-api-key": "key"})
assert transport.idle

del client
gc.collect()

assert gone() is None
assert not transport.idle
"""


def test_the_clients_are_closed_when_their_last_user_is_gone(emulator: Emulator) -> None:
    # In a process of its own: here, what another test has left may still use them.
    program = [sys.executable, "-W", "error", "-c", USE_AND_LET_GO]

    done = subprocess.run(
        [*program, f"{emulator.base_url}/v1beta/{TUNED}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert emulator.connections == 1


class Traced:
    """Calls on an event loop of their own; knows the sockets, and what the loop complained of."""

    def __init__(self, url: str, cancel_at: str = "") -> None:
        self.url = url
        self.cancel_at = cancel_at
        self.sockets: list[socket.socket] = []
        self.complaints: list[str] = []

    async def watch(self, event: str, info: dict[str, Any]) -> None:
        """httpcore calls it before and after each thing that it does."""
        if event == "connection.connect_tcp.complete":
            self.sockets.append(info["return_value"].get_extra_info("socket"))
        if event == self.cancel_at:
            task = asyncio.current_task()
            assert task
            task.cancel()

    async def get(self, client: httpx.AsyncClient) -> httpx.Response:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: self.complaints.append(context["message"])
        )
        return await client.get(self.url, extensions={"trace": self.watch})

    def left(self) -> list[Any]:
        """The sockets that are open still, and the complaints."""
        return [one for one in self.sockets if one.fileno() != -1] + self.complaints


STEPS = [
    f"{step}.{moment}"
    for step in (
        "connection.connect_tcp",
        "http11.send_request_headers",
        "http11.send_request_body",
        "http11.receive_response_headers",
        "http11.receive_response_body",
        "http11.response_closed",
    )
    for moment in ("started", "complete")
]


@pytest.fixture(scope="module")
def models() -> Iterator[str]:
    """An address that answers."""
    with Emulator() as gemini:
        yield f"{gemini.base_url}/v1beta/models"


@pytest.mark.parametrize("step", STEPS)
def test_a_call_that_is_cancelled_at_any_step_leaves_no_connection_open(
    models: str, step: str
) -> None:
    calls = Traced(models, cancel_at=step)

    with suppress(asyncio.CancelledError):  # after its last step, nobody waits any more
        asyncio.run(calls.get(http.async_client()))

    assert calls.sockets or step == "connection.connect_tcp.started"
    assert calls.left() == []


def test_a_call_that_is_cancelled_in_the_tls_handshake_leaves_no_connection_open(
    models: str,
) -> None:
    calls = Traced(models.replace("http:", "https:"), cancel_at="connection.start_tls.started")

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(calls.get(http.async_client()))

    assert calls.sockets
    assert calls.left() == []


@pytest.mark.parametrize("steps", range(6))
def test_a_loop_that_ends_while_its_connections_are_being_closed_leaves_none_open(
    models: str, steps: int
) -> None:
    calls = Traced(models)

    async def call_and_let_go() -> None:
        transport = http._AsyncTransport()
        client = httpx.AsyncClient(transport=transport)
        await asyncio.gather(*(calls.get(client) for _ in range(3)))
        transport.close_from_anywhere()
        for _ in range(steps):
            await asyncio.sleep(0)

    asyncio.run(call_and_let_go())

    assert len(calls.sockets) == 3
    assert calls.left() == []


@pytest.mark.filterwarnings("ignore:asynchronous generator")  # asyncio wants none begun so late
def test_a_call_that_is_made_while_the_loop_ends_leaves_no_connection_open(models: str) -> None:
    calls = Traced(models)

    async def tidy_up(client: httpx.AsyncClient) -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await calls.get(client)

    async def leave_it_half_read() -> AsyncIterator[int]:
        client = http.async_client()
        await calls.get(client)
        pieces = tidy_up(client)
        await anext(pieces)
        return pieces

    pieces = asyncio.run(leave_it_half_read())

    assert calls.sockets
    assert calls.left() == []
    del pieces


def test_a_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", emulator.base_url)

    with httpx.Client(transport=http._SyncTransport()) as client:
        client.get("http://gemini.example/v1beta/models", headers={"host": "127.0.0.1"})

    assert emulator.connections == 1


def test_a_connection_that_a_server_closed_meanwhile_is_replaced(
    deployed: Deployed, emulator: Emulator
) -> None:
    model = deployed.chat()
    model.invoke("7")
    port = int(emulator.base_url.rsplit(":", 1)[1])
    emulator.stop()

    with Emulator(port=port) as restarted:
        Deployed.add(restarted, deployed.platform, [{"text_input": "7", "output": "8"}])
        assert model.invoke("7").text == "8"


@pytest.mark.parametrize("is_task", [False, True])
def test_waiting_between_two_tries_of_google_genai_ends_with_the_deadline(
    deployed: Deployed, *, is_task: bool
) -> None:
    tuned = deployed.chat(max_retries=3)  # after 1 s, 2 s and 4 s
    tuned.gate.check()
    robust = FallbackChatModel(models=[tuned], total_timeout=0.3, circuit_breaker=False)
    began = time.monotonic()

    with (
        deployed.emulator.fault(model=deployed.name, status=503),
        pytest.raises(AllModelsFailedError) as failed,
    ):
        asyncio.run(robust.ainvoke("7")) if is_task else robust.invoke("7")

    assert isinstance(failed.value.exceptions[-1], AnswerTimeoutError)
    assert time.monotonic() - began < 5.0
