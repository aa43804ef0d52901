"""What the benchmarks measured, kept as JSON beside them: the README's tables are made of it.

Only with `--record`: a run out of curiosity changes nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "results"


def record(name: str, figures: Any) -> None:
    """Keeps the figures of one benchmark in place of those before, if that was asked for."""
    if "--record" in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def recorded(name: str) -> Any:
    """The figures of one benchmark, as they were recorded last."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
