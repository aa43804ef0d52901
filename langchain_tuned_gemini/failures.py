"""What an exception of a model call means: why it failed, and whether another model may answer.

Nothing is caught that is not in these tables. A bug, a cancellation, an interrupt of LangGraph
or an error that nobody foresaw has no meaning here, so it is raised untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Why a model did not answer."""

    NOT_READY = "not_ready"
    """It is still CREATING."""
    GONE = "gone"
    """It FAILED, was CANCELLED, or does not exist."""
    QUOTA = "quota"
    """429: the quota is used up."""
    OVERLOADED = "overloaded"
    """5xx: the service can't serve it now."""
    TIMEOUT = "timeout"
    """It did not answer in time."""
    CONNECTION = "connection"
    """The service could not be reached, or broke the connection."""
    PERMISSION = "permission"
    """403: these credentials may not use this model."""
    REJECTED = "rejected"
    """400: this model does not take this request; another one may."""
    BAD_OUTPUT = "bad_output"
    """It sent something that is no answer."""
    CREDENTIALS = "credentials"
    """The key is wrong or expired; it would be wrong for every model."""

    @property
    def degrades(self) -> bool:
        """Whether another model may answer in its place."""
        return self is not Reason.CREDENTIALS

    @property
    def speaks_of_the_model(self) -> bool:
        """Whether the model's state may have changed, so that it is worth asking for again."""
        return self in {Reason.NOT_READY, Reason.GONE, Reason.PERMISSION}


@dataclass(frozen=True, slots=True)
class Failure:
    """What an exception means.

    Attributes:
        reason: Why the model did not answer.
        status: The HTTP status, where there was an answer.
    """

    reason: Reason
    status: int | None = None


# By class name, so that no HTTP stack has to be imported to recognise its errors, and so that
# those of a stack that is not installed cost nothing. The most specific class decides.
_REASONS = {
    "langchain_tuned_gemini.errors.TunedModelNotReadyError": Reason.NOT_READY,
    "langchain_tuned_gemini.errors.TunedModelFailedError": Reason.GONE,
    "langchain_tuned_gemini.errors.TunedModelNotFoundError": Reason.GONE,
    # From a gate that was told to let nothing through when it can't know.
    "langchain_tuned_gemini.errors.ServiceUnreachableError": Reason.CONNECTION,
    "langchain_tuned_gemini.errors.ServiceError": Reason.OVERLOADED,
    "langchain_tuned_gemini.errors.EmptyAnswerError": Reason.BAD_OUTPUT,
    # httpx2 is a fork of httpx that google-genai uses when GOOGLE_GENAI_HTTP_CLIENT says so.
    **{
        f"{stack}.{name}": reason
        for stack in ("httpx", "httpx2")
        for name, reason in {
            "TimeoutException": Reason.TIMEOUT,
            "NetworkError": Reason.CONNECTION,
            "ProxyError": Reason.CONNECTION,
            "RemoteProtocolError": Reason.CONNECTION,
            "DecodingError": Reason.BAD_OUTPUT,
        }.items()
    },
    "aiohttp.client_exceptions.ServerTimeoutError": Reason.TIMEOUT,
    "aiohttp.client_exceptions.ClientConnectionError": Reason.CONNECTION,
    "aiohttp.client_exceptions.ClientPayloadError": Reason.CONNECTION,
    "aiohttp.client_exceptions.ClientResponseError": Reason.CONNECTION,
    "builtins.TimeoutError": Reason.TIMEOUT,
    "builtins.ConnectionError": Reason.CONNECTION,
    "google.genai.errors.UnknownApiResponseError": Reason.BAD_OUTPUT,
    "json.decoder.JSONDecodeError": Reason.BAD_OUTPUT,
    "google.auth.exceptions.RefreshError": Reason.CREDENTIALS,
    "google.auth.exceptions.DefaultCredentialsError": Reason.CREDENTIALS,
    "google.auth.exceptions.TransportError": Reason.CONNECTION,
    "langchain_core.exceptions.ModelAuthenticationError": Reason.CREDENTIALS,
    "langchain_core.exceptions.ModelPermissionDeniedError": Reason.PERMISSION,
    "langchain_core.exceptions.ModelInvalidRequestError": Reason.REJECTED,
    "langchain_core.exceptions.ModelNotFoundError": Reason.GONE,
    "langchain_core.exceptions.ModelRateLimitError": Reason.QUOTA,
    "langchain_core.exceptions.ModelAPIError": Reason.OVERLOADED,
    "langchain_core.exceptions.ModelConnectionError": Reason.CONNECTION,
    "langchain_core.exceptions.ModelTimeoutError": Reason.TIMEOUT,
    "langchain_core.exceptions.ContextOverflowError": Reason.REJECTED,
}

_STATUSES = {
    400: Reason.REJECTED,
    401: Reason.CREDENTIALS,
    403: Reason.PERMISSION,
    404: Reason.GONE,
    408: Reason.TIMEOUT,
    409: Reason.OVERLOADED,
    429: Reason.QUOTA,
    **dict.fromkeys(range(500, 600), Reason.OVERLOADED),
}


def classify(error: BaseException) -> Failure | None:
    """Says what an exception of a model call means.

    The HTTP status goes before the class: langchain-google-genai calls a 429 whose text speaks
    of a token limit a context overflow.

    Args:
        error: What a model's call raised.

    Returns:
        Its meaning; None for an error that nobody foresaw, which must be raised.

    Example:
        >>> classify(TimeoutError()).reason
        <Reason.TIMEOUT: 'timeout'>
        >>> classify(KeyError("a bug")) is None
        True
    """
    answer = next((e for e in _with_cause(error) if _is_answer(e)), None)
    if answer is not None:
        reason = _special_400(answer) or _STATUSES.get(answer.code)
        return Failure(reason, answer.code) if reason else None
    for known in type(error).__mro__:
        if reason := _REASONS.get(f"{known.__module__}.{known.__qualname__}"):
            return Failure(reason)
    return None


def _with_cause(error: BaseException) -> Iterator[Any]:
    """The error, and what it was raised from: LangChain's classes for 4xx hold no status."""
    yield error
    if error.__cause__ is not None:
        yield error.__cause__


def _is_answer(error: Any) -> bool:
    """Whether this is google-genai's error for an HTTP answer, which holds its status."""
    return any(
        known.__qualname__ == "APIError" and known.__module__ == "google.genai.errors"
        for known in type(error).__mro__
    )


def _special_400(answer: Any) -> Reason | None:
    """A bad key is a 400 on the Developer API, and so is a model in the wrong state."""
    if answer.code != 400:
        return None
    if answer.status == "FAILED_PRECONDITION":
        return Reason.NOT_READY
    body = answer.details if isinstance(answer.details, dict) else {}
    details = body.get("error", body).get("details") or []
    if any(isinstance(d, dict) and d.get("reason") == "API_KEY_INVALID" for d in details):
        return Reason.CREDENTIALS
    return None
