"""The one place through which everything passes that a command says.

Results go to the standard output, everything else to the error stream. Whatever it is, it is made
safe for a terminal first: no other module of the command line prints, or imports rich.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from langchain_tuned_gemini.cli.sanitizer import clean, clean_json, clean_line
from langchain_tuned_gemini.cli.views import Details, Table, View

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Advance: TypeAlias = Callable[[str, float | None], None]
"""Tells of progress: in words, and in percent where that is known."""


_NAME_WIDTH = 40
"""How many columns the first cell of a row has at least: it is a name, to be read and copied."""

_SHORT = 8
"""Cells up to this length are not broken: a state, an age, a number."""

_GAP = 2
"""The width that a column takes besides its cells."""


class Output:
    """The output of a command: its result, and what it says beside that.

    Args:
        as_json: Whether results are JSON.

    Attributes:
        as_json: Whether results are JSON.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at the results."""
        return sys.stdout.isatty()

    @property
    def width(self) -> int:
        """How many columns there are to show results in."""
        return shutil.get_terminal_size().columns

    def result(self, data: Any, *views: View) -> None:
        """Writes what the command was called for.

        Args:
            data: What `--json` writes: anything that JSON has.
            *views: What is written else, one below the other.
        """
        if self.as_json:
            self.document(data)
            return
        for number, view in enumerate(views):
            if number and self.is_terminal:
                self._write("\n")
            self._show(view)

    def document(self, data: Any) -> None:
        """Writes a result that is JSON in any case."""
        self._write(clean_json(json.dumps(data, ensure_ascii=False, indent=2)) + "\n")

    def json_line(self, data: Any) -> None:
        """Writes one of many results, as a line of JSON."""
        self._write(clean_json(json.dumps(data, ensure_ascii=False)) + "\n")

    def piece(self, text: str) -> None:
        """Writes a piece of a result that comes bit by bit; nothing is added to it."""
        self._write(clean(text))

    def data(self, text: str) -> None:
        """Writes a piece of a file of the user's: exactly that, in UTF-8, but on a terminal."""
        if self.is_terminal:
            self._write(clean(text))
            return
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())

    def say(self, text: str, style: str = "") -> None:
        """Tells something beside the result."""
        self._write_beside(clean(text), style)

    def beside(self, view: View) -> None:
        """Shows something to look at before a question, on the error stream."""
        console = self._console(sys.stderr)
        console.print(_renderable(view, console.width))

    def warn(self, text: str) -> None:
        """Tells of something that is odd and stops nothing."""
        self._write_beside(f"warning: {clean(text)}", "yellow")

    def error(self, text: str) -> None:
        """Tells why it can't be done."""
        self._write_beside(f"error: {clean(text)}", "red")

    def write_nowhere(self) -> None:
        """Lets go of an output that nobody reads: Python would flush it once more at its end."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def can_ask(self) -> bool:
        """Whether there is somebody who can answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def confirm(self, question: str, expected: str) -> bool:
        """Asks to type something, and tells whether exactly that was typed."""
        sys.stderr.write(f"{clean(question)} ")
        sys.stderr.flush()
        return sys.stdin.readline().strip() == expected

    @contextmanager
    def progress(self) -> Iterator[Advance]:
        """Shows how far something is: a bar on a terminal; elsewhere a line for each change."""
        if sys.stderr.isatty():
            with _bar(self._console(sys.stderr)) as advance:
                yield advance
        else:
            yield self._lines()

    def _lines(self) -> Advance:
        last: list[str] = []

        def advance(text: str, percent: float | None) -> None:
            done = "" if percent is None else f" {percent:.0f} %"
            line = clean_line(f"{text}{done}")
            if line not in last[-1:]:
                last.append(line)
                self._write_beside(line)

        return advance

    def _show(self, view: View) -> None:
        if self.is_terminal:
            console = self._console(sys.stdout)
            console.print(_renderable(view, console.width), soft_wrap=isinstance(view, str))
        else:
            self._write(_plain(view))

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _write_beside(self, text: str, style: str = "") -> None:
        """Writes clean text to the error stream."""
        if sys.stderr.isatty():
            self._console(sys.stderr).print(_styled(text, style), soft_wrap=True)
        else:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def _console(self, stream: TextIO) -> Console:
        from rich.console import Console

        return Console(file=stream, highlight=False)


