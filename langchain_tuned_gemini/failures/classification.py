"""From an exception to its meaning."""

from __future__ import annotations

import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from traceback import walk_tb
from typing import Any, Final

from langchain_tuned_gemini.errors import TunedGeminiError
from langchain_tuned_gemini.errors.reasons import Counts, Reason
from langchain_tuned_gemini.failures.known_errors import (
    ACCOUNT_REASONS,
    ANSWERS,
    BEFORE_THE_CALL,
    CLOSED,
    DECODING,
    DURING_THE_CALL,
    FEW_FRAMES,
    NOTHING_STREAMED,
    READERS,
    READING,
    READING_STREAMS,
    STATUSES,
    STATUSES_OF_ERRORS,
    UNREACHABLE,
    VALIDATION_ERROR,
)
from langchain_tuned_gemini.failures.server_answer import ServerAnswer
from langchain_tuned_gemini.runtime.error_origins import (
    is_about_a_certificate,
    is_local,
    raised_by_the_program,
)
from langchain_tuned_gemini.secrets.redaction import linked_errors, redact
from langchain_tuned_gemini.secrets.secret_values import known as secrets_in_use

_GENAI_ERROR = "google.genai.errors.APIError"
_LANGCHAIN_GOOGLE_ERROR = "langchain_google_genai._common.GoogleGenerativeAIError"


@dataclass(frozen=True, slots=True)
class Failure:
    """What an exception means. It holds nothing of the exception's text, which may be a secret.

    Attributes:
        reason: Why the model did not answer.
        status: The HTTP status, where there was an answer.
        retry_after: For how long the server wants to be left alone, in seconds, at most a day;
            None where it did not say.
        is_local: Whether it came about before the model was asked: a gate or a circuit refused,
            the client was closed, or this machine could not open a connection. It is no evidence
            about the model.
    """

    reason: Reason
    status: int | None = None
    retry_after: float | None = None
    is_local: bool = False

    @property
    def counts(self) -> Counts:
        """What it tells a circuit breaker about the model."""
        return Counts.NEUTRAL if self.is_local else self.reason.handling.counts

    @property
    def speaks_of_the_model(self) -> bool:
        """Whether the model's state may have changed, so that it is worth asking for again."""
        return not self.is_local and self.reason.handling.speaks_of_the_model


