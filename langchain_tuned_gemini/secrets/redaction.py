"""Hiding API keys and tokens in texts, and in errors before anybody else sees them.

What an error of a model call holds ends up in logs, traces and other processes. The errors of
all HTTP stacks hold the request, with the key among its headers: a pickled error of httpx has it,
and so has the `repr` of aiohttp's error for an answer that is not HTTP (httpx 0.28.1, aiohttp
3.14.5). Google's answer to a wrong key quotes the key, and so does the text of the error that is
made from it. Python's own errors hold what they could not read or write: the whole of an answer,
or the key that no header can hold.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus

from langchain_tuned_gemini.secrets.secret_values import (
    HIDDEN,
    is_credential,
    known,
    secrets_in_url,
)

_SHORTEST_SECRET: Final = 6
"""Keys of fewer characters are made up for an emulator; hiding "k" would spoil every sentence."""

_LONGEST: Final = 2_000
"""How many characters of an answer an error of an HTTP stack keeps: some proxies send a book."""

# Google's own messages quote keys, as in "Consumer 'api_key:AIza…' has been suspended."
_PATTERNS: Final = (
    r"AIza[\w-]{10,}",
    r"ya29\.[\w.-]+",
    r"(?<=api_key:)[^\s'\"]+",
    r"(?<=[?&]key=)[^\s&'\"]+",
    r"(?<=://)[^\s/?#@'\"]+(?=@)",
)

_HARMLESS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "transfer-encoding",
        "user-agent",
        "x-goog-api-client",
        "x-goog-user-project",
        "x-server-timeout",
    }
)
"""The headers that an error's request keeps. Any other may be a gateway's, with a secret in it."""

_REQUESTS: Final = ("request", "next_request")
"""Where httpx and requests keep requests that can be changed; aiohttp has a `request_info`."""

_STACKS: Final = frozenset(
    {"aiohttp", "google", "httpx", "httpx2", "langchain_google_genai", "requests"}
)
"""The packages whose errors repeat an answer."""

_Error = TypeVar("_Error", bound=BaseException)


def without_secrets(text: str, *secrets: str) -> str:
    """Hides the secrets that are in use or passed, and whatever else looks like a key or a token.

    Example:
        >>> without_secrets("Consumer 'api_key:abc' is not k-1234.", "k-1234")
        "Consumer 'api_key:[hidden]' is not [hidden]."
    """
    return _hider(known().union(secrets)).sub(HIDDEN, text)


def _hider(secrets: Iterable[str]) -> re.Pattern[str]:
    """Finds the secrets in a text, in whatever form it quotes them."""
    return _compiled(frozenset(secrets))


@lru_cache(maxsize=16)
def _compiled(secrets: frozenset[str]) -> re.Pattern[str]:
    forms = {form for secret in secrets for form in _forms(secret) if len(form) >= _SHORTEST_SECRET}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join([*map(re.escape, longest_first), *_PATTERNS]))


def _forms(secret: str) -> Iterator[str]:
    bare = secret.strip()
    if len(bare) >= _SHORTEST_SECRET:
        secret = bare
    yield secret
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield repr(secret)[1:-1]  # as in the texts of errors that show a value
    yield json.dumps(secret)[1:-1]


def redact(error: _Error, *secrets: str) -> _Error:
    """Hides every secret in an error, and in the errors that it was made from.

    It stays the same object: whoever catches it by its class, or compares it, gets what was
    raised. The requests that it holds lose their credentials; the secrets that these were are
    hidden in its texts, too. What could not be read of an answer goes, and a long answer is cut.

    Args:
        error: What was raised; changed in place.
        secrets: What must not be shown, besides what is in use and what it holds itself.

    Returns:
        The same error.

    Example:
        >>> redact(ValueError("no such key: AIzaSyDoNotShowThisToAnybody"))
        ValueError('no such key: [hidden]')
    """
    links = list(_chain(error))
    held = (secret for link in links for secret in _secrets_in(link))
    hider = _hider({*secrets, *known(), *held})
    for link in links:
        _redact_one(link, hider)
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
    """What may be kept of a response that has a secret in it, or is too long.

    Attributes:
        status_code: The HTTP status.
        headers: The headers by their names in lower case.
    """

    status_code: int
    headers: Mapping[str, str]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, those that it was made from, and those that it groups or holds."""
    seen: set[int] = set()
    ahead: list[object] = [error]
    while ahead:
        link = ahead.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        ahead += [link.__cause__, link.__context__, *link.args, *vars(link).values()]
        if isinstance(link, BaseExceptionGroup):
            ahead += link.exceptions


def _secrets_in(error: BaseException) -> Iterator[str]:
    """The credentials of the requests that an error holds."""
    for holder in (error, *_responses_in(error)):
        for name in (*_REQUESTS, "request_info"):
            request = _held(holder, name)
            yield from secrets_in_url(str(_held(request, "url") or ""))
            for header, value in _headers_of(request).items():
                if is_credential(header):
                    yield from _secrets_of_header(str(value))


