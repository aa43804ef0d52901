"""Kept connections that the server closes: at the moment of a request, and while nobody asks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini import ChatTunedGemini
from langchain_tuned_gemini.chat_models.fallback.model import FallbackChatModel
from langchain_tuned_gemini.transport import http
from tests.scripted_server import ANSWER, Asked, Reply, ScriptedServer, http_answer, well

MODEL = "tunedModels/t"
BASE = "gemini-2.5-flash"
EXAMPLES = [{"text_input": "1", "output": "2"}]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def model_at(server: ScriptedServer, **parameters: Any) -> ChatTunedGemini:
    return ChatTunedGemini(model=MODEL, api_key="key", base_url=server.base_url, **parameters)


def robust_at(server: ScriptedServer) -> FallbackChatModel:
    return model_at(server).with_few_shot_fallback(BASE, examples=EXAMPLES, circuit_breaker=False)


async def _streamed(model: Any) -> str:
    return "".join([chunk.text async for chunk in model.astream("1")])


async def _twice(ask: Callable[[Any], Any], model: Any) -> str:
    await ask(model)
    return str(await ask(model))


async def _ainvoked(model: Any) -> str:
    return str((await model.ainvoke("1")).text)


def _two(ask: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda model: ask(model) and ask(model)


WAYS: dict[str, Callable[[Any], str]] = {
    "invoke": _two(lambda model: model.invoke("1").text),
    "stream": _two(lambda model: "".join(chunk.text for chunk in model.stream("1"))),
    "ainvoke": lambda model: asyncio.run(_twice(_ainvoked, model)),
    "astream": lambda model: asyncio.run(_twice(_streamed, model)),
}
"""Asks twice, so that the second request goes out on the connection of the first."""

in_every_way = pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
for_every_end = pytest.mark.parametrize("end", ["close", "reset"])


def ends_when_reused(end: Any, *, hits: str = "enerateContent") -> Callable[[Asked], Reply]:
    """Ends a connection at the first request that hits and is not the connection's first."""
    ended: list[Asked] = []

    def script(asked: Asked) -> Reply:
        if asked.place and hits in asked.path and not ended:
            ended.append(asked)
            return end  # type: ignore[no-any-return]
        return well(asked)

    return script


@in_every_way
@for_every_end
def test_a_request_whose_kept_connection_was_just_closed_goes_out_again(
    server: ScriptedServer, ask: Callable[[Any], str], end: str
) -> None:
    server.script = ends_when_reused(end)

    assert ask(model_at(server)) == "hello"
    assert sum("enerateContent" in asked.path for asked in server.asked) == 3


@in_every_way
@for_every_end
def test_so_does_the_base_models(
    server: ScriptedServer, ask: Callable[[Any], str], end: str
) -> None:
    ended = ends_when_reused(end, hits=BASE)
    down = http_answer(b"{}", status="503 Service Unavailable")
    server.script = lambda asked: down if f"{MODEL}:" in asked.path else ended(asked)

    assert ask(robust_at(server)) == "hello"
    assert sum(BASE in asked.path for asked in server.asked) == 3


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_try_that_was_lost_is_told_as_an_attempt(
    server: ScriptedServer, *, is_streamed: bool
) -> None:
    server.script = ends_when_reused("close")
    model = robust_at(server)

    # The state is asked for first, so the question goes out on a connection that was kept.
    last = [*model.stream("1")][-1] if is_streamed else model.invoke("1")

    told = last.response_metadata["tuned_gemini"]
    assert told["answered_by"] == "tuned"
    assert told["reason"] == "connection"
    assert [(one["model"], one["outcome"], one["error_type"]) for one in told["attempts"]] == [
        (MODEL, "error", "RemoteProtocolError"),
        (MODEL, "ok", None),
    ]


