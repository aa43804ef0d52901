"""Who deleted what, and when: a file that only grows, a line of JSON for each deletion."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from langchain_tuned_gemini.errors import Advice, ParameterError


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
            os.close(self._opened())
        except OSError as problem:
            is_link = problem.errno == errno.ELOOP
            why = "It is a symbolic link, which is not followed" if is_link else problem.strerror
            raise ParameterError(
                f"Deletions are written down in {self.path}, which can't be written: {why}. "
                "Nothing was deleted.",
                advice=Advice("Pass another file as audit=...", "Make it one that can be written."),
            ) from problem

    def add(self, line: dict[str, Any]) -> None:
        """Adds a line, in one piece, so that those of several processes do not mix.

        Raises:
            OSError: It could not be written, or not all of it.
        """
        text = f"{json.dumps(line, ensure_ascii=False)}\n".encode()
        handle = self._opened()
        try:
            # What a full disk or a killed process left of a line must not spoil this one.
            if os.lseek(handle, 0, os.SEEK_END) > 0:
                os.lseek(handle, -1, os.SEEK_END)
                text = text if os.read(handle, 1) == b"\n" else b"\n" + text
            left = text
            while left:
                left = left[os.write(handle, left) :]
        finally:
            os.close(handle)

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        return os.open(self.path, flags, 0o644)
