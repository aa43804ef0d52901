"""The root of all errors, and those about how this package is used."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Self, TypeVar

from langchain_tuned_gemini.errors.reasons import Reason

_Error = TypeVar("_Error", bound=BaseException)


class Advice(NamedTuple):
    """What to do about an error, where Python and the command line have different words for it.

    Attributes:
        in_python: For whoever writes a program.
        for_command_line: For whoever uses `tuned-gemini`; empty where it can't be done there.
    """

    in_python: str = ""
    for_command_line: str = ""

    def plus(self, other: Advice | str) -> Advice:
        """This, and then another one."""
        pairs = zip(self, as_advice(other), strict=True)
        return Advice(*(" ".join(filter(None, pair)) for pair in pairs))


NO_ADVICE: Final = Advice()


def as_advice(advice: Advice | str) -> Advice:
    """An advice; a text is one that fits everywhere."""
    return Advice(advice, advice) if isinstance(advice, str) else advice


def followed_by(message: str, advice: str) -> str:
    """What happened and what to do; of many lines, what to do is one more."""
    if not (message and advice) or advice.startswith("\n"):
        return message + advice
    return f"{message}\n{advice}" if "\n" in message else f"{message} {advice}"


class TunedGeminiError(Exception):
    """The root of this package's errors: `except TunedGeminiError` catches all of them.

    They can be pickled, so that they reach the caller from another process.

    Attributes:
        message: What happened, and why; the text of the error has the advice for Python behind it.
        advice: What to do, where that is not a part of the message.
        reason: Why a model did not answer; None where no other model may answer because of it.
        status: The HTTP status, where there was an answer.
        retry_after: For how long the model is best left alone, in seconds, where that is known.
        is_local: Whether the model was not asked at all, so that it is no evidence about it.
    """

    message: str = ""
    advice: Advice = NO_ADVICE
    reason: Reason | None = None
    status: int | None = None
    retry_after: float | None = None
    is_local: bool = False

    def __init__(self, message: str = "", *, advice: Advice | str = "", **more: Any) -> None:
        self.message = message
        self.advice = as_advice(advice)
        super().__init__(followed_by(message, self.advice.in_python), **more)

    def advise(self, advice: Advice | str) -> None:
        """Adds to what it advises."""
        self.advice = self.advice.plus(advice)
        self.args = (followed_by(self.message, self.advice.in_python),)

    @property
    def for_command_line(self) -> str:
        """Its text for whoever uses `tuned-gemini`."""
        return followed_by(self.message, self.advice.for_command_line)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuilds the error from what it holds: its signature takes other things."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    kind: type[TunedGeminiError], args: tuple[Any, ...], state: dict[str, Any]
) -> TunedGeminiError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def keep_retryable(error: _Error) -> _Error:
    """Lets an error say in another process, too, whether trying again may help.

    google-genai's are unpickled as plain `APIError`s, whatever class of langchain-google-genai
    they were; but what they hold themselves goes along (2.34 to 3.6).
    """
    if (is_retryable := getattr(error, "is_retryable", None)) is not None:
        vars(error).setdefault("is_retryable", is_retryable)
    return error


class TunedModelNameError(TunedGeminiError, ValueError):
    """A name that does not address a tuned model. Raised before any URL is built.

    Attributes:
        name: What was given.
    """

    def __init__(self, message: str, *, name: str, advice: Advice | str = "") -> None:
        super().__init__(message, advice=advice)
        self.name = name


class UserCodeError(TunedGeminiError):
    """Code of yours that a call went through raised: its own failure, never a model's.

    Attributes:
        what: Which code it was.
    """

    def __init__(self, what: str, cause: Exception, *, so: str = "no model has failed") -> None:
        # Without the cause's text, which may repeat what was asked or answered.
        super().__init__(
            f"{what[:1].upper()}{what[1:]} raised {type(cause).__name__}: {so}.",
            advice="See the cause, and correct it.",
        )
        self.what = what


class ParameterError(TunedGeminiError, TypeError):
    """A parameter that nobody knows, or a value that it can't take."""

    @classmethod
    def no_number(cls, where: str, value: object) -> Self:
        """Says that a text, for one, is no number, and which number was meant.

        Example:
            >>> str(ParameterError.no_number("k='8'", "8"))
            "k='8': a number is needed, not str. Did you mean 8?"
        """
        try:
            number = float(str(value))
        except ValueError:
            hint = ""
        else:
            hint = f" Did you mean {number:g}?"
        return cls(f"{where}: a number is needed, not {type(value).__name__}.{hint}")


class MissingExtraError(TunedGeminiError, ImportError):
    """An optional dependency is not installed.

    Attributes:
        extra: The extra that brings it.
    """

    def __init__(self, feature: str, *, extra: str) -> None:
        super().__init__(
            f"{feature} needs an optional dependency.",
            advice=f'Install it with: pip install "langchain-tuned-gemini[{extra}]"',
        )
        self.extra = extra
