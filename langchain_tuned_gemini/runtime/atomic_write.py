"""A file written as a whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4


def write_whole(path: str | os.PathLike[str], pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file that is there as a whole, or not at all.

    Half a file, of examples or of records, looks like a whole one, and would be used. So the
    text goes to a file beside it first, which then takes its name. A file that is there is
    replaced, and keeps its mode; a link stays a link; a device or a pipe is written to.

    Raises:
        OSError: If it can't be written.
    """
    write_whole_bytes(path, (piece.encode() for piece in pieces))


def write_whole_bytes(path: str | os.PathLike[str], pieces: Iterable[bytes]) -> None:
    """Writes a binary file that is there as a whole, or not at all; see `write_whole`."""
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as file:
            file.writelines(pieces)
        return
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        with beside.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
