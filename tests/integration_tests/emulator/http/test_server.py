"""Starting, stopping, connections, threads, event loops."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from langchain_tuned_gemini.emulator import Emulator

Ask = Callable[..., httpx.Response]

MODEL = "tunedModels/sql-expert-v1"
HEADERS = {"x-goog-api-key": "k"}
QUESTION = {"contents": [{"parts": [{"text": "List all dogs"}]}]}


def test_starting_and_stopping_twice_is_fine_and_models_stay() -> None:
    gemini = Emulator()
    gemini.add_tuned_model(MODEL)
    gemini.start()
    url = gemini.base_url
    gemini.start()
    assert gemini.base_url == url
    gemini.stop()
    gemini.stop()

    with gemini:
        response = httpx.get(f"{gemini.base_url}/v1beta/{MODEL}", headers=HEADERS)

    assert response.status_code == 200


def test_a_stopped_emulator_refuses_connections_and_has_no_url() -> None:
    with Emulator() as gemini:
        url = gemini.base_url

    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    with pytest.raises(RuntimeError, match="not running"):
        _ = gemini.base_url


def test_it_starts_and_stops_well_within_a_second() -> None:
    begun = time.monotonic()
    for _ in range(5):
        with Emulator() as gemini:
            httpx.get(f"{gemini.base_url}/", verify=False)

    assert time.monotonic() - begun < 2.5


def test_a_port_that_is_taken_is_an_error_that_says_so() -> None:
    with Emulator() as gemini:
        port = int(gemini.base_url.rpartition(":")[2])
        other = Emulator(port=port)

        with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is taken"):
            other.start()

    with other:
        assert other.base_url == f"http://127.0.0.1:{port}"


def test_stopping_does_not_wait_for_clients_that_hang(gemini: Emulator, api: httpx.Client) -> None:
    gemini.fault(hang=True)
    ended = []

    def wait() -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            api.post(f"/v1beta/{MODEL}:generateContent", json=QUESTION)
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    while not gemini.requests:
        pass
    begun = time.monotonic()
    gemini.stop()
    thread.join(5)

    assert ended == [True]
    assert time.monotonic() - begun < 1


def test_stopping_loses_no_connection_that_was_just_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: warnings.append(str(it.exc_value)))
    ports = []

    for _ in range(20):
        with Emulator() as gemini:
            ports.append(int(gemini.base_url.rpartition(":")[2]))
            opened = [socket.create_connection(("127.0.0.1", ports[-1])) for _ in range(4)]
        for client in opened:
            client.close()
    gc.collect()

    ours = [f"laddr=('127.0.0.1', {port})" for port in ports]  # other tests may leave theirs
    assert [told for told in warnings if any(one in told for one in ours)] == []


@pytest.mark.parametrize(
    "fault",
    [{"reset": True}, {"cut_after": 1}, {"cut_after": 1, "reset": True}, {"hang": True}],
    ids=str,
)
def test_nothing_is_logged_however_a_call_ends(
    gemini: Emulator, api: httpx.Client, caplog: pytest.LogCaptureFixture, fault: dict[str, Any]
) -> None:
    gemini.fault(**fault)

    with caplog.at_level(logging.WARNING), pytest.raises(httpx.TransportError):
        api.post(f"/v1beta/{MODEL}:generateContent", json=QUESTION, timeout=0.2)
    gemini.stop()

    assert caplog.records == []


def test_the_access_log_stays_empty(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask()

    assert "uvicorn.access" not in {record.name for record in caplog.records}


def test_connections_are_counted_not_requests(gemini: Emulator, ask: Ask) -> None:
    for _ in range(5):
        ask()

    assert gemini.connections == 1
    httpx.get(gemini.base_url, verify=False)
    assert gemini.connections == 2


def test_an_answer_does_not_wait_for_a_delayed_acknowledgement(ask: Ask) -> None:
    # A new connection acknowledges its first segments at once.
    for _ in range(40):
        ask()

    begun = time.monotonic()
    for _ in range(40):
        ask()

    # With Nagle's algorithm on, each would take 40 ms.
    assert time.monotonic() - begun < 1


def test_many_threads_are_answered_rightly(gemini: Emulator) -> None:
    examples = [(f"question {i}", f"answer {i}") for i in range(64)]
    gemini.add_tuned_model("tunedModels/many", examples=examples)
    url = f"{gemini.base_url}/v1beta/tunedModels/many:generateContent"

    def ask_for(number: int) -> str:
        body = {"contents": [{"parts": [{"text": f"question {number}"}]}]}
        answer = httpx.post(url, headers=HEADERS, json=body, verify=False).json()
        return str(answer["candidates"][0]["content"]["parts"][0]["text"])

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask_for, range(64)))

    assert answers == [f"answer {i}" for i in range(64)]
    assert len(gemini.requests) == 64


def test_it_runs_inside_an_event_loop_with_many_calls_in_flight() -> None:
    async def main() -> tuple[list[int], float]:
        with Emulator(latency=0.2) as gemini:
            gemini.add_tuned_model(MODEL)
            url = f"{gemini.base_url}/v1beta/{MODEL}:generateContent"
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(
                headers=HEADERS, limits=limits, timeout=30, verify=False
            ) as client:
                begun = time.monotonic()
                calls = (client.post(url, json=QUESTION) for _ in range(64))
                responses = await asyncio.gather(*calls)
                return [r.status_code for r in responses], time.monotonic() - begun

    statuses, took = asyncio.run(main())

    assert statuses == [200] * 64
    assert took < 64 * 0.2 / 4


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("often")
def test_changes_by_calls_and_by_hand_at_one_time_are_all_kept(
    gemini: Emulator, api: httpx.Client
) -> None:
    enough = threading.Event()

    def toggle() -> None:
        while not enough.is_set():
            gemini.set_state(MODEL, "FAILED")
            gemini.set_state(MODEL, "ACTIVE")

    with ThreadPoolExecutor(1) as pool:
        toggling = pool.submit(toggle)
        kept = []
        try:
            for number in range(100):
                api.patch(f"/v1beta/{MODEL}", json={"description": f"version {number}"})
                kept.append(api.get(f"/v1beta/{MODEL}").json().get("description"))
        finally:
            enough.set()

    assert kept == [f"version {number}" for number in range(100)]
    toggling.result()


def test_one_port_serves_one_emulator_at_a_time_and_is_free_afterwards() -> None:
    with Emulator() as gemini:
        port = int(gemini.base_url.rpartition(":")[2])

    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
