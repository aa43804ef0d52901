"""The right to call Gemini on either platform, and google-genai clients that use it.

All clients share the process's HTTP clients, so redirects are refused: they would carry the key
or the token to another host.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack, cast

from pydantic import SecretStr

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.runtime.deadline import sleep
from langchain_tuned_gemini.secrets.secret_values import (
    has_lost_its_userinfo,
    header_value,
    remember,
    secrets_in_url,
)
from langchain_tuned_gemini.transport import http
from langchain_tuned_gemini.transport.answer_body import MAX_ANSWER_BYTES
from langchain_tuned_gemini.transport.connections import tls_context
from langchain_tuned_gemini.transport.credentials import SharedCredentials, default_credentials

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.genai import Client

API_VERSION = "v1beta"
"""Of the Developer API. Pinned, because the methods of tuned models exist in it only, and
google-genai 3 defaults to `v1` or to what `GOOGLE_GENAI_API_VERSION` says."""

DEVELOPER_ADDRESS = "https://generativelanguage.googleapis.com"

VERTEX_API_VERSION = "v1beta1"
"""Of Vertex AI. `v1` does not tell what a running tuning job is at."""


class ClientOptions(TypedDict, total=False):
    """How a client asks.

    Attributes:
        timeout: How long it waits for an answer, in seconds; for ever when None, as by default.
        max_retries: How often it tries again, waiting 1 s, 2 s, 4 s, … in between.
        max_answer_bytes: How many bytes an answer may have, unpacked.
        connect_timeout: How long opening a connection may take, in seconds.
    """

    timeout: float | None
    max_retries: int
    max_answer_bytes: int
    connect_timeout: float


class Access(Protocol):
    """The right to call the models of one platform. Its `repr` shows no secret."""

    @property
    def base_url(self) -> str | None:
        """Where the API is; Google's own address when None."""

    @property
    def api_key(self) -> SecretStr | None:
        """The API key, as it is sent; None where there are credentials in its place."""

    @property
    def identity(self) -> str:
        """Who calls: the key or the account. A secret."""

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """A google-genai client."""


@dataclass(frozen=True, slots=True)
class DeveloperAccess:
    """The right to call the Gemini Developer API.

    Attributes:
        api_key: The API key; sent as a header, to `base_url` only.
        base_url: Where the API is; Google's own address when None.

    Raises:
        ParameterError: No HTTP header can hold the key.
    """

    api_key: SecretStr
    base_url: str | None = field(default=None, repr=False)  # it may have a password

    def __post_init__(self) -> None:
        """Takes the key as it was meant."""
        object.__setattr__(self, "api_key", _sendable(self.api_key))

    @property
    def identity(self) -> str:
        """The key."""
        return self.api_key.get_secret_value()

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """A google-genai client of the Developer API; see `ClientOptions`."""
        http_options = _http_options(self.base_url, API_VERSION, **options)
        secrets = (self.identity, *secrets_in_url(self.base_url))
        return _client(http_options, secrets, vertexai=False, api_key=self.identity)


@dataclass(frozen=True, slots=True)
class VertexAccess:
    """The right to call Vertex AI, in one project and location.

    Attributes:
        project: The project's id or number.
        location: The region. It decides which host is asked.
        api_key: An API key of the project; where None, `credentials` are used.
        credentials: Credentials of Google Cloud; the application default ones by default.
        base_url: Where the API is; Google's own address when None.

    Raises:
        ParameterError: No HTTP header can hold the key.
    """

    project: str
    location: str
    api_key: SecretStr | None = None
    credentials: SharedCredentials = field(default_factory=default_credentials, repr=False)
    base_url: str | None = field(default=None, repr=False)  # it may have a password

    def __post_init__(self) -> None:
        """Takes the key as it was meant."""
        if self.api_key:
            object.__setattr__(self, "api_key", _sendable(self.api_key))

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets of this access. Credentials see to their tokens themselves."""
        key = (self.api_key.get_secret_value(),) if self.api_key else ()
        return *key, *secrets_in_url(self.base_url)

    @property
    def identity(self) -> str:
        """The key, or the account's address."""
        return self.api_key.get_secret_value() if self.api_key else self.credentials.account

    def headers(self) -> dict[str, str]:
        """The headers that prove who is asking; may have to fetch a token for them.

        Raises:
            google.auth.exceptions.GoogleAuthError: There are no credentials, or they are refused.
        """
        if self.api_key:
            return {"x-goog-api-key": self.api_key.get_secret_value()}
        return self.credentials.authorization()

    def client(self, **options: Unpack[ClientOptions]) -> Client:
        """A google-genai client of Vertex AI; see `ClientOptions`."""
        who: dict[str, Any] = (
            {"api_key": self.identity} if self.api_key else {"credentials": self.credentials}
        )
        where = {"project": self.project, "location": self.location}
        http_options = _http_options(self.base_url, VERTEX_API_VERSION, **options)
        return _client(http_options, self.secrets, vertexai=True, **where, **who)


