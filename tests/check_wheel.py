"""The wheel as its users get it: built, and installed into an empty environment.

`make test-wheel` runs it, and `make test` does not: it needs the network.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import README, ROOT, blocks

UV = Path(sys.executable).with_name("uv")

LOOK_AT_EVERYTHING = """
import importlib, inspect, pkgutil, pydoc
import langchain_tuned_gemini as package

# Each of them needs an extra, or pytest; the command line is no library.
OF_EXTRAS = {"cli", "emulator", "middleware", "pytest_plugin"}
found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda name: None)
names = [one.name for one in found if one.name.split(".")[1] not in OF_EXTRAS]
assert len(names) > 50, names
for name in [package.__name__, *names]:
    if any(part.startswith("_") for part in name.split(".")):
        continue
    module = importlib.import_module(name)
    exec(f"from {name} import *", {})
    inspect.getmembers(module)
    pydoc.render_doc(module)
for name in package.__all__:
    inspect.getmembers(getattr(package, name))
    pydoc.render_doc(getattr(package, name))
help(package)
"""


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    built = run(UV, "build", "--wheel", "--out-dir", folder, folder=ROOT)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def installed(wheel: str | Path, folder: Path, *others: str) -> Path:
    """The Python of an empty environment with nothing but the wheel and what it needs."""
    made = run(UV, "venv", "--python", sys.executable, folder / "venv", folder=folder)
    assert made.returncode == 0, made.stderr
    python = folder / "venv" / "bin" / "python"
    done = run(UV, "pip", "install", "--python", python, str(wheel), *others, folder=folder)
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without extras."""
    return installed(wheel, tmp_path_factory.mktemp("bare"))


def test_all_that_is_public_can_be_looked_at_without_extras(bare: Path, tmp_path: Path) -> None:
    looked = run(bare, "-I", "-c", LOOK_AT_EVERYTHING, folder=tmp_path)

    assert looked.stderr == ""
    assert looked.stdout.startswith("Help on package langchain_tuned_gemini")


@pytest.mark.parametrize(
    ("statement", "extra"),
    [
        ("from langchain_tuned_gemini import TunedGeminiFallbackMiddleware", "agents"),
        ("import langchain_tuned_gemini.middleware", "agents"),
        ("import langchain_tuned_gemini.emulator", "emulator"),
        ("from langchain_tuned_gemini import *; GenerativeAIService('k')", "generativeai"),
        ("from langchain_tuned_gemini import *; ValidSQL('sqlite')", "sql"),
        ("import sys, langchain_tuned_gemini.cli as cli; sys.exit(cli.main())", "cli"),
    ],
)
def test_what_an_extra_is_missing_for_is_said(
    statement: str, extra: str, bare: Path, tmp_path: Path
) -> None:
    tried = run(bare, "-I", "-c", statement, folder=tmp_path)

    assert tried.returncode != 0
    assert f'pip install "langchain-tuned-gemini[{extra}]"' in tried.stderr.splitlines()[-1]


def test_it_does_not_get_in_the_way_of_pytest(wheel: Path, tmp_path: Path) -> None:
    """pytest imports the plugin of whatever is installed."""
    python = installed(wheel, tmp_path, "pytest")
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass", encoding="utf-8")

    tested = run(python, "-m", "pytest", "-q", "test_nothing.py", folder=tmp_path)

    assert "1 passed" in tested.stdout, tested.stderr


def test_the_first_lines_of_the_readme_run_with_the_extra_that_it_names(
    wheel: Path, tmp_path: Path
) -> None:
    assert 'pip install "langchain-tuned-gemini[emulator]"' in README.read_text(encoding="utf-8")
    python = installed(f"{wheel}[emulator]", tmp_path)

    ran = run(python, "-I", "-c", blocks(README)[0], folder=tmp_path)

    assert ran.stdout == "8\n8\n", ran.stderr
