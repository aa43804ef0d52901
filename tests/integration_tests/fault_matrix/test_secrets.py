"""Row 76: no secret shows, whatever goes wrong.

Every test of the matrix looks for its own API key in what is raised, swallowed, told to tracers,
logged and printed: `experiment.observe` and a fixture do. Here is what those tests do not come
by: a tuned model without a fallback, the control plane, and what is written down of a model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from langchain_tuned_gemini import ChatTunedGemini, GenAIService, GenerativeAIService
from langchain_tuned_gemini.emulator import Emulator
from tests.integration_tests.fault_matrix import test_http_answers
from tests.integration_tests.fault_matrix.contract import Row, rows
from tests.integration_tests.fault_matrix.leaks import places_in_error, places_in_model
from tests.integration_tests.fault_matrix.stacks import Lab, on_every_stack, quiet, tuned_on
from tests.integration_tests.fault_matrix.task import BASE, QUESTION, TUNED
from tests.integration_tests.fault_matrix.test_http_answers import refusal, with_key
from tests.integration_tests.fault_matrix.ways import Ask, answer, astream, every_way, invoke
from tests.tcp_proxy import TcpProxy

pytestmark = quiet

WRONG_KEY = refusal(400, "INVALID_ARGUMENT", "API_KEY_INVALID")

OF_THE_LINE: list[dict[str, Any]] = [
    {"after": 0, "then": "reset"},
    {"after": 0},
    {"after": 30, "of": "body"},
    {"instead": b"SSH-2.0-OpenSSH_9.9\r\n\r\n"},
]


def raised_by(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("ask", [invoke, astream])
@rows(test_http_answers.ROWS)
def test_row_76_the_error_of_a_tuned_model_alone_shows_no_key(
    row: Row, ask: Ask, gemini: Emulator, key: str
) -> None:
    model = ChatTunedGemini(model=TUNED, api_key=key, base_url=gemini.base_url)

    with gemini.fault(model=TUNED, **with_key(row.fault, key)):
        error = raised_by(lambda: answer(ask, model))

    assert list(places_in_error(error, key)) == []


@every_way
@pytest.mark.parametrize("fault", OF_THE_LINE, ids=str)
def test_row_76_nor_does_that_of_a_broken_line(
    ask: Ask, fault: dict[str, Any], proxy: TcpProxy, key: str
) -> None:
    model = ChatTunedGemini(model=TUNED, api_key=key, base_url=proxy.base_url)

    with proxy.fault(hits=f"{TUNED}:", **fault):
        error = raised_by(lambda: answer(ask, model))

    assert list(places_in_error(error, key)) == []


@on_every_stack
def test_row_76_a_model_that_is_written_down_shows_no_key(
    stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url)

    with gemini.fault(model=tuned_on(stack), **with_key(WRONG_KEY, lab.key)):
        raised_by(lambda: answer(ask, model))

    for part in (model, *model.models):
        assert list(places_in_model(part, lab.key)) == []
    assert lab.key not in f"{model.circuit!r}{model._identifying_params}"


Service = Callable[[str, str], Any]
of_each_service = pytest.mark.parametrize(
    "service",
    [
        lambda key, url: GenAIService.from_api_key(key, base_url=url, timeout=0.2),
        lambda key, url: GenerativeAIService(key, base_url=url, timeout=0.2),
    ],
    ids=["google-genai", "google-generativeai"],
)


@of_each_service
@pytest.mark.parametrize(
    "fault", [WRONG_KEY, {"status": 403}, {"status": 503}, {"hang": True}], ids=str
)
def test_row_76_the_errors_of_the_control_plane_show_no_key(
    service: Service, fault: dict[str, Any], gemini: Emulator, key: str
) -> None:
    knows = service(key, gemini.base_url)

    with gemini.fault(method="any", **with_key(fault, key)):
        errors = [raised_by(lambda: knows.get(TUNED)), raised_by(knows.list)]

    assert [place for error in errors for place in places_in_error(error, key)] == []
    assert key not in repr(knows)


@of_each_service
@pytest.mark.parametrize("fault", OF_THE_LINE, ids=str)
def test_row_76_nor_do_they_if_the_line_breaks(
    service: Service, fault: dict[str, Any], proxy: TcpProxy, key: str
) -> None:
    knows = service(key, proxy.base_url)

    with proxy.fault(**fault):
        error = raised_by(lambda: knows.get(TUNED))

    assert list(places_in_error(error, key)) == []


def test_row_76_nor_does_the_error_of_counting_tokens(gemini: Emulator, key: str) -> None:
    model = ChatTunedGemini(model=TUNED, api_key=key, base_url=gemini.base_url, base_model=BASE)

    with gemini.fault(method="countTokens", **with_key(WRONG_KEY, key)):
        error = raised_by(lambda: model.get_num_tokens(QUESTION))

    assert list(places_in_error(error, key)) == []


def test_the_search_finds_a_key_where_there_is_one(gemini: Emulator, lab: Lab) -> None:
    """What the plain model raises before anything of ours has seen it."""
    plain = lab.robust("httpx", gemini.base_url).models[0]

    with gemini.fault(model=TUNED, **with_key(WRONG_KEY, lab.key)):
        error = raised_by(lambda: plain.invoke(QUESTION))

    found = {place.rpartition(": ")[2] for place in places_in_error(error, lab.key)}
    assert {
        "str",
        "repr",
        "args",
        "vars",
        "pickle",
        "body",
        "response's request's headers",
    } <= found
