"""Whatever a server says, and wherever it is shown, a terminal gets text and colours."""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

import langchain_tuned_gemini.cli
from langchain_tuned_gemini.cli.output import Output, _rich_table
from langchain_tuned_gemini.cli.sanitizer import clean
from langchain_tuned_gemini.cli.views import Cell, Details, Table

CLI = Path(langchain_tuned_gemini.cli.__file__).parent
NASTY = st.text(
    st.sampled_from("a[b]/ \x1b\x9b\x07\r\n\t\u202e\u200b\ud800\x00é中\U0001f600"), max_size=12
)
OURS = re.compile(r"\x1b\[(?:[0-9;]*m|2K|1A|\?25[lh])|\r(?=\x1b\[2K)")
"""rich's own: colours, and what redraws the line of a progress bar."""


class Screen(io.TextIOWrapper):
    """A stream that says that it is a terminal, or not."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.bytes = io.BytesIO()
        self.is_terminal = is_terminal
        super().__init__(self.bytes, encoding="utf-8", newline="")

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def text(self) -> str:
        self.flush()
        return self.bytes.getvalue().decode()


@contextmanager
def streams(*, are_terminals: bool) -> Iterator[tuple[Screen, Screen]]:
    before = sys.stdout, sys.stderr
    out, err = Screen(is_terminal=are_terminals), Screen(is_terminal=are_terminals)
    sys.stdout, sys.stderr = out, err
    try:
        yield out, err
    finally:
        sys.stdout, sys.stderr = before


def say_everything(out: Output, text: str) -> None:
    out.result(
        {"text": text},
        text,
        Table((text, "b"), [[text, Cell(text, "green")], ["x", "y"]]),
        Details([(text, text), ("label", Cell(text, "red"))]),
    )
    out.piece(text)
    out.json_line([text])
    out.document({text: text})
    out.say(text, "dim")
    out.warn(text)
    out.error(text)
    out.beside(Table(("a",), [[text], ["x"]]))
    with out.progress() as advance:
        advance(text, None)
        advance(text, 50)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("are_terminals", [False, True])
@given(text=NASTY)
def test_nothing_but_our_own_colours_acts_on_the_terminal(
    are_terminals: bool, as_json: bool, text: str
) -> None:
    with streams(are_terminals=are_terminals) as (out, err):
        say_everything(Output(as_json=as_json), text)

    for shown in (out.text, err.text):
        left = OURS.sub("", shown)
        assert clean(left) == left
        if not are_terminals:
            assert "\x1b" not in shown


@given(text=NASTY)
def test_a_row_stays_a_row(text: str) -> None:
    with streams(are_terminals=False) as (out, _):
        Output().result(None, Table(("a", "b"), [[text, "x"], ["y", text]]))

    rows = [line.split("\t") for line in out.text.splitlines()]
    assert [len(row) for row in rows] == [2, 2]


def test_markup_of_rich_is_text() -> None:
    with streams(are_terminals=True) as (out, _):
        Output().result(None, Table(("a",), [["[red]x[/]"]]))

    assert "[red]x[/]" in out.text


def test_no_other_module_writes_or_formats() -> None:
    """What goes round `Output` would go round the cleaning."""
    for path in CLI.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        imports = {
            alias.name if isinstance(node, ast.Import) else node.module or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        if path.name != "output.py":
            assert not any(name.split(".")[0] == "rich" for name in imports), path
            assert not calls & {"print", "typer.echo", "typer.secho"}, path
        if path.name not in {"output.py", "__init__.py"}:
            assert not {n for n in names if re.match(r"sys\.std(out|err)\.(write|buffer)", n)}, path


def test_a_confirmation_takes_exactly_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for typed, wanted in (("delete 2\n", True), ("delete\n", False), ("", False)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert Output().confirm("?", "delete 2") is wanted


@given(
    rows=st.lists(
        st.lists(st.text("ab12 %.", max_size=30), min_size=5, max_size=5), min_size=1, max_size=4
    ),
    width=st.integers(20, 160),
)
def test_a_table_loses_nothing_however_narrow_the_terminal_is(rows, width) -> None:
    from rich.console import Console

    columns = ["candidate", "right answers", "p50", "difference", "no answer"]
    shown = [n for n in range(5) if any(row[n] for row in rows)]
    console = Console(width=width, file=io.StringIO())

    console.print(_rich_table(Table(columns, rows), width))

    lines = console.file.getvalue().splitlines()
    cells = [columns[n] for n in shown] + [row[n] for row in rows for n in shown]
    assert all(len(line) <= width for line in lines)
    assert letters(*lines) == letters(*cells)


def letters(*texts: str) -> list[str]:
    return sorted("".join(texts).replace("─", "").replace(" ", ""))
