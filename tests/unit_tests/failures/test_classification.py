"""What the exceptions of a model call mean."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import json
import logging
import socket
import ssl
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import httpcore
import httpcore2
import httpx
import httpx2
import pytest
import requests
import urllib3
from google.auth import exceptions as auth
from google.genai import Client, errors as genai
from google.genai.types import HttpOptions
from langchain_core import exceptions as core
from langchain_core.messages import AIMessage
from langchain_google_genai import chat_models as google
from pydantic import BaseModel, ValidationError, field_validator

from langchain_tuned_gemini.circuit_breaker import Outcome
from langchain_tuned_gemini.dataset import Problem
from langchain_tuned_gemini.errors import (
    AllModelsFailedError,
    AllModelsRefusedError,
    AnswerRefusedError,
    AnswerTimeoutError,
    BaseModelRetiredError,
    BrokenStreamError,
    CircuitOpenError,
    ContentBlockedError,
    DatasetError,
    EmptyAnswerError,
    GuardCrashedError,
    MissingExtraError,
    ParameterError,
    RateLimiterTimeoutError,
    ServiceError,
    ServiceUnreachableError,
    TunedModelFailedError,
    TunedModelNameError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
    WaitTimeoutError,
)
from langchain_tuned_gemini.failures import (
    Counts,
    Failure,
    Reason,
    classification,
    classify,
    failure_table,
    read_failure,
)
from langchain_tuned_gemini.failures.known_errors import ACCOUNT_REASONS
from langchain_tuned_gemini.failures.server_answer import LONGEST_WAIT
from langchain_tuned_gemini.provenance import AttemptRecord
from langchain_tuned_gemini.secrets.secret_values import remember
from langchain_tuned_gemini.transport.access import tls_arguments
from langchain_tuned_gemini.tuned_models.base_models import BASE_MODELS

README = Path(__file__).resolve().parents[3] / "README.md"


TRIED = AttemptRecord("tunedModels/x", "tuned", "error", "timeout", "TimeoutError")


def answered(code: int, status: str = "", *details: dict[str, Any], response: Any = None) -> Any:
    """google-genai's error for an HTTP answer."""
    kind = {4: genai.ClientError, 5: genai.ServerError}.get(code // 100, genai.APIError)
    body = {"code": code, "message": "said Google", "status": status, "details": [*details]}
    return kind(code, {"error": body}, response)


def because(reason: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}


def raised_from(error: Exception, *causes: BaseException) -> Exception:
    """An error with a chain of causes."""
    link: BaseException = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


def answer_of_httpx(stack: ModuleType, status: int) -> Exception:
    request = stack.Request("POST", "http://x")
    response = stack.Response(status, request=request, headers={"Retry-After": "3"})
    return stack.HTTPStatusError("x", request=request, response=response)


def refused_by_circuit(reason: str) -> CircuitOpenError:
    return CircuitOpenError("", name="x", opened_by=reason, retry_after=3.0)


WRONG_CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")

OF_AN_ANSWER = [
    # In the error of a stream, which has the status 200 itself.
    (answered(-1), Reason.BAD_OUTPUT),
    (answered(200), Reason.BAD_OUTPUT),
    (answered(600), Reason.BAD_OUTPUT),
    (answered(99999), Reason.BAD_OUTPUT),
    (answered(299), Reason.BAD_OUTPUT),
    (answered(300), Reason.CONNECTION),
    (answered(307), Reason.CONNECTION),
    (answered(399), Reason.CONNECTION),
    (answered(400, "INVALID_ARGUMENT"), Reason.REJECTED),
    (answered(400, "FAILED_PRECONDITION"), Reason.NOT_READY),
    (answered(400, "INVALID_ARGUMENT", because("API_KEY_INVALID")), Reason.CREDENTIALS),
    (answered(400, "FAILED_PRECONDITION", because("BILLING_DISABLED")), Reason.CREDENTIALS),
    (answered(400, "INVALID_ARGUMENT", because("WHO_KNOWS")), Reason.REJECTED),
    (answered(401), Reason.CREDENTIALS),
    (answered(403), Reason.PERMISSION),
    (answered(403, "FAILED_PRECONDITION"), Reason.PERMISSION),
    (answered(403, "PERMISSION_DENIED", because("IAM_PERMISSION_DENIED")), Reason.PERMISSION),
    (answered(403, "PERMISSION_DENIED", because("SERVICE_DISABLED")), Reason.CREDENTIALS),
    (answered(404), Reason.GONE),
    (answered(404, "NOT_FOUND", because("SERVICE_DISABLED")), Reason.GONE),
    (answered(408), Reason.TIMEOUT),
    (answered(409), Reason.OVERLOADED),
    (answered(410), Reason.GONE),
    (answered(413), Reason.REJECTED),
    (answered(422), Reason.REJECTED),
    (answered(429), Reason.QUOTA),
    (answered(499), Reason.CONNECTION),
    (answered(500), Reason.OVERLOADED),
    (answered(501), Reason.REJECTED),
    (answered(502), Reason.OVERLOADED),
    (answered(503), Reason.OVERLOADED),
    (answered(504), Reason.OVERLOADED),
    (answered(599), Reason.OVERLOADED),
    # langchain-google-genai's own classes.
    (raised_from(google.GoogleRateLimitError("x"), answered(429)), Reason.QUOTA),
    (raised_from(google.GoogleInvalidRequestError("x"), answered(400)), Reason.REJECTED),
    (raised_from(google.ChatGoogleGenerativeAIError("x"), answered(408)), Reason.TIMEOUT),
    (raised_from(google.ChatGoogleGenerativeAIError("x"), answered(409)), Reason.OVERLOADED),
    (raised_from(google.ChatGoogleGenerativeAIError("x"), answered(499)), Reason.CONNECTION),
    (google.GoogleContextOverflowError(429, {}), Reason.QUOTA),
    (google.GoogleContextOverflowError(400, {}), Reason.REJECTED),
    (google.GoogleAPIError(503, {}), Reason.OVERLOADED),
    (answer_of_httpx(httpx, 429), Reason.QUOTA),
    (answer_of_httpx(httpx2, 503), Reason.OVERLOADED),
]

WITHOUT_AN_ANSWER = [
    (EmptyAnswerError("x"), Reason.BAD_OUTPUT),
    (AnswerTimeoutError("x", limit="total_timeout", seconds=2.0, queued=0.0), Reason.TIMEOUT),
    (AnswerRefusedError("", name="x", guard="g", answer=AIMessage("")), Reason.BAD_OUTPUT),
    (
        ContentBlockedError("", name="x", block_reason=None, ratings={}, answer=AIMessage("")),
        Reason.BLOCKED,
    ),
    (AllModelsRefusedError([TRIED], [core.ModelRefusalError()]), Reason.BLOCKED),
    (httpx.ConnectTimeout("x"), Reason.TIMEOUT),
    (httpx.ReadTimeout("x"), Reason.TIMEOUT),
    (httpx.WriteTimeout("x"), Reason.TIMEOUT),
    (httpx.ConnectError("x"), Reason.CONNECTION),
    (httpx.ReadError("x"), Reason.CONNECTION),
    (httpx.WriteError("x"), Reason.CONNECTION),
    (httpx.CloseError("x"), Reason.CONNECTION),
    (httpx.ProxyError("x"), Reason.CONNECTION),
    (httpx.RemoteProtocolError("x"), Reason.CONNECTION),
    (httpx.DecodingError("x"), Reason.CONNECTION),
    (httpx.TooManyRedirects("x"), Reason.CONNECTION),
    (httpx2.ConnectTimeout("x"), Reason.TIMEOUT),
    (httpx2.ReadTimeout("x"), Reason.TIMEOUT),
    (httpx2.WriteTimeout("x"), Reason.TIMEOUT),
    (httpx2.ConnectError("x"), Reason.CONNECTION),
    (httpx2.ReadError("x"), Reason.CONNECTION),
    (httpx2.WriteError("x"), Reason.CONNECTION),
    (httpx2.CloseError("x"), Reason.CONNECTION),
    (httpx2.ProxyError("x"), Reason.CONNECTION),
    (httpx2.RemoteProtocolError("x"), Reason.CONNECTION),
    (httpx2.DecodingError("x"), Reason.CONNECTION),
    (httpx2.TooManyRedirects("x"), Reason.CONNECTION),
    (httpx2.SSEError("x"), Reason.BAD_OUTPUT),
    (requests.ConnectionError(), Reason.CONNECTION),
    (requests.exceptions.SSLError(), Reason.CONNECTION),
    (requests.ConnectTimeout(), Reason.TIMEOUT),
    (requests.ReadTimeout(), Reason.TIMEOUT),
    (requests.exceptions.ChunkedEncodingError(), Reason.CONNECTION),
    (requests.exceptions.ContentDecodingError(), Reason.CONNECTION),
    (requests.TooManyRedirects(), Reason.CONNECTION),
    (auth.TransportError(), Reason.CONNECTION),
    (auth.ResponseError(), Reason.CONNECTION),
    (auth.TimeoutError(), Reason.TIMEOUT),
    (auth.DefaultCredentialsError(), Reason.CREDENTIALS),
    (auth.OSError(), Reason.CREDENTIALS),
    (auth.ClientCertError(), Reason.CREDENTIALS),
    (auth.RefreshError("invalid_grant"), Reason.CREDENTIALS),
    (auth.RefreshError("503", retryable=True), Reason.CONNECTION),
    (TimeoutError(), Reason.TIMEOUT),
    (ConnectionResetError(), Reason.CONNECTION),
    (ConnectionRefusedError(), Reason.CONNECTION),
    (BrokenPipeError(), Reason.CONNECTION),
    (socket.gaierror(), Reason.CONNECTION),
    (OSError(errno.EHOSTDOWN, "x"), Reason.CONNECTION),
    (OSError(errno.EHOSTUNREACH, "x"), Reason.CONNECTION),
    (ssl.SSLError(), Reason.CONNECTION),
    (ssl.SSLEOFError(), Reason.CONNECTION),
    (WRONG_CERTIFICATE, Reason.CREDENTIALS),
    (raised_from(httpx.ConnectError("x"), WRONG_CERTIFICATE), Reason.CREDENTIALS),
    (raised_from(httpx2.ConnectError("x"), WRONG_CERTIFICATE), Reason.CREDENTIALS),
    (
        raised_from(httpx.ConnectError("x"), httpcore.ConnectError(), WRONG_CERTIFICATE),
        Reason.CREDENTIALS,
    ),
    (
        raised_from(httpx2.ConnectError("x"), httpcore2.ConnectError(), WRONG_CERTIFICATE),
        Reason.CREDENTIALS,
    ),
    (
        raised_from(
            auth.TransportError(),
            requests.exceptions.SSLError(),
            urllib3.exceptions.MaxRetryError(urllib3.HTTPConnectionPool("x"), "x"),
            urllib3.exceptions.SSLError(),
            WRONG_CERTIFICATE,
        ),
        Reason.CREDENTIALS,
    ),
    (raised_from(httpx.ConnectError("x"), OSError(), WRONG_CERTIFICATE), Reason.CONNECTION),
    (raised_from(httpx.ConnectError("x"), ssl.SSLError()), Reason.CONNECTION),
    (json.JSONDecodeError("x", "<html>", 0), Reason.BAD_OUTPUT),
    (requests.JSONDecodeError("x", "<html>", 0), Reason.BAD_OUTPUT),
    (ValueError("No generation chunks were returned"), Reason.BAD_OUTPUT),
    (genai.UnknownApiResponseError("x"), Reason.BAD_OUTPUT),
    (core.ModelAuthenticationError(), Reason.CREDENTIALS),
    (core.ModelPermissionDeniedError(), Reason.PERMISSION),
    (core.ModelInvalidRequestError(), Reason.REJECTED),
    (core.ModelNotFoundError(), Reason.GONE),
    (core.ModelRateLimitError(), Reason.QUOTA),
    (core.ModelAPIError(), Reason.OVERLOADED),
    (core.ModelConnectionError(), Reason.CONNECTION),
    (core.ModelTimeoutError(), Reason.TIMEOUT),
    (core.ContextOverflowError(), Reason.REJECTED),
    (core.ModelRefusalError(), Reason.BLOCKED),
    (google.GoogleRateLimitError("from another process"), Reason.QUOTA),
    (raised_from(google.GoogleRateLimitError("x"), ValueError()), Reason.QUOTA),
    (genai.APIError._rebuild({"code": None, "status": "", "details": {}}), None),
]

BEFORE_THE_CALL = [
    (TunedModelNotReadyError("", name="x"), Reason.NOT_READY),
    (WaitTimeoutError("", name="x", state=None, waited=1.0), Reason.NOT_READY),
    (TunedModelFailedError("", name="x"), Reason.GONE),
    (TunedModelNotFoundError("", name="x"), Reason.GONE),
    (RateLimiterTimeoutError("x", limit="total_timeout", seconds=2.0), Reason.RATE_LIMITED),
    (ServiceError("", status=500), Reason.OVERLOADED),
    (ServiceError(""), Reason.OVERLOADED),
    (ServiceError("", status=401), Reason.CREDENTIALS),
    (ServiceError("", status=403), Reason.PERMISSION),
    (ServiceError("", status=429), Reason.QUOTA),
    (ServiceUnreachableError("http://x", "refused"), Reason.CONNECTION),
    (httpx.PoolTimeout("x"), Reason.TIMEOUT),
    (httpx2.PoolTimeout("x"), Reason.TIMEOUT),
    (RuntimeError("Cannot send a request, as the client has been closed."), Reason.CONNECTION),
    (RuntimeError("Session is closed"), Reason.CONNECTION),
    (RuntimeError("Event loop is closed"), Reason.CONNECTION),
    (RuntimeError("<Lock> is bound to a different event loop"), Reason.CONNECTION),
    (RuntimeError("Task <x> got Future <y> attached to a different loop"), Reason.CONNECTION),
]


def name_of(value: object) -> str:
    """A readable id."""
    code = getattr(value, "code", "")
    return f"{type(value).__name__}{code}" if isinstance(value, BaseException) else str(value)


@pytest.mark.parametrize(("error", "reason"), OF_AN_ANSWER, ids=name_of)
def test_the_status_of_an_answer_decides_before_the_class_of_the_error(
    error: Exception, reason: Reason
) -> None:
    failure = classify(error)

    assert failure is not None
    assert (failure.reason, failure.is_local) == (reason, False)
    assert failure.status == next(
        value
        for value in (
            getattr(error, "code", None),
            getattr(error.__cause__, "code", None),
            getattr(getattr(error, "response", None), "status_code", None),
        )
        if value
    )


@pytest.mark.parametrize(("error", "reason"), WITHOUT_AN_ANSWER, ids=name_of)
def test_a_failure_without_an_answer_has_a_reason(error: Exception, reason: Reason | None) -> None:
    assert classify(error) == (Failure(reason) if reason else None)


@pytest.mark.parametrize(("error", "reason"), BEFORE_THE_CALL, ids=name_of)
def test_what_happens_before_the_call_is_no_evidence_about_the_model(
    error: Exception, reason: Reason
) -> None:
    failure = classify(error)

    assert failure == Failure(reason, getattr(error, "status", None), is_local=True)
    assert failure.counts is Counts.NEUTRAL
    assert not failure.speaks_of_the_model


NO_CONNECTION_FROM_HERE = [
    *(
        raised_from(httpx.ConnectError("x"), OSError(number, "x"))
        for number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
    ),
    *(OSError(number, "x") for number in (errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.ENETUNREACH)),
    raised_from(
        httpx.ConnectError("x"),
        OSError("All connection attempts failed"),
        ExceptionGroup("", [OSError(errno.EMFILE, "x"), OSError(errno.EMFILE, "x")]),
    ),
]


@pytest.mark.parametrize("error", NO_CONNECTION_FROM_HERE, ids=name_of)
def test_what_this_machine_cannot_do_is_no_evidence_about_the_model(error: Exception) -> None:
    assert classify(error) == Failure(Reason.CONNECTION, is_local=True)


def test_one_address_of_a_host_that_refused_is_evidence_enough() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "x")
    both = ExceptionGroup("", [OSError(errno.ENETUNREACH, "x"), refused])
    error = raised_from(httpx.ConnectError("x"), OSError("All connection attempts failed"), both)

    assert classify(error) == Failure(Reason.CONNECTION)


@pytest.mark.parametrize("reason", Reason)
def test_the_refusal_of_a_circuit_has_the_reason_that_opened_it(reason: Reason) -> None:
    failure = classify(refused_by_circuit(reason.value))

    assert failure == Failure(reason, retry_after=3.0, is_local=True)


@pytest.mark.parametrize("word", ["forced", "failure", "of a later version"])
def test_a_circuit_that_was_opened_for_no_reason_of_ours_says_that_the_model_cannot_serve(
    word: str,
) -> None:
    assert classify(refused_by_circuit(word)) == Failure(
        Reason.OVERLOADED, retry_after=3.0, is_local=True
    )


def test_only_the_validation_of_googles_answer_says_something_about_it() -> None:
    def invalid(title: str) -> ValidationError:
        return ValidationError.from_exception_data(title, [])

    assert classify(invalid("GenerateContentResponse")) == Failure(Reason.BAD_OUTPUT)
    assert classify(invalid("Person")) is None


def test_a_retired_base_model_is_a_reason_of_its_own() -> None:
    retirement = BASE_MODELS["gemini-2.5-flash"].retirement("vertex", date(2027, 1, 1))
    assert retirement is not None
    error = BaseModelRetiredError.because("x", retirement, status=404)

    assert classify(error) == Failure(Reason.RETIRED, 404)


