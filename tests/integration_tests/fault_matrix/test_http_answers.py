"""Rows 1 to 16: what a server answers, on every HTTP stack."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langchain_google_genai.chat_models import (
    GoogleAuthenticationError,
    GoogleInvalidRequestError,
    GooglePermissionDeniedError,
)

from langchain_tuned_gemini import AllModelsFailedError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.emulator.faults.google_errors import quota_exceeded
from tests.integration_tests.fault_matrix.contract import (
    Circuit,
    Row,
    all_failed,
    degraded,
    raised,
    rows,
    rows_on_every_stack,
    sick,
)
from tests.integration_tests.fault_matrix.experiment import check, observe
from tests.integration_tests.fault_matrix.stacks import OURS, Lab, quiet, tuned_on
from tests.integration_tests.fault_matrix.task import TUNED
from tests.integration_tests.fault_matrix.ways import Ask, answer, batched, every_way

pytestmark = quiet

DEVIATIONS = {
    1: "The next model answers a 400, too: the base model takes what a tuned one may not (tools, "
    "a system instruction, a long prompt), and a request that is wrong fails there as well.",
    5: "When every model says 403 the error is AllModelsFailedError, which holds both.",
    7: "No second try after a 408: it has cost its time already, and the base model answers.",
    11: "The error is AllModelsFailedError, which holds both models' 429 with their hints.",
    12: "A 499 counts: nobody on this side cancelled, or there would be nobody to see it.",
    14: "The next model answers, and nothing is remembered: the circuit has no capabilities.",
    16: "Only models of this package refuse redirects: a user's own ChatGoogleGenerativeAI follows "
    "them inside upstream's client, before anything here can know.",
}
"""Where the product does not do what the row says, and why."""

_RPC = "type.googleapis.com/google.rpc."
KEY = "<the key>"
"""Stands for the test's own key in what the server says."""


def refusal(code: int, status: str, reason: str) -> dict[str, Any]:
    """Google's answer with a machine-readable reason; for a wrong key it quotes the key."""
    details = [
        {"@type": f"{_RPC}ErrorInfo", "reason": reason, "domain": "googleapis.com"},
        {"@type": f"{_RPC}DebugInfo", "detail": f"Invalid API key: {KEY}"},
    ]
    error = {"code": code, "status": status, "message": "API key not valid.", "details": details}
    return {"status": code, "body": {"error": error}}


NOT_READY = {"error": {"code": 400, "status": "FAILED_PRECONDITION", "message": "not yet"}}

ROWS = [
    Row(number=1, what="400", fault={"status": 400}, contract=degraded("rejected", 400)),
    Row(
        number=2,
        what="a wrong key",
        fault=refusal(400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        contract=raised(GoogleInvalidRequestError, "API key not valid"),
    ),
    Row(
        number=2,
        what="the API disabled",
        fault=refusal(403, "PERMISSION_DENIED", "SERVICE_DISABLED"),
        contract=raised(GooglePermissionDeniedError),
    ),
    Row(
        number=3,
        what="400 not ready",
        fault={"status": 400, "body": NOT_READY},
        contract=degraded("not_ready", 400, circuit=Circuit.COUNTED),
    ),
    Row(number=4, what="401", fault={"status": 401}, contract=raised(GoogleAuthenticationError)),
    Row(
        number=5,
        what="403",
        fault={"status": 403},
        contract=degraded("permission", 403, circuit=Circuit.OPEN),
    ),
    Row(
        number=6,
        what="404",
        fault={"status": 404},
        contract=degraded("gone", 404, circuit=Circuit.OPEN),
    ),
    Row(
        number=6,
        what="404 a page",
        fault={"status": 404, "body": "<html>no such page"},
        contract=degraded("gone", 404, circuit=Circuit.OPEN),
    ),
    Row(
        number=7,
        what="408",
        fault={"status": 408},
        contract=degraded("timeout", 408, circuit=Circuit.COUNTED),
    ),
    Row(number=8, what="409", fault={"status": 409}, contract=sick("overloaded", 409)),
    Row(
        number=9,
        what="429 RetryInfo",
        fault={"retry_delay": 7},
        contract=degraded("quota", 429, circuit=Circuit.OPEN, retry_after=7),
    ),
    Row(
        number=9,
        what="429 by the day",
        fault={"status": 429, "body": quota_exceeded("x", per="day", delay=7)},
        contract=degraded("quota", 429, circuit=Circuit.OPEN, retry_after=300),
    ),
    Row(
        number=10,
        what="429 Retry-After",
        fault={"status": 429, "retry_after": 9},
        contract=degraded("quota", 429, circuit=Circuit.OPEN, retry_after=9),
    ),
    Row(
        number=10,
        what="429 in words",
        fault={"status": 429, "message": "Please retry in 8.5s."},
        contract=degraded("quota", 429, circuit=Circuit.OPEN, retry_after=8.5),
    ),
    Row(
        number=10,
        what="429 no hint",
        fault={"status": 429},
        contract=degraded("quota", 429, circuit=Circuit.THROTTLED),
    ),
    Row(
        number=10,
        what="429 like an overflow",  # langchain-google-genai raises it as a context overflow
        fault={"status": 429, "message": "the token limit"},
        contract=degraded("quota", 429, circuit=Circuit.THROTTLED),
    ),
    Row(number=12, what="499", fault={"status": 499}, contract=sick("connection", 499)),
    *(
        Row(number=13, what=str(code), fault={"status": code}, contract=sick("overloaded", code))
        for code in (500, 503, 504)
    ),
    Row(
        number=13,
        what="503 Retry-After",
        fault={"status": 503, "retry_after": 9},
        contract=sick("overloaded", 503),
    ),
    Row(number=14, what="501", fault={"status": 501}, contract=degraded("rejected", 501)),
    Row(number=15, what="502 a page", fault={"status": 502}, contract=sick("overloaded", 502)),
]


REDIRECTS = [
    Row(
        number=16,
        what=str(status),
        fault={"status": status, "redirect": "elsewhere"},
        contract=sick("connection", status),
    )
    for status in (301, 302, 303, 307, 308)
]


def with_key(value: Any, key: str) -> Any:
    """A fault in which the server quotes the key that it was sent."""
    match value:
        case str():
            return value.replace(KEY, key)
        case dict():
            return {name: with_key(held, key) for name, held in value.items()}
        case list():
            return [with_key(held, key) for held in value]
    return value


@rows_on_every_stack(ROWS)
def test_an_answer_that_is_an_error_means_the_same_on_every_stack(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url)

    with gemini.fault(model=tuned_on(stack), **with_key(row.fault, lab.key)):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.on(stack, ask))


