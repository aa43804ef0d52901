"""Vertex AI's error bodies, where they differ from those of the Developer API.

A source stands beside each text that was seen. The others are the emulator's own words,
after Google's pattern.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import RPC, ApiError, error_body, retry_info
from langchain_tuned_gemini.emulator.http.resource_names import published

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject

SERVICE = "aiplatform.googleapis.com"

_KINDS = {
    "endpoints": "Endpoint",
    "models": "Model",
    "operations": "Operation",
    "tuningJobs": "TuningJob",
}

# What a 401 without credentials says on Google's APIs that want OAuth.
NO_CREDENTIALS = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, "
    "login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)

# github.com/google-gemini/gemini-cli/issues/14811
_EXHAUSTED = (
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)

# Google's general words for them; those of the Developer API speak of its own pages.
_WORDS = {500: "Internal error encountered.", 503: "The service is currently unavailable."}

# https://cloud.google.com/vertex-ai/docs/general/iam-permissions; only the first was seen in
# an answer (FirebaseExtended/vertexai-sdk-test-data).
_PERMISSIONS = {
    "generateContent": "endpoints.predict",
    "streamGenerateContent": "endpoints.predict",
    "countTokens": "endpoints.predict",
    "predict": "endpoints.predict",
    "endpoints.undeployModel": "endpoints.undeploy",
    "models.deleteVersion": "models.delete",
    "models.listVersions": "models.list",
    "models.patch": "models.update",
    "models.mergeVersionAliases": "models.update",
}


def missing(name: str) -> ApiError:
    """404 of a resource; that of an endpoint is real (python-genai issue 1706)."""
    kind = name.rpartition("/")[0].rpartition("/")[2]
    return ApiError(404, f"{_KINDS.get(kind, 'Resource')} `{name}` not found.")


def missing_publisher_model(name: str) -> ApiError:
    """404 of a base model that is unknown, retired or elsewhere (genkit issue 4688)."""
    msg = (
        f"Publisher Model `{name}` was not found or your project does not have access to it. "
        "Please ensure you are using a valid model version. For more information, see: "
        "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"
    )
    return ApiError(404, msg)


def invalid(field: str, problem: str) -> ApiError:
    """400 of a field, in the form of java-docs-samples issue 8985."""
    return ApiError(400, f"List of found errors:\t1.Field: {field}; Message: {problem}\t")


def in_use(message: str) -> ApiError:
    """400 FAILED_PRECONDITION."""
    return ApiError(400, message, status="FAILED_PRECONDITION")


def unauthenticated() -> ApiError:
    """401 of a request without credentials."""
    info = _error_info("CREDENTIALS_MISSING", "googleapis.com", {"service": SERVICE})
    return ApiError(401, NO_CREDENTIALS, details=[info])


def usual(call: Call, status: int, *, quota: bool, delay: float | None) -> JsonObject:
    """The body that a status has for this call, if nothing more is known.

    Args:
        call: The call.
        status: The HTTP status.
        quota: Whether a 429 is about a fixed quota, not about capacity that is shared.
        delay: Seconds for a `RetryInfo`. Vertex AI was never seen to send one.
    """
    details = [] if delay is None else [retry_info(delay)]
    match status:
        case 403:
            return _denied(call, details)
        case 404 if call.model is not None:
            return not_found(call).body
        case 429:
            return error_body(429, _fixed_quota(call) if quota else _EXHAUSTED, details=details)
        case _:
            return error_body(status, _WORDS.get(status), details=details)


def not_found(call: Call) -> ApiError:
    """404 of what a call is about."""
    return missing_publisher_model(call.name) if published(call.name) else missing(call.name)


def _denied(call: Call, details: list[JsonObject]) -> JsonObject:
    """403: the caller's role lacks the permission of this method.

    FirebaseExtended/vertexai-sdk-test-data, unary-failure-iam-permission-denied.json.
    """
    permission = f"aiplatform.{_PERMISSIONS.get(call.method, call.method)}"
    message = (
        f"Permission '{permission}' denied on resource '//{SERVICE}/{call.name}' (or it may not "
        "exist)."
    )
    metadata = {"permission": permission, "resource": call.name}
    info = _error_info("IAM_PERMISSION_DENIED", SERVICE, metadata)
    return error_body(403, message, details=[info, *details])


def _fixed_quota(call: Call) -> str:
    """The text of github.com/promptfoo/promptfoo/issues/374, which names the base model."""
    name = call.base_model or (call.model or "").rpartition("/")[2]
    return (
        f"Quota exceeded for {SERVICE}/online_prediction_requests_per_base_model with base "
        f"model: {name}. Please submit a quota increase request. "
        "https://cloud.google.com/vertex-ai/docs/quotas."
    )


def _error_info(reason: str, domain: str, metadata: JsonObject) -> JsonObject:
    return {
        "@type": RPC + "ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    }
