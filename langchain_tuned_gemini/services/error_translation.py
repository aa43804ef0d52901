"""What a refusal of the control plane means, in words that say what to do next."""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

import httpx

from langchain_tuned_gemini.errors import ServiceError, TunedModelError, TunedModelNotFoundError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.redaction import without_secrets

JsonObject: TypeAlias = dict[str, Any]

NOT_GEMINI = (
    "The answer is not the Gemini API's: check base_url, the location if it is on Vertex AI, and "
    "proxies on the way. (Redirects are refused, since the API key would go along.)"
)

NOT_NOW = "FAILED_PRECONDITION"
"""Google's word for a refusal that is over when something else has changed."""

_LONGEST = 500
"""How many characters of the service's own words are shown; some proxies answer with a page."""


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An answer that is an error.

    Attributes:
        status: The HTTP status.
        word: Google's word for it, for example `NOT_FOUND`; empty where the answer is not
            Google's, such as a proxy's page.
        message: The service's own sentence; may be empty.
        reason: The machine-readable reason, for example `API_KEY_INVALID`; may be empty.
    """

    status: int
    word: str = ""
    message: str = ""
    reason: str = ""

    @classmethod
    def read(cls, status: int, body: object) -> ErrorResponse:
        """Reads `{"error": {"code", "message", "status", "details"}}`.

        https://cloud.google.com/apis/design/errors#http_mapping

        Args:
            status: The HTTP status.
            body: The parsed body, whatever it is.

        Example:
            >>> ErrorResponse.read(404, {"error": {"status": "NOT_FOUND", "message": "No."}}).word
            'NOT_FOUND'
            >>> ErrorResponse.read(502, "<html>…")
            ErrorResponse(status=502, word='', message='', reason='')
        """
        error = _dict(_dict(body).get("error"))
        details = error.get("details")
        reasons = (_dict(d).get("reason") for d in (details if isinstance(details, list) else ()))
        return cls(
            status,
            word=str(error.get("status", "")),
            message=str(error.get("message", "")),
            reason=str(next(filter(None, reasons), "")),
        )

    def as_error(
        self, action: str, *, name: TunedModelName | None
    ) -> ServiceError | TunedModelError:
        """The error to raise.

        A 404 means that the tuned model is not there only in Google's own words: any other
        server says 404, too, when the address is wrong.

        Args:
            action: What failed, as the start of a sentence: "Reading tunedModels/x".
            name: The tuned model that was asked for, if it was one.
        """
        if name is not None and self.word == "NOT_FOUND":
            return TunedModelNotFoundError.of(str(name))
        said = without_secrets(self.message).strip()
        why = f": {said[:_LONGEST].rstrip('.')}" if said else ""
        return ServiceError(
            f"{action} failed with HTTP status {self.status}{why}.",
            advice=self._advice(),
            status=self.status,
            word=self.word,
        )

    def _advice(self) -> str:  # noqa: PLR0911  # a table in disguise
        """What to do next."""
        if self.reason.startswith("API_KEY") or self.status == HTTPStatus.UNAUTHORIZED:
            return "Check the API key, for example in GOOGLE_API_KEY, or the credentials."
        if not self.word and self.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return NOT_GEMINI
        match self.status:
            case HTTPStatus.FORBIDDEN:
                return (
                    "This key or account may not do that, or the tuned model is another "
                    "project's: check which project the key belongs to, what the account's roles "
                    "allow, and that the API is enabled there."
                )
            case HTTPStatus.TOO_MANY_REQUESTS:
                return "The quota is used up: wait a while, or ask for more."
            case status if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                return "The service is in trouble: try again in a while."
            case _ if self.word == NOT_NOW:
                return "It is in no state for that: try again when that has changed."
            case _:
                return "Correct the request; trying again does not help."


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
        raise ErrorResponse.read(response.status_code, body).as_error(action, name=name)
    if not isinstance(body, dict):
        raise ServiceError(f"{action} failed. {NOT_GEMINI}", is_retryable=False)
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


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
