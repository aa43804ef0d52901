"""What a command has to show, as values: tables, details, plain text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text with a style of rich's, such as `green`."""

    text: str
    style: str = ""


Row: TypeAlias = Sequence[str | Cell]


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
    rows: Sequence[Row]
    right: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Details:
    """Labels, each with what it says; in a pipe, a tab between them. Empty ones are left out."""

    rows: Sequence[tuple[str, str | Cell]]


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


def text_of(cell: str | Cell) -> str:
    """A cell's text."""
    return cell.text if isinstance(cell, Cell) else cell
