"""What real failures on real sockets mean: every HTTP stack raises errors of its own for them.

The models: ours, which is always on httpx, and LangChain's plain one, which is what a program's
own base model may be. The plain one is on httpx or httpx2, and for asynchronous calls on aiohttp
as soon as that is installed.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import socket
import ssl
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.failures import Failure, Reason, classify
from langchain_tuned_gemini.http import tls_context
from tests.conftest import BASE, TUNED

HAS_AIOHTTP = importlib.util.find_spec("aiohttp") is not None

pytestmark = [
    # google-genai makes a subclass of what aiohttp would rather keep as it is, …
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    # … and langchain-core reads the answer in its errors as if it were httpx's.
    pytest.mark.filterwarnings("ignore:coroutine 'ClientResponse.json':RuntimeWarning"),
    # … and the plain model leaves its connections to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def no_garbage() -> Iterator[None]:
    """What the plain model leaves behind is collected here and not in other modules."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def invoke(model: BaseChatModel) -> object:
    return model.invoke("7")


def stream(model: BaseChatModel) -> object:
    return list(model.stream("7"))


def ainvoke(model: BaseChatModel) -> object:
    return asyncio.run(closing_after(model, model.ainvoke("7")))


def astream(model: BaseChatModel) -> object:
    async def collect() -> list[Any]:
        return [chunk async for chunk in model.astream("7")]

    return asyncio.run(closing_after(model, collect()))


async def closing_after(model: BaseChatModel, answer: Coroutine[Any, Any, Any]) -> object:
    """The plain model leaves its connections open when the event loop ends; ours does not."""
    try:
        return await answer
    finally:
        if type(model) is ChatGoogleGenerativeAI:
            await model.client.aio.aclose()


Ask = Callable[[BaseChatModel], object]
Make = Callable[..., BaseChatModel]
every_way = pytest.mark.parametrize("ask", [invoke, ainvoke, stream, astream])


