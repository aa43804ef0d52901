"""Views, which a command shows: tables, details and plain text, as values."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias


class Cell(str):
    """A piece of text with a style of rich's, such as `green`."""

    __slots__ = ("style",)
    style: str

    def __new__(cls, text: str, style: str = "") -> Self:
        """Text with a style."""
        cell = super().__new__(cls, text)
        cell.style = style
        return cell


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings; in a pipe, lines of cells between tabs, without the headings.

    On a terminal, columns without any text are left out.

    Attributes:
        columns: The headings.
        rows: The cells of each row.
        right: The headings of columns that hold numbers.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """Labels, each with what it says; in a pipe, a tab between them. Empty ones are left out."""

    rows: Sequence[tuple[str, str]]


View: TypeAlias = str | Table | Details
"""What can be shown; a `str` is text of any number of lines."""

_STATE_STYLES = {
    "ACTIVE": "green",
    "CREATING": "yellow",
    "FAILED": "red",
    "CANCELLED": "red",
    "UNKNOWN": "magenta",
}


def state_cell(state: str) -> Cell:
    """A tuned model's state in its colour."""
    return Cell(state, _STATE_STYLES.get(state, ""))


def age_text(seconds: float) -> str:
    """An age in its largest unit that is there twice.

    Example:
        >>> age_text(90), age_text(7200), age_text(86400 * 45), age_text(-3)
        ('90 s', '2 h', '45 d', '0 s')
    """
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
