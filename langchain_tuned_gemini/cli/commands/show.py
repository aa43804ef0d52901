"""`tuned-gemini show`: one tuned model in full."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import MODELS, command
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.options import AnyName
from langchain_tuned_gemini.cli.target import has_loss_extra
from langchain_tuned_gemini.cli.views import Cell, Details, View, age_text, state_cell

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import LibraryModel
    from langchain_tuned_gemini.tuned_models.tuned_model import Checkpoint, TunedModel

_LACKING = (
    "What it was tuned with, step by step, and its loss take the extra generativeai: "
    'pip install "langchain-tuned-gemini[generativeai]"; or --raw.'
)


@command("show", panel=MODELS)
def show(
    context: CommandContext,
    name: AnyName,
    loss_plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Draw its loss: FILE.svg or FILE.png."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Show the platform's own record, as it is: JSON.")
    ] = False,
) -> None:
    """Show one tuned model in full: parameters, data, progress and loss."""
    from langchain_tuned_gemini.cli.loss_plot import check_plot, save_loss
    from langchain_tuned_gemini.services.by_access import raw_record

    if loss_plot:
        check_plot(loss_plot)
    found = context.find(name)
    if raw:
        parsed = context.target.name(found.name)
        context.out.document(raw_record(context.target.access(parsed), parsed))
    else:
        _show(context, found)
    if found.platform == "developer" and not has_loss_extra():
        context.out.say(_LACKING)
    if loss_plot:
        save_loss(found.model.snapshots, loss_plot, title=found.name)
        context.out.say(f"The loss is drawn in {loss_plot}.")


def _show(context: CommandContext, found: LibraryModel) -> None:
    from langchain_tuned_gemini.cli.json_output import library_data, model_data
    from langchain_tuned_gemini.cli.loss_plot import loss_picture

    views: list[View] = [_details(found)]
    if context.out.is_terminal and len(found.model.snapshots) > 1:
        views.append(loss_picture(found.model.snapshots, width=context.out.width))
    context.out.result({**library_data(found), **model_data(found.model)}, *views)


def _details(found: LibraryModel) -> Details:
    model = found.model
    age = "" if found.age is None else f", {age_text(found.age)} ago"
    is_done = model.progress is None or model.state == "ACTIVE"
    return Details(
        [
            ("name", model.name),
            ("display name", model.display_name),
            ("platform", found.platform),
            ("state", state_cell(model.state)),
            ("platform's word", model.raw_state if model.raw_state != model.state else ""),
            ("doing", model.doing),
            ("error", Cell(model.error or "", "red")),
            ("progress", "" if is_done else f"{model.progress:.0%}"),
            ("base model", model.base_model),
            ("base retired", Cell(_retirement(found), "red")),
            ("family", found.family),
            ("version", found.version),
            ("aliases", ", ".join(found.aliases)),
            ("dataset", found.dataset),
            ("created", f"{_time(model.create_time)}{age}"),
            ("updated", _time(model.update_time)),
            ("endpoint", model.endpoint if model.endpoint != model.name else ""),
            ("model", model.model),
            ("deployed", {True: "yes", False: "no", None: ""}[found.deployed]),
            *((f"checkpoint {c.id}", _checkpoint(c)) for c in model.checkpoints),
            *((key, str(value)) for key, value in model.hyperparameters.items()),
            ("loss", _loss(model)),
        ]
    )


def _time(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S %Z}" if time else ""


def _retirement(found: LibraryModel) -> str:
    """The retirement of its base model; empty while it is there."""
    from langchain_tuned_gemini.tuned_models.base_models import find

    known = find(found.model.base_model)
    end = known.retirement(found.platform, datetime.now(UTC).date()) if known else None
    return str(end) if end else ""


def _checkpoint(checkpoint: Checkpoint) -> str:
    parts = [
        f"epoch {checkpoint.epoch}" if checkpoint.epoch is not None else "",
        f"step {checkpoint.step}" if checkpoint.step is not None else "",
        checkpoint.endpoint,
    ]
    return ", ".join(filter(None, parts))


def _loss(model: TunedModel) -> str:
    if not model.snapshots:
        return ""
    first, last = model.snapshots[0], model.snapshots[-1]
    after = f"after step {last.step}, epoch {last.epoch}"
    return f"{last.mean_loss:.4g} {after} (from {first.mean_loss:.4g})"