def test_a_broken_stream_has_the_reason_that_broke_it() -> None:
    error = BrokenStreamError("x", partial="so far", reason=Reason.TIMEOUT)

    assert classify(error) == Failure(Reason.TIMEOUT)


def test_a_fallback_within_a_fallback_fails_for_what_its_first_model_failed_for() -> None:
    attempts = [
        AttemptRecord("tuned", "tuned", "error", reason="timeout", status=408),
        AttemptRecord("base", "base_fallback", "error", reason="quota", status=429),
    ]
    error = AllModelsFailedError(attempts, [ValueError(), ValueError()])

    assert classify(error) == Failure(Reason.TIMEOUT, 408)


RAISED = [
    TypeError("a bug"),
    KeyError("a bug"),
    ValueError("a bug"),
    RuntimeError("a bug: the file is closed"),
    RecursionError("Event loop is closed"),
    ValueError("bad input: No generation chunks were returned"),
    FileNotFoundError(errno.ENOENT, "x"),
    OSError(errno.ENOSPC, "x"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "of nobody knows whom"),
    asyncio.CancelledError(),
    KeyboardInterrupt(),
    SystemExit(),
    httpx.UnsupportedProtocol("a wrong address"),
    httpx.LocalProtocolError("a line break in the key"),
    httpx.InvalidURL("a wrong address"),
    httpx.StreamClosed(),
    answered(402),
    answered(405),
    answered(418),
    answer_of_httpx(httpx, 418),
    genai.UnsupportedFunctionError("x"),
    core.ModelError(),
    core.OutputParserException("x"),
    google.ChatGoogleGenerativeAIError("an unknown role"),
    raised_from(google.ChatGoogleGenerativeAIError("x"), TimeoutError()),
    # A program's own error is its own, whatever it was raised from.
    raised_from(ValueError("a bug"), answered(503)),
    raised_from(ValueError("a bug"), httpx.ReadTimeout("x")),
    raised_from(ValueError("a bug"), WRONG_CERTIFICATE),
    raised_from(GuardCrashedError("g", TimeoutError()), TimeoutError()),
    TunedModelNameError("", name="x"),
    ParameterError(),
    DatasetError([Problem("field", "is empty", "train.jsonl")]),
    MissingExtraError("x", extra="y"),
]


