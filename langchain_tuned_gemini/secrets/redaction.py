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
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus

from langchain_tuned_gemini.secrets.secret_values import (
    CREDENTIAL,
    HIDDEN,
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

_REQUESTS: Final = ("request", "next_request", "request_info")
"""Where httpx and requests keep requests; aiohttp's `request_info` can't be changed."""

_RESPONSES: Final = ("response", "response_stream")
"""Where errors keep a response; google-genai wraps that of a stream in one of its own."""

_STACKS: Final = frozenset(
    {"aiohttp", "google", "httpx", "httpx2", "langchain_google_genai", "requests"}
)
"""The packages whose errors repeat an answer."""

_PLAIN: Final = (float, int, NoneType)
"""What holds no text."""

_Error = TypeVar("_Error", bound=BaseException)


def without_secrets(text: str, *secrets: str) -> str:
    """Hides the secrets that are in use or passed, and whatever else looks like a key or a token.

    Example:
        >>> without_secrets("Consumer 'api_key:abc' is not k-1234.", "k-1234")
        "Consumer 'api_key:[hidden]' is not [hidden]."
    """
    return _compiled(frozenset(known().union(secrets))).sub(HIDDEN, text)


@lru_cache(maxsize=16)
def _compiled(secrets: frozenset[str]) -> re.Pattern[str]:
    """Finds the secrets in a text, in whatever form it quotes them."""
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
    hidden in its texts, too, and so are those that are in use or passed. What could not be read of
    an answer goes, and a long answer is cut.

    Example:
        >>> redact(ValueError("no such key: AIzaSyDoNotShowThisToAnybody"))
        ValueError('no such key: [hidden]')
    """
    links = linked_errors(error)
    holders = _holders_in(links)
    requests = [holder for holder in holders if holder.is_request]
    hider = _compiled(frozenset({*secrets, *known(), *_secrets_in(requests)}))
    for holder in holders:
        _redact_holder(holder, hider)
    for link in links:
        _redact_link(link, hider)
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
    """The rest of a response that has a secret in it, or is too long."""

    status_code: int
    headers: Mapping[str, str]


def linked_errors(error: BaseException) -> list[BaseException]:
    """The error, those that it was made from, and those that it groups or holds."""
    links: dict[int, BaseException] = {}
    ahead: list[object] = [error]
    while ahead:
        link = ahead.pop()
        if not isinstance(link, BaseException) or id(link) in links:
            continue
        links[id(link)] = link
        ahead += [link.__cause__, link.__context__, *link.args, *vars(link).values()]
        if isinstance(link, BaseExceptionGroup):
            ahead += link.exceptions
    return list(links.values())


@dataclass(frozen=True, slots=True)
class _Holder:
    """An error, a response or a request: what may hold headers and an address."""

    thing: Any
    is_request: bool
    url: Any
    headers: Mapping[Any, Any]


def _holders_in(links: list[BaseException]) -> list[_Holder]:
    """The errors, their responses, and the requests of both, each once.

    Of a response, those that led to it are looked at, too.
    """
    holders: dict[int, _Holder] = {}
    ahead: list[tuple[object, bool]] = [(link, False) for link in links]
    while ahead:
        thing, is_request = ahead.pop()
        if thing is None or id(thing) in holders:
            continue
        held = _held(thing, "url", "headers", "history", *_REQUESTS, *_RESPONSES)
        url, headers, history, *others = held
        headers = headers if isinstance(headers, Mapping) else {}
        holders[id(thing)] = _Holder(thing, is_request, url, headers)
        ahead += [(one, place < len(_REQUESTS)) for place, one in enumerate(others)]
        if isinstance(history, list | tuple):
            ahead += [(one, False) for one in history]
    return list(holders.values())


def _secrets_in(requests: Iterable[_Holder]) -> Iterator[str]:
    """The credentials of requests: a value, what follows `Bearer`, the password after `Basic`."""
    for request in requests:
        if "@" in (url := str(request.url)):
            yield from secrets_in_url(url)
        for header, value in request.headers.items():
            if not CREDENTIAL.search(str(header)):
                continue
            scheme, _, credentials = str(value).partition(" ")
            yield from (str(value), credentials)
            if scheme.lower() == "basic":
                with suppress(binascii.Error, UnicodeDecodeError):  # it is not what it says
                    yield base64.b64decode(credentials).decode().partition(":")[2]


def _redact_holder(holder: _Holder, hider: re.Pattern[str]) -> None:
    """Takes the credentials from a request that can be changed, and cookies from a response."""
    if isinstance(holder.headers, MutableMapping):
        for name in list(holder.headers):
            lower = str(name).lower()
            if lower not in _HARMLESS if holder.is_request else lower == "set-cookie":
                holder.headers[name] = HIDDEN
    if holder.url is not None and hider.search(str(holder.url)):
        with suppress(AttributeError):  # a response of httpx has its request's
            holder.thing.url = _without(holder.url, hider)


def _redact_link(error: BaseException, hider: re.Pattern[str]) -> None:
    """Takes the secrets from an error's texts, and what can't be redacted from the error."""
    if isinstance(error, ValueError):
        _forget_what_was_read(error)
    response, info = _held(error, "response", "request_info")
    if response is not None and _is_beyond_redaction(response, hider):
        remainder = _remainder_of(response, hider)
        vars(error).update({n: remainder for n, v in vars(error).items() if v is response})
    if info is not None:
        headers = {
            name: value if str(name).lower() in _HARMLESS else HIDDEN
            for name, value in info.headers.items()
        }
        hidden = _without(info._replace(headers=headers), hider)
        # The history are the responses that redirected it, each with its own request.
        vars(error).update(request_info=hidden, history=())
        error.args = (hidden, ())
    longest = _LONGEST if type(error).__module__.partition(".")[0] in _STACKS else None
    clean = _without((error.args, vars(error)), hider, longest)
    if clean[0] is not error.args:
        error.args = clean[0]
    if clean[1] is not vars(error):
        vars(error).update(clean[1])


def _forget_what_was_read(error: ValueError) -> None:
    """Takes away what could not be read or written; where, and why, stays in the text."""
    match error:
        case json.JSONDecodeError():
            error.doc = ""
        case UnicodeDecodeError() | UnicodeEncodeError():
            nothing = error.object = type(error.object)()
            error.args = (error.encoding, nothing, error.start, error.end, error.reason)


def _is_beyond_redaction(response: object, hider: re.Pattern[str]) -> bool:
    """Whether a response has a secret where it can't be taken from, or is too long to keep.

    aiohttp's requests can't be changed, and no stack's body.
    """
    body, info, stream, history = _held(
        response, "text", "request_info", "response_stream", "history"
    )
    if info is not None:
        return True
    if isinstance(body, str) and (len(body) > _LONGEST or hider.search(body)):
        return True
    within = [stream, *(history if isinstance(history, list | tuple) else ())]
    return any(one is not None and _is_beyond_redaction(one, hider) for one in within)


def _remainder_of(response: object, hider: re.Pattern[str]) -> RedactedResponse:
    code, status, headers = _held(response, "status_code", "status", "headers")
    headers = headers if isinstance(headers, Mapping) else {}
    shown = {str(name).lower(): hider.sub(HIDDEN, str(held)) for name, held in headers.items()}
    return RedactedResponse(code or status or 0, shown)


def _held(holder: object, *names: str) -> list[Any]:
    """Attributes; None for one that is not there, or of which httpx says: not yet."""
    held = []
    for name in names:
        try:
            held.append(getattr(holder, name, None))
        except RuntimeError:
            held.append(None)
    return held


def _without(value: Any, hider: re.Pattern[str], longest: int | None = None) -> Any:
    """A value without secrets, and cut where it is longer; what needs neither, as it is."""
    clean: Any
    match value:
        case str():
            clean = hider.sub(HIDDEN, value)
            if longest is not None and len(clean) > longest:
                clean = f"{clean[:longest]} … (cut: there were {len(clean):,} characters)"
        case bytes():
            clean = hider.sub(HIDDEN, value.decode("latin-1")).encode("latin-1")
        case dict():
            keys = _without(list(value), hider)
            clean = dict(zip(keys, _without(list(value.values()), hider, longest), strict=True))
        case list() | tuple():
            limit = sys.maxsize if longest is None else longest
            clean = [
                part
                if isinstance(part, _PLAIN)
                or (type(part) is str and len(part) <= limit and not hider.search(part))
                else _without(part, hider, longest)
                for part in value
            ]
            if isinstance(value, tuple):
                clean = value._make(clean) if hasattr(value, "_make") else tuple(clean)
        case _ if type(value).__name__ == "URL":  # of httpx, and of aiohttp
            hidden = hider.sub(HIDDEN, str(value))
            return value if hidden == str(value) else type(value)(hidden.replace(HIDDEN, "hidden"))
        case _:
            return value
    return value if clean == value else clean
