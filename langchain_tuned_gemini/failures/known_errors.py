"""Which exception of others is which reason; errors of this package carry their own.

By class name, so that no HTTP stack has to be imported to recognise its errors, and so that
those of a stack that is not installed cost nothing. The most specific class decides.
"""

from __future__ import annotations

import errno
from typing import Final

from langchain_tuned_gemini.errors.reasons import Reason

BEFORE_THE_CALL: Final = {
    # No connection of our own pool was free.
    "httpx.PoolTimeout": Reason.TIMEOUT,
    "httpx2.PoolTimeout": Reason.TIMEOUT,
}
"""Errors that came about before the model was asked, so that they are no evidence about it."""

# httpx2 is a fork of httpx. google-genai 3 is on it, unless GOOGLE_GENAI_HTTP_CLIENT says httpx.
_HTTPX: Final = {
    "TimeoutException": Reason.TIMEOUT,
    "NetworkError": Reason.CONNECTION,
    "ProxyError": Reason.CONNECTION,
    "RemoteProtocolError": Reason.CONNECTION,
    "DecodingError": Reason.CONNECTION,
    "TooManyRedirects": Reason.CONNECTION,
}

# Used for all asynchronous calls as soon as it is installed, unless a client is passed in.
_AIOHTTP: Final = {
    "client_exceptions.ServerTimeoutError": Reason.TIMEOUT,
    "client_exceptions.ServerFingerprintMismatch": Reason.CREDENTIALS,
    "client_exceptions.ClientConnectionError": Reason.CONNECTION,
    "client_exceptions.ClientPayloadError": Reason.CONNECTION,
    "client_exceptions.UploadAbortedError": Reason.CONNECTION,
    "client_exceptions.RedirectClientError": Reason.CONNECTION,
    # An answer that is not HTTP. Its status is made up, and its repr holds the API key.
    "client_exceptions.ClientResponseError": Reason.CONNECTION,
    "http_exceptions.HttpProcessingError": Reason.CONNECTION,
}

# google-genai uses it on Vertex where a client certificate is set up.
_REQUESTS: Final = {
    "Timeout": Reason.TIMEOUT,
    "ConnectTimeout": Reason.TIMEOUT,  # a ConnectionError, too
    "ConnectionError": Reason.CONNECTION,
    "ChunkedEncodingError": Reason.CONNECTION,
    "ContentDecodingError": Reason.CONNECTION,
    "TooManyRedirects": Reason.CONNECTION,
}

_GOOGLE_AUTH: Final = {
    "TransportError": Reason.CONNECTION,
    "ResponseError": Reason.CONNECTION,
    "TimeoutError": Reason.TIMEOUT,
    "GoogleAuthError": Reason.CREDENTIALS,
}

_LANGCHAIN: Final = {
    "ModelAuthenticationError": Reason.CREDENTIALS,
    "ModelPermissionDeniedError": Reason.PERMISSION,
    "ModelInvalidRequestError": Reason.REJECTED,
    "ModelNotFoundError": Reason.GONE,
    "ModelRateLimitError": Reason.QUOTA,
    "ModelAPIError": Reason.OVERLOADED,
    "ModelConnectionError": Reason.CONNECTION,
    "ModelTimeoutError": Reason.TIMEOUT,
    "ContextOverflowError": Reason.REJECTED,
    "ModelRefusalError": Reason.BLOCKED,
}

_PYTHON: Final = {
    "builtins.TimeoutError": Reason.TIMEOUT,
    "builtins.ConnectionError": Reason.CONNECTION,
    "socket.gaierror": Reason.CONNECTION,
    "ssl.SSLError": Reason.CONNECTION,
    "json.decoder.JSONDecodeError": Reason.BAD_OUTPUT,
}


def _in(module: str, names: dict[str, Reason]) -> dict[str, Reason]:
    return {f"{module}.{name}": reason for name, reason in names.items()}


DURING_THE_CALL: Final = {
    **_in("httpx", _HTTPX),
    **_in("httpx2", _HTTPX),
    "httpx2.SSEError": Reason.BAD_OUTPUT,
    **_in("aiohttp", _AIOHTTP),
    **_in("requests.exceptions", _REQUESTS),
    **_in("google.auth.exceptions", _GOOGLE_AUTH),
    "google.genai.errors.UnknownApiResponseError": Reason.BAD_OUTPUT,
    **_in("langchain_core.exceptions", _LANGCHAIN),
    **_PYTHON,
}
"""Errors that came about when the model was asked."""

