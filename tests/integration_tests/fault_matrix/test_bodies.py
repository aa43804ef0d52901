"""Rows 17 to 32: bodies that look fine, on every HTTP stack.

langchain-google-genai returns most of them as success, with an empty text.
"""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_google_genai.chat_models import GoogleInvalidRequestError

from langchain_tuned_gemini import ContentBlockedError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.guards import FinishReason, is_cut_off
from tests.integration_tests.fault_matrix.contract import (
    Circuit,
    Contract,
    Row,
    answered,
    broken,
    degraded,
    no_answer,
    raised,
    rows_on_every_stack,
    sick,
)
from tests.integration_tests.fault_matrix.experiment import check, observe
from tests.integration_tests.fault_matrix.stacks import (
    AIOHTTP,
    OURS,
    Lab,
    on_every_stack,
    quiet,
    tuned_on,
)
from tests.integration_tests.fault_matrix.task import QUESTION, TUNED, TUNED_TEXT
from tests.integration_tests.fault_matrix.test_http_answers import refusal, with_key
from tests.integration_tests.fault_matrix.ways import Ask, answer, every_way

pytestmark = [
    *quiet,
    pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason"),  # google-genai's
]

DEVIATIONS = {
    17: "For a user's own model, upstream throws the error away unless the answer is streamed, so "
    "that what is left is an empty answer: bad_output instead of overloaded. It counts all the "
    "same.",
    19: "No second try of an empty answer: the base model answers sooner and more surely.",
    22: "The next model answers without an option: a recitation is no policy of the user's.",
    23: "No second try, as in row 19.",
    24: "Counted like any other failure: the circuit has one ratio, not one for each kind.",
    31: "httpx and httpx2 put U+FFFD for what is not UTF-8, and the text is returned: below the "
    "guards nobody can tell. On aiohttp it is bad_output.",
}
"""Where the product does not do what the row says, and why."""

EMPTY = no_answer("it is empty")


WRONG_KEY = refusal(400, "INVALID_ARGUMENT", "API_KEY_INVALID")["body"]["error"]


def blocked(what: str) -> Contract:
    return raised(ContentBlockedError, what)


def saying(text: str, **further: Any) -> dict[str, Any]:
    """A whole answer that stops as it should."""
    return {
        "candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP", **further}]
    }


ROWS = [
    *(
        Row(
            number=17,
            what=f"200 with {what}",
            fault={"body": {"error": error}},
            contract=contract,
            plain=EMPTY,
            streamed=contract,
        )
        for what, error, contract in [
            ("a 503", {"code": 503, "message": "busy"}, sick("overloaded", 503)),
            (
                "a 429",
                {"code": 429, "message": "Please retry in 8.5s."},
                degraded("quota", 429, circuit=Circuit.OPEN, retry_after=8.5),
            ),
            ("a wrong key", WRONG_KEY, raised(GoogleInvalidRequestError, "not valid")),
        ]
    ),
    *(
        Row(
            number=17,
            what=f"200 with {what}",
            fault={"body": {"error": error}},
            contract=EMPTY,
            streamed=no_answer(),
        )
        for what, error in [
            ("no code", {"status": "UNAVAILABLE"}),
            ("a code in quotes", {"code": "503"}),
            ("one word", "busy"),
        ]
    ),
    *(
        Row(number=18, what=f"not Gemini {body}", fault={"body": body}, contract=no_answer())
        for body in (
            7,
            {"candidates": 7},
            {"candidates": "dogs"},
            {"candidates": [{"content": "dogs"}]},
            {"candidates": [{"finishReason": 7}]},
        )
    ),
    Row(number=18, what="null", fault={"body": b"null"}, contract=EMPTY),
    Row(number=18, what="an array", fault={"body": []}, contract=EMPTY),
    Row(
        number=18,
        what="an empty body",
        fault={"body": b""},
        contract=EMPTY,
        streamed=no_answer(error="EmptyAnswerError"),
    ),
    Row(number=19, what="no candidates", fault={"no_candidates": True}, contract=EMPTY),
    Row(number=19, what="empty candidates", fault={"body": {"candidates": []}}, contract=EMPTY),
    Row(number=20, what="blocked prompt", fault={"blocked": True}, contract=blocked("SAFETY")),
    *(
        Row(
            number=21,
            what=reason,
            fault={"finish_reason": reason, "empty": True},
            contract=blocked(f"withheld: {reason}"),
        )
        for reason in ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY")
    ),
    Row(
        number=22,
        what="RECITATION",
        fault={"finish_reason": "RECITATION"},
        contract=EMPTY,
        streamed=broken("bad_output"),
    ),
    Row(
        number=23,
        what="MALFORMED_FUNCTION_CALL",
        fault={"finish_reason": "MALFORMED_FUNCTION_CALL"},
        contract=EMPTY,
        streamed=broken("bad_output"),
    ),
    *(
        Row(
            number=24,
            what=reason,
            fault={"finish_reason": reason},
            contract=no_answer(why),
            streamed=broken("bad_output"),
        )
        for reason, why in {
            "OTHER": "it ended with OTHER",
            "LANGUAGE": "it ended with LANGUAGE",
            "FINISH_REASON_UNSPECIFIED": "it has no finish reason, so it broke off",
        }.items()
    ),
    Row(
        number=25,
        what="MAX_TOKENS without text",
        fault={"limit_after": 0},
        contract=EMPTY,
    ),
    Row(
        number=25,
        what="MAX_TOKENS with text",
        fault={"limit_after": 3},
        contract=answered("Dogs sleep for "),
    ),
    *(
        Row(
            number=26,
            what=f"a new reason, {reason}",
            fault={"finish_reason": reason},
            contract=no_answer(f"it ended with {reason}{unknown}"),
            streamed=broken("bad_output"),
        )
        for reason, unknown in {
            "MALFORMED_RESPONSE": "",
            "MISSING_THOUGHT_SIGNATURE": "",
            "SUNSPOTS": ", which is not known as a good end",
        }.items()
    ),
    *(
        Row(
            number=26,
            what=f"a new reason, {reason}",
            fault={"finish_reason": reason, "empty": True},
            contract=blocked(f"withheld: {reason}"),
        )
        for reason in ("ESCALATION", "PUP_LIMITED_DISABLED")
    ),
    Row(number=27, what="STOP without text", fault={"empty": True}, contract=EMPTY),
    Row(
        number=28,
        what="malformed JSON",
        fault={"malformed": True},
        contract=no_answer(),
    ),
    Row(number=28, what="HTML", fault={"body": "<html>"}, contract=no_answer()),
    Row(number=31, what="no UTF-8", fault={"body": b"\xff\xfe{"}, contract=no_answer()),
    Row(
        number=29,
        what="truncated body",
        fault={"cut_after": 0},
        contract=sick("connection"),
    ),
    Row(
        number=30,
        what="bad gzip",
        fault={"body": b"no gzip", "headers": {"content-encoding": "gzip"}},
        contract=sick("connection"),
    ),
    Row(
        number=30,
        what="half a gzip",
        fault={
            "body": gzip.compress(json.dumps(saying(TUNED_TEXT)).encode())[:-20],
            "headers": {"content-encoding": "gzip"},
        },
        contract=no_answer(),  # httpx does not miss the end; what is left is no JSON
    ),
    Row(
        number=32,
        what="unknown fields",
        fault={"body": {"mood": "sunny", **saying(TUNED_TEXT, luck=7)}},
        contract=answered(),
    ),
]


