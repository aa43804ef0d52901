"""Google's bodies of the errors that a fault asks for, on either service.

A source stands beside each text that was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.errors import RPC, error_body, error_info
from langchain_tuned_gemini.emulator.http.requests import Api, MethodCall
from langchain_tuned_gemini.emulator.http.resource_names import last_part
from langchain_tuned_gemini.emulator.vertex.lookup import missing

if TYPE_CHECKING:
    from typing import Literal

    from langchain_tuned_gemini.emulator.http.wire import JsonObject

# github.com/google-gemini/gemini-cli/issues/14811
_EXHAUSTED = (
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)

# Vertex AI has Google's general words for them; those of the Developer API speak of its own pages.
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


def usual_error(
    call: MethodCall, status: int, *, quota: Literal["minute", "day"] | None, delay: float | None
) -> JsonObject:
    """The body that a status has for this call, if nothing more is known.

    A 429 without a `quota` is about capacity that is shared. The `delay` is for a `RetryInfo`;
    Vertex AI was never seen to send one.
    """
    details = [] if delay is None else [_retry_info(delay)]
    if call.api is Api.VERTEX:
        return _vertex_error(call, status, details, has_quota=quota is not None)
    if status == 429 and (quota or delay is not None):
        model = last_part(call.model or "models/unknown")
        return quota_exceeded(model, per=quota or "minute", delay=delay)
    texts: dict[int, str] = {}
    if call.model is not None and call.model.startswith("tunedModels/"):
        # Google's texts, which name the tuned model.
        texts = {
            403: f"You do not have permission to access tuned model {call.model}",
            404: f"Tuned model {call.model} does not exist.",
        }
    return error_body(status, texts.get(status), details=details)


def quota_exceeded(model: str, *, per: str, delay: float | None) -> JsonObject:
    """429 of the Developer API with `Help`, `QuotaFailure` and, with a delay, `RetryInfo`.

    As captured in 2026: a quota per day carries the same kind of `RetryInfo` as one per
    minute, although waiting that long does not help. The message has the delay with all digits.
    """
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    message = (
        "You exceeded your current quota, please check your plan and billing details. For "
        "more information on this error, head to: "
        "https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, "
        "head to: https://ai.dev/rate-limit. \n"
        f"* Quota exceeded for metric: {metric}, limit: 0, model: {model}"
    )
    link = "https://ai.google.dev/gemini-api/docs/rate-limits"
    violation = {
        "quotaMetric": metric,
        "quotaId": f"GenerateRequestsPer{per.capitalize()}PerProjectPerModel-FreeTier",
        "quotaDimensions": {"location": "global", "model": model},
    }
    details: list[JsonObject] = [
        {
            "@type": RPC + "Help",
            "links": [{"description": "Learn more about Gemini API quotas", "url": link}],
        },
        {"@type": RPC + "QuotaFailure", "violations": [violation]},
    ]
    if delay is not None:
        message += f"\nPlease retry in {delay:.9f}s."
        details.append(_retry_info(delay))
    return error_body(429, message, details=details)


def _retry_info(delay: float) -> JsonObject:
    """The time to wait, in whole seconds, as Google rounds it."""
    return {"@type": RPC + "RetryInfo", "retryDelay": f"{int(delay)}s"}


def _vertex_error(
    call: MethodCall, status: int, details: list[JsonObject], *, has_quota: bool
) -> JsonObject:
    match status:
        case 403:
            return _denied(call, details)
        case 404 if call.model is not None:
            return missing(call.name).body
        case 429:
            message = _fixed_quota(call) if has_quota else _EXHAUSTED
            return error_body(429, message, details=details)
        case _:
            return error_body(status, _WORDS.get(status), details=details)


def _denied(call: MethodCall, details: list[JsonObject]) -> JsonObject:
    """403: the caller's role lacks the permission of this method.

    FirebaseExtended/vertexai-sdk-test-data, unary-failure-iam-permission-denied.json.
    """
    service, name = Api.VERTEX.value, call.name
    permission = f"aiplatform.{_PERMISSIONS.get(call.method, call.method)}"
    message = (
        f"Permission '{permission}' denied on resource '//{service}/{name}' (or it may not exist)."
    )
    info = error_info("IAM_PERMISSION_DENIED", service, permission=permission, resource=name)
    return error_body(403, message, details=[info, *details])


def _fixed_quota(call: MethodCall) -> str:
    """The text of github.com/promptfoo/promptfoo/issues/374, which names the base model."""
    name = call.base_model or last_part(call.model)
    return (
        f"Quota exceeded for {Api.VERTEX.value}/online_prediction_requests_per_base_model with "
        f"base model: {name}. Please submit a quota increase request. "
        "https://cloud.google.com/vertex-ai/docs/quotas."
    )
