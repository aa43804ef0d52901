"""Access to the emulator: the host that is named, and the credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import EXPECTED, RPC, ApiError, error_info
from langchain_tuned_gemini.emulator.http.requests import Api

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request


LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
INVALID_KEY = "API key not valid. Please pass a valid API key."
# What a 401 without credentials says on Google's APIs that want OAuth.
UNAUTHENTICATED = f"Request is missing required authentication credential. {EXPECTED}"
UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API."
)


def check_host(request: Request, hosts: Collection[str]) -> None:
    """Refuses a Host header that is neither loopback nor a name the emulator answers to.

    Otherwise a web page could reach it through a host name that resolves to loopback
    (DNS rebinding).
    """
    host = host_of(request)
    if host not in LOOPBACK_HOSTS and host not in hosts:
        msg = f"This emulator does not answer to the host {host!r}: see Emulator(hosts=...)."
        raise ApiError(421, msg, status="PERMISSION_DENIED")


def check_credentials(request: Request, rejected_keys: Collection[str], api: Api) -> None:
    """Refuses a call without credentials, and one with a key that is to be rejected.

    A rejected key is a 400, as Google answers: not a 401.
    """
    key = request.headers.get("x-goog-api-key") or request.query_params.get("key")
    if key is None and "authorization" not in request.headers:
        if api is Api.DEVELOPER:
            raise ApiError(403, UNREGISTERED)
        info = error_info("CREDENTIALS_MISSING", "googleapis.com", service=api.value)
        raise ApiError(401, UNAUTHENTICATED, details=[info])
    if key in rejected_keys:
        # Google's own answer repeats the key in its `DebugInfo`. The emulator never does.
        details = [
            error_info("API_KEY_INVALID", "googleapis.com", service=api.value),
            {"@type": RPC + "LocalizedMessage", "locale": "en-US", "message": INVALID_KEY},
            {"@type": RPC + "DebugInfo", "detail": "Invalid API key: (not repeated)"},
        ]
        raise ApiError(400, INVALID_KEY, details=details)


def host_of(request: Request) -> str:
    """The host that a request names, in small letters and without a port."""
    host = request.headers.get("host", "")
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
