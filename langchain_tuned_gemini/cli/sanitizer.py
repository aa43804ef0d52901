"""Text that was not written here, made safe for a terminal.

A tuned model's display name is whatever its owner typed. An escape sequence in it moves the
cursor, clears the screen or sets the window's title; a bidirectional control makes it look like
another name. rich lets all of them through (15.0). So what a terminal would act on, and what
nobody can see, becomes U+FFFD: a name with such a character does not pass for one without.
"""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"

# Controls (C0, DEL, C1), bidirectional ones, separators of lines and paragraphs, what takes no
# place at all, lone surrogates (which can't be encoded), and tags. The joiners U+200C and U+200D
# stay: Persian and emoji need them.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"\s*[\r\n]\s*|\t")


def clean(text: str) -> str:
    r"""Makes text of any length safe to print; line ends and tabs stay.

    It looks at single characters, so the pieces of a stream may be cleaned one by one.

    Example:
        >>> clean("a\x1b[2Jb\r\nc")
        'a\ufffd[2Jb\nc'
    """
    return _UNSAFE.sub(REPLACEMENT, text.replace("\r", ""))


def clean_line(text: str) -> str:
    r"""Makes text safe to print within a line: a cell of a table, a label.

    Example:
        >>> clean_line("two\n  lines")
        'two lines'
    """
    return clean(_BREAKS.sub(" ", text))


def clean_json(text: str) -> str:
    r"""Makes JSON safe to print, and loses nothing: what is unsafe is escaped.

    Example:
        >>> clean_json('"a\x9bb"')
        '"a\\u009bb"'
    """
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{code[at : at + 4]}" for at in range(0, len(code), 4))
