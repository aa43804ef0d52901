"""The record of a tuned model as the platform sends it, with all that nobody here reads."""

from __future__ import annotations

import httpx

from langchain_tuned_gemini.errors import (
    ServiceError,
    ServiceUnreachableError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.error_translation import JsonObject, read_answer, reason_of
from langchain_tuned_gemini.services.vertex.api import VertexApi
from langchain_tuned_gemini.services.vertex.flows import ApiCall, Flow
from langchain_tuned_gemini.transport import http
from langchain_tuned_gemini.transport.access import (
    API_VERSION,
    Access,
    DeveloperAccess,
    VertexAccess,
)

_GOOGLE = "https://generativelanguage.googleapis.com"


def raw_record(access: Access, name: TunedModelName, *, timeout: float = 10.0) -> JsonObject:
    """Reads a tuned model's record.

    Args:
        access: The right to do so, on the platform of the name.
        name: The tuned model; on Vertex AI its endpoint, tuning job or model.
        timeout: How long the request may take, in seconds.

    Raises:
        TunedModelNotFoundError: It is not there.
        ServiceUnreachableError: The service gave no answer.
        ServiceError: It refused, or the answer is not Gemini's.
    """
    if isinstance(access, VertexAccess):
        return VertexApi(access, timeout=timeout).run(_asked(name))
    return _read(access, name, str(name), timeout)


def total_steps(access: Access, name: TunedModelName, *, timeout: float = 10.0) -> int | None:
    """How many steps the tuning of a model takes, which its own record does not tell.

    On the Developer API the operation that creates it does:
    https://ai.google.dev/api/tuning#v1beta.CreateTunedModelMetadata

    Returns:
        The number; None where it is not told, which nobody needs to be told.
    """
    if name.platform == "vertex":
        return None
    try:
        told = _read(access, name, f"{name}/operations", timeout)
        return max(int(one["metadata"]["totalSteps"]) for one in told["operations"])
    except (ServiceError, TunedModelNotFoundError, KeyError, TypeError, ValueError):
        return None


def _read(access: Access, name: TunedModelName, path: str, timeout: float) -> JsonObject:
    """Asks the Developer API for what stands under a path."""
    address = (access.base_url or _GOOGLE).rstrip("/")
    key = access.identity if isinstance(access, DeveloperAccess) else ""
    try:
        response = http.sync_client().get(
            f"{address}/{API_VERSION}/{path}", headers={"x-goog-api-key": key}, timeout=timeout
        )
    except httpx.HTTPError as error:
        raise ServiceUnreachableError(address, reason_of(error)) from error
    return read_answer(f"Reading {name}", response, name)


def _asked(name: TunedModelName) -> Flow[JsonObject]:
    return (yield ApiCall.get(name))
