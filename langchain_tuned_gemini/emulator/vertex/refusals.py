"""Refusals in Vertex AI's words.

A source stands beside each text that was seen. The others are the emulator's own words,
after Google's pattern.
"""

from __future__ import annotations

from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.resource_names import published

_KINDS = {
    "endpoints": "Endpoint",
    "models": "Model",
    "operations": "Operation",
    "tuningJobs": "TuningJob",
}


def missing(name: str) -> ApiError:
    """404 of a resource.

    That of an endpoint is real (python-genai issue 1706), and that of a base model that is
    unknown, retired or elsewhere (genkit issue 4688).
    """
    if published(name):
        msg = (
            f"Publisher Model `{name}` was not found or your project does not have access to it. "
            "Please ensure you are using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
        )
        return ApiError(404, msg)
    kind = name.rpartition("/")[0].rpartition("/")[2]
    return ApiError(404, f"{_KINDS.get(kind, 'Resource')} `{name}` not found.")


def invalid(field: str, problem: str) -> ApiError:
    """400 of a field, in the form of java-docs-samples issue 8985."""
    return ApiError(400, f"List of found errors:\t1.Field: {field}; Message: {problem}\t")


def in_use(message: str) -> ApiError:
    """400 FAILED_PRECONDITION."""
    return ApiError(400, message, status="FAILED_PRECONDITION")
