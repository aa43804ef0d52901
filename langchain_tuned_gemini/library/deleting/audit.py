"""Who deleted what, and when: a file that only grows, a line of JSON for each deletion."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from langchain_tuned_gemini.errors import ParameterError


class Audit:
    """A file of lines.

    Args:
        path: The file; it is made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self) -> None:
        """Makes sure that lines can be added, before anything is done that is worth one.

        Raises:
            ParameterError: They can't.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.open("a", encoding="utf-8").close()
        except OSError as problem:
            raise ParameterError(
                f"Deletions are written down in {self.path}, which can't be written: "
                f"{problem.strerror}. Nothing was deleted; pass another file as audit=..."
            ) from problem

    def add(self, line: dict[str, Any]) -> None:
        """Adds a line, in one piece, so that those of several processes do not mix."""
        text = f"{json.dumps(line, ensure_ascii=False)}\n".encode()
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, text)
        finally:
            os.close(handle)
