"""The README, the pages beside it and those in `docs`, as the tests read them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = (README, CONTRIBUTING, ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))


def blocks(page: Path, language: str = "python") -> list[str]:
    """The page's blocks of code in one language; a fence that says more is none of them."""
    text = page.read_text(encoding="utf-8")
    return [part.split("```")[0] for part in text.split(f"```{language}\n")[1:]]


def between_marks(page: Path, name: str) -> str:
    """What stands between `<!-- name -->` and `<!-- /name -->`."""
    text = page.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"<!-- {name} -->\n")
    assert found, f"{page.name} has no <!-- {name} -->"
    return rest.partition(f"<!-- /{name} -->")[0].strip()


def headings(page: Path) -> set[str]:
    """The anchors of the page's headings, as GitHub makes them."""
    lines = re.findall(r"(?m)^#+ (.*)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
