"""When two texts are the same to a reader: Python compares code points, which nobody sees."""

from __future__ import annotations

import re
from unicodedata import normalize

_INVISIBLE = r"\u00ad\u034f\u061c\u200b\u200e\u200f\u202a-\u202c\u2060-\u206f\ufe0e\ufe0f\ufeff"
"""Takes no room and changes no letter: soft hyphens, zero-width spaces, byte order marks, marks of
direction, invisible operators, and whether an emoji has colours. ZWJ and ZWNJ join and part
letters in several scripts, and an override (U+202D, U+202E) turns them round: they are seen."""

_ANY_INVISIBLE = re.compile(f"[{_INVISIBLE}]+")
SEEN = re.compile(rf"[^\s\u200c\u200d{_INVISIBLE}]")
"""Finds what a reader sees; `is_blank` is the same as a function."""

_IDLE_SELECTOR = re.compile(r"(?<![\u1000-\U0010ffff])[\ufe00-\ufe0d\U000e0100-\U000e01ef]+")
"""Selects a glyph of a character that has one only; ideographs, for one, have several."""


def visible_text(text: str) -> str:
    r"""The text as a reader tells it from others: composed (NFC), without marks that nobody sees.

    Example:
        >>> visible_text("Ru\u0308ckgabe\u200b")
        'Rückgabe'
    """
    if text.isascii():
        return text
    text = normalize("NFD", _ANY_INVISIBLE.sub("", text))
    return normalize("NFC", _IDLE_SELECTOR.sub("", text))


def folded_text(text: str) -> str:
    """The visible text without regard to case and white space.

    Example:
        >>> folded_text("  How  many DOGS?")
        'how many dogs?'
    """
    return visible_text(" ".join(visible_text(text).casefold().split()))


def is_blank(text: str) -> bool:
    r"""Whether a reader sees nothing at all.

    Example:
        >>> is_blank("\ufeff \n"), is_blank("no")
        (True, False)
    """
    return SEEN.search(text) is None