@pytest.mark.parametrize("error", RAISED, ids=name_of)
def test_what_nobody_foresaw_means_nothing_and_is_raised(error: BaseException) -> None:
    assert classify(error) is None


ACCOUNT = """
    ACCESS_TOKEN_EXPIRED ACCESS_TOKEN_SCOPE_INSUFFICIENT ACCESS_TOKEN_TYPE_UNSUPPORTED
    ACCOUNT_STATE_INVALID API_KEY_ANDROID_APP_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED
    API_KEY_INVALID API_KEY_IOS_APP_BLOCKED API_KEY_IP_ADDRESS_BLOCKED API_KEY_SERVICE_BLOCKED
    BILLING_DISABLED CONSUMER_INVALID CONSUMER_SUSPENDED CREDENTIALS_MISSING
    CREDENTIAL_TYPE_UNSUPPORTED GCP_SUSPENDED JWT_TOKEN_INVALID SERVICE_DISABLED
    USER_PROJECT_DENIED
"""


@pytest.mark.parametrize("word", ACCOUNT.split())
@pytest.mark.parametrize("status", [400, 403])
def test_what_is_wrong_with_the_account_is_wrong_for_every_model(word: str, status: int) -> None:
    assert classify(answered(status, "", because(word))) == Failure(Reason.CREDENTIALS, status)