STATUSES: Final = {
    # Redirects are refused, since a redirect would carry the API key to another host.
    **dict.fromkeys(range(300, 400), Reason.CONNECTION),
    400: Reason.REJECTED,
    401: Reason.CREDENTIALS,
    403: Reason.PERMISSION,
    404: Reason.GONE,
    408: Reason.TIMEOUT,
    409: Reason.OVERLOADED,
    410: Reason.GONE,
    413: Reason.REJECTED,
    422: Reason.REJECTED,
    429: Reason.QUOTA,
    # "The operation was cancelled": not by us, or nobody would be here to see it.
    499: Reason.CONNECTION,
    **dict.fromkeys(range(500, 600), Reason.OVERLOADED),
    # What goes before the rest of 5xx stands below it.
    # UNIMPLEMENTED: a capability that this model lacks, such as streaming.
    501: Reason.REJECTED,
}
"""What the HTTP status of an error says; others of this kind were not foreseen."""

STATUSES_OF_ERRORS: Final = range(300, 600)
"""What the Gemini API gives its errors; who gives them another one is not the Gemini API."""

ACCOUNT_REASONS: Final = frozenset(
    {
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_INVALID",
        "API_KEY_IOS_APP_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_SERVICE_BLOCKED",
        "BILLING_DISABLED",
        "CONSUMER_INVALID",
        "CONSUMER_SUSPENDED",
        "CREDENTIALS_MISSING",
        "CREDENTIAL_TYPE_UNSUPPORTED",
        "GCP_SUSPENDED",
        "JWT_TOKEN_INVALID",
        "SERVICE_DISABLED",
        "USER_PROJECT_DENIED",
    }
)
"""Google's words for what is wrong with the key or its project, so with every model.

A wrong key is a 400 on the Developer API, and a disabled API is a 403.
https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto
"""

CLOSED: Final = (
    "as the client has been closed.",  # httpx, httpx2
    "Session is closed",  # aiohttp
    "Event loop is closed",
    "attached to a different loop",
    "is bound to a different event loop",
)
"""How a `RuntimeError` ends whose client, or the event loop it belongs to, is of the past.

https://github.com/googleapis/python-genai/issues/1518
"""

NOTHING_STREAMED: Final = "No generation chunks were returned"
"""The `ValueError` of `langchain-core` for a stream without a chunk."""

VALIDATION_ERROR: Final = "pydantic_core._pydantic_core.ValidationError"
"""What pydantic raises, also for what is no business of a model's call."""

ANSWERS: Final = frozenset({"GenerateContentResponse"})
"""Google's classes of answers: on Vertex AI, google-genai raises a `ValidationError` for one
of wrong types, where on the Developer API it makes an empty answer of it."""

UNREACHABLE: Final = frozenset(
    {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
)
"""The codes of a plain `OSError` that say that a host can't be reached."""

READING: Final = frozenset(
    {
        "google.genai.models._GenerateContentResponse_from_mldev",
        "google.genai.models._GenerateContentResponse_from_vertex",
        "google.genai._common._from_response",
        "google.genai.errors.raise_error",
        "google.genai.errors.raise_error_async",
        "langchain_google_genai.chat_models._response_to_result",
    }
)
"""The functions of google-genai, and of LangChain's part of it, that only read an answer.

JSON that is none of Gemini's makes them raise whatever comes about: `TypeError`,
`AttributeError`, pydantic's `ValidationError`; what is nested too deep, a `RecursionError`.
Measured with google-genai 2.34 and 3.6.
"""

DECODING: Final = "json.decoder.raw_decode"
"""What raises a `RecursionError` for JSON that is nested deeper than Python's recursion limit, and
a `ValueError` for a number of more than 4,300 digits.

Both count as a `JSONDecodeError` does, whoever has called it.
"""

FEW_FRAMES: Final = 250
"""A program that calls itself without an end has more of them, wherever it ends up."""

READING_STREAMS: Final = frozenset(
    {
        "google.genai._api_client.request_streamed",
        "google.genai._api_client.async_generator",
    }
)
"""Those that also send the request: what they raise themselves is about the answer."""

READERS: Final = ("aiohttp.", "google.genai.")
"""Whose `UnicodeDecodeError` is about an answer; httpx puts U+FFFD for what it can't decode."""
