"""How wide the columns of a table are on a terminal that has no room for all of it."""

from __future__ import annotations

from collections.abc import Sequence


def fitted(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """The widths of columns that fit: the widest give way first.

    rich, told how wide a column is to be at least, makes the table wider than the terminal and
    cuts off what has no room (15.0), so that a figure loses its end, or its column.

    Args:
        natural: How wide each column would be.
        least: How wide each had better stay, for its shorter cells to be whole.
        room: How wide all of them may be together.

    Example:
        >>> fitted([10, 30, 20], [10, 8, 8], room=40)
        [10, 15, 15]
        >>> fitted([10, 30, 20], [10, 8, 8], room=20)
        [6, 7, 7]
    """
    widths = list(natural)
    for floors in (least, [1] * len(widths)):
        while sum(widths) > room:
            yielding = [n for n, width in enumerate(widths) if width > floors[n]]
            if not yielding:
                break
            widths[max(yielding, key=lambda n: widths[n])] -= 1
    return widths