def test_a_lost_connection_says_nothing_about_the_model(server: ScriptedServer) -> None:
    server.script = lambda asked: "close" if asked.place and "POST" in asked.method else well(asked)
    model = model_at(server).with_few_shot_fallback(BASE, examples=EXAMPLES)

    answers = [model.invoke("1") for _ in range(20)]

    assert {one.response_metadata["tuned_gemini"]["answered_by"] for one in answers} == {"tuned"}
    assert model.circuit is not None
    assert model.circuit.view().state.value == "closed"


def send(path: str, method: str, *addresses: str) -> None:
    """Sends requests one after the other over the shared client, on a connection that is kept."""

    async def in_a_loop() -> None:
        client = http.async_client()
        for address in addresses:
            await client.request(method, address)

    if path == "async":
        asyncio.run(in_a_loop())
        return
    client = http.sync_client()
    for address in addresses:
        client.request(method, address)


BREAKS = [
    pytest.param("close", 0, id="its connection was new"),
    pytest.param((b"H", "close"), 1, id="a byte of the answer had come"),
    pytest.param((b"what?\r\n\r\n", "close"), 1, id="what came was no HTTP"),
    pytest.param((http_answer(ANSWER)[:30], "reset"), 1, id="a part of the head had come"),
    pytest.param((http_answer(ANSWER)[:-9], "close"), 1, id="a part of the answer had come"),
]


@pytest.mark.parametrize(("reply", "place"), BREAKS)
@pytest.mark.parametrize("path", ["sync", "async"])
def test_a_request_does_not_go_out_again_where(
    server: ScriptedServer, reply: Reply, place: int, path: str
) -> None:
    server.script = lambda asked: reply if asked.place == place else well(asked)
    address = f"{server.base_url}/v1beta/models/x:generateContent"

    with pytest.raises(httpx.TransportError):
        send(path, "POST", *[address] * (place + 1))

    assert len(server.asked) == place + 1


@pytest.mark.parametrize("path", ["sync", "async"])
def test_a_request_goes_out_twice_at_the_most(server: ScriptedServer, path: str) -> None:
    server.script = lambda asked: well(asked) if len(server.asked) == 1 else "close"
    address = f"{server.base_url}/v1beta/models/x:generateContent"

    with pytest.raises(httpx.RemoteProtocolError):
        send(path, "POST", address, address)

    assert len(server.asked) == 3


ONCE_OR_TWICE = [
    ("GET", "v1beta/tunedModels/t", 2),
    ("GET", "v1beta1/projects/p/locations/l/tuningJobs/1", 2),
    ("POST", "v1beta/tunedModels/t:generateContent", 2),
    ("POST", "v1beta/tunedModels/t:streamGenerateContent?alt=sse", 2),
    ("POST", "v1beta1/projects/p/locations/l/endpoints/1:countTokens", 2),
    ("POST", "v1beta/tunedModels", 1),
    ("POST", "v1beta1/projects/p/locations/l/tuningJobs", 1),
    ("POST", "v1beta1/projects/p/locations/l/endpoints/1:deployModel", 1),
    ("POST", "upload/v1beta/files", 1),
    ("PATCH", "v1beta/tunedModels/t", 1),
    ("DELETE", "v1beta/tunedModels/t", 1),
    ("DELETE", "v1beta1/projects/p/locations/l/models/1", 1),
]


@pytest.mark.parametrize(("method", "path", "times"), ONCE_OR_TWICE)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_only_what_changes_nothing_goes_out_again(
    server: ScriptedServer, method: str, path: str, times: int, kind: str
) -> None:
    server.script = lambda asked: "close" if asked.place else well(asked)
    address = f"{server.base_url}/{path}"

    try:
        send(kind, method, address, address)
        sent = 2
    except httpx.RemoteProtocolError:
        sent = 1

    assert sent == times
    assert len(server.asked) == 1 + times


def test_a_body_that_can_be_read_but_once_does_not_go_out_again(server: ScriptedServer) -> None:
    server.script = lambda asked: "close" if asked.place else well(asked)
    address = f"{server.base_url}/v1beta/models/x:generateContent"
    client = http.sync_client()
    client.post(address)

    with pytest.raises(httpx.TransportError):  # as the end of the connection is seen
        client.post(address, content=iter([b"{}"]))

    assert len(server.asked) == 2


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")