def _secrets_of_header(value: str) -> Iterator[str]:
    """The value, what stands after `Bearer`, and the password after `Basic`."""
    yield value
    scheme, _, credentials = value.partition(" ")
    yield credentials
    if scheme.lower() == "basic":
        with suppress(binascii.Error, UnicodeDecodeError):  # it is not what it says
            yield base64.b64decode(credentials).decode().partition(":")[2]


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


def _redact_one(error: BaseException, hider: re.Pattern[str]) -> None:
    _forget_what_was_read(error)
    responses = list(_responses_in(error))
    for holder in (error, *responses):
        for name in _REQUESTS:
            _redact_request(_held(holder, name), hider)
        _hide_headers(holder, lambda header: header == "set-cookie")
        _hide_url(holder, hider)
    if any(_is_beyond_redaction(response, hider) for response in responses):
        response = responses[0]
        remainder = _remainder_of(response, hider)
        vars(error).update({n: remainder for n, v in vars(error).items() if v is response})
    if (info := _held(error, "request_info")) is not None:
        headers = {
            name: value if str(name).lower() in _HARMLESS else HIDDEN
            for name, value in _headers_of(info).items()
        }
        hidden = _without(info._replace(headers=headers), hider)
        # The history are the responses that redirected it, each with its own request.
        vars(error).update(request_info=hidden, history=())
        error.args = (hidden, ())
    longest = _LONGEST if type(error).__module__.partition(".")[0] in _STACKS else None
    args = _without(error.args, hider, longest)
    if args is not error.args:
        error.args = args
    for name, value in vars(error).items():
        vars(error)[name] = _without(value, hider, longest)


def _forget_what_was_read(error: BaseException) -> None:
    """Takes away what could not be read or written; where, and why, stays in the text."""
    match error:
        case json.JSONDecodeError():
            error.doc = ""
        case UnicodeDecodeError() | UnicodeEncodeError():
            nothing = error.object = type(error.object)()
            error.args = (error.encoding, nothing, error.start, error.end, error.reason)


def _redact_request(request: Any, hider: re.Pattern[str]) -> None:
    """Takes the credentials from a request that can be changed."""
    _hide_headers(request, lambda header: header not in _HARMLESS)
    _hide_url(request, hider)


def _hide_url(holder: Any, hider: re.Pattern[str]) -> None:
    url = _held(holder, "url")
    if url is not None and (clean := _without(url, hider)) is not url:
        with suppress(AttributeError):  # a response of httpx has its request's
            holder.url = clean


def _hide_headers(holder: object, is_hidden: Callable[[str], bool]) -> None:
    headers = _headers_of(holder)
    if isinstance(headers, MutableMapping):
        for name in [name for name in headers if is_hidden(str(name).lower())]:
            headers[name] = HIDDEN


def _is_beyond_redaction(response: object, hider: re.Pattern[str]) -> bool:
    """Whether a response has a secret where it can't be taken from, or is too long to keep.

    aiohttp's requests can't be changed, and no stack's body.
    """
    body = _held(response, "text")
    if isinstance(body, str) and (len(body) > _LONGEST or hider.search(body)):
        return True
    return _held(response, "request_info") is not None


def _remainder_of(response: object, hider: re.Pattern[str]) -> RedactedResponse:
    status = _held(response, "status_code") or _held(response, "status") or 0
    headers = {
        str(name).lower(): hider.sub(HIDDEN, str(value))
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


def _without(value: Any, hider: re.Pattern[str], longest: int | None = None) -> Any:
    """The same without secrets, and cut where it is longer; what needs neither, as it is."""
    clean = value
    match value:
        case str():
            clean = _cut(hider.sub(HIDDEN, value), longest)
        case bytes():
            clean = hider.sub(HIDDEN, value.decode("latin-1")).encode("latin-1")
        case dict():
            clean = {
                _without(key, hider): _without(held, hider, longest) for key, held in value.items()
            }
        case list():
            clean = [_without(held, hider, longest) for held in value]
        case tuple():
            held = [_without(part, hider, longest) for part in value]
            clean = value._make(held) if hasattr(value, "_make") else tuple(held)
        case _ if type(value).__name__ == "URL":  # of httpx, and of aiohttp
            clean = _without_secrets_in_url(value, hider)
    return value if clean == value else clean


def _without_secrets_in_url(url: Any, hider: re.Pattern[str]) -> Any:
    text = str(url)
    hidden = hider.sub(HIDDEN, text)
    return url if hidden == text else type(url)(hidden.replace(HIDDEN, "hidden"))


def _cut(text: str, longest: int | None) -> str:
    if longest is None or len(text) <= longest:
        return text
    return f"{text[:longest]} … (cut: there were {len(text):,} characters)"
