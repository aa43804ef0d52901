"""Rows 33 to 41: the network, by a TCP proxy, on every HTTP stack."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from langchain_tuned_gemini import UntrustedCertificateError
from langchain_tuned_gemini.emulator import Emulator
from langchain_tuned_gemini.failures import Failure, Reason, classify
from tests.integration_tests.fault_matrix.contract import (
    Circuit,
    Row,
    all_failed,
    answered,
    no_answer,
    rows_on_every_stack,
    silent,
    unheard,
)
from tests.integration_tests.fault_matrix.experiment import Observation, check, observe
from tests.integration_tests.fault_matrix.stacks import (
    AIOHTTP,
    OURS,
    PLAIN,
    Lab,
    on_every_stack,
    quiet,
    tuned_on,
)
from tests.integration_tests.fault_matrix.task import BASE_TEXT, TUNED
from tests.integration_tests.fault_matrix.ways import STREAMED, Ask, every_way
from tests.tcp_proxy import TcpProxy

pytestmark = quiet

DEVIATIONS = {
    33: "There is no circuit for our own network beside the model's: the failure counts for the "
    "model, and where the base model is at the same address, its call fails as fast.",
    34: "Counted for the model, as in row 33.",
    38: "An answer in one piece has total_timeout: its first byte is its last, so there is no "
    "first token to wait for. A stream has first_token_timeout, and invoke with streaming=True.",
    41: "It is called bad_output (JSONDecodeError); that a portal is in between is not guessed.",
}
"""Where the product does not do what the row says, and why."""

SHORT = {"first_token_timeout": 0.15, "stall_timeout": 0.15, "total_timeout": 0.6}
"""The last one is the base model's, too, which answers."""

ROWS = [
    Row(
        number=36,
        what="reset before the answer",
        fault={"after": 0, "then": "reset"},
        contract=unheard("connection"),
    ),
    Row(
        number=36,
        what="closed before the answer",
        fault={"after": 0},
        contract=unheard("connection"),
    ),
    Row(
        number=36,
        what="reset in the head",
        fault={"after": 30, "then": "reset"},
        contract=unheard("connection"),
    ),
    Row(
        number=36,
        what="reset in the body",
        fault={"after": 30, "of": "body", "then": "reset"},
        contract=unheard("connection"),
    ),
    Row(
        number=36,
        what="closed in the body",
        fault={"after": 30, "of": "body"},
        contract=unheard("connection"),
    ),
    Row(
        number=37,
        what="not HTTP",
        fault={"instead": b"SSH-2.0-OpenSSH_9.9\r\n\r\n"},
        contract=unheard("connection"),
    ),
    Row(
        number=38,
        what="hangs before the head",
        fault={"after": 0, "then": "hang"},
        contract=silent(),
        settings=SHORT,
    ),
    Row(
        number=38,
        what="hangs in the head",
        fault={"after": 30, "then": "hang"},
        contract=silent(),
        settings=SHORT,
    ),
    Row(
        number=39,
        what="hangs in the body",
        fault={"after": 30, "of": "body", "then": "hang"},
        contract=silent(),
        settings=SHORT,
    ),
    Row(
        number=41,
        what="captive portal",
        fault={
            "instead": b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 28\r\n"
            b"connection: close\r\n\r\n<html>Welcome to our hotel.\n"
        },
        contract=no_answer(asked=None, tries=1),
    ),
]


@rows_on_every_stack(ROWS)
def test_a_fault_of_the_network_is_answered_by_the_base_model(
    row: Row, stack: str, ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    model = lab.robust(stack, proxy.base_url, **row.settings)

    with proxy.fault(hits=f"{tuned_on(stack)}:", **row.fault):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, row.on(stack, ask))
    if row.settings:
        assert 0.1 <= duration(seen) < 2


@on_every_stack
def test_row_40_a_drip_puts_no_deadline_off(
    stack: str, ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    model = lab.robust(stack, proxy.base_url, **SHORT)

    with proxy.fault(hits=f"{tuned_on(stack)}:", drip=0.01):  # all of it would take more than 10 s
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, silent())
    assert 0.1 <= duration(seen) < 2


@pytest.fixture(scope="module")
def nobody() -> str:
    """An address where nobody listens."""
    with TcpProxy("http://127.0.0.1:1") as gone:
        return gone.base_url


@on_every_stack
def test_row_33_a_refused_connection_is_answered_by_a_model_elsewhere(
    stack: str, ask: Ask, gemini: Emulator, nobody: str, lab: Lab
) -> None:
    model = lab.robust(stack, nobody, base_at=gemini.base_url)

    check(observe(model, ask, gemini, key=lab.key), unheard("connection"))


@on_every_stack
def test_row_33_where_both_models_are_refused_the_error_holds_both(
    stack: str, ask: Ask, gemini: Emulator, nobody: str, lab: Lab
) -> None:
    seen = observe(lab.robust(stack, nobody), ask, gemini, key=lab.key)

    check(seen, all_failed("connection", asked=0, tries=3, circuit=Circuit.COUNTED))