@contextmanager
def another(server: ScriptedServer) -> Iterator[str]:
    """Another host that is asked, by its address; it is time to look for the dead again."""
    with ScriptedServer() as other:
        http._pools._due_at = 0.0
        yield f"{other.base_url}/v1beta/{MODEL}"


def burst(address: str, calls: int = 16) -> None:
    """Leaves as many connections behind in this thread's pool as it makes calls."""
    client = http.sync_client()
    barrier = threading.Barrier(calls)

    def call(_: int) -> None:
        with client.stream("GET", address) as response:
            barrier.wait()
            response.read()

    with ThreadPoolExecutor(calls) as pool:
        list(pool.map(call, range(calls)))


async def aburst(address: str, calls: int = 16) -> None:
    """The same on the running loop."""
    client = http.async_client()
    barrier = asyncio.Barrier(calls)

    async def call() -> None:
        async with client.stream("GET", address) as response:
            await barrier.wait()
            await response.aread()

    await asyncio.gather(*(call() for _ in range(calls)))


@needs_proc
@pytest.mark.parametrize("then", ["sync", "async"])
def test_what_a_host_has_closed_is_closed_when_another_one_is_asked(
    server: ScriptedServer, then: str
) -> None:
    before = descriptors()
    client = http.sync_client()  # or the next one would be a new one, with no connections
    with another(server) as address:
        burst(f"{server.base_url}/v1beta/{MODEL}")
        server.hang_up()
        http._pools._due_at = 0.0

        send(then, "GET", address)

        assert descriptors() < before + 10
    assert client is http.sync_client()


@needs_proc
@pytest.mark.parametrize("then", ["sync", "async"])
def test_so_it_is_when_another_thread_has_an_event_loop_with_such_connections(
    server: ScriptedServer, then: str
) -> None:
    client = http.async_client()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        before = descriptors()
        address = f"{server.base_url}/v1beta/{MODEL}"
        asyncio.run_coroutine_threadsafe(aburst(address), loop).result()
        with another(server) as elsewhere:
            server.hang_up()
            http._pools._due_at = 0.0

            send(then, "GET", elsewhere)
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loop).result()

            assert descriptors() < before + 10
    finally:
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert client is http.async_client()


WITHOUT_DESCRIPTORS = """
import asyncio, os, resource, sys
from langchain_tuned_gemini import ChatTunedGemini, LocalResourceError

kind, *addresses = sys.argv[1:]
idle, model = (
    ChatTunedGemini(model="tunedModels/t", api_key="key", base_url=address) for address in addresses
)
robust = model.with_few_shot_fallback("gemini-2.5-flash", examples=[("1", "2")])


async def ask(model):
    return model.invoke("1") if kind == "sync" else await model.ainvoke("1")


async def told(model):
    try:
        return (await ask(model)).text
    except Exception as error:
        return type(error).__name__


async def main():
    await ask(idle)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))), hard))
    print(await told(model))  # on the descriptor of the idle connection
    resource.setrlimit(resource.RLIMIT_NOFILE, (4, hard))
    print(await told(idle))
    for _ in range(30):
        print(await told(robust))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    answer = await ask(robust)
    print(robust.circuit.view().state.value, answer.response_metadata["tuned_gemini"]["answered_by"])


asyncio.run(main())
"""


@needs_proc
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_process_without_descriptors_gives_idle_connections_up_and_blames_no_model(
    server: ScriptedServer, kind: str
) -> None:
    # In a process of its own: nothing else here would work either.
    with ScriptedServer() as other:
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_DESCRIPTORS, kind, server.base_url, other.base_url],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert done.stdout.splitlines() == [
        "hello",
        "LocalResourceError",
        *["AllModelsFailedError"] * 30,
        "closed tuned",
    ], done.stderr[-2_000:]