@rows_on_every_stack(ROWS)
def test_a_body_that_looks_fine_is_seen_through(
    row: Row, stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, gemini.base_url)

    with gemini.fault(model=tuned_on(stack), **with_key(row.fault, lab.key)):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.on(stack, ask))


@every_way
def test_row_25_a_text_that_was_cut_off_is_told_apart(ask: Ask, gemini: Emulator, lab: Lab) -> None:
    model = lab.robust(OURS, gemini.base_url)

    with gemini.fault(model=TUNED, limit_after=3):
        cut = answer(ask, model)
    whole = answer(ask, model)

    assert is_cut_off(added_up(cut))
    assert not is_cut_off(added_up(whole))


@every_way
def test_row_25_a_text_that_was_cut_off_makes_way_if_the_user_says_so(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    settings = {"guards": [FinishReason(allow_max_tokens=False)], "commit": "complete"}
    model = lab.robust(OURS, gemini.base_url, **settings)

    with gemini.fault(model=TUNED, limit_after=3):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, no_answer("it was cut off at the token limit"))


@every_way
def test_row_20_what_is_blocked_says_what_google_says_and_nothing_of_the_text(
    ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    with gemini.fault(model=TUNED, finish_reason="SAFETY", empty=True):
        seen = observe(lab.robust(OURS, gemini.base_url), ask, gemini, key=lab.key)

    assert isinstance(seen.error, ContentBlockedError)
    assert seen.error.block_reason == "SAFETY"
    assert "HARM_CATEGORY_HARASSMENT" in seen.error.ratings
    assert QUESTION not in f"{seen.error!s}{seen.error!r}"


@every_way
@pytest.mark.parametrize("fault", [{"blocked": True}, {"finish_reason": "SAFETY", "empty": True}])
def test_row_20_what_is_blocked_may_be_asked_elsewhere_if_the_user_says_so(
    ask: Ask, fault: dict[str, Any], gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(OURS, gemini.base_url, on_blocked="next")

    with gemini.fault(model=TUNED, **fault):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, degraded("blocked"))


@on_every_stack
def test_row_31_a_byte_that_is_no_utf8_is_a_replacement_character_on_httpx(
    stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    body = json.dumps(saying("Dogs sleep.")).encode().replace(b"sleep", b"sl\xffep")
    model = lab.robust(stack, gemini.base_url)

    with gemini.fault(model=tuned_on(stack), body=body):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, no_answer() if stack == AIOHTTP else answered("Dogs sl\ufffdep."))


def added_up(messages: list[AIMessage]) -> AIMessage:
    total: Any = messages[0]
    for message in messages[1:]:
        total += message
    return total