def test_the_words_for_accounts_are_google_s() -> None:
    google_api = pytest.importorskip("google.api.error_reason_pb2")

    assert set(ACCOUNT.split()) <= set(google_api.ErrorReason.keys())
    assert set(ACCOUNT.split()) == ACCOUNT_REASONS


def test_text_that_is_no_utf_8_is_bad_output_only_where_it_comes_from_the_network() -> None:
    def decoded_by(*modules: str) -> BaseException:
        """Each module calls the next one, and the last one decodes."""
        call: Callable[[], object] = b"\xff".decode
        for module in reversed(modules):
            called: dict[str, Any] = {"__name__": module, "call": call}
            exec("def function():\n    call()", called)
            call = called["function"]
        with pytest.raises(UnicodeDecodeError) as caught:
            call()
        return caught.value

    assert classify(decoded_by("aiohttp.client_reqrep")) == Failure(Reason.BAD_OUTPUT)
    assert classify(decoded_by("google.genai._api_client")) == Failure(Reason.BAD_OUTPUT)
    assert classify(decoded_by("my_app", "aiohttp.client")) == Failure(Reason.BAD_OUTPUT)
    assert classify(decoded_by("my_app.parsing")) is None
    assert classify(decoded_by("aiohttp.client", "my_app.parsing")) is None


def answering(body: object) -> Client:
    """A client of a server that says so."""
    server = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
    options = HttpOptions(
        httpx_client=httpx.Client(transport=server),
        httpx_async_client=httpx.AsyncClient(transport=server),
        client_args=tls_arguments(),  # saves 100 ms
        async_client_args=tls_arguments(),
    )
    return Client(api_key="x", http_options=options)


def raised_by_google_genai(body: object, method: str, **call: Any) -> BaseException:
    """What google-genai raises when a server says so."""
    client = answering(body)
    with pytest.raises(Exception) as caught:
        list(getattr(client.models, method)(**{"model": "x", "contents": "x", **call}))
    return caught.value


async def araised_by_google_genai(body: object) -> BaseException:
    client = answering(body)
    with pytest.raises(Exception) as caught:
        async for _ in await client.aio.models.generate_content_stream(model="x", contents="x"):
            pass
    return caught.value


WHOLE, STREAM = "generate_content", "generate_content_stream"


@pytest.mark.parametrize("method", [WHOLE, STREAM])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (7, TypeError),
        ({"candidates": 7}, TypeError),
        # The latter until pydantic 2.13.
        ({"candidates": [{"finishReason": 7}]}, (AttributeError, ValidationError)),
        ({"candidates": [{"content": 7}]}, ValidationError),
    ],
)
def test_json_that_is_not_gemini_s_is_bad_output_whatever_google_genai_makes_of_it(
    method: str, body: object, kind: type[Exception] | tuple[type[Exception], ...]
) -> None:
    error = raised_by_google_genai(body, method)

    assert isinstance(error, kind)
    assert classify(error) == Failure(Reason.BAD_OUTPUT)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "busy"}, AttributeError),
        ({"error": {"code": "503"}}, TypeError),
        ({"error": {"status": "UNAVAILABLE"}}, TypeError),
    ],
)
async def test_an_error_that_google_genai_can_t_read_in_a_stream_is_bad_output(
    body: object, kind: type[Exception]
) -> None:
    for error in (raised_by_google_genai(body, STREAM), await araised_by_google_genai(body)):
        assert type(error) is kind
        assert classify(error) == Failure(Reason.BAD_OUTPUT)


class Buggy(BaseModel):
    n: int

    @field_validator("n")
    @classmethod
    def check(cls, n: int) -> int:
        return n + None  # type: ignore[operator]


