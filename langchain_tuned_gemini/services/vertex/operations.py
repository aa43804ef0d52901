"""Long-running operations: started, and awaited to their end."""

from __future__ import annotations

import re

from langchain_tuned_gemini.errors import ServiceError
from langchain_tuned_gemini.services.error_translation import NOT_GEMINI, NOT_NOW
from langchain_tuned_gemini.services.vertex.flows import ApiCall, Flow, JsonObject, Pause

TIMEOUT = 600.0
"""How long an operation is awaited, in seconds of pauses."""

_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.1, 1.5, 10.0

_FAILED_PRECONDITION = 9
"""The code of an operation's error; https://cloud.google.com/apis/design/errors#handling_errors"""

# It is put into a URL, so it is checked like any other name.
_NAME = re.compile(
    r"projects/[\w.:-]+/locations/[\w-]+/(?:\w+/[\w@-]+/)?operations/[\w-]+", re.ASCII
)


def completed(start: ApiCall) -> Flow[JsonObject]:
    """Starts an operation, and waits for its end.

    An outage while it goes on is waited out; the operation does not notice.

    Args:
        start: What starts it.

    Raises:
        TunedModelNotFoundError: What it is about is not there.
        ServiceError: It failed, or did not end in time.
    """
    operation = yield start
    pause, waited = _FIRST_PAUSE, 0.0
    while not operation.get("done"):
        if waited >= TIMEOUT:
            raise ServiceError(
                f"{start.action} has not ended after {waited:.0f} s. Try again in a while.",
                is_retryable=True,
            )
        yield Pause(pause)
        waited, pause = waited + pause, min(pause * _GROWTH, _LONGEST_PAUSE)
        try:
            operation = yield ApiCall(start.action, start.location, _name_of(operation, start))
        except ServiceError as outage:
            if not outage.is_retryable:
                raise
    if isinstance(error := operation.get("error"), dict):
        said = str(error.get("message", "")).rstrip(".") or f"code {error.get('code')}"
        word = NOT_NOW if error.get("code") == _FAILED_PRECONDITION else ""
        raise ServiceError(f"{start.action} failed: {said}.", is_retryable=False, word=word)
    return operation


def _name_of(operation: JsonObject, start: ApiCall) -> str:
    name = str(operation.get("name", ""))
    if not _NAME.fullmatch(name):
        raise ServiceError(f"{start.action} failed. {NOT_GEMINI}", is_retryable=False)
    return name
