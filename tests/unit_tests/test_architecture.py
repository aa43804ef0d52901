"""The floors of ARCHITECTURE.md, and every import of the package held against them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "langchain_tuned_gemini"
PACKAGE = ROOT / NAME
PLAN = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

EMULATOR_IMPORTS = {"tuned_models", "errors", "dataset"}
IMPORT_THE_EMULATOR = {"cli", "pytest_plugin"}


def floors() -> list[list[str]]:
    """The rooms of each floor, from the ground up, as the plan's first block has them."""
    block = re.search(r"```text\n(.*?)```", PLAN, re.DOTALL)
    assert block
    return [re.split(r"\s{2,}", line)[0].split(" · ") for line in block[1].splitlines()]


FLOOR_OF = {room: number for number, floor in enumerate(floors()) for room in floor}


def rooms() -> set[str]:
    """Packages and modules that stand at the root."""
    return {
        path.stem
        for path in PACKAGE.iterdir()
        if (path.is_dir() and any(path.glob("*.py"))) or path.suffix == ".py"
    } - {"__init__"}


def imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and rooms that a module imports: for type checkers and within functions as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            first, *rest = (node.module or "").split(".")
            if first == NAME:
                for alias in node.names:
                    yield node.lineno, (rest or [alias.name])[0]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first, *rest = alias.name.split(".")
                if first == NAME:
                    yield node.lineno, (rest or [""])[0]


def why_not(room: str, imported: str) -> str:
    """What is wrong with an arrow from one room to another; empty where nothing is."""
    if imported == "emulator":
        return "" if room in IMPORT_THE_EMULATOR else "nothing imports the emulator"
    if room == "emulator" and imported not in EMULATOR_IMPORTS:
        return "the emulator stands for another's service"
    here, there = FLOOR_OF[room], FLOOR_OF[imported]
    if here == there:
        return "they stand on one floor"
    return "" if there < here else f"{room} stands above {imported} in the plan"


@pytest.mark.parametrize(
    ("room", "imported", "told"),
    [
        ("chat_models", "errors", ""),
        ("errors", "chat_models", "errors stands above chat_models"),
        ("library", "comparison", "they stand on one floor"),
        ("emulator", "names", "the emulator stands for another's service"),
        ("chat_models", "emulator", "nothing imports the emulator"),
        ("cli", "emulator", ""),
    ],
)
def test_an_arrow_is_told_by_its_fault(room: str, imported: str, told: str) -> None:
    assert why_not(room, imported).startswith(told)
    assert bool(told) == bool(why_not(room, imported))


def test_the_plan_has_every_room_once() -> None:
    listed = [room for floor in floors() for room in floor]

    assert sorted(listed) == sorted(rooms())


@pytest.mark.parametrize("room", sorted(rooms()))
def test_arrows_point_one_way(room: str) -> None:
    folder = PACKAGE / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {room} -> {imported}: {why}"
        for path in files
        for line, imported in imported_rooms(path)
        if imported != room and (why := why_not(room, imported))
    ]

    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        line.split()[0]
        for block in re.findall(r"```text\n(.*?)```", PLAN, re.DOTALL)[1:]
        for line in block.splitlines()
    ],
)
def test_the_trips_lead_through_files_that_are_there(line: str) -> None:
    assert (PACKAGE / line).is_file()


# The emulator stands on the other side of the wire, and a command has the name that is typed.
OUT_OF_REACH = {PACKAGE / "emulator", PACKAGE / "cli" / "commands"}


def test_a_name_leads_to_one_file() -> None:
    files = [
        path
        for path in PACKAGE.rglob("*.py")
        if path.stem not in {"__init__", "__main__"} and OUT_OF_REACH.isdisjoint(path.parents)
    ]
    names = Counter(path.stem for path in files)

    assert [name for name, times in names.items() if times > 1] == []


def test_a_name_leads_to_one_class() -> None:
    classes = Counter(
        node.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )

    assert [name for name, times in classes.items() if times > 1] == []
