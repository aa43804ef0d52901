"""No key and no token stays in an error that others will see."""

from __future__ import annotations

import base64
import json
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import httpx
import httpx2
import pytest
import requests
from aiohttp.client_reqrep import ConnectionKey
from google.genai._api_client import HttpResponse
from google.genai.errors import APIError, ClientError
from hypothesis import given, strategies as st
from langchain_google_genai.chat_models import GoogleInvalidRequestError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from langchain_tuned_gemini.errors import AllModelsFailedError
from langchain_tuned_gemini.failures import classify
from langchain_tuned_gemini.provenance import AttemptRecord
from langchain_tuned_gemini.secrets.redaction import redact, redacting, without_secrets

KEY = "AIza" + "k" * 35
ODD = "a key that looks like none"
HEADERS = {"X-Goog-Api-Key": ODD, "content-type": "application/json"}
BODY = {"error": {"code": 400, "message": "Wrong key.", "details": [{"detail": f"Not {ODD}."}]}}
QUOTA = {"error": {"code": 429, "message": "Slow down."}}


@given(st.text(), st.text(min_size=6))
def test_no_text_keeps_the_secret(text: str, secret: str) -> None:
    hidden = without_secrets(f"{text}{secret}{text}", secret)

    assert secret not in hidden or secret in "[hidden]"


@pytest.mark.parametrize("text", ["monkey=7", "The key is 'k'.", "token: none", ""])
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert without_secrets(text, "k") == text


def of_httpx(stack: Any) -> Exception:
    request = stack.Request("POST", "http://x", headers=HEADERS)
    return stack.ReadError("reset", request=request)


def refused(stack: Any, body: Any = BODY) -> Exception:
    """As langchain-google-genai raises it: its text is that of its cause, which has the rest."""
    request = stack.Request("POST", "http://x", headers=HEADERS)
    status = body["error"]["code"]
    response = stack.Response(status, json=body, request=request, headers={"Retry-After": "9"})
    cause = ClientError(status, body, response)
    error = GoogleInvalidRequestError(f"Error calling model: {cause}")
    error.__cause__ = cause
    return error


def redirected() -> Exception:
    """httpx prepares the next request, with the same headers, even where it won't send it."""
    client = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(307, headers={"location": "/x"})),
        headers=HEADERS,
    )
    return APIError(307, {"message": "moved"}, client.get("http://x"))


def in_a_stream() -> Exception:
    """google-genai's error for an error in a stream holds the response in one of its own."""
    request = httpx.Request("POST", "http://x", headers=HEADERS)
    outer = HttpResponse({}, httpx.Response(200, request=request, json=BODY))
    return APIError(503, {"message": "busy"}, outer)


def of_requests(status: int = 503) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = f'{{"error": {{"message": "{ODD}"}}}}'.encode()
    response.request = requests.Request("POST", "http://x", headers=HEADERS).prepare()
    return response


def of_aiohttp() -> Exception:
    """That of an answer which is not HTTP."""
    info = aiohttp.RequestInfo(
        URL("http://x"),
        "POST",
        CIMultiDictProxy(CIMultiDict(HEADERS)),
    )
    return aiohttp.ClientResponseError(info, (), status=400, message="Expected HTTP/")


def of_api_core() -> Exception:
    """As google-generativeai raises it; its import warns of Python versions that will end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from google.api_core.exceptions import from_http_response
    return from_http_response(of_requests())


def with_note() -> Exception:
    error = ValueError("odd")
    error.add_note(f"The key was {KEY}.")
    return error


def in_a_group() -> Exception:
    attempt = AttemptRecord("tunedModels/x", "tuned", "error", "connection", "ReadError")
    return AllModelsFailedError([attempt], [of_httpx(httpx), ValueError(KEY)])


def unwritable() -> Exception:
    """As of a header; what could not be encoded is the header's value."""
    try:
        httpx.Request("POST", "http://x", headers={"authorization": f"Bearer {ODD}\u200b"})
    except UnicodeEncodeError as error:
        return error
    raise AssertionError


