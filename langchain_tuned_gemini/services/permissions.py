"""What an account may see on Vertex AI, found out by asking for one of each."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from langchain_tuned_gemini.errors import ServiceError
from langchain_tuned_gemini.services.error_translation import JsonObject
from langchain_tuned_gemini.services.vertex.api import VertexApi
from langchain_tuned_gemini.services.vertex.flows import ApiCall, Flow
from langchain_tuned_gemini.transport.access import VertexAccess

_PREFIX, _SUFFIX = "aiplatform.", ".list"

RIGHTS: Mapping[str, str] = MappingProxyType(
    {
        "aiplatform.tuningJobs.list": "listing tuned models, and waiting for one by its job",
        "aiplatform.endpoints.list": "telling deleted models from those that can serve",
        "aiplatform.models.list": "versions, and deleting",
    }
)
"""The rights that can be tried without changing anything, and what each is needed for."""


def may_list(access: VertexAccess, right: str, *, timeout: float = 10.0) -> bool:
    """Whether an account has one of `RIGHTS`.

    Args:
        access: The account, and where.
        right: The right.
        timeout: How long the request may take, in seconds.

    Raises:
        ServiceError: That can't be told: no answer, wrong credentials, trouble.
    """
    try:
        VertexApi(access, timeout=timeout).run(_first(access, right))
    except ServiceError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        return False
    return True


def _first(access: VertexAccess, right: str) -> Flow[JsonObject]:
    collection = right.removeprefix(_PREFIX).removesuffix(_SUFFIX)
    parent = f"projects/{access.project}/locations/{access.location}"
    return (
        yield ApiCall(
            f"Listing {collection} in {parent}",
            access.location,
            f"{parent}/{collection}",
            query={"pageSize": 1},
        )
    )
