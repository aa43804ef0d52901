"""Tokens over the shared HTTP clients, from a token server on a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from google.auth import _helpers
from google.auth.exceptions import RefreshError, TimeoutError as AuthTimeoutError, TransportError
from google.oauth2.credentials import Credentials
from langchain_core.language_models import BaseChatModel

from langchain_tuned_gemini import ChatTunedGemini, MissingCredentialsError, ServiceError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.runtime.deadline import Deadline
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.transport.credentials import SharedCredentials, default_credentials

AT = "projects/acme/locations/us-central1"


async def invoke(model: BaseChatModel) -> None:
    model.invoke("1")


async def ainvoke(model: BaseChatModel) -> None:
    await model.ainvoke("1")


async def stream(model: BaseChatModel) -> None:
    list(model.stream("1"))


async def astream(model: BaseChatModel) -> None:
    async for _ in model.astream("1"):
        pass


class TokenServer(ThreadingHTTPServer):
    """Gives out `token-1`, `token-2`, … or what it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked = 0
        self.answer: Callable[[int], tuple[int, dict[str, str], Any]] = lambda number: (
            200,
            {},
            {"access_token": f"token-{number}", "expires_in": 3600},
        )
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"

    def credentials(self) -> Credentials:
        return Credentials(
            None,
            refresh_token="a-refresh-token",
            token_uri=self.url,
            client_id="id",
            client_secret="a-client-secret",
            quota_project_id="payer",
        )


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        self.server.begun.set()
        status, headers, body = self.server.answer(self.server.asked)
        self.server.gate.wait(10)
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.gate.set()
        server.shutdown()


def test_a_token_is_fetched_once_and_used_until_it_expires(server: TokenServer) -> None:
    shared = SharedCredentials(server.credentials())

    headers = [shared.authorization() for _ in range(3)]
    shared.expiry = _helpers.utcnow() - timedelta(seconds=1)
    renewed = shared.authorization()

    assert headers == [{"authorization": "Bearer token-1", "x-goog-user-project": "payer"}] * 3
    assert renewed["authorization"] == "Bearer token-2"
    assert server.asked == 2


def test_a_token_that_is_there_is_used(server: TokenServer) -> None:
    shared = SharedCredentials(Credentials("there-already"))

    assert shared.authorization() == {"authorization": "Bearer there-already"}


def test_many_threads_fetch_one_token(server: TokenServer) -> None:
    shared = SharedCredentials(server.credentials())

    with ThreadPoolExecutor(16) as pool:
        tokens = {
            headers["authorization"]
            for headers in pool.map(lambda _: shared.authorization(), range(64))
        }

    assert tokens == {"Bearer token-1"}
    assert server.asked == 1


def test_a_redirect_of_the_token_server_is_refused(server: TokenServer) -> None:
    with Emulator() as elsewhere:
        server.answer = lambda _: (307, {"location": f"{elsewhere.base_url}/token"}, {})

        with pytest.raises(RefreshError):
            SharedCredentials(server.credentials()).authorization()

        assert elsewhere.requests == []


def test_a_token_is_not_waited_for_beyond_the_deadline_of_the_call(server: TokenServer) -> None:
    server.gate.clear()

    with Deadline(total=0.2) as deadline, pytest.raises(AuthTimeoutError):
        SharedCredentials(server.credentials()).authorization()

    assert deadline.remaining() > -2


def test_a_token_that_another_thread_fetches_is_not_waited_for_beyond_the_deadline(
    server: TokenServer,
) -> None:
    server.gate.clear()
    shared = SharedCredentials(server.credentials())

    with ThreadPoolExecutor(1) as pool:
        without_deadline = pool.submit(shared.authorization)
        assert server.begun.wait(10)
        with Deadline(total=0.2) as deadline, pytest.raises(AuthTimeoutError):
            shared.authorization()
        server.gate.set()

        assert without_deadline.result()["authorization"] == "Bearer token-1"
    assert deadline.overdue < 5


def test_a_token_server_that_can_not_be_reached_is_a_broken_connection() -> None:
    with TokenServer() as gone:
        credentials = gone.credentials()

    with pytest.raises(TransportError):
        SharedCredentials(credentials).authorization()


def test_nothing_shows_a_secret(server: TokenServer) -> None:
    shared = SharedCredentials(server.credentials())
    shared.authorization()

    assert "token" not in repr(shared)


def test_the_default_ones_are_the_same_for_the_whole_process() -> None:
    assert SharedCredentials.of(None) is default_credentials() is SharedCredentials.of(None)
    mine = SharedCredentials(Credentials("x"))
    assert SharedCredentials.of(mine) is mine


@pytest.mark.parametrize("is_async", [False, True])
def test_a_service_fetches_a_token_and_sends_it(server: TokenServer, is_async: bool) -> None:
    with Emulator() as gemini:
        gemini.add_vertex_model(f"{AT}/endpoints/42")
        service = VertexService(
            "acme", "us-central1", credentials=server.credentials(), base_url=gemini.base_url
        )

        model = asyncio.run(service.aget("42")) if is_async else service.get("42")

    assert model.name == f"{AT}/endpoints/42"
    assert server.asked == 1


def test_credentials_that_are_refused_are_told_with_what_to_do(server: TokenServer) -> None:
    server.answer = lambda _: (400, {}, {"error": "invalid_grant", "error_description": "Expired"})
    service = VertexService("acme", "us-central1", credentials=server.credentials())

    with pytest.raises(ServiceError, match="gcloud auth application-default login") as raised:
        service.get("42")

    assert raised.value.status == 401
    assert not raised.value.is_retryable


def test_without_any_credentials_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    service = VertexService("acme", "us-central1", credentials=SharedCredentials())

    with pytest.raises(ServiceError, match="credentials=") as raised:
        service.get("42")

    assert raised.value.status == 401


@pytest.mark.parametrize("way", [invoke, ainvoke, stream, astream])
async def test_a_call_without_any_credentials_says_in_two_lines_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, way: Any
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    model = ChatTunedGemini(model=f"{AT}/endpoints/42", credentials=SharedCredentials())
    robust = model.with_few_shot_fallback("gemini-3.5-flash", examples=[("1", "2")])

    for each in (model, robust):
        with pytest.raises(MissingCredentialsError) as raised:
            await way(each)

        assert str(raised.value).splitlines()[1:] == [
            "Pass credentials=... or api_key=..., or run: gcloud auth application-default login"
        ]
        assert raised.value.__cause__ is None


def test_a_token_of_long_ago_is_renewed(server: TokenServer) -> None:
    old = server.credentials()
    old.token, old.expiry = "old", datetime(2020, 1, 1)  # noqa: DTZ001  # as google-auth has it

    assert SharedCredentials(old).authorization()["authorization"] == "Bearer token-1"