def illegal() -> Exception:
    """As h11 says it, which shows the value as Python's bytes."""
    value = f"{ODD}\n\t{ODD}"
    request = httpx.Request("POST", "http://x", headers={"x-api-key": value})
    return httpx.LocalProtocolError(f"Illegal header value {value.encode()!r}", request=request)


def unreadable() -> Exception:
    """It holds the whole of what was no JSON."""
    try:
        json.loads(f"<html>{ODD}</html>")
    except json.JSONDecodeError as error:
        return error
    raise AssertionError


def undecodable() -> Exception:
    try:
        f"{ODD}\xff".encode("latin-1").decode()
    except UnicodeDecodeError as error:
        return error
    raise AssertionError


def with_a_password(stack: Any) -> Exception:
    request = stack.Request("GET", f"http://me:{quote(ODD)}@gateway.example/")
    return stack.ReadError(f"no answer of me:{ODD}", request=request)


def with_a_password_in_the_response() -> Exception:
    response = of_requests()
    response._content = b"busy"
    response.url = f"http://me:{quote(ODD)}@gateway.example/"
    return requests.HTTPError("x", response=response)


def with_basic_authentication() -> Exception:
    credentials = base64.b64encode(f"me:{ODD}".encode()).decode()
    request = httpx.Request("GET", "http://x", headers={"authorization": f"Basic {credentials}"})
    return httpx.ReadError(f"{credentials} is not {ODD}", request=request)


def with_headers_of_a_gateway() -> Exception:
    """Whatever they are called: one that says so is hidden in texts, too."""
    headers = {"X-Corp": KEY, "X-Corp-Token": ODD}
    return httpx.ReadError(f"Not {ODD}.", request=httpx.Request("GET", "http://x", headers=headers))


def by_a_proxy() -> Exception:
    """aiohttp's holds the proxy's address, and with it the password."""
    key = ConnectionKey("x", 80, False, True, URL(f"http://me:{quote(ODD)}@proxy:80"), None, None)
    return aiohttp.ClientProxyConnectionError(key, OSError(111, "Connection refused"))


def in_an_argument() -> Exception:
    """As requests puts urllib3's into its own."""
    return requests.ConnectionError(ValueError(f"https://x/v1beta?key={ODD}"))


def in_an_attribute() -> Exception:
    error = ValueError("odd")
    error.last = ValueError(KEY)  # type: ignore[attr-defined]  # as programs do
    return error


def with_itself_as_the_cause() -> Exception:
    error, other = ValueError(KEY), of_httpx(httpx)
    error.__cause__, other.__cause__ = other, error
    return error


def in_the_context() -> Exception:
    """As after `raise ... from None`, which hides the other error from tracebacks only."""
    error = ValueError("odd")
    error.__context__, error.__suppress_context__ = of_httpx(httpx), True
    return error


ERRORS: dict[str, Callable[[], Exception]] = {
    "httpx": lambda: of_httpx(httpx),
    "httpx2": lambda: of_httpx(httpx2),
    "httpx, refused": lambda: refused(httpx),
    "httpx2, refused": lambda: refused(httpx2),
    "httpx, redirected": redirected,
    "httpx, in a stream": in_a_stream,
    "aiohttp": of_aiohttp,
    "requests": lambda: requests.ConnectionError("x", request=of_requests().request),
    "requests, refused": lambda: requests.HTTPError("x", response=of_requests()),
    "google.api_core": of_api_core,
    "header that can't be encoded": unwritable,
    "header that is illegal": illegal,
    "no JSON": unreadable,
    "no UTF-8": undecodable,
    "httpx, a password": lambda: with_a_password(httpx),
    "httpx2, a password": lambda: with_a_password(httpx2),
    "requests, a password": with_a_password_in_the_response,
    "basic authentication": with_basic_authentication,
    "headers of a gateway": with_headers_of_a_gateway,
    "aiohttp, a proxy's password": by_a_proxy,
    "argument": in_an_argument,
    "attribute": in_an_attribute,
    "bytes": lambda: ValueError(KEY.encode(), {KEY: 1}, URL(f"http://x?key={KEY}")),
    "text": lambda: ValueError(f"Bearer ya29.{'a' * 20}", {"key": [KEY]}, (KEY,)),
    "note": with_note,
    "group": in_a_group,
    "circle": with_itself_as_the_cause,
    "context": in_the_context,
}