def _plain(view: View) -> str:
    """A view as lines for other programs."""
    if isinstance(view, str):
        return clean(view).rstrip("\n") + "\n"
    rows = [row for row in view.rows if isinstance(view, Table) or row[1]]
    return "".join("\t".join(map(clean_line, row)) + "\n" for row in rows)


def _renderable(view: View, width: int) -> Any:
    """A view for rich, on a terminal so wide."""
    from rich.table import Table as RichTable

    if isinstance(view, str):
        return _styled(clean(view).rstrip("\n"))
    if isinstance(view, Details):
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="dim", no_wrap=True)
        grid.add_column(overflow="fold")
        for label, cell in view.rows:
            if cell:
                grid.add_row(clean_line(label), _cell(cell, multiline=True))
        return grid
    return _rich_table(view, width)


def _rich_table(table: Table, width: int) -> Any:
    """A table for rich, on a terminal so wide."""
    from rich import box
    from rich.table import Table as RichTable

    rich = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown = [n for n in range(len(table.columns)) if any(row[n] for row in table.rows)]
    for number, fits in zip(shown, _widths(table, shown, width), strict=True):
        column = table.columns[number]
        rich.add_column(
            clean_line(column),
            justify="right" if column in table.right else "left",
            overflow="fold",
            width=fits,
        )
    for row in table.rows:
        rich.add_row(*(_cell(row[number]) for number in shown))
    return rich


def _widths(table: Table, shown: Sequence[int], width: int) -> list[int]:
    """The widths of the columns that are shown."""
    from rich.cells import cell_len

    longest = [max(cell_len(clean_line(row[n])) for row in table.rows) for n in shown]
    pairs = list(zip(shown, longest, strict=True))
    natural = [max(cell_len(clean_line(table.columns[n])), cells) for n, cells in pairs]
    least = [min(cells, _SHORT if n else _NAME_WIDTH) for n, cells in pairs]
    return _fitted(natural, least, width - _GAP * len(shown) + 1)


def _fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widths of columns that fit: the widest give way first.

    rich, told how wide a column is to be at least, makes the table wider than the terminal and
    cuts off what has no room (15.0), so that a figure loses its end, or its column.

    Args:
        natural: How wide each column would be.
        least: How wide each had better stay, for its shorter cells to be whole.
        room: How wide all of them may be together.

    Example:
        >>> _fitted([10, 30, 20], [10, 8, 8], room=40)
        [10, 15, 15]
        >>> _fitted([10, 30, 20], [10, 8, 8], room=20)
        [6, 7, 7]
    """
    widths = list(natural)
    for floors in (least, [1] * len(widths)):
        while sum(widths) > room:
            yielding = [n for n, width in enumerate(widths) if width > floors[n]]
            if not yielding:
                break
            widths[max(yielding, key=lambda n: widths[n])] -= 1
    return widths


def _cell(cell: str, *, multiline: bool = False) -> Text:
    return _styled((clean if multiline else clean_line)(cell), getattr(cell, "style", ""))


def _styled(text: str, style: str = "") -> Text:
    """Clean text for rich, which reads no markup in it."""
    from rich.text import Text

    return Text(text, style=style)


@contextmanager
def _bar(console: Console) -> Iterator[Advance]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        task = bars.add_task("", total=None)

        def advance(text: str, percent: float | None) -> None:
            total = None if percent is None else 100.0
            bars.update(task, description=clean_line(text), total=total, completed=percent or 0.0)

        yield advance
