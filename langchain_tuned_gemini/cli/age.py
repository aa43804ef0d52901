"""Ages, as people write them."""

from __future__ import annotations

import re

from langchain_tuned_gemini.cli.errors import CommandError, ExitCode

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGE = re.compile(rf"(\d+(?:\.\d+)?)([{''.join(_UNITS)}])", re.ASCII)


def seconds_of(text: str) -> float:
    """Reads an age, in seconds.

    Raises:
        CommandError: It is none.

    Example:
        >>> seconds_of("1.5h"), seconds_of("8w")
        (5400.0, 4838400.0)
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise CommandError(
            f"{text!r} is no age. Write a number and its unit, s, m, h, d or w: 12h, 30d.",
            ExitCode.USAGE,
        )
    return float(match[1]) * _UNITS[match[2]]


def age_text(seconds: float) -> str:
    """An age in its largest unit that is there twice.

    Example:
        >>> age_text(90), age_text(7200), age_text(86400 * 45), age_text(-3)
        ('90 s', '2 h', '45 d', '0 s')
    """
    for unit in ("d", "h", "m"):
        if seconds >= 2 * _UNITS[unit]:
            return f"{seconds // _UNITS[unit]:.0f} {unit.replace('m', 'min')}"
    return f"{max(seconds, 0):.0f} s"
