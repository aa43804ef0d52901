"""Figures as text, in every report alike."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_tuned_gemini.comparison.figures import CandidateDifference, Figures
from langchain_tuned_gemini.comparison.statistics import Interval, Rate

UNKNOWN = "-"


def points(share: float) -> str:
    """A share in percentage points.

    Example:
        >>> points(0.125)
        '12.5'
    """
    return f"{100 * share:.1f}"


def signed_points(share: float) -> str:
    """A difference in percentage points, with its sign, and no negative zero.

    Example:
        >>> signed_points(0.125), signed_points(-0.0001), signed_points(-0.5)
        ('+12.5', '0.0', '-50.0')
    """
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def signed_bounds(interval: Interval) -> str:
    """From where to where a difference may be, in percentage points."""
    return f"{signed_points(interval.low)} to {signed_points(interval.high)}"


def rate(measured: Rate) -> str:
    """A rate with its interval.

    Example:
        >>> rate(Rate(8, 10))
        '80.0 % (49.0 to 94.3)'
    """
    interval = measured.interval
    return f"{points(measured.value)} % ({points(interval.low)} to {points(interval.high)})"


def difference(measured: CandidateDifference) -> str:
    """A difference with its interval."""
    paired = measured.paired
    return f"{signed_points(paired.value)} ({signed_bounds(paired.interval)})"


def seconds(duration: float) -> str:
    """A duration, in milliseconds or seconds.

    Example:
        >>> seconds(0.0042), seconds(0.5), seconds(12.34)
        ('4.2 ms', '500 ms', '12.3 s')
    """
    if duration < 0.01:
        return f"{1e3 * duration:.1f} ms"
    return f"{1e3 * duration:.0f} ms" if duration < 1 else f"{duration:.1f} s"


def number(amount: int | None) -> str:
    """A number, with its thousands apart."""
    return UNKNOWN if amount is None else f"{amount:,}"


def money(amount: float | None, currency: str) -> str:
    """An amount of money, with as many digits as say something.

    Example:
        >>> money(0.000123, "USD"), money(12.5, "EUR"), money(0.0, "EUR")
        ('0.000123 USD', '12.50 EUR', '0.00 EUR')
    """
    if amount is None:
        return UNKNOWN
    digits = f"{amount:.3g}" if 0 < amount < 0.1 else f"{amount:,.2f}"
    return f"{digits} {currency}"


def counts(times: Mapping[str, int]) -> str:
    """How often each of some things was there, the most frequent first.

    Example:
        >>> counts({"quota": 1, "timeout": 3})
        '3 timeout, 1 quota'
    """
    often = sorted(times.items(), key=lambda item: -item[1])
    return ", ".join(f"{number} {name}" for name, number in often)


def tokens(figures: Figures) -> str:
    """The tokens of a prompt and of an answer, on average."""
    if figures.input_tokens is None or figures.output_tokens is None or not figures.questions:
        return UNKNOWN
    asked, said = figures.input_tokens, figures.output_tokens
    return f"{asked / figures.questions:,.0f} + {said / figures.questions:,.0f}"


def printable(text: str, *, keep: str = "") -> str:
    r"""A text without what moves a cursor or turns the direction of writing around.

    Args:
        text: What a model or a server said.
        keep: Control characters that may stay, such as line ends.

    Example:
        >>> printable("red \x1b[31m")
        'red �[31m'
    """
    return "".join(c if c.isprintable() or c in keep else "\ufffd" for c in text)
