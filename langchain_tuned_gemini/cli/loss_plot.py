"""The loss of a tuning as a picture: for a terminal, as SVG, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
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
    last, most = snapshots[-1].step, max(s.mean_loss for s in snapshots) or 1.0
    right, bottom = _WIDTH - _MARGIN / 2, _HEIGHT - _MARGIN
    x = [_MARGIN + (right - _MARGIN) * share / _MARKS for share in range(_MARKS + 1)]
    y = [bottom - (bottom - _MARGIN) * share / _MARKS for share in range(_MARKS + 1)]
    points = " ".join(
        f"{_MARGIN + (right - _MARGIN) * s.step / last:.1f},"
        f"{bottom - (bottom - _MARGIN) * s.mean_loss / most:.1f}"
        for s in snapshots
    )
    marks = [
        f'<text x="{at:.0f}" y="{bottom + 18:.0f}" text-anchor="middle">'
        f"{last * n / _MARKS:.4g}</text>"
        for n, at in enumerate(x)
    ]
    marks += [
        f'<line x1="{_MARGIN}" y1="{at:.0f}" x2="{right:.0f}" y2="{at:.0f}" stroke="#ddd"/>'
        f'<text x="{_MARGIN - 8}" y="{at + 4:.0f}" text-anchor="end">{most * n / _MARKS:.3g}</text>'
        for n, at in enumerate(y)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<text x="{_MARGIN}" y="28" font-size="15">Loss of {escape(title)}</text>'
        f"{''.join(marks)}"
        f'<text x="{right:.0f}" y="{_HEIGHT - 14}" text-anchor="end">step</text>'
        f'<polyline points="{points}" fill="none" stroke="#1a73e8" stroke-width="2"/></svg>\n'
    )


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
