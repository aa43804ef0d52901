"""Rows 42 to 49: streams that break, on every HTTP stack.

Up to the first content a failure is invisible; after it, no text of two models is ever glued.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, cast

import pytest

from langchain_tuned_gemini import ContentBlockedError, FallbackChatModel
from langchain_tuned_gemini.circuit_breaker import CircuitState
from langchain_tuned_gemini.emulator import Emulator
from tests.integration_tests.fault_matrix.clock import Clock, breaker_with
from tests.integration_tests.fault_matrix.contract import (
    Row,
    answered,
    broken,
    no_answer,
    raised,
    rows,
    sick,
    silent,
)
from tests.integration_tests.fault_matrix.experiment import check, observe
from tests.integration_tests.fault_matrix.stacks import (
    OURS,
    Lab,
    every_stream_on_every_stack,
    quiet,
    streamed_on_both_platforms,
    tuned_on,
)
from tests.integration_tests.fault_matrix.task import BASE_TEXT, QUESTION, TUNED, TUNED_TEXT
from tests.integration_tests.fault_matrix.ways import Ask, answer, streamed
from tests.tcp_proxy import TcpProxy

pytestmark = quiet

BEFORE = [
    Row(number=42, what="cut", fault={"cut_after": 0}, contract=sick("connection")),
    Row(
        number=42, what="reset", fault={"cut_after": 0, "reset": True}, contract=sick("connection")
    ),
    Row(number=43, what="error", fault={"error_after": 0}, contract=sick("overloaded", 503)),
    Row(
        number=43,
        what="error 499",
        fault={"error_after": 0, "status": 499},
        contract=sick("connection", 499),
    ),
    Row(
        number=45,
        what="empty",
        fault={"end_after": 0},
        contract=no_answer(error="EmptyAnswerError"),
    ),
    Row(number=46, what="broken JSON", fault={"malformed": True}, contract=no_answer()),
    Row(
        number=47,
        what="stall",
        fault={"stall_after": 0},
        contract=silent(),
        settings={"first_token_timeout": 0.15},
    ),
    Row(
        number=49,
        what="blocked prompt",
        fault={"blocked": True},
        contract=raised(ContentBlockedError, "SAFETY"),
    ),
    Row(
        number=49,
        what="withheld",
        fault={"finish_reason": "SAFETY", "empty": True},
        contract=raised(ContentBlockedError, "SAFETY"),
    ),
]
"""What goes wrong before the first content."""

MIDWAY = [
    Row(number=42, what="cut", fault={"cut_after": 3}, contract=broken("connection")),
    Row(
        number=42,
        what="reset",
        fault={"cut_after": 3, "reset": True},
        contract=broken("connection"),
    ),
    Row(number=43, what="error", fault={"error_after": 3}, contract=broken("overloaded")),
    Row(number=44, what="no finish reason", fault={"end_after": 3}, contract=broken("bad_output")),
    Row(number=46, what="broken JSON", fault={"malformed_after": 3}, contract=broken("bad_output")),
    Row(
        number=47,
        what="stall",
        fault={"stall_after": 3},
        contract=broken("timeout"),
        settings={"stall_timeout": 0.3},
    ),
]
"""What goes wrong after it."""


@every_stream_on_every_stack
@rows(BEFORE)
def test_a_failure_before_the_first_content_is_invisible(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url, **row.settings)

    with gemini.fault(model=tuned_on(stack), **row.fault):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.contract)


@every_stream_on_every_stack
@rows(MIDWAY)
def test_a_stream_that_breaks_raises_with_the_text_so_far(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url, **row.settings)

    with gemini.fault(model=tuned_on(stack), **row.fault):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.contract)


@streamed_on_both_platforms
@rows(MIDWAY)
def test_a_stream_that_is_handed_out_complete_never_shows_a_failure(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url, commit="complete", **row.settings)

    with gemini.fault(model=tuned_on(stack), **row.fault):
        seen = observe(model, ask, gemini, key=lab.key)

    assert (seen.leaks, seen.error, seen.text) == ([], None, BASE_TEXT)
    assert seen.provenance["answered_by"] == "base_fallback"
    assert seen.provenance["reason"] == row.contract.reason


@streamed_on_both_platforms
@rows(MIDWAY)
def test_a_stream_that_breaks_may_be_restarted_after_a_mark(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url, on_broken_stream="restart", **row.settings)

    with gemini.fault(model=tuned_on(stack), **row.fault):
        chunks = answer(ask, model)

    told = [chunk.response_metadata.get("tuned_gemini", {}) for chunk in chunks]
    (mark,) = [place for place, said in enumerate(told) if said.get("restarted")]
    before, after = ("".join(c.text for c in part) for part in (chunks[:mark], chunks[mark:]))
    assert before
    assert TUNED_TEXT.startswith(before)
    assert after == BASE_TEXT
    assert told[-1]["reason"] == row.contract.reason


@streamed
@pytest.mark.parametrize("settings", [{}, {"on_broken_stream": "restart"}], ids=str)
def test_row_49_what_is_withheld_midway_is_raised_and_asked_nowhere_else(
    ask: Ask, settings: dict[str, Any], gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url, **settings)

    with gemini.fault(model=TUNED, finish_reason="SAFETY"):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, raised(ContentBlockedError, "withheld: SAFETY", partial=True))


@streamed
def test_row_47_a_stream_may_take_its_time_as_long_as_it_goes_on(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    limits = {"first_token_timeout": 5.0, "stall_timeout": 0.4}

    with gemini.fault(model=TUNED, delay=0.5):
        seen = observe(lab.robust(OURS, gemini.base_url, **limits), ask, gemini, key=lab.key)

    check(seen, answered())


def read_slowly(model: FallbackChatModel) -> str:
    chunks = model.stream(QUESTION)
    text = next(chunks).text
    threading.Event().wait(1.0)
    return text + "".join(chunk.text for chunk in chunks)


def aread_slowly(model: FallbackChatModel) -> str:
    async def read() -> str:
        chunks = model.astream(QUESTION)
        text = (await anext(chunks)).text
        await asyncio.sleep(1.0)
        return text + "".join([chunk.text async for chunk in chunks])

    return asyncio.run(read())


@pytest.mark.parametrize("read", [read_slowly, aread_slowly])
def test_row_47_a_reader_may_take_its_time(
    read: Callable[[FallbackChatModel], str], gemini: Emulator, lab: Lab
) -> None:
    """The model has long said all of it, so it is not the one that stalls."""
    limits = {"first_token_timeout": 5.0, "stall_timeout": 0.4, "total_timeout": 0.9}
    model = lab.robust(OURS, gemini.base_url, **limits)

    assert read(model) == TUNED_TEXT


def begin(model: FallbackChatModel) -> None:
    chunks = cast("Generator[Any]", model.stream(QUESTION))
    assert next(chunks).text
    chunks.close()


def abegin(model: FallbackChatModel) -> None:
    async def begin() -> None:
        chunks = cast("AsyncGenerator[Any]", model.astream(QUESTION))
        assert (await anext(chunks)).text
        await chunks.aclose()

    asyncio.run(begin())


def break_off(model: FallbackChatModel) -> None:
    for chunk in model.stream(QUESTION):
        assert chunk.text
        break


def abreak_off(model: FallbackChatModel) -> None:
    async def begin() -> None:
        async for chunk in model.astream(QUESTION):
            assert chunk.text
            break

    asyncio.run(begin())


@pytest.mark.parametrize("stop", [begin, abegin, break_off, abreak_off])
def test_row_48_a_consumer_who_stops_early_closes_the_connection_and_counts_for_nothing(
    stop: Callable[[FallbackChatModel], None], proxy: TcpProxy, lab: Lab
) -> None:
    model = lab.robust(OURS, proxy.base_url)

    with proxy.fault(hits=f"{TUNED}:", after=1000, of="body", then="hang"):
        stop(model)

        assert proxy.wait_until_idle()
    assert model.circuit is not None
    assert (model.circuit.view().outcomes, model.circuit.state) == (0, CircuitState.CLOSED)


@pytest.mark.parametrize("stop", [begin, abegin, break_off, abreak_off])
def test_row_48_a_consumer_who_stops_a_probe_gives_the_slot_back(
    stop: Callable[[FallbackChatModel], None], gemini: Emulator, lab: Lab
) -> None:
    clock = Clock()
    model = lab.robust(OURS, gemini.base_url, circuit_breaker=breaker_with(clock))
    with gemini.fault(model=TUNED, status=404):
        model.invoke(QUESTION)
    clock.now += 400

    stop(model)

    assert model.circuit is not None
    assert model.circuit.state is CircuitState.HALF_OPEN
    assert model.invoke(QUESTION).text == TUNED_TEXT
    assert model.circuit.state is CircuitState.CLOSED