def classify(error: BaseException) -> Failure | None:
    """Says what an exception of a model call means.

    The HTTP status goes before the class: langchain-google-genai calls a 429 whose text speaks
    of a token limit a context overflow. Causes are looked at only where a library of the call
    wraps its own errors: what a program makes of a failure by raising an error of its own is
    the program's business. So is what a signal's handler of the program raises, whatever its class.

    Args:
        error: What a model's call raised.

    Returns:
        Its meaning; None for an error that nobody foresaw, which must be raised.

    Example:
        >>> classify(TimeoutError()).reason
        <Reason.TIMEOUT: 'timeout'>
        >>> classify(KeyError("a bug")) is None
        True
    """
    if raised_by_the_program(error):
        return None
    if isinstance(error, TunedGeminiError):
        return _meaning_of_own(error)
    names = _class_names(error)
    if answer := _answer_in(error, names):
        return _meaning_of_answer(answer)
    for name in names:
        if reason := BEFORE_THE_CALL.get(name):
            return Failure(reason, is_local=True)
        if reason := DURING_THE_CALL.get(name):
            reason = _refined(reason, error)
            return Failure(reason, is_local=reason is Reason.CONNECTION and is_local(error))
    return _meaning_of_words(error)


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read in an error, and the state that it was in then."""

    error: weakref.ref[BaseException]
    state: int
    failure: Failure | None


_readings: Final[dict[int, _Reading]] = {}
"""By the error, and forgotten with it."""


def read_failure(error: BaseException) -> Failure | None:
    """Redacts an error and classifies it: once, however many models it passes on its way.

    An error that was changed since, or that is raised again where more secrets are in use, is read
    again: some libraries keep an error and raise it in each call. Python's own classes of errors
    can't be remembered: those are read each time.

    Args:
        error: What a model's call raised; changed in place.

    Returns:
        Its meaning; None for an error that nobody foresaw, and for what is no `Exception`.
    """
    key = id(error)
    known = _readings.get(key)
    if known is not None and known.error() is error and known.state == _state_of(error):
        return known.failure
    redact(error)
    failure = classify(error) if isinstance(error, Exception) else None
    with suppress(TypeError):
        reference = weakref.ref(error, partial(_readings.pop, key))
        if (state := _state_of(error)) is not None:
            _readings[key] = _Reading(reference, state, failure)
    return failure


def _state_of(error: BaseException) -> int | None:
    """All that a reading depends on, as a number; None where it can't be told.

    Of what an error holds, an object is told by itself and by what it shows: a list that was
    added to is the same list.
    """
    parts: list[object] = [frozenset(secrets_in_use())]
    try:
        for link in linked_errors(error):
            held = (link.args, *vars(link).values())
            parts += [id(link), repr(held), *map(id, held[1:])]
    except Exception:  # noqa: BLE001  # the program's own classes may show themselves in any way
        return None
    return hash(tuple(parts))


def sentence_in(error: BaseException) -> str:
    """The server's own sentence in an error, on one line and without secrets; may be empty.

    It is for whoever runs the program: what is wrong with a lasting refusal stands in it alone.
    """
    answer = _answer_in(error, _class_names(error))
    return answer.sentence if answer else ""


def _class_names(error: object) -> tuple[str, ...]:
    """The names of its classes, the most specific one first."""
    return tuple(f"{known.__module__}.{known.__qualname__}" for known in type(error).__mro__)


def _answer_in(error: Any, names: tuple[str, ...]) -> ServerAnswer | None:
    """The server's answer, where the error is about one.

    langchain-google-genai keeps no status in its errors for 4xx, but raises them from
    google-genai's, which do.
    """
    if _LANGCHAIN_GOOGLE_ERROR in names:
        error = error.__cause__
        names = _class_names(error)
    if _GENAI_ERROR in names and isinstance(error.code, int):
        return ServerAnswer.read(error.code, error.details, error.response)
    if "httpx.HTTPStatusError" in names or "httpx2.HTTPStatusError" in names:
        return ServerAnswer.read(error.response.status_code, None, error.response)
    return None


def _meaning_of_answer(answer: ServerAnswer) -> Failure | None:
    reason = STATUSES.get(answer.status)
    if answer.status not in STATUSES_OF_ERRORS:
        reason = Reason.BAD_OUTPUT
    elif answer.status in {400, 403} and answer.reasons & ACCOUNT_REASONS:
        reason = Reason.CREDENTIALS
    elif answer.status == 400 and answer.word == "FAILED_PRECONDITION":
        reason = Reason.NOT_READY
    if reason is None:
        return None
    return Failure(reason, answer.status, answer.retry_after(time.time()))


def _meaning_of_own(error: TunedGeminiError) -> Failure | None:
    if error.reason is None:
        return None
    return Failure(error.reason, error.status, error.retry_after, error.is_local)


def _refined(reason: Reason, error: BaseException) -> Reason:
    """Tells a certificate from a connection, and a token server in trouble from a wrong key.

    With a wrong certificate, whoever answers is not who was asked for.
    """
    if reason is Reason.CONNECTION and is_about_a_certificate(error):
        return Reason.CREDENTIALS
    # google.auth.exceptions.GoogleAuthError
    if reason is Reason.CREDENTIALS and getattr(error, "retryable", False):
        return Reason.CONNECTION
    return reason


def _meaning_of_words(error: Any) -> Failure | None:
    """What errors mean whose classes don't say: programs raise them for other things, too."""
    if type(error) is RuntimeError and str(error).endswith(CLOSED):
        return Failure(Reason.CONNECTION, is_local=True)
    if type(error) is ValueError and str(error) == NOTHING_STREAMED:
        return Failure(Reason.BAD_OUTPUT)
    if _class_names(error)[0] == VALIDATION_ERROR and error.title in ANSWERS:
        return Failure(Reason.BAD_OUTPUT)
    if type(error) is OSError and error.errno in UNREACHABLE:
        return Failure(Reason.CONNECTION, is_local=is_local(error))
    if isinstance(error, Exception) and _is_about_what_was_read(error):
        return Failure(Reason.BAD_OUTPUT)
    return None


def _is_about_what_was_read(error: Exception) -> bool:
    """Whether code that reads answers raised it, and not code that this code called."""
    places = [
        f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"
        for frame, _ in walk_tb(error.__traceback__)
    ]
    if not places:
        return False
    if isinstance(error, UnicodeDecodeError) and places[-1].startswith(READERS):
        return True
    if places[-1] == DECODING and isinstance(error, (RecursionError, ValueError)):
        return len(places) < FEW_FRAMES
    return places[-1] in READING_STREAMS or not READING.isdisjoint(places)
