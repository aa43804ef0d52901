"""Hiding API keys and tokens in texts, and in errors before anybody else sees them.

What an error of a model call holds ends up in logs, traces and other processes. The errors of
all HTTP stacks hold the request, with the key among its headers: a pickled error of httpx has it,
and so has the `repr` of aiohttp's error for an answer that is not HTTP (httpx 0.28.1, aiohttp
3.14.5). Google's answer to a wrong key quotes the key, and so does the text of the error that is
made from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

HIDDEN: Final = "[hidden]"

_SHORTEST_SECRET: Final = 6
"""Keys of fewer characters are made up for an emulator; hiding "k" would spoil every sentence."""

# Google's own messages quote keys, as in "Consumer 'api_key:AIza…' has been suspended."
_SECRETS: Final = re.compile(
    r"AIza[\w-]{10,}|ya29\.[\w.-]+|(?<=api_key:)[^\s'\"]+|(?<=[?&]key=)[^\s&'\"]+"
)

# A fallback's models may be of other providers.
_CREDENTIALS: Final = frozenset(
    {"api-key", "authorization", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"}
)

_REQUESTS: Final = ("request", "next_request")
"""Where httpx and requests keep requests that can be changed; aiohttp has a `request_info`."""

_Error = TypeVar("_Error", bound=BaseException)


def without_secrets(text: str, *secrets: str) -> str:
    """Hides the secrets that are known, and whatever else looks like a key or a token.

    Example:
        >>> without_secrets("Consumer 'api_key:abc' is not k-1234.", "k-1234")
        "Consumer 'api_key:[hidden]' is not [hidden]."
    """
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return _SECRETS.sub(HIDDEN, text)


def redact(error: _Error, *secrets: str) -> _Error:
    """Hides every secret in an error, and in the errors that it was made from.

    It stays the same object: whoever catches it by its class, or compares it, gets what was
    raised. The requests that it holds lose their credentials; the secrets that these were are
    hidden in its texts, too.

    Args:
        error: What was raised; changed in place.
        secrets: What must not be shown, besides what it holds itself.

    Returns:
        The same error.

    Example:
        >>> redact(ValueError("no such key: AIzaSyDoNotShowThisToAnybody"))
        ValueError('no such key: [hidden]')
    """
    links = list(_chain(error))
    known = tuple({*secrets, *(secret for link in links for secret in _secrets_in(link))})
    for link in links:
        _redact_one(link, known)
    return error


@contextmanager
def redacting() -> Iterator[None]:
    """Hides every secret in an error that is raised inside this block."""
    try:
        yield
    except BaseException as error:
        redact(error)
        raise


@dataclass(frozen=True, slots=True)
class RedactedResponse:
    """What may be kept of a response that has a secret in it.

    Attributes:
        status_code: The HTTP status.
        headers: The headers by their names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those that it was made from, and those that it groups."""
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        link = ahead.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        ahead += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            ahead += link.exceptions


def _secrets_in(error: BaseException) -> Iterator[str]:
    """The credentials of the requests that an error holds."""
    for holder in (error, *_responses_in(error)):
        for name in (*_REQUESTS, "request_info"):
            for header, value in _headers_of(_held(holder, name)).items():
                if _is_credential(header):
                    yield str(value).removeprefix("Bearer ")


def _responses_in(error: BaseException) -> Iterator[object]:
    """The response that an error is about, those within it, and those that led to it."""
    ahead = [_held(error, "response")]
    while ahead:
        response = ahead.pop()
        if response is None:
            continue
        yield response
        # google-genai wraps the response of a stream in one of its own.
        ahead.append(_held(response, "response_stream"))
        history = _held(response, "history")
        ahead += history if isinstance(history, (list, tuple)) else ()


def _redact_one(error: BaseException, secrets: tuple[str, ...]) -> None:
    responses = list(_responses_in(error))
    for holder in (error, *responses):
        for name in _REQUESTS:
            _redact_request(_held(holder, name))
    if any(_is_beyond_redaction(response, secrets) for response in responses):
        response = responses[0]
        remainder = _remainder_of(response, secrets)
        vars(error).update({n: remainder for n, v in vars(error).items() if v is response})
    if (info := _held(error, "request_info")) is not None:
        headers = {n: HIDDEN if _is_credential(n) else v for n, v in _headers_of(info).items()}
        hidden = info._replace(headers=headers)
        # The history are the responses that redirected it, each with its own request.
        vars(error).update(request_info=hidden, history=())
        error.args = (hidden, ())
    args = _without(error.args, secrets)
    if args is not error.args:
        error.args = args
    for name, value in vars(error).items():
        vars(error)[name] = _without(value, secrets)


def _redact_request(request: object) -> None:
    """Takes the credentials from a request that can be changed."""
    headers = _headers_of(request)
    if isinstance(headers, MutableMapping):
        for name in [name for name in headers if _is_credential(name)]:
            headers[name] = HIDDEN


def _is_credential(name: object) -> bool:
    return str(name).lower() in _CREDENTIALS


def _is_beyond_redaction(response: object, secrets: tuple[str, ...]) -> bool:
    """Whether a response has a secret where it can't be taken from.

    aiohttp's requests can't be changed, and no stack's body.
    """
    body = _held(response, "text")
    has_secret = isinstance(body, str) and without_secrets(body, *secrets) != body
    return has_secret or _held(response, "request_info") is not None


def _remainder_of(response: object, secrets: tuple[str, ...]) -> RedactedResponse:
    status = _held(response, "status_code") or _held(response, "status") or 0
    headers = {
        str(name).lower(): without_secrets(str(value), *secrets)
        for name, value in _headers_of(response).items()
    }
    return RedactedResponse(status, headers)


def _headers_of(holder: object) -> Mapping[Any, Any]:
    headers = _held(holder, "headers")
    return headers if isinstance(headers, Mapping) else {}


def _held(holder: object, name: str) -> Any:
    """An attribute; None where there is none, or httpx says that it is not there yet."""
    try:
        return getattr(holder, name, None)
    except RuntimeError:
        return None


def _without(value: Any, secrets: Iterable[str]) -> Any:
    """The same without secrets; what holds none, as it is."""
    clean = value
    match value:
        case str():
            clean = without_secrets(value, *secrets)
        case dict():
            clean = {key: _without(held, secrets) for key, held in value.items()}
        case list():
            clean = [_without(held, secrets) for held in value]
        case tuple() if type(value) is tuple:
            clean = tuple(_without(held, secrets) for held in value)
    return value if clean == value else clean