@pytest.mark.parametrize("method", [WHOLE, STREAM])
@pytest.mark.parametrize(
    "mistake",
    [
        {"contents": {"role": "user", "parts": 7}},
        {"config": {"temperature": "warm"}},
        {"config": {"labels": {"a": object()}}},
        {"config": {"response_mime_type": "application/json", "response_schema": Buggy}},
    ],
)
def test_a_program_s_own_mistake_is_raised_though_google_genai_stumbles_over_it(
    method: str, mistake: dict[str, Any]
) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": '{"n": 1}'}]}}]}

    error = raised_by_google_genai(body, method, **mistake)

    assert isinstance(error, (TypeError, AttributeError, ValueError))
    assert classify(error) is None


def test_a_program_that_calls_itself_without_an_end_is_no_failure_of_a_model() -> None:
    def decode() -> None:
        json.loads("[[[1]]]")
        decode()

    with pytest.raises(RecursionError) as caught:
        decode()

    assert classify(caught.value) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [("[" * 100_000, RecursionError), ("9" * 5_000, ValueError), ('{"a', json.JSONDecodeError)],
    ids=["too deep", "a number too long", "no JSON"],
)
def test_what_is_no_json_for_python_is_bad_output_whoever_decodes_it(
    text: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        json.loads(text)

    assert classify(caught.value) == Failure(Reason.BAD_OUTPUT)


def test_an_interrupt_is_raised_though_it_comes_while_an_answer_is_read() -> None:
    class Impatient(int):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        genai.APIError.raise_error(Impatient(503), {}, None)

    assert classify(caught.value) is None


def test_a_circle_of_causes_ends() -> None:
    error = httpx.ConnectError("x")
    raised_from(error, httpx.ReadError("x"), error)

    assert classify(error) == Failure(Reason.CONNECTION)


def test_the_hint_of_a_server_is_passed_on() -> None:
    retry_info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "57.5s"}

    assert classify(answered(429, "", retry_info)) == Failure(Reason.QUOTA, 429, 57.5)
    assert classify(answer_of_httpx(httpx, 503)) == Failure(Reason.OVERLOADED, 503, 3.0)
    wrapped = raised_from(google.GoogleRateLimitError("x"), answered(429, "", retry_info))
    assert classify(wrapped) == Failure(Reason.QUOTA, 429, 57.5)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("9", 9.0),
        ("Sun, 01 Mar 2026 12:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT),
    ],
)
def test_the_hint_in_a_header_is_passed_on(header: str, seconds: float) -> None:
    error = answered(429, response=httpx.Response(429, headers={"Retry-After": header}))

    assert classify(error) == Failure(Reason.QUOTA, 429, seconds)


OF_AIOHTTP: list[tuple[Callable[[Any], BaseException], Reason | None]] = [
    (lambda a: a.ServerTimeoutError(), Reason.TIMEOUT),
    (lambda a: a.ConnectionTimeoutError(), Reason.TIMEOUT),
    (lambda a: a.SocketTimeoutError(), Reason.TIMEOUT),
    (lambda a: a.ClientConnectionError(), Reason.CONNECTION),
    (lambda a: a.ClientConnectionResetError(), Reason.CONNECTION),
    (lambda a: a.ClientOSError(), Reason.CONNECTION),
    (lambda a: a.ClientConnectorError(None, OSError(111, "x")), Reason.CONNECTION),
    (lambda a: a.ClientConnectorDNSError(None, OSError(-2, "x")), Reason.CONNECTION),
    (lambda a: a.ClientProxyConnectionError(None, OSError(111, "x")), Reason.CONNECTION),
    (lambda a: a.ClientConnectorSSLError(None, OSError(1, "x")), Reason.CONNECTION),
    (lambda a: a.ClientConnectorCertificateError(None, WRONG_CERTIFICATE), Reason.CREDENTIALS),
    (lambda a: a.ServerFingerprintMismatch(b"a", b"b", "x", 1), Reason.CREDENTIALS),
    (lambda a: a.ServerDisconnectedError(), Reason.CONNECTION),
    (lambda a: a.ClientPayloadError(), Reason.CONNECTION),
    (lambda a: a.ClientResponseError(None, (), status=400), Reason.CONNECTION),
    (lambda a: a.TooManyRedirects(None, ()), Reason.CONNECTION),
    (lambda a: a.client_exceptions.UploadAbortedError(), Reason.CONNECTION),
    (lambda a: a.InvalidUrlRedirectClientError("x"), Reason.CONNECTION),
    (lambda a: a.http_exceptions.BadStatusLine("x"), Reason.CONNECTION),
    (lambda a: a.http_exceptions.TransferEncodingError("x"), Reason.CONNECTION),
    (lambda a: a.InvalidURL("a wrong address"), None),
    (lambda a: a.NonHttpUrlClientError("a wrong address"), None),
]


@pytest.mark.parametrize(("make", "reason"), OF_AIOHTTP)
def test_the_errors_of_aiohttp_have_a_reason(
    make: Callable[[Any], BaseException], reason: Reason | None
) -> None:
    error = make(pytest.importorskip("aiohttp"))

    assert classify(error) == (Failure(reason) if reason else None)


def test_what_this_machine_cannot_do_is_known_of_aiohttp() -> None:
    error = pytest.importorskip("aiohttp").ClientOSError(errno.EMFILE, "Too many open files")

    assert classify(error) == Failure(Reason.CONNECTION, is_local=True)


