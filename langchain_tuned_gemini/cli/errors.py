"""An error at the command line: the sentence that says what to do, and the exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from langchain_tuned_gemini.errors import TunedGeminiError


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
        return without_secrets(_own_words(error))
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return None


def _own_words(error: TunedGeminiError) -> str:
    """The error's own text; of a group, also the first line of what each model raised."""
    from langchain_tuned_gemini.errors import AllModelsFailedError

    text = error.for_command_line
    if not isinstance(error, AllModelsFailedError):
        return text
    causes = [(meaning_of_call(each) or str(each)).partition("\n")[0] for each in error.exceptions]
    return "\n".join([text, *(f"  {cause}" for cause in causes if cause and cause not in text)])


def meaning_of_call(error: Exception) -> str | None:
    """What an error of a model call means, whoever raised it; None for what nobody foresaw."""
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.failures import classify
    from langchain_tuned_gemini.secrets.redaction import redact, without_secrets
    from langchain_tuned_gemini.services.error_translation import reason_of

    if isinstance(error, TunedGeminiError):
        return error.for_command_line
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
