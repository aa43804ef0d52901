"""The rule by which a candidate is better than another one, and may be promoted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from langchain_tuned_gemini.comparison.comparison import Comparison
from langchain_tuned_gemini.comparison.figure_text import points, signed_bounds, signed_points
from langchain_tuned_gemini.comparison.figures import CandidateDifference
from langchain_tuned_gemini.comparison.statistics import CONFIDENCE
from langchain_tuned_gemini.errors import ParameterError

_CHANCE = 1 - CONFIDENCE


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision whether a candidate is better, and its reason; true if it is.

    Attributes:
        is_better: Whether it is better, or not worse by the margin.
        why: A sentence that says so, with the figures.
        difference: How the two differ.
        margin: By how much the candidate may be worse.
    """

    is_better: bool
    why: str
    difference: CandidateDifference
    margin: float

    def __bool__(self) -> bool:
        return self.is_better

    def as_dict(self) -> dict[str, Any]:
        """The decision as plain data."""
        return {**asdict(self), "difference": self.difference.as_dict()}


def is_better(
    comparison: Comparison,
    candidate: str,
    than: str | None = None,
    *,
    margin: float = 0.0,
) -> Decision:
    """Says whether a candidate is better than another one, beyond chance.

    It is when the whole 95 % interval of the paired difference is above zero, and McNemar's exact
    test agrees (p < 0.05), which it never does for fewer than 6 questions that tell them apart.
    With a margin it is enough not to be worse by that much: the whole interval is above
    `-margin`. What the candidate did not answer counts against it.

    One in 40 candidates that are no better passes by chance: of dozens, the best one is to be
    compared again, on another test set.

    Args:
        comparison: What they answered.
        candidate: The name of the one that may be better.
        than: The name of the other one; the baseline when None.
        margin: By how much it may be worse, as a share of the questions, from 0.0 to less than
            1.0: 0.02 is two questions in a hundred.

    Raises:
        ParameterError: If there is no such candidate, or no such margin.

    Example:
        >>> from langchain_tuned_gemini.comparison import compare
        >>> from langchain_tuned_gemini.testing import ScriptedChatModel
        >>> old, new = ScriptedChatModel(answers=["?"]), ScriptedChatModel(answers=["yes"])
        >>> test = [(f"Is {n} even?", "yes") for n in range(0, 24, 2)]
        >>> print(is_better(compare({"old": old, "new": new}, test), "new").why)
        new is better than old: +100.0 points (+51.5 to +100.0), p = 0.00049, 12 questions
    """
    if not 0 <= margin < 1:
        raise ParameterError(f"margin={margin!r} must be a share from 0.0 to less than 1.0.")
    difference = comparison.difference(candidate, than)
    paired = difference.paired
    agrees = margin > 0 or paired.p_value < _CHANCE
    better = agrees and paired.interval.low > -margin
    what = f"not worse by {points(margin)} points" if margin else "better"
    verb = "is" if better else "is not shown to be"
    questions = f"{paired.of} question{'' if paired.of == 1 else 's'}"
    left_out = f", {difference.left_out} more left out" if difference.left_out else ""
    why = (
        f"{difference.candidate} {verb} {what} than {difference.baseline}: "
        f"{signed_points(paired.value)} points ({signed_bounds(paired.interval)}), "
        f"p = {paired.p_value:.2g}, {questions}{left_out}"
    )
    return Decision(better, why, difference, margin)
