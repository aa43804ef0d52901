"""Errors say what happened, why and what to do, and travel between processes."""

from __future__ import annotations

import inspect
import pickle
import re
from datetime import date
from pathlib import Path

import aiohttp
import httpx
import pytest
from google.genai.errors import ServerError
from langchain_core.exceptions import ModelError, ModelRateLimitError, ModelRefusalError
from langchain_core.messages import AIMessage
from langchain_google_genai.chat_models import GoogleAPIError
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from langchain_tuned_gemini import Retirement, TunedModel, TunedModelState, errors
from langchain_tuned_gemini.dataset import Problem
from langchain_tuned_gemini.provenance import AttemptRecord

CREATING = TunedModel("tunedModels/x", TunedModelState.CREATING, "CREATING")
FAILED = TunedModel("tunedModels/x", TunedModelState.FAILED, "FAILED", error="too few examples")
PROBLEM = Problem("field", "is empty", "train.jsonl", 3, field="output")
ATTEMPT = AttemptRecord("tunedModels/x", "tuned", "error", "timeout", "TimeoutError")
RETIRED = Retirement("gemini-2.5-flash", "vertex", date(2026, 10, 20), "", "https://example.com")

ONE_OF_EACH: list[errors.TunedGeminiError] = [
    errors.TunedModelNameError("bad", name="x"),
    errors.ParameterError("bad"),
    errors.MissingExtraError("The emulator", extra="emulator"),
    errors.MissingCredentialsError.because("None were found."),
    errors.DatasetError([PROBLEM]),
    errors.LossyConversionError([PROBLEM, PROBLEM], total=5_000),
    errors.JournalError("answers.jsonl", 3),
    errors.ComparisonCancelledError(done=3, total=1_000),
    errors.RecordsError(
        Path("tuned-models.toml"), [errors.RecordProblem(2, "odd"), errors.RecordProblem(None, "x")]
    ),
    errors.RecordNotFoundError.of("x@y", Path("tuned-models.toml"), what="aliases", known=["a@b"]),
    errors.RecordsChangedError("x@y", seen="v1", found="v2"),
    errors.PromotionRefusedError("it is sick", alias="x@y", name="tunedModels/x"),
    errors.ExampleIndexError("no index", path="x"),
    errors.ServiceError("refused", status=403),
    errors.ServiceUnreachableError("http://127.0.0.1:1", "connection refused"),
    errors.UntrustedCertificateError("https://127.0.0.1:1", "self-signed certificate"),
    errors.LocalResourceError("https://127.0.0.1:1", "Too many open files"),
    errors.AnswerTooLongError(1_000),
    errors.DeletionIncompleteError(
        errors.ServiceError("refused.", status=403), name="x", done=["a"], left=["b"]
    ),
    errors.TunedModelError("odd", name="tunedModels/x"),
    errors.TunedModelNotReadyError.of(CREATING),
    errors.WaitTimeoutError(
        "too long", name="tunedModels/x", state=TunedModelState.CREATING, waited=3.0
    ),
    errors.WaitCancelledError(
        "told to stop", name="tunedModels/x", state=TunedModelState.CREATING, waited=3.0
    ),
    errors.TunedModelFailedError.of(FAILED),
    errors.TunedModelNotFoundError.of("tunedModels/x"),
    errors.BaseModelRetiredError.because("tunedModels/x", RETIRED, status=404),
    errors.TunedModelNotDeletableError("a mere record", name="tunedModels/x"),
    errors.CircuitOpenError("open", name="tunedModels/x", opened_by="timeout", retry_after=3.0),
    errors.NovelInputError(name="tunedModels/x", score=0.1, threshold=0.2),
    errors.PromptTooLongError(3_000, 1_000),
    errors.AnswerTimeoutError("tunedModels/x", limit="stall_timeout", seconds=10, queued=0.5),
    errors.RateLimiterTimeoutError("tunedModels/x", limit="total_timeout", seconds=30),
    errors.BaseModelNotFoundError(
        "gemini-9-flash", ["us", "us-east4"], served_in=["us", "global"], retirement=None
    ),
    errors.EmptyAnswerError("tunedModels/x"),
    errors.BrokenStreamError("tunedModels/x", partial="half an", reason=errors.Reason.CONNECTION),
    errors.AnswerRefusedError(
        "it is empty", name="tunedModels/x", guard="NonEmpty", answer=AIMessage("")
    ),
    errors.ContentBlockedError(
        "the prompt was blocked: SAFETY",
        name="tunedModels/x",
        block_reason="SAFETY",
        ratings={"HARM_CATEGORY_HARASSMENT": "HIGH"},
        answer=AIMessage(""),
    ),
    errors.UserCodeError("the rate limiter X", KeyError("x")),
    errors.GuardCrashedError("is_polite", KeyError("x")),
    errors.AllModelsFailedError([ATTEMPT], [TimeoutError("slow")]),
    errors.AllModelsOverflowError([ATTEMPT], [errors.PromptTooLongError(3_000, 1_000)]),
    errors.AllModelsRefusedError([ATTEMPT], [ModelRefusalError(raw_message=AIMessage(""))]),
]

