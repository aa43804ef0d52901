"""Where a key or credentials from the environment may be sent.

A chat model that is loaded from JSON has whatever address the JSON says. If it took its key or its
credentials from the environment of whoever loads it, the JSON's author would get them with the
first call.
"""

from __future__ import annotations

import ipaddress
import re

import httpx

from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.secrets.secret_values import without_userinfo

_GOOGLE = re.compile(r"[a-z0-9.-]+\.googleapis\.com")


def check_destination(base_url: str | None) -> None:
    """Refuses to send what nobody passed to an address that is neither Google's nor local.

    Args:
        base_url: Where the API is to be; None for Google's own address, or for what
            `GOOGLE_GEMINI_BASE_URL` says, which comes from the environment, too.

    Raises:
        ParameterError: If nothing of the environment must go there.

    Example:
        >>> check_destination("http://127.0.0.1:8080")
        >>> check_destination("https://us-central1-aiplatform.googleapis.com")
        >>> check_destination("https://gateway.example")
        Traceback (most recent call last):
            ...
        langchain_tuned_gemini.errors.ParameterError: 'https://gateway.example' is neither ...
    """
    if base_url is None or _is_trusted(base_url):
        return
    raise ParameterError(
        f"{without_userinfo(base_url)!r} is neither Google's nor this machine's, so it gets no API "
        "key and no credentials of the environment: whoever wrote the address would have them. If "
        "you did, pass them along, api_key=... or credentials=..."
    )


def _is_trusted(base_url: str) -> bool:
    try:
        address = httpx.URL(base_url)  # whatever it takes for the host is where the key would go
    except httpx.InvalidURL:
        return False
    is_google = address.scheme == "https" and _GOOGLE.fullmatch(address.host) is not None
    return is_google or _is_local(address.host)


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
