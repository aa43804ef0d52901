"""google-genai clients over the process's shared HTTP clients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini import http

if TYPE_CHECKING:
    from google.genai import Client


def tls_arguments() -> dict[str, Any]:
    """Client arguments that keep google-genai from building TLS contexts of its own.

    It looks for a context under `verify` for httpx and under `ssl` for its websockets, and
    loads all root certificates again (some 30 ms) for each that it does not find.
    """
    return {"verify": http.tls_context(), "ssl": http.tls_context()}


def make_client(
    *,
    api_key: str,
    base_url: str | None = None,
    timeout: float | None = None,
    max_retries: int = 0,
) -> Client:
    """A client of the Gemini Developer API that shares its connections with all others.

    It refuses redirects. The API version is pinned, because the methods of tuned models exist
    in `v1beta` only and google-genai 3 defaults to `v1`.

    Args:
        api_key: The API key; sent as a header, to `base_url` only.
        base_url: Where the API is; Google's own address when None.
        timeout: How long to wait for an answer, in seconds; for ever when None.
        max_retries: How often to try again, waiting 1 s, 2 s, 4 s, … in between.
    """
    from google.genai import Client
    from google.genai.types import HttpOptions, HttpRetryOptions

    options = HttpOptions(
        base_url=base_url,
        api_version="v1beta",
        timeout=None if timeout is None else math.ceil(timeout * 1000),
        retry_options=HttpRetryOptions(attempts=max_retries + 1) if max_retries else None,
        httpx_client=http.sync_client(),
        httpx_async_client=http.async_client(),
        client_args=tls_arguments(),
        async_client_args=tls_arguments(),
    )
    return Client(api_key=api_key, vertexai=False, http_options=options)
