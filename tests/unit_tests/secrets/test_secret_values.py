"""A secret is taken as it was meant, refused where nobody can send it, and known to what hides."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from google.oauth2.credentials import Credentials
from hypothesis import given, strategies as st
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from langchain_tuned_gemini import (
    ChatTunedGemini,
    FallbackChatModel,
    GenAIService,
    GenerativeAIService,
    ParameterError,
    VertexService,
)
from langchain_tuned_gemini.secrets.redaction import redact, without_secrets
from langchain_tuned_gemini.secrets.secret_values import (
    header_value,
    remember,
    secrets_in_url,
    secrets_of,
    without_userinfo,
)
from langchain_tuned_gemini.testing import ScriptedChatModel
from langchain_tuned_gemini.transport.credentials import SharedCredentials

KEY = "AQ.Zz0-made-up-key-of-no-known-form"
NAME = "tunedModels/x"
ENDPOINT = "projects/acme-prod/locations/us-central1/endpoints/42"

COPIED = [f" {KEY}", f"{KEY}\n", f"{KEY}\r\n", f"\t{KEY} ", f"\N{NO-BREAK SPACE}{KEY}"]
UNSENDABLE = {
    "\N{ZERO WIDTH SPACE}": "ZERO WIDTH SPACE",
    "\N{ZERO WIDTH NO-BREAK SPACE}": "U[+]FEFF",
    "\N{LATIN SMALL LETTER E WITH ACUTE}": "WITH ACUTE",
    "\N{EN DASH}": "EN DASH",
    "\n": "a control character",
    "\x01": "a control character",
    "\x7f": "a control character",
}


def from_environment(key: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("GOOGLE_API_KEY", key)
    return ChatTunedGemini(model=NAME)


Taker = Callable[[str, pytest.MonkeyPatch], Any]
TAKERS: dict[str, Taker] = {
    "a model of the Developer API": lambda key, _: ChatTunedGemini(model=NAME, api_key=key),
    "a model of Vertex AI": lambda key, _: ChatTunedGemini(model=ENDPOINT, api_key=key),
    "a secret": lambda key, _: ChatTunedGemini(model=NAME, api_key=SecretStr(key)),
    "the environment": from_environment,
    "google-genai": lambda key, _: GenAIService.from_api_key(key),
    "google-generativeai": lambda key, _: GenerativeAIService(key),
    "Vertex AI": lambda key, _: VertexService("acme-prod", "us-central1", api_key=key),
    "a token": lambda key, _: SharedCredentials(Credentials(token=key)),  # type: ignore[no-untyped-call]
    "credentials": lambda key, _: ChatTunedGemini(
        model=ENDPOINT,
        credentials=Credentials(token=key),  # type: ignore[no-untyped-call]
    ),
}
by_every_way = pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)


@by_every_way
@pytest.mark.parametrize("character", UNSENDABLE, ids=ascii)
def test_a_secret_that_no_header_can_hold_is_refused_without_showing_it(
    take: Taker, character: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ParameterError, match=UNSENDABLE[character]) as raised:
        take(f"{KEY}{character}{KEY}", monkeypatch)

    assert KEY not in repr(raised.value)
    assert raised.value.__context__ is None


@by_every_way
@pytest.mark.parametrize("copied", COPIED, ids=ascii)
def test_what_copying_puts_around_a_secret_is_no_part_of_it(
    take: Taker, copied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take(copied, monkeypatch)

    if isinstance(taken, ChatTunedGemini) and taken.google_api_key:
        assert taken.google_api_key.get_secret_value() == KEY
    if isinstance(taken, SharedCredentials):
        assert taken.token == KEY
    assert without_secrets(f"It is {KEY}.") == "It is [hidden]."


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize("blank", ["", " ", "\n"], ids=ascii)
@pytest.mark.parametrize("is_passed", [True, False])
def test_a_blank_key_is_none(blank: str, is_passed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", blank)

    with pytest.raises(ParameterError, match="needs an API key"):
        ChatTunedGemini(model=NAME, **({"api_key": blank} if is_passed else {}))


def test_a_blank_variable_does_not_hide_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)

    assert ChatTunedGemini(model=NAME).google_api_key == SecretStr(KEY)


def test_a_blank_key_does_not_send_credentials_where_json_says() -> None:
    with pytest.raises(ParameterError, match=r"gateway\.example"):
        ChatTunedGemini(model=ENDPOINT, api_key="", base_url="https://gateway.example")


@pytest.mark.parametrize(
    "wrong",
    [{}, {"model": NAME, "temperature": "hot"}, {"model": NAME, "thinking_level": 7}],
    ids=str,
)
def test_a_refused_parameter_takes_no_key_along(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError) as raised:
        ChatTunedGemini(api_key=KEY, **wrong)

    assert KEY not in repr(raised.value)
    assert raised.value.__context__ is None


def test_a_key_of_another_kind_is_not_shown() -> None:
    with pytest.raises(ParameterError, match="api_key") as raised:
        ChatTunedGemini(model=NAME, api_key=[KEY])

    assert KEY not in repr(raised.value)


@given(st.text())
def test_a_header_value_can_be_sent_or_is_refused(secret: str) -> None:
    try:
        value = header_value(secret, "It")
    except ParameterError:
        return

    assert value == value.encode("ascii").decode().strip()
    assert value.isprintable()


URLS = {
    "https://gateway.example/v1": (None, "https://gateway.example/v1"),
    "https://me:s3cret-word@gateway.example": ("s3cret-word", "https://[hidden]@gateway.example"),
    "https://a-token@gateway.example": ("a-token", "https://[hidden]@gateway.example"),
    "http://me:a%40word@proxy:80": ("a@word", "http://[hidden]@proxy:80"),
    "http://me:a/b@word@proxy:80": ("a/b@word", "http://[hidden]@proxy:80"),
    "gateway.example": (None, "gateway.example"),
    "": (None, ""),
}


@pytest.mark.parametrize("url", URLS)
def test_the_password_of_an_address_is_known_and_not_shown(url: str) -> None:
    secret, shown = URLS[url]

    assert without_userinfo(url) == shown
    assert (secret in secrets_in_url(url)) is (secret is not None)


def test_the_password_of_an_address_is_known_as_it_is_sent() -> None:
    for url in ("https://me:a%40word@gateway.example", "https://a-token@gateway.example"):
        request = httpx.Client(base_url=url).build_request("GET", "/")
        flow = httpx.Client(base_url=url)._build_request_auth(request).sync_auth_flow(request)
        sent = next(flow).headers["Authorization"].removeprefix("Basic ")

        assert sent in secrets_in_url(url)


def test_a_secret_is_known_as_long_as_its_holder_lives() -> None:
    class Holder:
        """Anything that can be referred to weakly."""

    holder = Holder()
    remember(holder, "the first word")
    remember(holder, "the second word", None)

    hidden = without_secrets("the first word, the second word")
    error = redact(ValueError("the second word"))
    del holder
    gc.collect()

    assert hidden == "the first word, [hidden]"
    assert str(error) == "[hidden]"
    assert without_secrets("the second word") == "the second word"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SOME_API_KEY", "the-secret"), ("HTTPS_PROXY", "http://me:the-secret@proxy:80")],
)
def test_the_secrets_of_the_environment_are_known(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    assert without_secrets("It is the-secret.") == "It is [hidden]."


def test_the_secrets_of_other_providers_models_are_known() -> None:
    other = ChatGoogleGenerativeAI(
        model="gemini-2.5-flash",
        google_api_key="the key of another",
        base_url="https://me:the-password@gateway.example",
        additional_headers={"X-Gateway-Token": "a gateway's own", "Accept-Language": "de-CH"},
    )
    robust = FallbackChatModel(models=[ScriptedChatModel(name="tuned", answers=["1"]), other])

    as_sent = "bWU6dGhlLXBhc3N3b3Jk"
    assert set(secrets_of(robust)) == {
        "the key of another",
        "the-password",
        as_sent,
        "a gateway's own",
    }
    assert without_secrets("It is a gateway's own.") == "It is [hidden]."
