"""The plots of the report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from langchain_tuned_gemini.comparison.figure_text import seconds
from langchain_tuned_gemini.comparison.reports import svg
from langchain_tuned_gemini.comparison.statistics import Interval

_WIDTH = 460
"""Narrow, so that a telephone, which scales it down, leaves the text readable."""
_LEFT = 24
_RIGHT = 436
_ROW = 44
"""A name, and below it what it is about."""
_TOP = 10
_BOTTOM = 32
_NAME = 34
"""How many characters of a name are shown; a title has the rest."""
_CURVE = 220
"""The height of a plot of curves."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on a row of its own.

    Attributes:
        name: What it is about.
        color: Which of the colours it has, from 0.
        value: The value.
        interval: Where the true value is.
        told: The same in words.
    """

    name: str
    color: int
    value: float
    interval: Interval
    told: str


@dataclass(frozen=True, slots=True)
class Axis:
    """From what to what a plot reaches.

    Attributes:
        low: Its left end.
        high: Its right end.
        ticks: The values that are written below it, each with its text.
        zero: Where a line marks that there is no difference, if one does.
        is_log: Whether each step multiplies.
    """

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    zero: float | None = None
    is_log: bool = False

    def x(self, value: float) -> float:
        """The place of a value."""
        low, high = self.low, self.high
        if self.is_log:
            low, high, value = (math.log(max(number, 1e-9)) for number in (low, high, value))
        share = (value - low) / (high - low)
        return round(_LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT), 1)


SHARES = Axis(0.0, 1.0, [(tick / 4, f"{25 * tick} %") for tick in range(5)])
"""From nothing to all."""


def differences_axis(marks: Sequence[Mark]) -> Axis:
    """An axis with zero in its middle, in percentage points, that all marks fit on."""
    reach = max((max(-mark.interval.low, mark.interval.high) for mark in marks), default=0.1)
    tenths = max(math.ceil(10 * reach), 1)
    step = 1 if tenths <= 4 else 2 if tenths <= 6 else 5
    end = math.ceil(tenths / step) * step
    ticks = [(tick / 10, f"{10 * tick:+d}" if tick else "0") for tick in range(-end, end + 1, step)]
    return Axis(-end / 10, end / 10, ticks, zero=0.0)


def dots(label: str, marks: Sequence[Mark], axis: Axis) -> str:
    """A dot for each value, with a line for its interval.

    Args:
        label: What the plot shows, for those who can't see it.
        marks: The rows.
        axis: What they are measured with.
    """
    height = _TOP + _ROW * len(marks) + _BOTTOM
    parts = [*_grid(axis, height)]
    for y, mark in zip(_rows(), marks, strict=False):
        low, high = axis.x(mark.interval.low), axis.x(mark.interval.high)
        parts.append(
            _colored(
                mark.color,
                svg.element("title", svg.safe(f"{mark.name}: {mark.told}")),
                _name(mark, y),
                svg.line((low, high), (y, y), class_="interval"),
                *(svg.line((x, x), (y - 5, y + 5), class_="interval") for x in (low, high)),
                svg.element("circle", cx=axis.x(mark.value), cy=y, r=6),
            )
        )
    return _plot(label, height, parts)


def bars(label: str, marks: Sequence[Mark]) -> str:
    """A bar for each amount, with the amount written at its end."""
    most = max((mark.value for mark in marks), default=0.0) or 1.0
    axis = Axis(0.0, most * 1.4, [])  # room for the text
    height = _TOP + _ROW * len(marks) + 4
    parts = [svg.line((_LEFT, _LEFT), (_TOP + 4, height - 4), class_="grid")]
    for y, mark in zip(_rows(), marks, strict=False):
        end = axis.x(mark.value)
        width = round(max(end - _LEFT, 1), 1)
        parts.append(
            _colored(
                mark.color,
                _name(mark, y),
                svg.element("rect", x=_LEFT, y=y - 8, width=width, height=16, rx=2),
                svg.text(mark.told, end + 8, y + 4, class_="value"),
            )
        )
    return _plot(label, height, parts)


def curves(label: str, samples: Sequence[tuple[str, Sequence[float]]]) -> str:
    """For each candidate, what share of its answers took no longer than so many seconds.

    Args:
        label: What the plot shows, for those who can't see it.
        samples: Each candidate's name and durations, in seconds.
    """
    all_of_them = [duration for _, durations in samples for duration in durations]
    if not all_of_them:
        return ""
    axis = _time_axis(min(all_of_them), max(all_of_them))
    height = _TOP + _CURVE + _BOTTOM
    parts = [*_grid(axis, height)]
    for share in (0.5, 0.95, 1.0):
        y = _height_of(share)
        parts.append(svg.line((_LEFT, _RIGHT), (y, y), class_="grid"))
        parts.append(svg.text(f"{100 * share:.0f} %", _LEFT, y + 11, class_="level"))
    for color, (name, durations) in enumerate(samples):
        if durations:
            path = _steps(sorted(durations), axis)
            curve = svg.element("path", class_="curve", d=path)
            parts.append(_colored(color, svg.element("title", svg.safe(name)), curve))
    return _plot(label, height, parts)


def _steps(durations: Sequence[float], axis: Axis) -> str:
    """The path of a curve; of thousands of durations, as many as can be seen."""
    every = max(len(durations) // 400, 1)
    shown = sorted({*range(0, len(durations), every), len(durations) - 1})
    path = f"M{axis.x(durations[0])} {_height_of(0.0)}"
    for place in shown:
        path += f"H{axis.x(durations[place])}V{_height_of((place + 1) / len(durations))}"
    return f"{path}H{_RIGHT}"


def _height_of(share: float) -> float:
    return round(_TOP + (1.0 - share) * _CURVE, 1)


def _time_axis(least: float, most: float) -> Axis:
    """A logarithmic axis: an answer may take milliseconds or half a minute."""
    low, high = max(least, 1e-4) / 1.2, max(most, 1e-4) * 1.2
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else (1,)
    values = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    ticks = [
        (value, seconds(value).replace(".0 ", " ")) for value in values if low <= value <= high
    ]
    return Axis(low, high, ticks, is_log=True)


def _grid(axis: Axis, height: float) -> Iterator[str]:
    for value, words in axis.ticks:
        x = axis.x(value)
        kind = "zero" if value == axis.zero else "grid"
        yield svg.line((x, x), (_TOP, height - _BOTTOM), class_=kind)
        yield svg.text(words, x, height - 12, class_="tick")


def _rows() -> Iterator[int]:
    """The heights of the rows, from the top down."""
    return count(_TOP + 31, _ROW)


def _name(mark: Mark, y: float) -> str:
    name = mark.name
    shown = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    return svg.text(shown, _LEFT, y - 14, class_="name")


def _colored(color: int, *content: str) -> str:
    return svg.element("g", *content, class_=f"c{color % 8}")


def _plot(label: str, height: float, parts: Sequence[str]) -> str:
    box = f"0 0 {_WIDTH} {height}"
    return svg.element("svg", *parts, viewBox=box, role="img", aria_label=label)
