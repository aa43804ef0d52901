"""What arrived: one record for each request, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CREDENTIAL_HEADERS = frozenset({"x-goog-api-key", "authorization", "cookie"})
CREDENTIAL_PARAMETERS = frozenset({"key", "access_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """A request as it arrived, without its credentials.

    Attributes:
        method: The HTTP method.
        path: The path, percent-decoded.
        query: The query parameters, without `key` and `access_token`.
        call: The API's name for what was asked: `generateContent`, `list`,
            `permissions.create`, `tuningJobs.get`. `None` where the URL means nothing to
            either API.
        model: The model that it is about, if any: `tunedModels/…` or `models/…`, on Vertex
            AI the endpoint, tuning job or model, `projects/…`, without a version.
        body: The decoded JSON; the text where it is none; `None` where there is no body.
        time: Seconds since the epoch, by the emulator's clock.
        headers: The headers in lower case, without API keys, tokens and cookies.
    """

    method: str
    path: str
    query: Mapping[str, str]
    call: str | None
    model: str | None
    body: Any
    time: float
    headers: Mapping[str, str]