class Absent:
    """Stands for a client or a service that can't be had, and says why when it is used."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __getattr__(self, name: str) -> Any:
        """Refuses to be used.

        Raises:
            ParameterError: Always, but for what Python itself looks for.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        raise ParameterError(self._why)


@dataclass(frozen=True, slots=True)
class AbsentAccess:
    """A right that a pickle left behind: nothing is sent, the first call says what is missing."""

    why: str
    base_url: str | None = None
    api_key: None = None
    identity: str = ""

    def client(self, **_: Any) -> Client:
        """A client that refuses to be used."""
        return cast("Client", Absent(self.why))


def access_to(
    name: TunedModelName,
    *,
    api_key: SecretStr | None,
    credentials: Credentials | AbsentAccess | None,
    base_url: str | None,
) -> Access:
    """The right to call a tuned model, on the platform that it is on.

    Args:
        name: The tuned model.
        api_key: An API key; the Developer API knows nothing else.
        credentials: Credentials of Google Cloud, for Vertex AI; without these and without a
            key, the application default ones. Or a right that was left behind.
        base_url: Where the API is; Google's own address when None.

    Raises:
        ParameterError: It lacks a key or the address's password, or has a key too many.
    """
    if isinstance(credentials, AbsentAccess):
        return credentials
    if has_lost_its_userinfo(base_url):
        raise ParameterError(
            f"base_url={base_url!r} has lost its password: it is left out when a model is "
            "written down. Pass the whole base_url."
        )
    if api_key is not None and not api_key.get_secret_value().strip():
        api_key = None  # a variable that is set to nothing
    if name.platform == "developer":
        if api_key is None:
            raise ParameterError(
                f"{name} needs an API key: pass api_key=..., or set GOOGLE_API_KEY. To try it "
                "without one, start the emulator, and pass its base_url and any key."
            )
        return DeveloperAccess(api_key, base_url)
    if api_key and credentials:
        raise ParameterError("Both api_key and credentials are given. Pass one of them.")
    shared = SharedCredentials.of(credentials)
    return VertexAccess(name.project, name.location, api_key, shared, base_url)


def _sendable(api_key: SecretStr) -> SecretStr:
    return SecretStr(header_value(api_key.get_secret_value(), "The API key"))


def vertex_address(location: str) -> str:
    """The host that serves a location; on any other one its resources are not found.

    https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint, and for `us` and
    `eu` as google-genai 3.6 has it.

    Example:
        >>> vertex_address("us-central1"), vertex_address("eu")
        ('https://us-central1-aiplatform.googleapis.com', 'https://aiplatform.eu.rep.googleapis.com')
    """
    match location:
        case "global":
            return "https://aiplatform.googleapis.com"
        case "us" | "eu":
            return f"https://aiplatform.{location}.rep.googleapis.com"
        case _:
            return f"https://{location}-aiplatform.googleapis.com"


def tls_arguments() -> dict[str, Any]:
    """Client arguments that keep google-genai from building TLS contexts of its own.

    It looks for a context under `verify` for httpx and under `ssl` for its websockets, and
    loads all root certificates again (some 30 ms) for each that it does not find.
    """
    return {"verify": tls_context(), "ssl": tls_context()}


def _client(http_options: Any, secrets: Iterable[str], **arguments: Any) -> Client:
    """A client whose secrets are known, and whose waits between two tries keep to the deadline.

    google-genai has no public way to the latter; a task needs none, it is cancelled.
    """
    from google.genai import Client

    client = Client(http_options=http_options, **arguments)
    remember(client, *secrets)
    client._api_client._retry.sleep = sleep
    return client


def _http_options(
    base_url: str | None,
    api_version: str,
    timeout: float | None = None,
    max_retries: int = 0,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
    connect_timeout: float = http.CONNECT_TIMEOUT,
) -> Any:
    from google.genai.types import HttpOptions, HttpRetryOptions

    return HttpOptions(
        base_url=base_url,
        api_version=api_version,
        timeout=None if timeout is None else math.ceil(timeout * 1000),
        retry_options=HttpRetryOptions(attempts=max_retries + 1) if max_retries else None,
        httpx_client=http.sync_client(max_answer_bytes, connect_timeout),
        httpx_async_client=http.async_client(max_answer_bytes, connect_timeout),
        client_args=tls_arguments(),
        async_client_args=tls_arguments(),
    )
