"""What the program raises in the middle of a call is the program's, and no model's failure."""

from __future__ import annotations

import asyncio
import errno
import pkgutil
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import httpx
import pytest
import requests
from langchain_core.rate_limiters import BaseRateLimiter
from langchain_google_genai import ChatGoogleGenerativeAI

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FallbackChatModel,
    FewShotChatModel,
    FewShotPrompt,
    GuardCrashedError,
    UserCodeError,
)
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.failures import Reason, classify
from langchain_tuned_gemini.testing import ScriptedChatModel

TUNED, BASE = "tunedModels/next-number", "gemini-2.5-flash"
EXAMPLES = [{"text_input": "1", "output": "2"}]


class OutOfTimeError(Exception):
    """As of a job queue that ends a job softly."""


ERRORS: list[type[Exception]] = [
    TimeoutError,
    ConnectionError,
    ConnectionResetError,
    OSError,
    InterruptedError,
    ValueError,
    KeyError,
    OutOfTimeError,
]


async def _read(model: Any) -> list[Any]:
    return [chunk async for chunk in model.astream("1")]


WAYS: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda model: model.invoke("1"),
    "ainvoke": lambda model: asyncio.run(model.ainvoke("1")),
    "stream": lambda model: list(model.stream("1")),
    "astream": lambda model: asyncio.run(_read(model)),
}


class Alarm:
    """A signal's handler that raises, in one of the forms that a program gives it."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *_: Any) -> None:
        raise self.error

    def once(self, *_: Any) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        raise self.error

    def forms(self) -> dict[str, Any]:
        def function(*_: Any) -> None:
            raise self.error

        return {
            "a function": function,
            "an object": self,
            "a method": self.__call__,
            "a partial": partial(function, "job"),
            "a method that is not known any more": self.once,
        }


@contextmanager
def alarm(handler: Any, after: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def imported() -> None:
    """What a first call imports, so that no alarm goes off in the middle of it."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=EXAMPLES)
        for model in (tuned(gemini), foreign(gemini)):
            model.invoke("1")
            list(model.stream("1"))


@pytest.fixture
def silent(imported: None) -> Iterator[Emulator]:
    """A service whose models say nothing for longer than any test."""
    with Emulator() as gemini:
        gemini.add_tuned_model(TUNED, examples=EXAMPLES)
        with gemini.fault(model=TUNED, delay=20.0), gemini.fault(model=BASE, delay=20.0):
            yield gemini


def tuned(gemini: Emulator, **parameters: Any) -> ChatTunedGemini:
    return ChatTunedGemini(model=TUNED, api_key="k", base_url=gemini.base_url, **parameters)


def foreign(gemini: Emulator) -> ChatGoogleGenerativeAI:
    return ChatGoogleGenerativeAI(model=BASE, api_key="k", base_url=gemini.base_url, max_retries=1)


def down() -> ScriptedChatModel:
    return ScriptedChatModel(answers=[ConnectionError()])


