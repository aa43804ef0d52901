"""The root of all errors, and those about how this package is used."""

from __future__ import annotations

from typing import Any, Self, TypeVar

_Error = TypeVar("_Error", bound=BaseException)


class TunedGeminiError(Exception):
    """The root of this package's errors: `except TunedGeminiError` catches all of them.

    They can be pickled, so that they reach the caller from another process.
    """

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

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(message)
        self.name = name


class UserCodeError(TunedGeminiError):
    """Code of yours that a call went through raised: its own failure, never a model's.

    Attributes:
        what: Which code it was.
    """

    def __init__(self, what: str, cause: Exception, *, so: str = "no model has failed") -> None:
        # Without the cause's text, which may repeat what was asked or answered.
        super().__init__(
            f"{what[:1].upper()}{what[1:]} raised {type(cause).__name__}: {so}. See the cause, and "
            "correct it."
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
            f"{feature} needs an optional dependency. Install it with: "
            f'pip install "langchain-tuned-gemini[{extra}]"'
        )
        self.extra = extra
