"""What the exit code of a command says."""

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


def exit_code_of(error: BaseException) -> ExitCode:
    """The exit code that an error of this package stands for.

    Example:
        >>> from langchain_tuned_gemini import TunedModelNotFoundError
        >>> exit_code_of(TunedModelNotFoundError.of("tunedModels/gone"))
        <ExitCode.NEVER: 3>
    """
    from langchain_tuned_gemini import errors
    from langchain_tuned_gemini.cli.telling import CommandError

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
