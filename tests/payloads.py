"""Real bodies of Google's services, and what of a body can be compared with them.

They are no part of the project. Where their folder is missing, so are the tests that need it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1].parent / "shared" / "facts" / "payloads"
FORMATS = {
    "time with 6 digits": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "time with 9 digits": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z",
    "duration": r"\d+s",
    "project": r"projects/[a-z0-9-]+/locations/[a-z0-9-]+/\w+/[\w/@-]+",
    "URI": r"gs://[\w.-]+(/[\w.-]+)+",
    "operation": r"tunedModels/[a-z0-9-]+/operations/[a-z0-9]{12}",
    "tuned model": r"tunedModels/[a-z0-9-]+",
    "base model": r"models/[a-z0-9.-]+",
    "type": r"type\.googleapis\.com/[A-Za-z0-9_.]+",
    "enum": r"[A-Z][A-Z_]+",
}


def real(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def shape(value: Any) -> Any:
    """A body with its values replaced by their types and formats; a list by its items' shapes."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        shapes: list[Any] = []
        for item in map(shape, value):
            if item not in shapes:
                shapes.append(item)
        return shapes
    if isinstance(value, str):
        fits = (name for name, pattern in FORMATS.items() if re.fullmatch(pattern, value))
        return next(fits, "text")
    return "number" if isinstance(value, (int, float)) else type(value).__name__
