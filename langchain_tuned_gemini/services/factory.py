"""The control plane that belongs to a right, whichever platform that is for."""

from __future__ import annotations

from typing import cast

from langchain_tuned_gemini.services import TunedModelService
from langchain_tuned_gemini.services.genai import GenAIService
from langchain_tuned_gemini.services.vertex import VertexService
from langchain_tuned_gemini.transport.access import Absent, AbsentAccess, Access, VertexAccess


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
