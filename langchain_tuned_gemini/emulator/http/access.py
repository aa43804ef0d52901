"""Who may talk to the emulator: the host that is named, and the credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import NO_CREDENTIALS, ApiError, invalid_key
from langchain_tuned_gemini.emulator.http.places import LOCATION_OF_HOST
from langchain_tuned_gemini.emulator.http.requests import GOOGLE
from langchain_tuned_gemini.emulator.http.routes import Api
from langchain_tuned_gemini.emulator.vertex.errors import SERVICE, unauthenticated

if TYPE_CHECKING:
    from starlette.requests import Request

    from langchain_tuned_gemini.emulator.store import Options

GOOGLES_HOSTS = (GOOGLE, *LOCATION_OF_HOST)
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


def check_host(request: Request, options: Options) -> None:
    """Refuses a Host header that is neither loopback nor a name the emulator answers to.

    Otherwise a web page could reach it through a host name that resolves to loopback
    (DNS rebinding).

    Raises:
        ApiError: 421 for any other host.
    """
    host = host_of(request)
    if host not in LOOPBACK_HOSTS and host not in options.hosts:
        msg = f"This emulator does not answer to the host {host!r}: see Emulator(hosts=...)."
        raise ApiError(421, msg, status="PERMISSION_DENIED")


def check_credentials(request: Request, options: Options, api: Api) -> None:
    """Refuses a call without credentials, and one with a key that is to be rejected.

    Raises:
        ApiError: Without credentials 403, or 401 on Vertex AI; 400 for a rejected key, as
            Google answers.
    """
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if key is None and "authorization" not in request.headers:
        if api is Api.VERTEX:
            raise unauthenticated()
        raise ApiError(403, NO_CREDENTIALS)
    if key in options.rejected_keys:
        raise invalid_key(SERVICE if api is Api.VERTEX else GOOGLE)


def host_of(request: Request) -> str:
    """The host that a request names, in small letters and without a port."""
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
