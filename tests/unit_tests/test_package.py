"""The package as a whole: its names, its layers, its documentation, its cost."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import langchain_tuned_gemini
from tests import exports
from tests.pages import CONTRIBUTING

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "langchain_tuned_gemini"
NAME = "langchain_tuned_gemini"

# The packages that have another name than their modules, or that another one needs itself.
DISTRIBUTIONS = {
    "google.ai": "google-generativeai",
    "google.api_core": "google-generativeai",
    "google.protobuf": "google-generativeai",
    "jsonschema_specifications": "jsonschema",
    "opentelemetry": "opentelemetry-api",
    "requests": "google-generativeai",
}


def imported_packages() -> set[str]:
    """The packages of others that the package imports anywhere, by the names of PyPI."""
    nodes = [
        node for path in PACKAGE.rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))
    ]
    names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    shortened = {".".join(name.split(".")[: 1 + name.startswith("google.")]) for name in names}
    others = shortened - sys.stdlib_module_names - {NAME, "google"}
    return {DISTRIBUTIONS.get(name, name).replace("_", "-").replace(".", "-") for name in others}


def test_what_is_imported_has_a_bound_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    del extras["dev"], extras["mutants"]
    bounds = [*project["dependencies"], *(line for lines in extras.values() for line in lines)]
    declared = {Requirement(line).name: Requirement(line).specifier for line in bounds}

    assert imported_packages() - declared.keys() == {"pytest"}  # which loads the fixture
    assert all(any(s.operator == ">=" for s in bound) for bound in declared.values())


def test_the_homes_of_the_public_names_are_those_of_the_one_list() -> None:
    source = exports.INIT.read_text(encoding="utf-8")

    assert exports.written(source) == source, "run: make format"
    assert sorted(langchain_tuned_gemini.__all__) == sorted(langchain_tuned_gemini._HOME_OF)


def test_whoever_imports_everything_gets_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from langchain_tuned_gemini import *", names)

    assert names.keys() >= set(langchain_tuned_gemini._HOME_OF)
    assert set(dir(langchain_tuned_gemini)) == set(langchain_tuned_gemini._HOME_OF)


@pytest.mark.parametrize("name", langchain_tuned_gemini.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(langchain_tuned_gemini, name)

    assert inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        langchain_tuned_gemini.nothing  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, langchain_tuned_gemini as package\n"
        "dir(package)\n"
        "heavy = {'google.genai', 'httpx', 'langchain_core', 'langchain_google_genai', 'numpy', 'bm25s',"
        " 'opentelemetry.metrics', 'opentelemetry.trace'}\n"
        "sys.exit(','.join(sorted(heavy & sys.modules.keys())))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr.strip() == ""


def test_the_files_are_there_that_contributing_says_to_open() -> None:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    _, _, table = text.partition("| … | open first | and then |\n| --- | --- | --- |\n")
    rows = [line.split("|")[1:-1] for line in table.partition("\n\n")[0].splitlines()]

    assert rows
    for change, first, then in rows:
        paths = re.findall(r"`([\w./]+)`", first + then)
        files = [path for path in paths if "/" in path]
        assert "/" in first, f"what to open first, for{change}?"
        for file in files:
            folder = ROOT if file.startswith(("tests/", "benchmarks/")) else PACKAGE
            assert (folder / file).exists(), f"{file}, for{change}"