EVERY_CLASS = {
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.TunedGeminiError) and kind is not errors.TunedGeminiError
}


ADVICE = {
    "quota": (8, "Wait for quota"),
    "rights": (7, "Grant the account"),
    "an internal error": (13, "ask Google"),
    "an outage": (14, "tune it again"),
    "its data": (3, "Check its training data"),
    "no code": (None, "Check its training data"),
}


@pytest.mark.parametrize(("code", "advice"), ADVICE.values(), ids=ADVICE)
def test_the_advice_fits_why_the_tuning_failed(code, advice):
    job = TunedModel(
        "projects/p/locations/us-central1/tuningJobs/7",
        TunedModelState.FAILED,
        "JOB_STATE_FAILED",
        error="Because.",
        error_code=code,
    )

    told = str(errors.TunedModelFailedError.of(job))

    assert advice in told
    assert ("training data" in told) == (code in {None, 3})
    assert "elete" not in told  # the record of a tuning job stays for ever
    assert ".." not in told


def test_a_cancelled_tuning_is_nobody_s_mistake():
    job = TunedModel("tunedModels/x", TunedModelState.CANCELLED, "CANCELLED")

    told = str(errors.TunedModelFailedError.of(job))

    assert "Somebody stopped the tuning" in told
    assert "Delete this one" in told


REASONS = {
    errors.MissingCredentialsError: "credentials",
    errors.ServiceError: "overloaded",
    errors.ServiceUnreachableError: "connection",
    errors.UntrustedCertificateError: "credentials",
    errors.LocalResourceError: "connection",
    errors.AnswerTooLongError: "bad_output",
    errors.DeletionIncompleteError: "overloaded",
    errors.TunedModelNotReadyError: "not_ready",
    errors.WaitTimeoutError: "not_ready",
    errors.WaitCancelledError: "not_ready",
    errors.TunedModelFailedError: "gone",
    errors.TunedModelNotFoundError: "gone",
    errors.BaseModelRetiredError: "retired",
    errors.NovelInputError: "novel_input",
    errors.PromptTooLongError: "rejected",
    errors.AnswerTimeoutError: "timeout",
    errors.RateLimiterTimeoutError: "rate_limited",
    errors.EmptyAnswerError: "bad_output",
    errors.AnswerRefusedError: "bad_output",
    errors.ContentBlockedError: "blocked",
    errors.AllModelsRefusedError: "blocked",
}
"""Those that always have the same; for all others, no other model is asked."""

OF_THE_INSTANCE = {
    errors.CircuitOpenError: "timeout",
    errors.BaseModelNotFoundError: "gone",
    errors.BrokenStreamError: "connection",
    errors.AllModelsFailedError: "timeout",
    errors.AllModelsOverflowError: "timeout",
}
"""Those that take it from what they were made of."""

NOT_ASKED = {
    errors.ServiceError,
    errors.ServiceUnreachableError,
    errors.LocalResourceError,
    errors.DeletionIncompleteError,
    errors.TunedModelNotReadyError,
    errors.WaitTimeoutError,
    errors.WaitCancelledError,
    errors.TunedModelFailedError,
    errors.TunedModelNotFoundError,
    errors.CircuitOpenError,
    errors.NovelInputError,
    errors.RateLimiterTimeoutError,
}
"""Those that are no evidence about a model, since it was not asked."""


def test_every_class_says_why_a_model_did_not_answer() -> None:
    assert {kind: kind.reason for kind in EVERY_CLASS if kind.reason} == REASONS
    assert {kind for kind in EVERY_CLASS if kind.is_local} == NOT_ASKED
    for error in ONE_OF_EACH:
        if error.status != 403:
            expected = (REASONS | OF_THE_INSTANCE).get(type(error))
            assert error.reason == expected, type(error)
            assert expected is None or isinstance(error.reason, errors.Reason)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, "credentials"), (403, "permission"), (429, "quota"), (500, "overloaded"), (None, None)],
)
def test_a_refusal_of_the_control_plane_has_the_reason_of_its_status(status, reason) -> None:
    assert errors.ServiceError("", status=status).reason == (reason or "overloaded")
    assert errors.ServiceUnreachableError("", "").reason == "connection"


PYTHON = re.compile(r"\w+=(\.\.\.|['\"{\[]|True)|\b\w+\(|`|\b[A-Z]\w+Service\b")
"""What only a program can do."""


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_has_a_text_for_python_and_one_for_the_command_line(
    error: errors.TunedGeminiError,
) -> None:
    in_python, for_command_line = error.advice

    assert str(error).startswith(error.message)
    assert in_python in str(error)
    assert for_command_line in error.for_command_line
    assert not PYTHON.search(error.for_command_line)
    if not isinstance(error, errors.AllModelsFailedError):
        assert bool(in_python) == bool(for_command_line)


