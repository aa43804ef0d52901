"""Which errors of embeddings and vector stores are outages, and which are bugs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_tuned_gemini.failures import classify
from langchain_tuned_gemini.runtime.deadline import time_left
from langchain_tuned_gemini.runtime.error_origins import DEEPEST, cause_of

_log = logging.getLogger("langchain_tuned_gemini")

PAUSE = 30.0
"""How long what examples are chosen with is left alone after it could not be used, in seconds."""

_OF_CLIENTS = frozenset(
    {
        "botocore.exceptions.ClientError",  # an answer with an HTTP status
        "botocore.exceptions.ConnectionError",
        "botocore.exceptions.HTTPClientError",
        "google.api_core.exceptions.GoogleAPICallError",
        "grpc.RpcError",
        "opensearchpy.exceptions.ConnectionError",
        "psycopg.OperationalError",
        "psycopg2.OperationalError",
        "pymongo.errors.ConnectionFailure",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.TimeoutError",
        "sqlalchemy.exc.InterfaceError",
        "sqlalchemy.exc.OperationalError",
    }
)
"""Errors of the clients of vector stores that mean that the store can't be reached or used."""


class OutageWatch:
    """Leaves what examples are chosen with alone for a while after it could not be used.

    Args:
        what: What that is, such as "The vector store of the examples".
        instead: What happens meanwhile, such as "they are selected by LexicalExampleSelector".
        pause: For how long, in seconds.
        kinds: Errors that are outages, besides those of the network.
        clock: The time in seconds.

    Attributes:
        why: Why it could not be used the last time.
    """

    def __init__(
        self,
        what: str,
        instead: str,
        *,
        pause: float = PAUSE,
        kinds: tuple[type[Exception], ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.why: str | None = None
        self._what = what
        self._instead = instead
        self._pause = pause
        self._kinds = kinds
        self._clock = clock
        self._until = float("-inf")
        self._is_out = False

    @property
    def is_on(self) -> bool:
        """Whether an outage goes on, as far as is known."""
        return self._clock() < self._until

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Ends an error that is an outage, and raises all others.

        A warning tells when an outage begins, and one when it is over.
        """
        try:
            yield
        except Exception as error:
            why = type(error).__name__ if isinstance(error, self._kinds) else outage_in(error)
            if why is None:
                raise
            self.why = why
            self._until = self._clock() + self._pause
            level = logging.INFO if self._is_out else logging.WARNING
            self._is_out = True
            words = (self._what, why, self._pause, self._instead)
            _log.log(level, "%s can't be used: %s. For %g s %s.", *words)
        else:
            if self._is_out:
                self._is_out = False
                _log.warning("%s can be used again.", self._what)


def patience(limit: float) -> float:
    """How long to wait, in seconds: at most half of the time, for the rest is the model's."""
    return max(min(limit, time_left() / 2), 0.0)


def outage_in(error: Exception) -> str | None:
    """Why an embedding or a vector store can't be used now; None for an error nobody foresaw.

    Outages are the errors by which models fail (`langchain_tuned_gemini.failures`), any error
    with an HTTP status, as of OpenAI's client and its likes, and what was raised from one of
    those, or in its place, as by Qdrant's client. A wrong key is one, too: it is told, and the
    examples are found without.
    """
    link: BaseException | None = error
    for _ in range(DEEPEST):
        if link is None:
            return None
        if failure := classify(link):
            status = f", HTTP {failure.status}" if failure.status else ""
            return f"{failure.reason} ({type(error).__name__}{status})"
        if (status_code := _status_of(link)) is not None:
            return f"{type(error).__name__}, HTTP {status_code}"
        if not _OF_CLIENTS.isdisjoint(_names_of(link)):
            return type(error).__name__
        link = cause_of(link)
    return None


def _status_of(error: Any) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _names_of(error: BaseException) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