def everything(error: BaseException | None, seen: tuple[BaseException, ...] = ()) -> str:
    """All that can be written down about an error, and about those that it was made from."""
    if error is None or error in seen:
        return ""
    seen = (*seen, error)
    holders = [error, getattr(error, "response", None)]
    requests_ = [getattr(h, name, None) for h in holders for name in ("request", "request_info")]
    told = [str(error), repr(error), repr(error.args), repr(vars(error)), *map(repr, holders)]
    told += [f"{r.url} {dict(r.headers)!r}" for r in requests_ if r is not None]
    told.append(repr(getattr(error, "object", getattr(error, "doc", ""))))
    told += [repr(getattr(holders[1], "text", None)), *traceback.format_exception(error)]
    if not isinstance(error, aiohttp.ClientError):  # they can't be pickled
        told.append(repr(pickle.dumps(error)))
    held = [v for v in (*error.args, *vars(error).values()) if isinstance(v, BaseException)]
    links = (error.__cause__, error.__context__, *held, *getattr(error, "exceptions", ()))
    return "\n".join([*told, *(everything(link, seen) for link in links)])


def has_a_secret(text: str) -> bool:
    return any(secret in text for secret in (KEY, ODD, quote(ODD), "ya29"))


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS)
def test_nothing_of_an_error_shows_a_secret(make: Callable[[], Exception]) -> None:
    error = make()
    assert has_a_secret(everything(error))

    assert redact(error) is error

    assert not has_a_secret(everything(error))


FORMS = {
    "as it is": lambda secret: secret,
    "in an address": quote,
    "in a form": quote_plus,
    "in Python": repr,
    "in bytes": lambda secret: repr(secret.encode()),
    "in JSON": json.dumps,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("secret", ["p@ss/w&rd", "a\tword", "two words", "quo'ted", 'a"word"'])
def test_a_secret_is_hidden_in_whatever_form_it_is_quoted(
    form: Callable[[str], str], secret: str
) -> None:
    assert form(secret).strip("b'\"") not in without_secrets(f"It is {form(secret)}.", secret)


def test_of_a_long_answer_an_error_keeps_the_beginning() -> None:
    """Some proxies answer with a page, which would be in each log and each pickle."""
    page = "<html>" + "word " * 100_000
    response = httpx.Response(502, text=page, request=httpx.Request("GET", "http://x"))
    error = redact(APIError(502, {"message": page, "status": "Bad Gateway"}, response))

    assert str(error).startswith("502 Bad Gateway. {'message': '<html>word word")
    assert error.response.status_code == 502
    assert len(pickle.dumps(error)) < 10_000
    assert len(str(error)) < 5_000


def test_the_long_text_of_a_programs_own_error_is_left_to_it() -> None:
    text = "word " * 1_000

    assert str(redact(ValueError(text))) == text


def test_a_secret_that_is_known_is_hidden_wherever_it_stands() -> None:
    assert "s3cr3t" not in everything(redact(ValueError("The key s3cr3t is wrong."), "s3cr3t"))


@pytest.mark.parametrize("body", [BODY, QUOTA], ids=["quoting the key", "not quoting it"])
def test_what_the_server_said_is_still_understood(body: dict[str, Any]) -> None:
    before, after = classify(refused(httpx, body)), classify(redact(refused(httpx, body)))

    assert after == before
    assert after is not None
    assert after.retry_after == 9.0


def test_a_response_without_a_secret_stays_what_it_is() -> None:
    response = httpx.Response(503, text="busy", request=httpx.Request("GET", "http://x"))

    error = redact(APIError(503, {"message": "busy"}, response))

    assert error.response is response
    assert error.response.text == "busy"


def test_what_holds_no_secret_keeps_its_objects() -> None:
    held = {"a": [1, "b"]}
    error = ValueError(held)
    error.held = held  # type: ignore[attr-defined]  # as programs do

    redact(error)

    assert error.args[0] is held
    assert error.held is held  # type: ignore[attr-defined]


def test_what_leaves_the_block_is_redacted() -> None:
    with pytest.raises(ValueError, match=r"^\[hidden\]$"), redacting():
        raise ValueError(KEY)
