"""ChatGoogleGenerativeAI over the shared HTTP clients: the part that speaks to Gemini."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import SecretStr

from langchain_tuned_gemini.google_client import DeveloperAccess, tls_arguments


def google_chat_model(
    model: str,
    *,
    api_key: SecretStr,
    base_url: str | None,
    timeout: float | None,
    max_retries: int,
    parameters: Mapping[str, Any],
) -> ChatGoogleGenerativeAI:
    """A Gemini chat model that sends only what it is told to, once, over shared connections.

    Args:
        model: The name that Google knows it by.
        api_key: The API key.
        base_url: Where the API is; Google's own address when None.
        timeout: How long to wait for the answer, in seconds; for ever when None.
        max_retries: How often google-genai may try again, waiting 1 s, 2 s, 4 s, … in between.
        parameters: Generation parameters.
    """
    inner = ChatGoogleGenerativeAI(
        model=model,
        api_key=api_key,
        base_url=base_url,
        vertexai=False,
        client_args=tls_arguments(),
        # None keeps upstream from sending the 0.7 that it sends to every tuned model.
        **{"temperature": None, **parameters},
    )
    access = DeveloperAccess(api_key, base_url)
    inner.client = access.client(timeout=timeout, max_retries=max_retries)
    inner.client_args = None  # did its work above; a TLS context can't be serialised
    # Upstream makes retry options for every call, here they are the client's: 8 % of a call.
    inner.max_retries = None  # type: ignore[assignment]
    inner.n = None  # type: ignore[assignment]  # or candidateCount is sent; Gemini 3 refuses it
    return inner
