"""What became of a call, decided by rules over what arrived: nobody's opinion."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from itertools import takewhile

from benchmarks.scorecard.task import ANSWERS

# As Google, and as LiteLLM and pydantic-ai call the limit on an answer's length.
_LIMIT_REACHED = frozenset({"MAX_TOKENS", "length"})


class Outcome(StrEnum):
    """The outcomes, best first."""

    COMPLETE = "complete"
    """One of the two right answers arrived, whole, and nothing else."""
    CUT_TOLD = "cut, told"
    """The answer is cut, and its finish reason says that it reached its limit."""
    TYPED_ERROR = "typed error"
    """No text, and an exception of the library that was asked."""
    PARTIAL_TOLD = "partial, told"
    """Part of an answer, then an exception of the library that holds just that part."""
    RAW_ERROR = "raw error"
    """No text, and an exception from below: of httpx, of the JSON parser, of a bug."""
    HANG = "hang"
    """The watchdog ended it."""
    NOT_MEASURED = "not measured"
    """The contestant failed before anything was broken."""
    LEAKED_PARTIAL = "LEAKED PARTIAL"
    """Part of an answer, then any other error, or other text."""
    FALSE_SUCCESS = "FALSE SUCCESS"
    """No error, and an answer that is empty, cut or wrong."""

    @property
    def misleads(self) -> bool:
        """Whether the caller was given something that is no answer, and was not told."""
        return self in {Outcome.LEAKED_PARTIAL, Outcome.FALSE_SUCCESS}


def judge(
    text: str,
    error: BaseException | None = None,
    *,
    finish_reason: str | None = None,
    packages: Collection[str] = (),
) -> Outcome:
    """Decides what became of a call.

    Args:
        text: All text that was handed out.
        error: What was raised.
        finish_reason: The finish reason that the answer carries.
        packages: The packages of the library that was asked, for its own exceptions.

    Example:
        >>> judge(ANSWERS[0])
        <Outcome.COMPLETE: 'complete'>
        >>> judge("")
        <Outcome.FALSE_SUCCESS: 'FALSE SUCCESS'>
        >>> judge(ANSWERS[0][:100] + " " + ANSWERS[1])
        <Outcome.LEAKED_PARTIAL: 'LEAKED PARTIAL'>
    """
    text = text.strip()
    if error is not None:
        is_own = _is_from(packages, error)
        if text:
            told = is_own and _holds(error, text)
            return Outcome.PARTIAL_TOLD if told else Outcome.LEAKED_PARTIAL
        return Outcome.TYPED_ERROR if is_own else Outcome.RAW_ERROR
    if text in ANSWERS:
        return Outcome.COMPLETE
    if _is_glued(text):
        return Outcome.LEAKED_PARTIAL
    is_cut = bool(text) and any(answer.startswith(text) for answer in ANSWERS)
    if is_cut and finish_reason in _LIMIT_REACHED:
        return Outcome.CUT_TOLD
    return Outcome.FALSE_SUCCESS


def worst(outcomes: Collection[Outcome]) -> Outcome:
    """The outcome of several calls."""
    return max(outcomes, key=list(Outcome).index)


def _is_from(packages: Collection[str], error: BaseException) -> bool:
    """Whether the library has a class for it; what it derives from does not matter."""
    return any(known.__module__.partition(".")[0] in packages for known in type(error).__mro__)


def _holds(error: BaseException, text: str) -> bool:
    """Whether the error holds the text that was handed out: as text, or as a message."""
    held = (getattr(value, "text", value) for value in vars(error).values())
    return any(isinstance(value, str) and value.strip() == text for value in held)


def _is_glued(text: str) -> bool:
    """Whether it begins as an answer does and goes on in another way."""
    said = text.split()
    return any(0 < _same(said, answer.split()) < len(said) for answer in ANSWERS)


def _same(said: Sequence[str], right: Sequence[str]) -> int:
    """How many words are right from the beginning on."""
    pairs = zip(said, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