def test_advice_can_be_added_to_and_travels() -> None:
    error = errors.ServiceError("It failed.", advice="Ask again.", status=503)
    error.advise(errors.Advice("Call again().", "Run it again."))

    twin = pickle.loads(pickle.dumps(error))

    assert str(twin) == "It failed. Ask again. Call again()."
    assert twin.for_command_line == "It failed. Ask again. Run it again."
    assert twin.advice == error.advice


def test_there_is_one_of_each_here() -> None:
    assert {type(error) for error in ONE_OF_EACH} == EVERY_CLASS


def test_every_class_stands_in_the_tree_at_the_top_of_the_file() -> None:
    assert errors.__doc__
    for kind in EVERY_CLASS:
        assert kind.__name__ in errors.__doc__


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_travels_to_another_process(error: errors.TunedGeminiError) -> None:
    twin = pickle.loads(pickle.dumps(error))

    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert {k: str(v) for k, v in vars(twin).items()} == {k: str(v) for k, v in vars(error).items()}


REQUEST = httpx.Request("POST", "http://127.0.0.1:1")
BUSY = httpx.Response(503, request=REQUEST)
OF_LIBRARIES: dict[str, Exception] = {
    "of Python": TimeoutError("slow"),
    "without a way back": httpx.HTTPStatusError("busy", request=REQUEST, response=BUSY),
    "of google-genai": ServerError(503, {"message": "busy"}, BUSY),
    "of langchain-google-genai": GoogleAPIError(503, {"message": "busy"}, BUSY),
    "of langchain-core": ModelRateLimitError("busy"),
    "of aiohttp": aiohttp.ClientResponseError(
        aiohttp.RequestInfo(URL("http://x"), "POST", CIMultiDictProxy(CIMultiDict())), ()
    ),
    "that can't be pickled": type("LocalError", (Exception,), {})("odd"),
}


@pytest.mark.parametrize("error", OF_LIBRARIES.values(), ids=OF_LIBRARIES)
def test_whatever_models_raised_travels_to_another_process(error: Exception) -> None:
    """In a pool, an error that can't be built again would end the thread that takes results."""
    group = errors.AllModelsFailedError([ATTEMPT], [error])

    twin = pickle.loads(pickle.dumps(group))

    assert str(error) in str(twin.exceptions[0])
    is_retryable = getattr(error, "is_retryable", False)
    assert getattr(twin.exceptions[0], "is_retryable", False) is is_retryable
    assert twin.is_retryable is group.is_retryable is is_retryable


def test_what_pydantic_could_not_read_does_not_travel() -> None:
    with pytest.raises(ValidationError) as invalid:
        TypeAdapter(int).validate_python("the whole answer " * 1_000)

    written = pickle.dumps(errors.AllModelsFailedError([ATTEMPT], [invalid.value]))

    assert len(written) < 2_000
    assert "valid integer" in str(pickle.loads(written).exceptions[0])


@pytest.mark.parametrize(
    ("error", "is_retryable"),
    [
        (errors.TunedModelNotReadyError.of(CREATING), True),
        (errors.TunedModelFailedError.of(FAILED), False),
        (errors.TunedModelNotFoundError.of("x"), False),
        (errors.ServiceError("x", status=403), False),
        (errors.ServiceError("x", status=429), True),
        (errors.ServiceError("x", status=500), True),
        (errors.ServiceError("x"), False),
        (errors.ServiceUnreachableError("x", "y"), True),
        (errors.AllModelsFailedError([ATTEMPT], [TimeoutError()]), False),
        (
            errors.AllModelsFailedError(
                [ATTEMPT], [TimeoutError(), errors.EmptyAnswerError("tunedModels/x")]
            ),
            True,
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_langchains_retry_middleware_learns_whether_a_retry_may_help(
    error: ModelError, is_retryable: bool
) -> None:
    assert isinstance(error, ModelError)
    assert error.is_retryable is is_retryable


def test_an_error_about_an_example_names_file_line_and_field() -> None:
    error = errors.DatasetError([PROBLEM])

    assert str(error) == "train.jsonl:3: field 'output': is empty"


def test_a_failed_model_carries_the_platforms_reason() -> None:
    assert "too few examples" in str(errors.TunedModelFailedError.of(FAILED))


def test_the_group_of_all_failures_can_be_split() -> None:
    group = errors.AllModelsFailedError([ATTEMPT], [TimeoutError("slow"), ValueError("odd")])

    timeouts, others = group.split(TimeoutError)

    assert isinstance(timeouts, errors.AllModelsFailedError)
    assert timeouts.attempts == group.attempts == (ATTEMPT,)
    assert others is not None
    assert [type(error) for error in others.exceptions] == [ValueError]
