"""Vertex AI's REST API over the shared HTTP clients.

google-genai is not used for the control plane. It has no call for endpoints, without which no
tuned model can be deleted; it sends what continuous tuning starts from under names that the API
does not know, and loses the checkpoint; and it does not wait for a deletion to end (3.6.1).
https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/projects.locations.tuningJobs
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, TypeAlias, TypeVar

import httpx
from google.auth.exceptions import GoogleAuthError

from langchain_tuned_gemini.effects import arun, run
from langchain_tuned_gemini.errors import (
    MissingCredentialsError,
    ServiceError,
    ServiceUnreachableError,
)
from langchain_tuned_gemini.errors.control_plane import LOG_IN
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.secrets.redaction import redact
from langchain_tuned_gemini.secrets.secret_values import remember, without_userinfo
from langchain_tuned_gemini.services.error_translation import JsonObject, read_answer, reason_of
from langchain_tuned_gemini.transport import http
from langchain_tuned_gemini.transport.access import VERTEX_API_VERSION, VertexAccess, vertex_address
from langchain_tuned_gemini.tuned_models.locations import doubt_about

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class VertexRequest:
    """A request, whose answer is a JSON object.

    Attributes:
        action: What it is for, as the start of a sentence: "Reading projects/…".
        location: The location whose host is asked.
        path: The URL's path after the API's version.
        method: The HTTP method.
        query: The URL's query.
        body: The request's JSON object, if it has one.
        name: What is not found when the answer is 404; None for a list.
    """

    action: str
    location: str
    path: str
    method: Literal["GET", "POST", "DELETE"] = "GET"
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: JsonObject | None = None
    name: TunedModelName | None = None

    @classmethod
    def get(cls, name: TunedModelName) -> VertexRequest:
        """Asks for a resource."""
        return cls(f"Reading {name}", name.location, str(name), name=name)


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pause of so many seconds."""

    seconds: float


Flow: TypeAlias = Generator[VertexRequest | Sleep, JsonObject, _T]
"""What it wants, what it is given, and what it comes to."""


class VertexApi:
    """Sends what flows ask for, and pauses: with `sleep` in `run`, with asyncio's in `arun`."""

    def __init__(
        self,
        access: VertexAccess,
        *,
        timeout: float,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._access = access
        remember(self, *access.secrets)
        self._timeout = timeout
        self._sleep = sleep
        self._client = http.sync_client()
        self._async_client = http.async_client()

    def run(self, flow: Flow[_T]) -> _T:
        """Carries a flow out, and returns what it comes to."""
        return run(flow, self._perform)

    async def arun(self, flow: Flow[_T]) -> _T:
        """Carries a flow out without blocking the event loop."""
        return await arun(flow, self._aperform)

    def _perform(self, effect: VertexRequest | Sleep) -> JsonObject:
        if isinstance(effect, Sleep):
            self._sleep(effect.seconds)
            return {}
        with self._translated(effect):
            headers = self._access.headers()
            response = self._client.request(**self._request(effect), headers=headers)
        return _read(effect, response)

    async def _aperform(self, effect: VertexRequest | Sleep) -> JsonObject:
        if isinstance(effect, Sleep):
            await asyncio.sleep(effect.seconds)
            return {}
        with self._translated(effect):
            # In a thread, since it may have to fetch a token.
            headers = await asyncio.to_thread(self._access.headers)
            response = await self._async_client.request(**self._request(effect), headers=headers)
        return _read(effect, response)

    def _request(self, call: VertexRequest) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": f"{self._address(call)}/{VERTEX_API_VERSION}/{call.path}",
            "params": dict(call.query),
            "json": call.body,
            "timeout": self._timeout,
        }

    def _address(self, call: VertexRequest) -> str:
        return (self._access.base_url or vertex_address(call.location)).rstrip("/")

    def _translated(self, call: VertexRequest) -> AbstractContextManager[None]:
        """Turns what stands for no answer into an error of ours."""
        return translated(call.action, self._address(call), doubt_about(call.location))


def _read(call: VertexRequest, response: httpx.Response) -> JsonObject:
    """The answer; where it is none of Gemini's, a location that may be wrong is told."""
    try:
        return read_answer(call.action, response, call.name)
    except ServiceError as refusal:
        doubt = "" if refusal.word else doubt_about(call.location)
        if not doubt:
            raise
        raise ServiceError(
            refusal.message,
            advice=refusal.advice.plus(f"{doubt}."),
            status=refusal.status,
            is_retryable=refusal.is_retryable,
        ) from refusal


@contextmanager
def translated(action: str, address: str, doubt: str = "") -> Iterator[None]:
    """Turns what stands for no answer into an error of ours, with a doubt about the address."""
    try:
        yield
    except httpx.HTTPError as error:
        where = without_userinfo(address)
        why = ". ".join(filter(None, (reason_of(error), doubt)))
        raise ServiceUnreachableError(where, why) from redact(error)
    except MissingCredentialsError as error:
        raise ServiceError(
            f"{action} failed: {error.message}",
            advice=error.advice,
            status=HTTPStatus.UNAUTHORIZED,
            is_retryable=False,
        ) from error
    except GoogleAuthError as error:
        raise ServiceError(
            f"{action} failed: {_first_line(error)}.",
            advice=LOG_IN,
            status=None if error.retryable else HTTPStatus.UNAUTHORIZED,
            is_retryable=error.retryable,
        ) from redact(error)


def _first_line(error: GoogleAuthError) -> str:
    """The first line of google-auth's error; the rest may be the token server's whole answer."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