@pytest.fixture(params=["tuned", "httpx", "httpx2"])
def make(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Builds a model on this stack for an address."""
    if request.param == "tuned":
        return lambda base_url, timeout=5.0: ChatTunedGemini(
            model=TUNED, api_key="key", base_url=base_url, timeout=timeout
        )
    pytest.importorskip(request.param)
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", request.param)
    return lambda base_url, timeout=5.0: ChatGoogleGenerativeAI(
        model=BASE,
        api_key="key",
        base_url=base_url,
        timeout=timeout,
        max_retries=1,
        client_args={"verify": tls_context()},  # saves 50 ms for each model
    )


def failure_of(ask: Ask, model: BaseChatModel) -> Failure | None:
    """What the failure of a call means."""
    with pytest.raises(Exception) as caught:
        ask(model)
    return classify(caught.value)


BAD_KEY = {
    "error": {
        "code": 400,
        "status": "INVALID_ARGUMENT",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        ],
    }
}
NOT_READY = {"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "not yet"}}

FAULTS = [
    ({"status": 400}, Failure(Reason.REJECTED, 400)),
    ({"status": 400, "body": BAD_KEY}, Failure(Reason.CREDENTIALS, 400)),
    ({"status": 400, "body": NOT_READY}, Failure(Reason.NOT_READY, 400)),
    ({"status": 401}, Failure(Reason.CREDENTIALS, 401)),
    ({"status": 403}, Failure(Reason.PERMISSION, 403)),
    ({"status": 404}, Failure(Reason.GONE, 404)),
    ({"status": 404, "body": "<html>no such page"}, Failure(Reason.GONE, 404)),
    ({"status": 408}, Failure(Reason.TIMEOUT, 408)),
    ({"status": 409}, Failure(Reason.OVERLOADED, 409)),
    ({"status": 429}, Failure(Reason.QUOTA, 429)),
    ({"status": 429, "message": "the token limit"}, Failure(Reason.QUOTA, 429)),
    ({"retry_delay": 7}, Failure(Reason.QUOTA, 429, 7.0)),
    ({"retry_delay": 7, "quota": "day"}, Failure(Reason.QUOTA, 429, 3600.0)),
    ({"status": 429, "retry_after": 9}, Failure(Reason.QUOTA, 429, 9.0)),
    ({"status": 429, "message": "Please retry in 1.5s."}, Failure(Reason.QUOTA, 429, 1.5)),
    ({"status": 499}, Failure(Reason.CONNECTION, 499)),
    ({"status": 500}, Failure(Reason.OVERLOADED, 500)),
    ({"status": 501}, Failure(Reason.REJECTED, 501)),
    ({"status": 502}, Failure(Reason.OVERLOADED, 502)),  # a page of HTML
    ({"status": 503, "retry_after": 9}, Failure(Reason.OVERLOADED, 503, 9.0)),
    ({"status": 504}, Failure(Reason.OVERLOADED, 504)),
    ({"error_after": 0}, Failure(Reason.OVERLOADED, 503)),
    ({"error_after": 1, "status": 499}, Failure(Reason.CONNECTION, 499)),
    ({"reset": True}, Failure(Reason.CONNECTION)),
    ({"cut_after": 0}, Failure(Reason.CONNECTION)),
    ({"cut_after": 1}, Failure(Reason.CONNECTION)),
    ({"headers": {"content-encoding": "gzip"}}, Failure(Reason.CONNECTION)),
    ({"malformed": True}, Failure(Reason.BAD_OUTPUT)),
    ({"body": "<html>Welcome to our hotel"}, Failure(Reason.BAD_OUTPUT)),
    ({"body": b"\xff\xfe{"}, Failure(Reason.BAD_OUTPUT)),
    # JSON that is not Gemini's.
    ({"body": 7}, Failure(Reason.BAD_OUTPUT)),
    ({"body": {"candidates": 7}}, Failure(Reason.BAD_OUTPUT)),
    ({"body": {"candidates": [{"content": "dogs"}]}}, Failure(Reason.BAD_OUTPUT)),
    ({"body": {"candidates": [{"finishReason": 7}]}}, Failure(Reason.BAD_OUTPUT)),
]


@every_way
@pytest.mark.parametrize(("fault", "failure"), FAULTS, ids=[str(fault)[:60] for fault, _ in FAULTS])
def test_a_fault_means_the_same_on_every_stack(
    emulator: Emulator, make: Make, ask: Ask, fault: dict[str, Any], failure: Failure
) -> None:
    model = make(emulator.base_url)

    with emulator.fault(**fault):
        assert failure_of(ask, model) == failure


SOFT_ERRORS = [
    ({"code": 503}, Failure(Reason.OVERLOADED, 503)),
    ({"code": 429, "message": "Please retry in 1.5s."}, Failure(Reason.QUOTA, 429, 1.5)),
    (BAD_KEY["error"], Failure(Reason.CREDENTIALS, 400)),
]


@every_way
@pytest.mark.parametrize(("error", "failure"), SOFT_ERRORS)
def test_an_error_in_an_answer_that_says_200_is_what_it_says(
    emulator: Emulator, ask: Ask, error: dict[str, Any], failure: Failure
) -> None:
    model = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)

    with emulator.fault(model=TUNED, body={"error": error}):
        assert failure_of(ask, model) == failure


NOT_GOOGLES = [
    ({"code": 99999}, Failure(Reason.BAD_OUTPUT, 99999)),
    ({"code": "503"}, Failure(Reason.BAD_OUTPUT)),
    ({"status": "UNAVAILABLE"}, Failure(Reason.BAD_OUTPUT)),
    ("busy", Failure(Reason.BAD_OUTPUT)),
]


@pytest.mark.parametrize("ask", [stream, astream])
@pytest.mark.parametrize(("error", "failure"), [*SOFT_ERRORS, *NOT_GOOGLES])
def test_an_error_in_a_stream_means_the_same_on_every_stack(
    emulator: Emulator, make: Make, ask: Ask, error: object, failure: Failure
) -> None:
    model = make(emulator.base_url)

    with emulator.fault(body={"error": error}):
        assert failure_of(ask, model) == failure


@every_way
@pytest.mark.parametrize("fault", [{"hang": True}, {"stall_after": 0}], ids=str)
def test_silence_means_a_timeout_on_every_stack(
    emulator: Emulator, make: Make, ask: Ask, fault: dict[str, Any]
) -> None:
    model = make(emulator.base_url, timeout=0.1)

    with emulator.fault(**fault):
        assert failure_of(ask, model) == Failure(Reason.TIMEOUT)


@every_way
def test_a_redirect_means_that_something_is_in_between(emulator: Emulator, ask: Ask) -> None:
    """The plain model follows it, and takes the API key along."""
    model = ChatTunedGemini(model=TUNED, api_key="key", base_url=emulator.base_url)

    with emulator.fault(redirect=emulator.base_url):
        assert failure_of(ask, model) == Failure(Reason.CONNECTION, 307)


@every_way
def test_a_port_where_nobody_listens_means_no_connection(make: Make, ask: Ask) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]

    assert failure_of(ask, make(f"http://127.0.0.1:{port}")) == Failure(Reason.CONNECTION)


@contextmanager
def tcp_server(serve: Callable[[socket.socket], None], scheme: str = "http") -> Iterator[str]:
    """A server that does anything but answer in HTTP; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # the test is over
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@every_way
def test_what_is_not_http_means_no_connection(make: Make, ask: Ask) -> None:
    def greet(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")

    with tcp_server(greet) as address:
        assert failure_of(ask, make(address)) == Failure(Reason.CONNECTION)


@every_way
def test_a_connection_closed_without_a_word_means_no_connection(make: Make, ask: Ask) -> None:
    with tcp_server(lambda connection: connection.recv(65536) and None) as address:
        assert failure_of(ask, make(address)) == Failure(Reason.CONNECTION)


@every_way
def test_a_certificate_that_nobody_signed_is_wrong_for_every_model(
    make: Make, ask: Ask, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path / "certificate.pem"))

    def greet(connection: socket.socket) -> None:
        with pytest.raises(OSError):
            context.wrap_socket(connection, server_side=True)

    with tcp_server(greet, scheme="https") as address:
        assert failure_of(ask, make(address)) == Failure(Reason.CREDENTIALS)


def self_signed(path: Path) -> Path:
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@every_way
def test_the_stack_is_the_one_that_was_meant(
    emulator: Emulator, make: Make, ask: Ask, request: pytest.FixtureRequest
) -> None:
    wanted = request.node.callspec.params["make"]
    if HAS_AIOHTTP and wanted != "tuned" and ask in (ainvoke, astream):
        wanted = "aiohttp"

    with emulator.fault(reset=True), pytest.raises(Exception) as caught:
        ask(make(emulator.base_url))

    assert type(caught.value).__module__.partition(".")[0] == wanted.replace("tuned", "httpx")


def test_a_client_of_a_closed_event_loop_is_no_evidence_about_the_model(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain model can't be asked in a second event loop, except on aiohttp."""
    monkeypatch.setenv("GOOGLE_GENAI_HTTP_CLIENT", "httpx")
    model = ChatGoogleGenerativeAI(model=BASE, api_key="key", base_url=emulator.base_url)
    asyncio.run(model.ainvoke("7"))

    try:
        ainvoke(model)
    except RuntimeError as error:
        assert classify(error) == Failure(Reason.CONNECTION, is_local=True)
    else:
        assert HAS_AIOHTTP
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del model
        gc.collect()