@on_every_stack
def test_row_34_a_name_that_nobody_knows_is_answered_by_a_model_elsewhere(
    stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    model = lab.robust(stack, "http://gemini.invalid", base_at=gemini.base_url)

    check(observe(model, ask, gemini, key=lab.key), unheard("connection"))


@pytest.fixture(scope="module")
def impostor(gemini: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TcpProxy]:
    """Speaks TLS, with a certificate that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path_factory.mktemp("tls") / "certificate.pem"))
    with TcpProxy(gemini.base_url, tls=context) as proxy:
        yield proxy


@on_every_stack
def test_row_35_a_certificate_that_nobody_signed_is_raised_and_nobody_else_is_asked(
    stack: str, ask: Ask, gemini: Emulator, impostor: TcpProxy, lab: Lab
) -> None:
    model = lab.robust(stack, impostor.base_url, base_at=gemini.base_url)

    seen = observe(model, ask, gemini, key=lab.key)

    assert seen.error is not None
    assert classify(seen.error) == Failure(Reason.CREDENTIALS)
    if stack == OURS:
        assert isinstance(seen.error, UntrustedCertificateError)
        assert not seen.error.is_retryable
        assert "self-signed certificate" in str(seen.error)
    assert (seen.leaks, seen.asked, seen.circuit.outcomes) == ([], [], 0)


@on_every_stack
def test_row_35_a_handshake_that_hangs_is_a_timeout(
    stack: str, ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    """The proxy speaks no TLS: it waits for a request that never comes."""
    address = proxy.base_url.replace("http:", "https:")
    model = lab.robust(stack, address, base_at=gemini.base_url, **SHORT)

    seen = observe(model, ask, gemini, key=lab.key)

    check(seen, silent())
    assert 0.1 <= duration(seen) < 1


@on_every_stack
def test_row_37_the_error_of_what_is_not_http_shows_no_key_when_all_models_fail(
    stack: str, ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    """aiohttp's has all headers of the request in its `repr`."""
    with proxy.fault(hits="enerateContent", instead=b"SSH-2.0-OpenSSH_9.9\r\n\r\n"):
        seen = observe(lab.robust(stack, proxy.base_url), ask, gemini, key=lab.key)

    check(seen, all_failed("connection", asked=None, tries=3, circuit=Circuit.COUNTED))
    if stack == AIOHTTP:
        assert "[hidden]" in repr(seen.error.__reduce__())


@every_way
def test_row_38_a_stream_waits_for_its_first_token_and_an_answer_for_all_of_it(
    ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    limits = {"first_token_timeout": 0.1, "total_timeout": 1.0}
    model = lab.robust(OURS, proxy.base_url, **limits)

    with proxy.fault(hits=f"{TUNED}:", after=0, then="hang"):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, silent())
    least, most = (0.1, 1.0) if ask in STREAMED else (1.0, 3)
    assert least <= duration(seen) < most


@every_way
def test_row_38_a_service_that_is_silent_altogether_costs_no_more_than_the_deadline(
    ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    """The gate asks for the state first, and waits for it for 2 s otherwise."""
    model = lab.robust(OURS, proxy.base_url, base_at=gemini.base_url, **SHORT)

    with proxy.fault(after=0, then="hang"):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, silent())
    assert 0.1 <= duration(seen) < 1


@every_way
def test_row_38_a_control_plane_that_is_silent_leaves_the_model_its_time(
    ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    model = lab.robust(OURS, proxy.base_url, first_token_timeout=1.5, total_timeout=1.5)

    with proxy.fault(hits="GET ", after=0, then="hang"):
        seen = observe(model, ask, gemini, key=lab.key)

    check(seen, answered())


@every_way
def test_row_38_after_a_silence_the_next_ones_are_answered_at_once(
    ask: Ask, gemini: Emulator, proxy: TcpProxy, lab: Lab
) -> None:
    """One of ten calls waits, and sends a request; the others are over before the cooldown is."""
    limits = {"first_token_timeout": 0.5, "total_timeout": 1.0}
    model = lab.robust(OURS, proxy.base_url, base_at=gemini.base_url, **limits)

    with proxy.fault(hits=f"{TUNED}:", after=0, then="hang"):
        first = observe(model, ask, gemini, key=lab.key)
        hits = proxy.hits
        others = [observe(model, ask, gemini, key=lab.key) for _ in range(9)]

    check(first, silent())
    assert proxy.hits == hits
    assert {seen.text for seen in others} == {BASE_TEXT}
    assert {seen.provenance["attempts"][0]["outcome"] for seen in others} == {"skipped"}


def duration(seen: Observation) -> float:
    return float(seen.provenance["attempts"][0]["duration_s"])


def self_signed(path: Path) -> Path:
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


@on_every_stack
def test_the_stack_is_the_one_that_was_meant(
    stack: str, ask: Ask, gemini: Emulator, lab: Lab
) -> None:
    """Ours keeps to httpx, though aiohttp is installed."""
    with gemini.fault(model=tuned_on(stack), reset=True):
        seen = observe(lab.robust(stack, gemini.base_url), ask, gemini, key=lab.key)

    modules = {type(error).__module__.partition(".")[0] for error in seen.swallowed}
    assert modules == {stack if stack in PLAIN else "httpx"}