# What each library could raise that has no meaning: bases of classes, and mistakes of ours.
_HTTPX_RAISED = {
    "HTTPError",
    "RequestError",
    "TransportError",
    "ProtocolError",
    "LocalProtocolError",
    "UnsupportedProtocol",
    "InvalidURL",
    "CookieConflict",
    "StreamError",
    "StreamConsumed",
    "StreamClosed",
    "ResponseNotRead",
    "RequestNotRead",
}
LIBRARIES = [
    ("httpx", _HTTPX_RAISED),
    ("httpx2", _HTTPX_RAISED),
    (
        "aiohttp.client_exceptions",
        {"ClientError", "InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError"}
        | {"WSMessageTypeError"},
    ),
    ("aiohttp.http_exceptions", set()),
    ("google.auth.exceptions", set()),
    (
        "google.genai.errors",
        {"UnknownFunctionCallArgumentError", "UnsupportedFunctionError"}
        | {"FunctionInvocationError", "ContinuationInterruptedError"},
    ),
    (
        "langchain_core.exceptions",
        {"LangChainException", "TracerException", "OutputParserException", "ModelError"},
    ),
    (
        "langchain_tuned_gemini.errors",
        {"TunedGeminiError", "TunedModelError", "TunedModelNameError", "ParameterError"}
        | {"MissingExtraError", "DatasetError", "LossyConversionError"}
        | {"GuardCrashedError", "UserCodeError"}
        | {"TunedModelNotDeletableError", "PromotionRefusedError"}
        | {"RecordsError", "RecordNotFoundError", "RecordsChangedError"}
        | {"ExampleIndexError"}
        | {"JournalError", "ComparisonCancelledError"},
    ),
]
NEED_MORE = {"HTTPStatusError", "APIError", "ClientError", "ServerError"} | {
    "AllModelsFailedError",
    "AllModelsOverflowError",
    "AllModelsRefusedError",
    "BaseModelNotFoundError",
    "BaseModelRetiredError",
    "BrokenStreamError",
    "CircuitOpenError",
}


@pytest.mark.parametrize(("name", "raised"), LIBRARIES, ids=[name for name, _ in LIBRARIES])
def test_no_error_of_a_library_was_overlooked(name: str, raised: set[str]) -> None:
    package = pytest.importorskip(name.partition(".")[0])
    module = package if name in {"httpx", "httpx2"} else pytest.importorskip(name)
    kinds = {
        kind
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Exception)
        and not issubclass(kind, Warning)
        and kind.__module__ == name
        and (kind.__name__ not in NEED_MORE or name.startswith("aiohttp"))
    }

    meaningless = {kind.__name__ for kind in kinds if classify(kind.__new__(kind)) is None}

    assert meaningless == raised


def test_the_words_of_reasons_stay_as_programs_know_them() -> None:
    assert [reason.value for reason in Reason] == [
        "not_ready",
        "gone",
        "retired",
        "quota",
        "overloaded",
        "timeout",
        "slow",
        "rate_limited",
        "connection",
        "permission",
        "rejected",
        "bad_output",
        "novel_input",
        "blocked",
        "credentials",
    ]


def test_blocked_content_and_wrong_credentials_keep_another_model_from_answering() -> None:
    assert {reason for reason in Reason if not reason.degrades} == {
        Reason.BLOCKED,
        Reason.CREDENTIALS,
    }


def test_what_may_have_changed_the_state_of_the_model_makes_it_be_asked_for() -> None:
    assert {reason for reason in Reason if Failure(reason).speaks_of_the_model} == {
        Reason.NOT_READY,
        Reason.GONE,
        Reason.RETIRED,
        Reason.PERMISSION,
    }


def test_only_a_missing_permission_is_logged_as_an_error() -> None:
    levels = {reason: reason.handling.log_level for reason in Reason}

    assert levels.pop(Reason.PERMISSION) == logging.ERROR
    assert levels.pop(Reason.SLOW) == logging.INFO  # another one was quicker; nothing is wrong
    assert levels.pop(Reason.NOVEL_INPUT) == logging.INFO  # what was asked for
    assert set(levels.values()) == {logging.WARNING}


@pytest.mark.parametrize(
    ("reason", "counts"),
    [
        (Reason.NOT_READY, Counts.FAILURE),
        (Reason.GONE, Counts.FATAL),
        (Reason.QUOTA, Counts.QUOTA),
        (Reason.OVERLOADED, Counts.FAILURE),
        (Reason.TIMEOUT, Counts.TIMEOUT),
        (Reason.SLOW, Counts.NEUTRAL),
        (Reason.CONNECTION, Counts.FAILURE),
        (Reason.PERMISSION, Counts.FATAL),
        (Reason.REJECTED, Counts.NEUTRAL),
        (Reason.BAD_OUTPUT, Counts.FAILURE),
        (Reason.NOVEL_INPUT, Counts.NEUTRAL),
        (Reason.BLOCKED, Counts.NEUTRAL),
        (Reason.CREDENTIALS, Counts.NEUTRAL),
    ],
)
def test_a_failure_counts_for_the_circuit_in_words_that_it_knows(
    reason: Reason, counts: Counts
) -> None:
    assert Failure(reason).counts is counts
    assert Outcome(counts.value) is not Outcome.SUCCESS


