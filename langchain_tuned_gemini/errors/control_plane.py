"""Errors of the control plane, which knows the states of tuned models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Self

from langchain_core.exceptions import ModelAuthenticationError, ModelError

from langchain_tuned_gemini.errors.reasons import Reason
from langchain_tuned_gemini.errors.root import Advice, TunedGeminiError

_LOGIN: Final = "gcloud auth application-default login"


class MissingCredentialsError(TunedGeminiError, ModelAuthenticationError):
    """There are no credentials of Google Cloud, or their file can't be read."""

    reason = Reason.CREDENTIALS

    @classmethod
    def because(cls, why: str) -> Self:
        """Says what google-auth says, without the rest of it, and what to do."""
        return cls(f"{why.rstrip('.')}.", advice=Advice(*(f"\n{each}" for each in LOG_IN)))


LOG_IN: Final = Advice(f"Pass credentials=... or api_key=..., or run: {_LOGIN}", f"Run: {_LOGIN}")
"""What to do without credentials of Google Cloud."""

_REFUSALS: Final = {401: Reason.CREDENTIALS, 403: Reason.PERMISSION, 429: Reason.QUOTA}
"""What it means that the control plane does not tell; otherwise it is in trouble."""


class ServiceError(TunedGeminiError, ModelError):
    """The control plane, which knows the states of tuned models, could not answer.

    Attributes:
        is_retryable: Whether asking again may help: no answer at all, 408, 429 and 5xx.
        word: Google's word for it, such as `FAILED_PRECONDITION`; empty where there was none.
    """

    reason = Reason.OVERLOADED
    is_local = True  # from a gate that was told to let nothing through when it can't know

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        is_retryable: bool | None = None,
        word: str = "",
        advice: Advice | str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.word = word
        self.reason = _REFUSALS.get(status or 0, type(self).reason)
        if is_retryable is None:
            is_retryable = status in {408, 429} or (status is not None and status >= 500)
        self.is_retryable = is_retryable


class ServiceUnreachableError(ServiceError):
    """There was no answer at all: refused, no such host, timed out.

    Attributes:
        address: Where the service was looked for.
    """

    reason = Reason.CONNECTION
    is_retryable = True
    _advice = "Check the address and the network, or the emulator if you use one."

    def __init__(self, address: str, why: str) -> None:
        super().__init__(
            f"Can't reach {address}: {why}.",
            advice=self._advice,
            is_retryable=type(self).is_retryable,
        )
        self.address = address


class UntrustedCertificateError(ServiceUnreachableError):
    """Whoever answered could not prove to be who was asked, so nothing was sent: no key either."""

    reason = Reason.CREDENTIALS
    is_local = False
    is_retryable = False
    _advice = (
        "Nothing was sent there. Check the address and this machine's clock. If a proxy of your "
        "network puts its own certificate in place of the server's, name the file with the "
        "proxy's root certificate in SSL_CERT_FILE."
    )


class LocalResourceError(ServiceUnreachableError):
    """This machine could not open a connection: no descriptor, port, memory, thread or network.

    It says nothing about any model, so no circuit counts it.
    """

    _advice = (
        "The cause is this machine: nothing was sent, and all idle connections were given up. "
        "Look at what this process keeps open, and at its limits (ulimit -n)."
    )


class AnswerTooLongError(ServiceError):
    """An answer has more bytes than one may have; it was not read to its end.

    Attributes:
        limit: How many it may have.
    """

    reason = Reason.BAD_OUTPUT
    is_local = False

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The answer has more than {limit:,} bytes, and was not read any further.",
            advice=Advice(
                "If answers may be that long, raise max_answer_bytes; otherwise see what stands "
                "between here and Gemini.",
                "See what stands between here and Gemini.",
            ),
            is_retryable=False,
        )
        self.limit = limit


class DeletionIncompleteError(ServiceError):
    """A step of a deletion failed. Delete again: what is done stays done.

    Attributes:
        name: What was to be deleted.
        done: The names of what is deleted.
        left: The names of what is still there, or may be.
    """

    def __init__(
        self, cause: ServiceError, *, name: str, done: Sequence[str], left: Sequence[str]
    ) -> None:
        gone = f"Deleted: {', '.join(done)}. " if done else ""
        super().__init__(
            f"Deleting {name} stopped in the middle. {cause.message} {gone}Left: "
            f"{', '.join(left)}.",
            advice=cause.advice.plus(
                "Once the cause is mended, delete it again: it goes on from there."
            ),
            status=cause.status,
            is_retryable=cause.is_retryable,
        )
        self.name = name
        self.done = tuple(done)
        self.left = tuple(left)