@batched
@rows([row for row in ROWS if row.number in {2, 6, 9, 13}])
def test_it_means_the_same_in_a_batch(row: Row, ask: Ask, gemini: Emulator, lab: Lab) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, **with_key(row.fault, lab.key)):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.on(OURS, ask))


@every_way
@rows(REDIRECTS)
def test_a_redirect_is_refused_and_takes_nothing_along(
    row: Row, ask: Ask, gemini: Emulator, lab: Lab, elsewhere: Emulator
) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, **{**row.fault, "redirect": elsewhere.base_url}):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.on(OURS, ask))
    assert elsewhere.connections == 0


@pytest.mark.parametrize("status", [400, 403, 404])
@every_way
def test_row_03_an_error_that_speaks_of_the_model_makes_its_state_be_asked_again(
    ask: Ask, status: int, gemini: Emulator, lab: Lab
) -> None:
    """Rows 5 and 6 as well."""
    model = lab.robust(OURS, gemini.base_url)
    before = len(gemini.requests)

    with gemini.fault(model=TUNED, status=status, body=NOT_READY if status == 400 else None):
        answer(ask, model)
    model.circuit.reset()
    answer(ask, model)

    assert [r.model for r in gemini.requests[before:] if r.method == "GET"] == [TUNED, TUNED]


@every_way
def test_row_03_a_model_that_says_so_for_ever_is_left_alone_though_its_state_is_active(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url)
    before = len(gemini.requests)

    with gemini.fault(model=TUNED, status=400, body=NOT_READY):
        for _ in range(20):
            answer(ask, model)

    asked = [r.method for r in gemini.requests[before:] if r.model == TUNED]
    assert (asked.count("POST"), asked.count("GET")) == (5, 5)


@every_way
def test_row_05_a_403_is_for_the_operator_to_mend(
    ask: Ask, gemini: Emulator, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    with gemini.fault(model=TUNED, status=403):
        answer(ask, lab.robust(OURS, gemini.base_url))

    reason, outage = ours(caplog)
    assert (reason.levelno, outage.levelno) == (logging.WARNING, logging.ERROR)
    assert "do not have permission" in reason.getMessage()


@every_way
@pytest.mark.parametrize(
    ("status", "reason", "circuit"),
    [(403, "permission", Circuit.OPEN), (429, "quota", Circuit.THROTTLED)],
)
def test_row_11_when_every_model_is_refused_one_error_holds_all(
    ask: Ask, status: int, reason: str, circuit: Circuit, gemini: Emulator, lab: Lab
) -> None:
    """Row 5 as well."""
    with gemini.fault(status=status):
        seen = observe(lab.robust(OURS, gemini.base_url), ask, gemini, key=lab.key)

    check(seen, all_failed(reason, circuit=circuit))
    assert isinstance(seen.error, AllModelsFailedError)
    assert [attempt.status for attempt in seen.error.attempts] == [status, status]


@every_way
def test_row_15_a_page_of_html_is_not_copied_into_the_log(
    ask: Ask, gemini: Emulator, lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    page = "<html>the whole page of a gateway"

    with gemini.fault(status=502, body=page):  # for both models
        seen = observe(lab.robust(OURS, gemini.base_url), ask, gemini, key=lab.key)

    check(seen, all_failed("overloaded", asked=2, circuit=Circuit.COUNTED))
    assert [record.levelno for record in ours(caplog)] == [logging.ERROR]
    assert "gateway" not in caplog.text
    assert "gateway" not in str(seen.error)


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "langchain_tuned_gemini"]


@pytest.fixture
def elsewhere() -> Any:
    with Emulator() as elsewhere:
        yield elsewhere
