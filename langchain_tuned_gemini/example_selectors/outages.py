"""Which errors of embeddings and vector stores are outages, and which are bugs."""

from __future__ import annotations

from typing import Any

from langchain_tuned_gemini.failures import classify

_DEEPEST = 8  # causes; real ones are three deep, and made-up ones may be a circle

_OF_CLIENTS = frozenset(
    {
        "google.api_core.exceptions.GoogleAPICallError",
        "grpc.RpcError",
        "redis.exceptions.ConnectionError",
        "redis.exceptions.TimeoutError",
        "sqlalchemy.exc.InterfaceError",
        "sqlalchemy.exc.OperationalError",
    }
)
"""Errors of the clients of vector stores that mean that the store can't be reached or used."""


def outage_in(error: Exception) -> str | None:
    """Why an embedding or a vector store can't be used now; None for an error nobody foresaw.

    Outages are the errors by which models fail (`langchain_tuned_gemini.failures`), any error
    with an HTTP status, as of OpenAI's client and its likes, and what was raised from one of
    those. A wrong key is one, too: it is told, and the examples are found without.
    """
    link: BaseException | None = error
    for _ in range(_DEEPEST):
        if link is None:
            return None
        if failure := classify(link):
            status = f", HTTP {failure.status}" if failure.status else ""
            return f"{failure.reason} ({type(error).__name__}{status})"
        if (status_code := _status_of(link)) is not None:
            return f"{type(error).__name__}, HTTP {status_code}"
        if not _OF_CLIENTS.isdisjoint(_names_of(link)):
            return type(error).__name__
        link = link.__cause__
    return None


def _status_of(error: Any) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        status = getattr(holder, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _names_of(error: BaseException) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__]
