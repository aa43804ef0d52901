"""Text written to a file: all of it, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4


def write_whole(path: str | os.PathLike[str], pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file that is there as a whole, or not at all.

    Half a file of examples looks like a whole one, and a model would be tuned with it. So the
    text goes to a file beside it first, which then takes its name. A file that is there is
    replaced; a device or a pipe is written to.

    Args:
        path: The file.
        pieces: Its text.

    Raises:
        OSError: If it can't be written.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        _write(target, pieces, mode="w")
        return
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        _write(beside, pieces, mode="x")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, pieces: Iterable[str], mode: str) -> None:
    with path.open(mode, encoding="utf-8", newline="") as file:
        file.writelines(pieces)