def test_the_table_has_a_row_for_each_reason() -> None:
    head, rule, *rows = failure_table().splitlines()

    assert head == "| reason | seen as | what happens | counts for the circuit |"
    assert rule == "| --- | --- | --- | --- |"
    assert [row.split("`")[1] for row in rows] == list(Reason)
    assert {row.count(" | ") for row in rows} == {3}


@pytest.mark.parametrize(
    ("reason", "cells"),
    [
        ("quota", "the next model answers | opens it for as long as the server says, or throttles"),
        ("overloaded", "the next model answers | yes"),
        ("timeout", "yes; opens it if the model was silent, and answered nobody meanwhile"),
        ("permission", "the next model answers; logged as an error | opens it at once"),
        ("rejected", "the next model answers | no"),
        ("blocked", "raised | no"),
    ],
)
def test_the_table_says_what_happens(reason: str, cells: str) -> None:
    row = next(row for row in failure_table().splitlines() if f"`{reason}`" in row)

    assert row.endswith(f" | {cells} |")


def test_the_table_stands_in_the_readme() -> None:
    if not README.exists():
        pytest.skip("there is no README beside this copy of the package")
    _, _, rest = README.read_text(encoding="utf-8").partition("<!-- failures -->\n")

    assert rest.partition("<!-- /failures -->")[0].strip() == failure_table()


def test_nothing_of_an_errors_text_is_in_its_meaning() -> None:
    secret = "AIza-not-a-real-key"
    error = answered(400, secret, because(secret), {"retryDelay": secret}, response=secret)

    assert secret not in repr(classify(error))


def test_an_error_is_read_once_however_often_it_is_looked_at() -> None:
    error = answered(503, response=httpx.Response(503, request=httpx.Request("POST", "http://x")))
    first = read_failure(error)

    assert first == Failure(Reason.OVERLOADED, 503)
    assert read_failure(error) is first


SECRET = "AIza" + "k" * 35


@pytest.mark.parametrize(
    "change",
    [
        lambda error: setattr(error, "__cause__", ValueError(SECRET)),
        lambda error: setattr(error, "__context__", ValueError(SECRET)),
        lambda error: setattr(error.__cause__, "__cause__", ValueError(SECRET)),
        lambda error: setattr(error, "__cause__", ExceptionGroup("", [ValueError(SECRET)])),
        lambda error: setattr(error, "args", (SECRET,)),
        lambda error: setattr(error.__cause__, "args", (SECRET,)),
        lambda error: setattr(error, "message", SECRET),
        lambda error: error.details["error"].update(message=SECRET),
        lambda error: error.add_note(SECRET),
        lambda error: setattr(error, "request", httpx.Request("GET", f"http://x?key={SECRET}")),
    ],
)
def test_an_error_that_was_changed_since_it_was_read_is_redacted_again(
    change: Callable[[Any], None],
) -> None:
    error = raised_from(answered(503), KeyError("x"))
    read_failure(error)
    change(error)

    read_failure(error)

    links = [error, error.__cause__, error.__context__, getattr(error.__cause__, "__cause__", None)]
    assert SECRET not in "".join(f"{link!r} {link and vars(link)}" for link in links)
    assert SECRET not in str(getattr(error, "request", ""))


def test_an_error_that_has_another_status_since_it_was_read_is_another_failure() -> None:
    cause = answered(404)
    error = raised_from(google.ChatGoogleGenerativeAIError("no"), cause)
    assert read_failure(error) == Failure(Reason.GONE, 404)
    cause.code = 429

    assert read_failure(error) == Failure(Reason.QUOTA, 429)


def test_an_error_that_is_raised_again_where_more_secrets_are_in_use_shows_none_of_them() -> None:
    class Later:
        pass

    error = raised_from(core.ModelAPIError("your key, k-4711-later"), KeyError("k-4711-later"))
    read_failure(error)
    holder = Later()
    remember(holder, "k-4711-later")

    read_failure(error)

    assert (str(error), str(error.__cause__)) == ("your key, [hidden]", "'[hidden]'")


def test_an_error_that_can_not_be_shown_is_read_each_time() -> None:
    class Unshown:
        def __repr__(self) -> str:
            raise RuntimeError

    error = core.ModelAPIError(Unshown())

    assert read_failure(error) == read_failure(error) == Failure(Reason.OVERLOADED)


@pytest.mark.parametrize("error", [TimeoutError("AIza" + "k" * 35), KeyboardInterrupt("ya29.k")])
def test_a_reading_redacts_whatever_can_be_remembered(error: BaseException) -> None:
    assert read_failure(error) == classify(error) or not isinstance(error, Exception)

    assert str(error) == "[hidden]"


def test_what_was_read_is_forgotten_with_the_error() -> None:
    error = answered(503)
    read_failure(error)
    key = id(error)
    assert key in classification._readings

    del error
    gc.collect()

    assert key not in classification._readings
