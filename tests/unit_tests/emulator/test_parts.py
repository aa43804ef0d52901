"""The parts of the emulator, and every import between them held against its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from langchain_tuned_gemini import emulator

FOLDER = Path(emulator.__file__).parent
NAME = "langchain_tuned_gemini.emulator"
LINES = re.findall(r"^    ([a-z_]+(?: · [a-z_]+)*)  ", emulator.__doc__ or "", re.MULTILINE)
FLOOR_OF = {part: floor for floor, line in enumerate(LINES) for part in line.split(" · ")}


def imported_parts(path: Path) -> set[str]:
    """Parts that a module imports: for type checkers and within functions as well."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(NAME):
            inside = (node.module or "").removeprefix(NAME).strip(".").split(".")[0]
            imported |= {inside} if inside else {alias.name for alias in node.names}
    return imported


def test_the_docstring_has_every_part_once() -> None:
    parts = {path.stem for path in FOLDER.iterdir() if not path.name.startswith("_")}

    assert sorted(part for line in LINES for part in line.split(" · ")) == sorted(parts)


@pytest.mark.parametrize("part", FLOOR_OF)
def test_a_part_imports_only_those_before_it(part: str) -> None:
    files = (
        [FOLDER / f"{part}.py"] if (FOLDER / f"{part}.py").exists() else (FOLDER / part).glob("*")
    )
    above = {
        f"{path.name} -> {imported}"
        for path in files
        if path.suffix == ".py"
        for imported in imported_parts(path) - {part}
        if FLOOR_OF[imported] >= FLOOR_OF[part]
    }

    assert above == set()
