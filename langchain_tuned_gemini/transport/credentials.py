"""Google Cloud credentials that fetch their tokens over the process's shared HTTP clients.

google-genai fetches a token with requests: on a session of its own, with redirects, for up to
two minutes, and while all threads of the client wait. Here a token is fetched like everything
else: no redirects, within the deadline of the call, and by one thread for all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import google.auth
import httpx
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.exceptions import (
    DefaultCredentialsError,
    TimeoutError as AuthTimeoutError,
    TransportError,
)
from google.auth.transport import Request, Response

from langchain_tuned_gemini.errors import MissingCredentialsError
from langchain_tuned_gemini.runtime.deadline import wait_within_deadline
from langchain_tuned_gemini.runtime.fork_safety import renew_after_fork
from langchain_tuned_gemini.secrets.secret_values import header_value, remember
from langchain_tuned_gemini.transport import http

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)

_SECRETS_OF_CREDENTIALS = ("refresh_token", "client_secret")
"""What google-auth's credentials fetch their tokens with."""

_PATIENCE = 10.0
"""How long fetching a token may take, in seconds, where google-auth does not say."""


class SharedCredentials(Credentials):
    """Credentials of Google Cloud, or the application default ones, found when first needed.

    Looking for the default ones may take seconds on a machine that has none, so that is left
    to the first call. https://cloud.google.com/docs/authentication/application-default-credentials

    Args:
        source: Where the tokens come from; the application default credentials when None.

    Raises:
        ParameterError: They have a token that no HTTP header can hold.
    """

    def __init__(self, source: Credentials | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # google-auth is partly typed
        self._source = with_scopes_if_required(source, _SCOPES) if source else None  # type: ignore[no-untyped-call]
        self.renew()
        self._take_over()
        renew_after_fork(self)

    @classmethod
    def of(cls, source: Credentials | None) -> SharedCredentials:
        """The process's default ones for None, and for shared ones themselves."""
        if source is None:
            return default_credentials()
        return source if isinstance(source, SharedCredentials) else cls(source)

    def refresh(self, request: object) -> None:  # noqa: ARG002  # google-auth's signature
        """Fetches a token, unless another thread has just done so.

        Raises:
            MissingCredentialsError: There are no credentials.
            google.auth.exceptions.GoogleAuthError: They are refused.
        """
        with self._the_only_one():
            if self.token and not self.expired:
                return
            if self._source is None:
                self._source = _found()
            self._source.refresh(_SharedRequest())
            self._take_over()

    @contextmanager
    def _the_only_one(self) -> Iterator[None]:
        """Waits until no other thread fetches a token, as long as the deadline in force allows.

        Where the token server is silent, threads would else wait for one another's timeouts.
        """
        lock = self._refreshing

        def acquire(left: float | None) -> bool:
            return lock.acquire(timeout=-1 if left is None else left)

        if not wait_within_deadline(acquire, None, lambda: None):
            raise AuthTimeoutError("no token in time")  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            lock.release()

    def authorization(self) -> dict[str, str]:
        """The headers of a request; fetches a token if there is none that is valid.

        Raises:
            google.auth.exceptions.GoogleAuthError: There are no credentials, or they are refused.
        """
        if self.expired or not self.token:
            self.refresh(None)
        headers = {"authorization": f"Bearer {self.token}"}
        if self.quota_project_id:
            headers["x-goog-user-project"] = self.quota_project_id
        return headers

    def renew(self) -> None:
        """Starts with a lock that nobody holds."""
        self._refreshing = threading.Lock()

    @property
    def account(self) -> str:
        """The e-mail address of the service account; empty where it is not known."""
        return str(getattr(self._source, "service_account_email", ""))

    def _take_over(self) -> None:
        """Makes the source's token this one's."""
        if self._source is not None:
            self._quota_project_id = self._source.quota_project_id
            self.expiry = self._source.expiry
            token = self._source.token
            self.token = header_value(token, "The token of the credentials") if token else token
            others = (getattr(self._source, name, None) for name in _SECRETS_OF_CREDENTIALS)
            remember(self, self.token, *others)


def _found() -> Credentials:
    """The application default credentials."""
    try:
        source, _ = google.auth.default(scopes=_SCOPES, request=_SharedRequest())
    except DefaultCredentialsError as error:
        why = (str(error).splitlines() or ["There are no credentials of Google Cloud."])[0]
    else:
        return source
    raise MissingCredentialsError.because(why)  # out here, without google-auth's traceback


@cache
def default_credentials() -> SharedCredentials:
    """The application default credentials: the same for the whole process, so is their token."""
    return SharedCredentials()


class _SharedRequest(Request):
    """google-auth's requests, over the shared client."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _SharedResponse:
        try:
            response = http.sync_client().request(
                method, url, content=body, headers=headers, timeout=timeout or _PATIENCE
            )
        except httpx.TimeoutException as error:
            raise AuthTimeoutError("no token in time") from error  # type: ignore[no-untyped-call]
        except httpx.TransportError as error:
            raise TransportError(str(error)) from error  # type: ignore[no-untyped-call]
        return _SharedResponse(response)


class _SharedResponse(Response):
    """An answer to google-auth."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        return self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    @property
    def data(self) -> bytes:
        return self._response.content
