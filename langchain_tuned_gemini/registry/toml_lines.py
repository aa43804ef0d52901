"""Where a key stands in a TOML document."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str | int]) -> int:
    r"""The 1-based line on which a key begins, or the nearest part of the document around it.

    TOML has several ways to write the same thing, so that looking for the key's text may find
    another one. Here the document is read up to each of its lines, until the key is there. That
    is slow, and done for documents with a mistake only.

    Args:
        text: A document that can be read.
        path: The keys, and the places in lists, from the outside in.

    Example:
        >>> line_of('[a]\n[a.b]\nc = [\n  1,\n]\n', ["a", "b", "c", 0])
        3
        >>> line_of('[a]\n[a.b]\n', ["a", "b", "missing"])
        2
    """
    lines = text.splitlines(keepends=True)
    begins, found, deepest = 1, 1, 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:  # in the middle of a value
            continue
        depth = _depth(document, path)
        if depth > deepest:
            found, deepest = begins, depth
        if depth == len(path):
            break
        begins = end + 1
    return found


def _depth(value: Any, path: Sequence[str | int]) -> int:
    """How far a path leads into a document."""
    for depth, step in enumerate(path):
        try:
            value = value[step]
        except (IndexError, KeyError, TypeError):
            return depth
    return len(path)
