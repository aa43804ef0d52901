"""Refusals of the control plane, in words that say what to do next."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import httpx

from langchain_tuned_gemini.errors import (
    Advice,
    ServiceError,
    TunedModelError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.failures.server_answer import ServerAnswer
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

JsonObject: TypeAlias = dict[str, Any]

NOT_NOW = "FAILED_PRECONDITION"
"""Google's word for a refusal that is over when something else has changed."""

_LOOK = (
    "The answer is not the Gemini API's: check {}, the location if it is on Vertex AI, and proxies "
    "on the way. (Redirects are refused, since the API key would go along.)"
)
_NOT_GEMINI = Advice(_LOOK.format("base_url"), _LOOK.format("--base-url"))


def not_geminis(action: str) -> ServiceError:
    """The error for an answer that is none of the Gemini API's."""
    return ServiceError(f"{action} failed.", advice=_NOT_GEMINI, is_retryable=False)


def refused(
    action: str, status: int, body: object, *, name: TunedModelName | None
) -> ServiceError | TunedModelError:
    """The error for an answer that is one.

    A 404 means that the tuned model is not there only in Google's own words: any other
    server says 404, too, when the address is wrong.

    Args:
        action: What failed, as the start of a sentence: "Reading tunedModels/x".
        status: The HTTP status.
        body: The parsed body, whatever it is.
        name: The tuned model that was asked for, if it was one.

    Example:
        >>> print(refused("Reading it", 429, {"error": {"status": "X"}}, name=None))
        Reading it failed with HTTP status 429. The quota is used up: wait a while, or ask for more.
    """
    is_googles = isinstance(body, dict) and isinstance(body.get("error"), dict)
    answer = ServerAnswer.read(status, body if is_googles else None, None)
    if name is not None and answer.word == "NOT_FOUND":
        return TunedModelNotFoundError.of(str(name))
    said = answer.sentence.rstrip(".")
    return ServiceError(
        f"{action} failed with HTTP status {status}{f': {said}' if said else ''}.",
        advice=_advice_on(answer),
        status=status,
        word=answer.word,
    )


_EARLY = "It is in no state for that: try again when that has changed."
_WRONG = "Correct the request; trying again does not help."
_KEY = "Check the API key, for example in GOOGLE_API_KEY, or the credentials."
_ADVICE = {
    401: _KEY,
    403: (
        "This key or account may not do that, or the tuned model is another project's: check which "
        "project the key belongs to, what the account's roles allow, and that the API is enabled "
        "there."
    ),
    429: "The quota is used up: wait a while, or ask for more.",
}


def _advice_on(answer: ServerAnswer) -> Advice | str:
    """Advises what to do next."""
    if any(reason.startswith("API_KEY") for reason in answer.reasons):
        return _KEY
    if answer.status >= 500:
        return "The service is in trouble: try again in a while."
    if not answer.word and answer.status != 401:
        return _NOT_GEMINI
    is_early = answer.word == NOT_NOW
    return _ADVICE.get(answer.status, _EARLY if is_early else _WRONG)


def read_answer(action: str, response: httpx.Response, name: TunedModelName | None) -> JsonObject:
    """The JSON object of an answer.

    Args:
        action: What was asked for, as the start of a sentence.
        response: The answer.
        name: What is not found when it is 404; None for a list.

    Raises:
        TunedModelNotFoundError: What was asked for is not there.
        ServiceError: The service refused, or the answer is not Gemini's.
    """
    try:
        body: object = response.json()
    except ValueError:
        body = None
    if not response.is_success:
        raise refused(action, response.status_code, body, name=name)
    if not isinstance(body, dict):
        raise not_geminis(action)
    return body


def reason_of(error: BaseException) -> str:
    """Why there was no answer, in a few words, and none of them from the request.

    The HTTP libraries wrap each other's errors; the system's own sentence is the clearest.

    Example:
        >>> reason_of(ConnectionRefusedError(111, "Connection refused"))
        'Connection refused'
        >>> reason_of(TimeoutError())
        'no answer in time'
    """
    if "Timeout" in type(error).__name__:
        return "no answer in time"
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, ConnectionError) and link.errno:
            return os.strerror(link.errno)  # asyncio puts "Connect call failed" in its place
        if isinstance(link, OSError) and link.strerror:
            return link.strerror
        link = link.__cause__ or link.__context__
    return type(error).__name__
