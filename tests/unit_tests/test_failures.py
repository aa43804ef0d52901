"""What the exceptions of a model call mean."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import httpx2
import pytest
from google.genai import errors as genai
from langchain_core import exceptions as core
from langchain_google_genai import chat_models as google

from langchain_tuned_gemini import (
    EmptyAnswerError,
    Reason,
    TunedModelFailedError,
    TunedModelNotFoundError,
    TunedModelNotReadyError,
)
from langchain_tuned_gemini.failures import classify


def answered(code: int, status: str = "", details: list[dict[str, Any]] | None = None) -> Any:
    """google-genai's error for an HTTP answer."""
    kind = genai.ClientError if code < 500 else genai.ServerError
    body = {"code": code, "message": "said Google", "status": status, "details": details or []}
    return kind(code, {"error": body})


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


BAD_KEY = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]

REASONS = [
    (TunedModelNotReadyError("", name="x"), Reason.NOT_READY, None),
    (TunedModelFailedError("", name="x"), Reason.GONE, None),
    (TunedModelNotFoundError("", name="x"), Reason.GONE, None),
    (EmptyAnswerError("x"), Reason.BAD_OUTPUT, None),
    (answered(400, "INVALID_ARGUMENT"), Reason.REJECTED, 400),
    (answered(400, "FAILED_PRECONDITION"), Reason.NOT_READY, 400),
    (answered(400, "INVALID_ARGUMENT", BAD_KEY), Reason.CREDENTIALS, 400),
    (answered(401), Reason.CREDENTIALS, 401),
    (answered(403), Reason.PERMISSION, 403),
    (answered(404), Reason.GONE, 404),
    (answered(408), Reason.TIMEOUT, 408),
    (answered(409), Reason.OVERLOADED, 409),
    (answered(429), Reason.QUOTA, 429),
    (answered(500), Reason.OVERLOADED, 500),
    (answered(503), Reason.OVERLOADED, 503),
    (answered(599), Reason.OVERLOADED, 599),
    (raised_from(google.GoogleRateLimitError("x"), answered(429)), Reason.QUOTA, 429),
    (google.GoogleContextOverflowError(429, {}), Reason.QUOTA, 429),
    (google.GoogleContextOverflowError(400, {}), Reason.REJECTED, 400),
    (google.GoogleAPIError(503, {}), Reason.OVERLOADED, 503),
    (httpx.ReadTimeout("x"), Reason.TIMEOUT, None),
    (httpx.ConnectError("x"), Reason.CONNECTION, None),
    (httpx.RemoteProtocolError("x"), Reason.CONNECTION, None),
    (httpx.DecodingError("x"), Reason.BAD_OUTPUT, None),
    (httpx2.ConnectTimeout("x"), Reason.TIMEOUT, None),
    (httpx2.ReadError("x"), Reason.CONNECTION, None),
    (TimeoutError(), Reason.TIMEOUT, None),
    (ConnectionResetError(), Reason.CONNECTION, None),
    (json.JSONDecodeError("x", "<html>", 0), Reason.BAD_OUTPUT, None),
    (genai.UnknownApiResponseError("x"), Reason.BAD_OUTPUT, None),
    (core.ModelAuthenticationError(), Reason.CREDENTIALS, None),
    (core.ModelPermissionDeniedError(), Reason.PERMISSION, None),
    (core.ModelInvalidRequestError(), Reason.REJECTED, None),
    (core.ModelNotFoundError(), Reason.GONE, None),
    (core.ModelRateLimitError(), Reason.QUOTA, None),
    (core.ModelAPIError(), Reason.OVERLOADED, None),
    (core.ModelConnectionError(), Reason.CONNECTION, None),
    (core.ModelTimeoutError(), Reason.TIMEOUT, None),
    (core.ContextOverflowError(), Reason.REJECTED, None),
]


@pytest.mark.parametrize(("error", "reason", "status"), REASONS, ids=lambda value: repr(value)[:40])
def test_a_failure_of_a_model_has_a_reason(
    error: Exception, reason: Reason, status: int | None
) -> None:
    failure = classify(error)

    assert failure is not None
    assert (failure.reason, failure.status) == (reason, status)


@pytest.mark.parametrize(
    "error",
    [
        TypeError("a bug"),
        KeyError("a bug"),
        ValueError("a bug"),
        asyncio.CancelledError(),
        KeyboardInterrupt(),
        httpx.UnsupportedProtocol("a wrong address"),
        httpx.InvalidURL("a wrong address"),
        answered(499),
        answered(418),
        core.ModelError(),
    ],
    ids=repr,
)
def test_what_nobody_foresaw_means_nothing_and_is_raised(error: BaseException) -> None:
    assert classify(error) is None


def test_only_wrong_credentials_keep_another_model_from_answering() -> None:
    assert [reason for reason in Reason if not reason.degrades] == [Reason.CREDENTIALS]