MODELS: dict[str, Callable[[Emulator], Any]] = {
    "the tuned one": lambda g: tuned(g).with_few_shot_fallback(BASE, examples=EXAMPLES),
    "the tuned one alone": tuned,
    "the tuned one, tried again": lambda g: tuned(g, max_retries=3),
    "the last one": lambda g: FallbackChatModel(
        models=[down(), tuned(g)], retry_budget=False, circuit_breaker=False
    ),
    "a foreign one": lambda g: FallbackChatModel(models=[foreign(g), down()]),
    "a foreign one in the same thread": lambda g: FallbackChatModel(
        models=[foreign(g), down()],
        total_timeout=None,
        first_token_timeout=None,
        stall_timeout=None,
    ),
    "one with a hedge": lambda g: tuned(g).with_few_shot_fallback(
        BASE, examples=EXAMPLES, hedge_after=0.05
    ),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("kind", [TimeoutError, ConnectionError, OutOfTimeError])
def test_what_a_signals_handler_raises_ends_the_call_as_it_is(
    kind: type[Exception], way: str, model: str, silent: Emulator
) -> None:
    asked = MODELS[model](silent)
    error = kind("the job's own deadline")

    with pytest.raises(kind) as raised, alarm(Alarm(error), after=0.3):
        WAYS[way](asked)

    assert raised.value is error
    circuit = getattr(asked, "circuit", None)
    assert circuit is None or (circuit.state.value, circuit.view().failures) == ("closed", 0)


@pytest.mark.parametrize("form", Alarm(OSError()).forms())
@pytest.mark.parametrize("kind", ERRORS)
def test_it_is_known_in_whatever_form_the_program_gives_it(
    kind: type[Exception], form: str, silent: Emulator
) -> None:
    error = kind("the job's own deadline")
    model = tuned(silent).with_few_shot_fallback(BASE, examples=EXAMPLES)

    with pytest.raises(kind) as raised, alarm(Alarm(error).forms()[form], after=0.3):
        model.invoke("1")

    assert raised.value is error
    assert len(silent.requests) <= 2  # its state, and the one call


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_a_timeout_around_the_call_is_nobodys_failure(way: str, silent: Emulator) -> None:
    model = tuned(silent).with_few_shot_fallback(BASE, examples=EXAMPLES)

    async def ask() -> None:
        async with asyncio.timeout(0.3):
            await (model.ainvoke("1") if way == "ainvoke" else _read(model))

    with pytest.raises(TimeoutError):
        asyncio.run(ask())

    assert model.circuit is not None
    assert model.circuit.view().failures == 0


class Limiter(BaseRateLimiter):
    """Raises instead of limiting."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def acquire(self, *, blocking: bool = True) -> bool:
        raise self._error

    async def aacquire(self, *, blocking: bool = True) -> bool:
        raise self._error


def _raising(error: Exception) -> Callable[..., Any]:
    def code(*_: Any) -> Any:
        raise error

    return code


def _with_query(error: Exception) -> FallbackChatModel:
    prompt = FewShotPrompt(EXAMPLES, query=_raising(error))
    base = FewShotChatModel(wrapped=ScriptedChatModel(answers=["x"]), prompt=prompt)
    return FallbackChatModel(models=[down(), base], retry_budget=False)


def _with_limiter(error: Exception) -> FallbackChatModel:
    limited = ScriptedChatModel(answers=["x"], rate_limiter=Limiter(error))
    return FallbackChatModel(models=[limited, ScriptedChatModel(answers=["x"])])


def _with_guard(error: Exception) -> FallbackChatModel:
    models = [ScriptedChatModel(answers=["x"]) for _ in range(2)]
    return FallbackChatModel(models=models, guards=[_raising(error)])


USER_CODE: dict[str, tuple[Callable[[Exception], FallbackChatModel], type[UserCodeError]]] = {
    "a query": (_with_query, UserCodeError),
    "a rate limiter": (_with_limiter, UserCodeError),
    "a guard": (_with_guard, GuardCrashedError),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("code", USER_CODE)
def test_what_the_users_code_raises_is_told_as_its_own(
    code: str, kind: type[Exception], way: str
) -> None:
    build, told = USER_CODE[code]
    model = build(kind("secret"))

    with pytest.raises(told, match=kind.__name__) as raised:
        WAYS[way](model)

    assert isinstance(raised.value.__cause__, kind)
    assert "secret" not in str(raised.value)


def test_a_failure_that_is_asked_about_while_the_program_handles_its_own_is_the_models() -> None:
    def own(*_: Any) -> None:
        raise TimeoutError("the job's own deadline")

    with alarm(own, after=0.01):
        try:
            threading.Event().wait(5)
        except TimeoutError:
            failed = ChatTunedGemini(model=TUNED, api_key="k", base_url="http://127.0.0.1:1")
            with pytest.raises(Exception, match=r"refused|connect") as raised:
                failed.invoke("1")

    failure = classify(raised.value)
    assert failure is not None
    assert failure.reason is Reason.CONNECTION


def _watched(plain: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a library that traces programs patches it."""

    def call(*arguments: Any, **options: Any) -> Any:
        return plain(*arguments, **options)

    return call


class OwnTransport(httpx.BaseTransport):
    """A transport of the program's, such as one through a proxy."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise ConnectionResetError(request.url.host)


def _through_requests(address: str) -> None:
    requests.get(address, timeout=5)


def _through_httpx(address: str) -> None:
    httpx.get(address, timeout=5, trust_env=False)


def _through_a_transport(address: str) -> None:
    httpx.Client(transport=OwnTransport()).get(address)


@pytest.fixture
def resetting() -> Iterator[str]:
    """The address of a server that resets each connection."""

    def accept() -> None:
        with suppress(OSError):  # it was shut down
            while True:
                connection, _ = server.accept()
                connection.recv(1)
                # Lingering for zero seconds makes close(2) send RST instead of FIN.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


WATCHED: list[tuple[str, str, Callable[[str], None]]] = [
    ("http.client.HTTPConnection.getresponse", "http", _through_requests),
    ("socket.socket.connect", "http", _through_requests),
    ("socket.create_connection", "http", _through_httpx),
    ("ssl.SSLContext.wrap_socket", "https", _through_httpx),
    ("ssl.SSLContext.wrap_socket", "https", _through_requests),
    ("ssl.SSLContext.wrap_socket", "http", _through_a_transport),
]


@pytest.mark.parametrize(("patched", "scheme", "ask"), WATCHED)
def test_what_is_raised_below_a_library_that_watches_the_network_is_the_networks(
    patched: str,
    scheme: str,
    ask: Callable[[str], None],
    resetting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner, _, name = patched.rpartition(".")
    where = pkgutil.resolve_name(owner)
    monkeypatch.setattr(where, name, _watched(getattr(where, name)))
    address = "127.0.0.1:1" if "connect" in name else resetting

    with pytest.raises(Exception, match=r".") as raised:
        ask(f"{scheme}://{address}")

    failure = classify(raised.value)
    assert failure is not None
    assert failure.reason is Reason.CONNECTION


def _classified(error: Exception) -> Any:
    with pytest.raises(type(error)) as raised:
        _raising(error)()
    return classify(raised.value)


def test_what_was_wrong_with_this_machine_before_is_not_why_a_call_failed() -> None:
    with pytest.raises(OSError, match="open files"):
        try:
            _raising(OSError(errno.EMFILE, "Too many open files"))()
        finally:
            failure = _classified(httpx.RemoteProtocolError("Server disconnected."))

    assert failure.reason is Reason.CONNECTION
    assert not failure.is_local
