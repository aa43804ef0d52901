"""The loss of a tuning as a picture: for a terminal, as SVG, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_tuned_gemini.cli.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from langchain_tuned_gemini.tuned_models.tuned_model import TuningSnapshot

_WIDTH, _HEIGHT, _MARGIN = 720, 360, 56
_MARKS = 5


def check_plot(path: Path) -> None:
    """Returns if a picture of this kind can be drawn.

    Raises:
        CommandError: It is neither SVG nor PNG.
        MissingExtraError: PNG takes matplotlib, which is not installed.
    """
    if path.suffix == ".svg":
        return
    if path.suffix != ".png":
        raise CommandError(
            f"{str(path)!r} is no picture that can be drawn: end it in .svg or .png.",
            ExitCode.USAGE,
        )
    try:
        import matplotlib as mpl  # noqa: F401  # whether it is there
    except ModuleNotFoundError:
        from langchain_tuned_gemini.errors import MissingExtraError

        raise MissingExtraError("A PNG picture", extra="plots") from None


def loss_picture(snapshots: Sequence[TuningSnapshot], *, width: int) -> str:
    """The loss over the steps, in characters, `width` columns wide."""
    import plotille

    figure = plotille.Figure()
    figure.width, figure.height = max(width - 24, 20), 10
    figure.with_colors = False
    figure.x_label, figure.y_label = "step", "loss"
    figure.set_x_limits(min_=0, max_=snapshots[-1].step)
    figure.set_y_limits(min_=0, max_=max(s.mean_loss for s in snapshots))
    for kind in (int, float):
        figure.register_label_formatter(kind, _label)
    figure.plot([s.step for s in snapshots], [s.mean_loss for s in snapshots])
    return str(figure.show())


def save_loss(snapshots: Sequence[TuningSnapshot], path: Path, *, title: str) -> None:
    """Draws the loss over the steps.

    Args:
        snapshots: The tuning's progress.
        path: The file; its ending says what it will be, `.svg` or `.png`.
        title: What stands above it.

    Raises:
        CommandError: The platform does not tell the loss.
        OSError: The file can't be written.
    """
    if not snapshots:
        raise CommandError(
            f"The platform does not tell the loss of {title}. On the Gemini Developer API it "
            'takes: pip install "langchain-tuned-gemini[generativeai]"'
        )
    if path.suffix == ".svg":
        path.write_text(loss_svg(snapshots, title=title), encoding="utf-8")
    else:
        _save_png(snapshots, path, title=title)


def loss_svg(snapshots: Sequence[TuningSnapshot], *, title: str) -> str:
    """The loss over the steps as an SVG picture."""
    from langchain_tuned_gemini.comparison.reports import svg

    last, most = snapshots[-1].step, max(s.mean_loss for s in snapshots) or 1.0
    right, bottom = _WIDTH - _MARGIN / 2, _HEIGHT - _MARGIN

    def x(share: float) -> float:
        return round(_MARGIN + (right - _MARGIN) * share, 1)

    def y(share: float) -> float:
        return round(bottom - (bottom - _MARGIN) * share, 1)

    parts = [
        svg.element("rect", width=_WIDTH, height=_HEIGHT, fill="#fff"),
        svg.text(f"Loss of {title}", _MARGIN, 28, font_size=15),
        svg.text("step", right, _HEIGHT - 14, text_anchor="end"),
    ]
    for share in (mark / _MARKS for mark in range(_MARKS + 1)):
        step, loss = f"{last * share:.4g}", f"{most * share:.3g}"
        parts += [
            svg.text(step, x(share), bottom + 18, text_anchor="middle"),
            svg.line((_MARGIN, right), (y(share), y(share)), stroke="#ddd"),
            svg.text(loss, _MARGIN - 8, y(share) + 4, text_anchor="end"),
        ]
    points = " ".join(f"{x(s.step / last)},{y(s.mean_loss / most)}" for s in snapshots)
    curve = svg.element("polyline", points=points, fill="none", stroke="#1a73e8", stroke_width=2)
    xmlns, box = "http://www.w3.org/2000/svg", f"0 0 {_WIDTH} {_HEIGHT}"
    font = {"font_family": "sans-serif", "font_size": 12}
    return svg.element("svg", *parts, curve, xmlns=xmlns, viewBox=box, **font) + "\n"


def _save_png(snapshots: Sequence[TuningSnapshot], path: Path, *, title: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), dpi=120)
    axes = figure.add_subplot()
    axes.plot([s.step for s in snapshots], [s.mean_loss for s in snapshots])
    axes.set(xlabel="step", ylabel="loss", title=f"Loss of {title}", ylim=(0, None))
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(path)


def _label(value: float, chars: int, delta: float, left: bool = False) -> str:  # noqa: ARG001  # plotille's
    """A number beside an axis: four digits say enough."""
    text = f"{value:.4g}"
    return text.ljust(chars) if left else text.rjust(chars)
