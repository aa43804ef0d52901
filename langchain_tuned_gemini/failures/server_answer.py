"""What a server said in an error: its status, its words, and for how long to stay away."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

from langchain_tuned_gemini.secrets.redaction import without_secrets

LONGEST_WAIT: Final = 24 * 3600.0
"""No server is believed that says to wait for longer, in seconds."""

DAY_QUOTA_WAIT: Final = 3600.0
"""The least to wait for a quota that is counted by the day, in seconds.

It comes back at midnight Pacific time, or whenever somebody pays for more, but the service sends
the same hint of some seconds along as for a quota by the minute.
https://ai.google.dev/gemini-api/docs/rate-limits
"""

_LONGEST: Final = 500
"""How many characters of a server's sentence are told."""

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
# "57s" in RetryInfo; "Please retry in 2h47m56.584147483s." in a message.
_DURATION: Final = re.compile(rf"(-?)((?:{_AMOUNT.pattern})+)")
_RETRY_IN: Final = re.compile(rf"retry in ({_DURATION.pattern})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """An answer that was an error, as the exception of a client library keeps it.

    Google quotes wrong keys in its sentence and its details, so neither is ever shown.

    Attributes:
        status: The HTTP status.
        word: Google's word for it, such as `NOT_FOUND`; another server's may be anything.
        message: The server's own sentence.
        details: Google's details, such as `ErrorInfo` and `RetryInfo`.
        headers: The HTTP headers by their names in lower case; empty where they were not kept.
    """

    status: int
    word: str = field(repr=False)
    message: str = field(repr=False)
    details: tuple[Mapping[str, Any], ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, status: int, body: object, response: object) -> Self:
        """Reads `{"error": {"code", "message", "status", "details"}}`, or what is left of it.

        The body and the response of an HTTP library may be anything.

        Example:
            >>> ServerAnswer.read(503, {"error": {"status": "UNAVAILABLE"}}, None).word
            'UNAVAILABLE'
            >>> ServerAnswer.read(502, "<html>", None)
            ServerAnswer(status=502)
        """
        outer = body if isinstance(body, dict) else {}
        error = outer["error"] if isinstance(outer.get("error"), dict) else outer
        return cls(
            status,
            word=str(error.get("status") or ""),
            message=str(error.get("message") or ""),
            details=tuple(_dicts_in(error.get("details"))),
            headers=headers_of(response),
        )

    @property
    def sentence(self) -> str:
        """The server's own sentence, on one line and without secrets; some answer with a page."""
        return " ".join(without_secrets(self.message).split())[:_LONGEST]

    @property
    def reasons(self) -> frozenset[str]:
        """Google's machine-readable reasons, such as `API_KEY_INVALID`."""
        return frozenset(str(detail["reason"]) for detail in self.details if "reason" in detail)

    def retry_after(self, now: float) -> float | None:
        """For how long the server wants to be left alone.

        `RetryInfo` goes before the `Retry-After` header, and that before the message. A quota
        by the day is not cured by waiting for as long as the hint says.

        Args:
            now: The time in seconds since the epoch: a header may hold a date.

        Returns:
            Seconds, from 0 to `LONGEST_WAIT`; None if it said nothing that can be understood.
        """
        hint = next((hint for hint in self._hints(now) if hint is not None), None)
        return max(hint or DAY_QUOTA_WAIT, DAY_QUOTA_WAIT) if self._is_by_the_day() else hint

    def _hints(self, now: float) -> Iterator[float | None]:
        """What it said, the most exact source first; None for what is no hint."""
        yield from (parse_duration(str(detail.get("retryDelay"))) for detail in self.details)
        yield parse_retry_after(str(self.headers.get("retry-after")), now)
        yield from (parse_duration(said[1]) for said in _RETRY_IN.finditer(self.message))

    def _is_by_the_day(self) -> bool:
        violations = (v for d in self.details for v in _dicts_in(d.get("violations")))
        return any("PerDay" in str(violation.get("quotaId")) for violation in violations)


def parse_duration(text: str) -> float | None:
    """Reads a duration of protobuf's JSON or of Go; None for what is none.

    Example:
        >>> parse_duration("57.5s"), parse_duration("2h47m56s"), parse_duration("500ms")
        (57.5, 10076.0, 0.5)
        >>> parse_duration("-3s"), parse_duration("soon")
        (0.0, None)
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    seconds = sum(float(amount) * _UNITS[unit] for amount, unit in _AMOUNT.findall(match[2]))
    return _bounded(-seconds if match[1] else seconds)


def parse_retry_after(text: str, now: float) -> float | None:
    """Reads a `Retry-After` header: seconds, or a date; None for what is neither.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3

    Example:
        >>> parse_retry_after("120", now=0.0)
        120.0
        >>> parse_retry_after("Thu, 01 Jan 1970 00:01:00 GMT", now=10.0)
        50.0
    """
    try:
        return _bounded(float(text))
    except ValueError:
        pass  # a date, perhaps
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a year of twenty digits
        return None
    # "-0000" says that the zone is not known, which Python makes a date without one.
    return _bounded(date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)


def headers_of(response: object) -> dict[str, str]:
    """The headers of any HTTP library's response, by their names in lower case.

    Example:
        >>> headers_of(None)
        {}
    """
    headers = getattr(response, "headers", None)
    if not isinstance(headers, Mapping):
        return {}
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _bounded(seconds: float) -> float | None:
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_WAIT)


def _dicts_in(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
