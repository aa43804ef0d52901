"""`tuned-gemini wait`: until a tuned model can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import MODELS, command
from langchain_tuned_gemini.cli.context import CommandContext

if TYPE_CHECKING:
    from langchain_tuned_gemini.cli.output import Output
    from langchain_tuned_gemini.services import StateService
    from langchain_tuned_gemini.services.wait import Progress
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel


@command("wait", panel=MODELS)
def wait(
    context: CommandContext,
    name: Annotated[str, typer.Argument(help="The tuned model; on Vertex AI, its tuning job.")],
    timeout: Annotated[
        float, typer.Option(min=0, help="How long to wait at the most, in seconds.")
    ] = 3600.0,
    interval: Annotated[
        float, typer.Option(min=0.01, help="The first pause between two looks, in seconds.")
    ] = 1.0,
) -> None:
    """Wait until a tuned model can serve. Ctrl-C ends the waiting, not the tuning."""
    from langchain_tuned_gemini.cli.json_output import model_data
    from langchain_tuned_gemini.services.by_access import total_steps
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModel, TunedModelState

    parsed = context.name(name)
    steps = total_steps(context.target.access(parsed), parsed)
    model = TunedModel(str(parsed), TunedModelState.UNKNOWN, "", total_steps=steps)
    service = context.service_of(parsed)
    ready = wait_with_progress(context.out, service, model, timeout=timeout, interval=interval)
    context.out.result(model_data(ready), f"{ready.name} is {ready.state_text}")


def wait_with_progress(
    out: Output,
    service: StateService,
    model: TunedModel,
    *,
    timeout: float,
    interval: float = 1.0,
) -> TunedModel:
    """Waits until a model is ACTIVE, and shows percent, step and loss meanwhile.

    Raises what `wait_until_active` raises.

    Args:
        out: Where the progress is shown.
        service: Who knows the state.
        model: The model; one that `create` returned knows its steps.
        timeout: How long to wait at the most, in seconds.
        interval: The first pause between two looks, in seconds.
    """
    from langchain_tuned_gemini.services.wait import wait_until_active

    with out.progress() as advance:
        try:
            return wait_until_active(
                service,
                model,
                timeout=timeout,
                poll_interval=interval,
                on_progress=lambda progress: advance(_describe(progress), progress.percent),
            )
        except KeyboardInterrupt:
            out.say(f"The tuning goes on. To wait again: tuned-gemini wait {model.name}")
            raise


def _describe(progress: Progress) -> str:
    """One look at a model: its state, what it is at, step, loss, and what went wrong."""
    model = progress.model
    parts = [model.state_text if model else "no answer yet", progress.doing]
    if model and (step := _step(model)):
        parts.append(f"step {step}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4g}")
    if progress.problem:
        parts.append(f"the last question failed: {progress.problem}")
    return ", ".join(filter(None, parts))


def _step(model: TunedModel) -> str:
    step = model.completed_steps
    if step is None and model.snapshots:
        step = model.snapshots[-1].step
    if step is None:
        return ""
    return f"{step} of {model.total_steps}" if model.total_steps else str(step)
