"""SVG, element by element, since a plotting library weighs 60 MB; what it shows is made safe."""

from __future__ import annotations

from html import escape

from langchain_tuned_gemini.comparison.figure_text import printable


def element(name: str, *content: str, **attributes: object) -> str:
    """An element: `class_` is `class`, and `text_anchor` is `text-anchor`.

    Args:
        name: Its name.
        *content: The elements within it.
        **attributes: Its attributes.

    Example:
        >>> element("g", element("line", x1=0, x2=9.5), class_="grid")
        '<g class="grid"><line x1="0" x2="9.5"/></g>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(str(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{''.join(content)}</{name}>" if content else f"<{name}{written}/>"


def text(words: str, x: float, y: float, **attributes: object) -> str:
    """Words at a place.

    Example:
        >>> text("a < b", 1, 2, class_="name")
        '<text class="name" x="1" y="2">a &lt; b</text>'
    """
    return element("text", safe(words), **attributes, x=x, y=y)


def line(x: tuple[float, float], y: tuple[float, float], **attributes: object) -> str:
    """A line from one point to another.

    Example:
        >>> line((0, 9.5), (4, 4), class_="grid")
        '<line class="grid" x1="0" x2="9.5" y1="4" y2="4"/>'
    """
    return element("line", **attributes, x1=x[0], x2=x[1], y1=y[0], y2=y[1])


def safe(words: str) -> str:
    """Words as they may stand in an element."""
    return escape(printable(words))
