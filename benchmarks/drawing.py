"""The curves as a picture."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.selection import OURS, SELECTORS, Shares

K = 8


def draw(shares: Shares, path: Path) -> None:
    """Draws two panels: the share by the number of examples, and by k."""
    mpl.rcParams |= {"svg.hashsalt": "few-shot", "svg.fonttype": "none", "font.size": 9}
    sizes = sorted({size for _, size in shares})
    figure = Figure(figsize=(8.4, 3.4), layout="tight")
    left, right = figure.subplots(1, 2, sharey=True)
    for name in SELECTORS:
        style = {"linewidth": 2.4} if name == OURS else {"linewidth": 1.2, "linestyle": "--"}
        by_size = [100 * shares[name, size][K] for size in sizes]
        left.plot(sizes, by_size, marker="o", markersize=3, label=name, **style)
        by_k = shares[name, sizes[-1]]
        right.plot(list(by_k), [100 * s for s in by_k.values()], marker="o", markersize=3, **style)
    left.set(
        xscale="log",
        xlabel=f"examples to select from (k = {K})",
        ylabel="right label among them, %",
    )
    right.set(xscale="log", xlabel=f"k, of {sizes[-1]:,} examples")
    _label(left, sizes)
    _label(right, sorted(shares[OURS, sizes[-1]]))
    left.legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.38))
    figure.savefig(path, metadata={"Date": None})


def _label(axes: Axes, values: list[int]) -> None:
    axes.set_xticks(values, [f"{value:,}" for value in values], rotation=30)
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
