"""A file written as a whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from uuid import uuid4


def write_whole(path: str | os.PathLike[str], pieces: Iterable[str]) -> None:
    """Writes a UTF-8 file that is there as a whole, or not at all.

    Half a file of examples looks like a whole one, and a model would be tuned with it. So the
    text goes to a file beside it first, which then takes its name. A file that is there is
    replaced; a device or a pipe is written to.

    Raises:
        OSError: If it can't be written.
    """
    write_whole_bytes(path, (piece.encode() for piece in pieces))


def write_whole_bytes(path: str | os.PathLike[str], pieces: Iterable[bytes]) -> None:
    """Writes a binary file that is there as a whole, or not at all; see `write_whole`."""
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        _write(target, pieces, mode="wb")
        return
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        _write(beside, pieces, mode="xb")
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _write(path: Path, pieces: Iterable[bytes], mode: Literal["wb", "xb"]) -> None:
    with path.open(mode) as file:
        file.writelines(pieces)
