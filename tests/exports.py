"""Writes where the public names stand, from the one list of them: `python -m tests.exports`.

The list is the block for type checkers in the package's `__init__`: they need imports as text, and
so does whoever packs an application. The block does not run, and an installed application may
have no source to read it from, so `_HOMES` says the same in a form that Python keeps.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

NAME = "langchain_tuned_gemini"
INIT = Path(__file__).resolve().parents[1] / NAME / "__init__.py"
_HOMES = re.compile(r"^_HOMES = \{.*?\}\n", re.DOTALL | re.MULTILINE)


def written(source: str) -> str:
    """The source with `_HOMES` as its block for type checkers says."""
    block = next(node for node in ast.parse(source).body if isinstance(node, ast.If))
    lines = ["_HOMES = {"]
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        home = str(node.module).removeprefix(f"{NAME}.")
        names = textwrap.wrap(" ".join(alias.name for alias in node.names), 88)
        if len(names) == 1 and len(home) + len(names[0]) < 88:
            lines.append(f'    "{home}": "{names[0]}",')
        else:
            texts = [f'"{line} "' for line in names[:-1]] + [f'"{names[-1]}"']
            lines += [f'    "{home}": (', *(f"        {text}" for text in texts), "    ),"]
    return _HOMES.sub("\n".join([*lines, "}", ""]), source)


if __name__ == "__main__":
    INIT.write_text(written(INIT.read_text(encoding="utf-8")), encoding="utf-8")
