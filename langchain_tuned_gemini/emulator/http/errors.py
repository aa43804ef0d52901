"""Google's error bodies: `{"error": {code, message, status, details?}}`.

The messages are real ones where a public source shows them, with the source beside them.
The rest is the general wording of <https://cloud.google.com/apis/design/errors>.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.http.wire import JsonObject

RPC = "type.googleapis.com/google.rpc."

EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)

# HTTP status: (google.rpc.Code, what Google says when it says nothing more precise).
_STATUSES: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", f"Request had invalid authentication credentials. {EXPECTED}"),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    408: ("DEADLINE_EXCEEDED", "The request timed out."),
    409: ("ABORTED", "The operation was aborted."),
    412: ("FAILED_PRECONDITION", "Precondition check failed."),
    # github.com/googleapis/python-genai/issues/1299
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    499: ("CANCELLED", "The operation was cancelled."),
    # github.com/PublicAffairs/openai-gemini/issues/15
    500: (
        "INTERNAL",
        (
            "An internal error has occurred. Please retry or report in "
            "https://developers.generativeai.google/guide/troubleshooting"
        ),
    ),
    501: ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
    # github.com/google-gemini/gemini-cli/issues/7227
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


class Status(NamedTuple):
    """Code and message of a `google.rpc.Status`: how an operation or a job failed."""

    code: int
    message: str


class ApiError(Exception):
    """Ends a call with an error body, as Google would answer it."""

    def __init__(
        self,
        code: int,
        message: str | None = None,
        *,
        status: str | None = None,
        details: Sequence[JsonObject] = (),
    ) -> None:
        """Takes the HTTP status, and what differs from its usual body."""
        super().__init__(message)
        self.code = code
        self.body = error_body(code, message, status=status, details=details)


def error_body(
    code: int,
    message: str | None = None,
    *,
    status: str | None = None,
    details: Sequence[JsonObject] = (),
) -> JsonObject:
    """The body of an HTTP status: its usual status word and text unless others are given."""
    usual_status, usual_message = _STATUSES.get(code, ("UNKNOWN", "An unknown error occurred."))
    error: dict[str, Any] = {
        "code": code,
        "message": message or usual_message,
        "status": status or usual_status,
    }
    if details:
        error["details"] = list(details)
    return {"error": error}


def error_info(reason: str, domain: str, **metadata: str) -> JsonObject:
    """The detail that names the reason of an error."""
    return {"@type": RPC + "ErrorInfo", "reason": reason, "domain": domain, "metadata": metadata}
