"""A right to call is enough for these: a service, a model's raw record, and what may be seen."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import cast

from langchain_tuned_gemini.errors import (
    ServiceError,
    TunedModelNotFoundError,
)
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.error_translation import JsonObject, read_answer
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.services.vertex.api import Flow, VertexApi, VertexRequest, translated
from langchain_tuned_gemini.transport import http
from langchain_tuned_gemini.transport.access import (
    API_VERSION,
    DEVELOPER_ADDRESS,
    Absent,
    AbsentAccess,
    Access,
    DeveloperAccess,
    VertexAccess,
)

_TIMEOUT = 10.0
"""How long a request may take, in seconds."""

RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "aiplatform.tuningJobs.list": "listing tuned models, and waiting for one by its job",
        "aiplatform.endpoints.list": "telling deleted models from those that can serve",
        "aiplatform.models.list": "versions, and deleting",
    }
)
"""The rights that can be tried without changing anything, and what each is needed for."""


def service_for(access: Access) -> TunedModelService:
    """A service that reads states with this right."""
    if isinstance(access, VertexAccess):
        return VertexService(
            access.project,
            access.location,
            credentials=access.credentials,
            api_key=access.api_key.get_secret_value() if access.api_key else None,
            base_url=access.base_url,
        )
    if isinstance(access, AbsentAccess):
        return cast("TunedModelService", Absent(access.why))
    return GenAIService(access.client())


def raw_record(access: Access, name: TunedModelName) -> JsonObject:
    """Reads a tuned model's record.

    Raises:
        TunedModelNotFoundError: It is not there.
        ServiceUnreachableError: The service gave no answer.
        ServiceError: It refused, or the answer is not Gemini's.
    """
    if isinstance(access, VertexAccess):
        return VertexApi(access, timeout=_TIMEOUT).run(_answer_to(VertexRequest.get(name)))
    return _read(access, name, str(name))


def total_steps(access: Access, name: TunedModelName) -> int | None:
    """How many steps the tuning of a model takes, which its own record does not tell.

    On the Developer API the operation that creates it does:
    https://ai.google.dev/api/tuning#v1beta.CreateTunedModelMetadata

    Returns:
        The number; None where it is not told, which nobody needs to be told.
    """
    if name.platform == "vertex":
        return None
    try:
        told = _read(access, name, f"{name}/operations")
        return max(int(one["metadata"]["totalSteps"]) for one in told["operations"])
    except (ServiceError, TunedModelNotFoundError, KeyError, TypeError, ValueError):
        return None


def _read(access: Access, name: TunedModelName, path: str) -> JsonObject:
    """Asks the Developer API for what stands under a path."""
    address = (access.base_url or DEVELOPER_ADDRESS).rstrip("/")
    key = access.identity if isinstance(access, DeveloperAccess) else ""
    with translated(f"Reading {name}", address):
        response = http.sync_client().get(
            f"{address}/{API_VERSION}/{path}", headers={"x-goog-api-key": key}, timeout=_TIMEOUT
        )
    return read_answer(f"Reading {name}", response, name)


def may_list(access: VertexAccess, right: str) -> bool:
    """Whether an account has one of `RIGHTS`.

    Raises:
        ServiceError: That can't be told: no answer, wrong credentials, trouble.
    """
    collection = right.removeprefix("aiplatform.").removesuffix(".list")
    parent = f"projects/{access.project}/locations/{access.location}"
    first = VertexRequest(
        f"Listing {collection} in {parent}",
        access.location,
        f"{parent}/{collection}",
        query={"pageSize": 1},
    )
    try:
        VertexApi(access, timeout=_TIMEOUT).run(_answer_to(first))
    except ServiceError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return False
    return True


def _answer_to(request: VertexRequest) -> Flow[JsonObject]:
    return (yield request)
