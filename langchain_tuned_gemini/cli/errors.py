"""An error at the command line: the sentence that says what to do, and the exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """The exit codes, each with its meaning."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A number with a meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "done, or nothing to do"
    FAILED = 1, "it failed, or something was found to be wrong; the error stream says what"
    USAGE = 2, "a wrong command, option, name or file; nothing was asked or changed"
    NEVER = 3, "the tuned model can't serve: FAILED, CANCELLED, deleted, or its base retired"
    NOT_YET = 4, "the tuned model is still CREATING, or the time to wait is over"
    PARTLY = 5, "a part was done; the same command again does the rest"
    INTERRUPTED = 130, "Ctrl-C; what was done until then stays done"
    READER_GONE = 141, "whoever read the output has stopped reading"
    TERMINATED = 143, "it was told to end (SIGTERM); what was done until then stays done"


def exit_code_table() -> str:
    """The exit codes as a Markdown table."""
    rows = [f"| {code.value} | {code.meaning} |" for code in ExitCode]
    return "\n".join(["| exit code | meaning |", "| --- | --- |", *rows])


_ADVICE = {
    "not_ready": "Wait until it can serve, with tuned-gemini wait.",
    "gone": "See which models there are: tuned-gemini list.",
    "retired": "Tune it again on a current base model.",
    "quota": "Wait a while, or let a base model stand in: --fallback BASE --examples FILE.",
    "overloaded": "Try again, or let a base model stand in: --fallback BASE --examples FILE.",
    "timeout": "Try again, or let a base model stand in: --fallback BASE --examples FILE.",
    "connection": "Check the network, and the address if --base-url is given.",
    "permission": "See what this key or account may do: tuned-gemini doctor.",
    "credentials": "See what is wrong with the credentials: tuned-gemini doctor.",
    "rejected": "Change the question or the parameters.",
    "bad_output": "Ask again.",
    "blocked": "Change the question.",
}

IN_PYTHON_AND_HERE = (
    (
        "Wait longer with a larger timeout, or add a fallback with with_few_shot_fallback(...).",
        "Wait longer with --timeout SECONDS.",
    ),
    (
        "Call wait_until_active() first, or add a fallback with with_few_shot_fallback(...).",
        (
            "Wait for it, with tuned-gemini wait, or let a base model stand in: --fallback BASE "
            "--examples FILE."
        ),
    ),
    ("Ask again, or add a fallback with with_few_shot_fallback(...).", "Ask again."),
    (
        "To leave that out, say lossy=True to `rows`, `lines` or `write`.",
        "To leave that out, add --lossy.",
    ),
    ("Pass credentials=... or api_key=..., or run:", "Run:"),
    (
        "wait for it, or say that another one is wanted beside it.",
        "wait for it, with tuned-gemini wait, or add --alongside.",
    ),
    (
        (
            "Pass their gs:// URI, or say where to put them: "
            "VertexService(upload='gs://bucket/folder')."
        ),
        "Say where to put them: --upload-to gs://BUCKET/FOLDER.",
    ),
    ("take the base model from: say which one.", "take the base model from: pass --base-model."),
    ("take the platform from: say which one.", "take the platform from: pass --platform."),
    (
        "needs examples to be tuned with: pass at least one file.",
        "needs examples: pass --data FILE.",
    ),
    ("TUNED_MODELS or with records=...,", "TUNED_MODELS or with --records,"),
    ("Pass project=..., set", "Pass --project, set"),
    ("Pass location=..., set", "Pass --location, set"),
    (
        "Pass that one, for example location='us-central1'.",
        "Pass that one, for example --location us-central1.",
    ),
    (
        (
            "Use ChatGoogleGenerativeAI for it, or pass it as the fallback: "
            "model.with_few_shot_fallback(base, examples=...)."
        ),
        "It may stand in for one: --fallback.",
    ),
    (
        'columns={"text_input": ..., "output": ...}',
        "--column text_input=COLUMN --column output=COLUMN",
    ),
    (
        'Name one: with_few_shot_fallback("gemini-3.5-flash", examples=...).',
        "Name one: --fallback gemini-3.5-flash.",
    ),
    (
        (
            " Another tuned model that is to stand in is passed as a model: "
            "with_few_shot_fallback(ChatTunedGemini(model=...), ...)."
        ),
        "",
    ),
    (" Without that Google looks for a base model; for one, use ChatGoogleGenerativeAI.", ""),
)
"""What errors advise to write in Python, and what helps at the command line."""


class CommandError(Exception):
    """Why a command can't do it, in a sentence for its user.

    Attributes:
        code: The exit code.
    """

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def sentence_for(error: Exception) -> str | None:
    """What to tell of an error, without secrets; None for what nobody foresaw."""
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.secrets.redaction import without_secrets

    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, TunedGeminiError):
        return without_secrets(for_the_command_line(_own_words(error)))
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return None


def for_the_command_line(sentence: str) -> str:
    """An error's sentence with advice that can be followed at the command line."""
    for in_python, here in IN_PYTHON_AND_HERE:
        sentence = sentence.replace(in_python, here)
    return sentence


def _own_words(error: Exception) -> str:
    """The error's own text; of a group, also the first line of what each model raised."""
    from langchain_tuned_gemini.errors import AllModelsFailedError

    if not isinstance(error, AllModelsFailedError):
        return str(error)
    causes = [meaning_of_call(each) or str(each) for each in error.exceptions]
    told = error.message.partition(" The errors are in")[0]
    return "\n".join(
        [told, *(f"  {cause.splitlines()[0]}" for cause in causes if cause and cause not in told)]
    )


def meaning_of_call(error: Exception) -> str | None:
    """What an error of a model call means, whoever raised it; None for what nobody foresaw."""
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.failures import classify
    from langchain_tuned_gemini.secrets.redaction import redact, without_secrets
    from langchain_tuned_gemini.services.error_translation import reason_of

    if isinstance(error, TunedGeminiError):
        return str(error)
    failure = classify(error)
    if failure is None:
        return None
    words = str(redact(error)).strip().splitlines()
    if failure.reason in {"connection", "timeout"} or not words:
        words = [reason_of(error)]
    said = without_secrets(words[0]).rstrip(".")
    return f"The model did not answer ({failure.reason}): {said}. {_ADVICE.get(failure.reason, '')}"


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an error of this package stands for.

    Example:
        >>> from langchain_tuned_gemini import TunedModelNotFoundError
        >>> exit_code_of(TunedModelNotFoundError.of("tunedModels/gone"))
        <ExitCode.NEVER: 3>
    """
    from langchain_tuned_gemini import errors

    match error:
        case CommandError():
            return error.code
        case errors.TunedModelFailedError() | errors.TunedModelNotFoundError():
            return ExitCode.NEVER
        case errors.TunedModelNotReadyError():
            return ExitCode.NOT_YET
        case errors.DeletionIncompleteError():
            return ExitCode.PARTLY
        case (
            errors.TunedModelNameError()
            | errors.ParameterError()
            | errors.MissingExtraError()
            | errors.DatasetError()
            | errors.RecordsError()
            | errors.RecordNotFoundError()
        ):
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILED
