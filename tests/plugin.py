"""The pytest plugin as an installation announces it, whatever is installed here."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def announce_plugin(folder: Path) -> str:
    """Writes the entry points of `pyproject.toml` where Python looks for installed packages.

    Returns:
        The `PYTHONPATH` that finds them, and the package here.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / "announced-1.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Name: announced\nVersion: 1\n", encoding="utf-8")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["pytest11"].items()]
    entry_points = "\n".join(["[pytest11]", *lines, ""])
    (metadata / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    return os.pathsep.join([str(ROOT), str(folder)])
