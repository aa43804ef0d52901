"""`tuned-gemini create`: a new version, from the old data plus new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command
from langchain_tuned_gemini.cli.commands.wait import wait_with_progress
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import CommandError
from langchain_tuned_gemini.cli.options import Columns, Prices, columns_of
from langchain_tuned_gemini.cli.views import Details

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import NewVersion, TuningPlan
    from langchain_tuned_gemini.tuned_models.platform import Platform


@dataclass(frozen=True, slots=True)
class WantedVersion:
    """The new version, as the options describe it; what they leave out, an older one has."""

    family: Annotated[
        str, typer.Argument(help="Such as sql-expert; that of --from by default.")
    ] = ""
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Examples; may be repeated. Or a gs:// URI, on Vertex AI."
        ),
    ] = None
    columns: Columns = None
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="VERSION", help="A version to take data and settings from."),
    ] = None
    base_model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What to tune; by default as the newest version."),
    ] = None
    epochs: Annotated[int | None, typer.Option(min=1, help="How often an example is used.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Examples of one step.")] = None
    learning_rate: Annotated[float | None, typer.Option(help="The size of a step.")] = None
    learning_rate_multiplier: Annotated[
        float | None, typer.Option(help="The same, as a multiple of the usual one; Vertex AI.")
    ] = None
    adapter_size: Annotated[int | None, typer.Option(help="1, 2, 4, 8, 16 or 32; Vertex AI.")] = (
        None
    )

    def as_wish(self, platforms: Sequence[Platform], prices: Path | None) -> NewVersion:
        """The wish for it.

        Args:
            platforms: Those that are set up; where only one is, it is tuned there.
            prices: The file with the prices of tokens, if there is one.
        """
        from langchain_tuned_gemini.library import NewVersion, TuningSettings
        from langchain_tuned_gemini.prices import PriceTable

        return NewVersion(
            family=self.family,
            data=self.data or (),
            columns=columns_of(self.columns),
            source=self.source,
            base_model=self.base_model,
            settings=TuningSettings(
                self.epochs,
                self.batch_size,
                self.learning_rate,
                self.learning_rate_multiplier,
                self.adapter_size,
            ),
            platform=platforms[0] if len(platforms) == 1 else None,
            prices=PriceTable.read(prices) if prices else None,
        )


@command("create", panel=VERSIONS)
def create(
    context: CommandContext,
    wanted: WantedVersion,
    upload_to: Annotated[
        str | None,
        typer.Option(
            envvar="TUNED_GEMINI_UPLOAD_TO",
            metavar="URI",
            help="gs://BUCKET/FOLDER for the examples; Vertex AI.",
        ),
    ] = None,
    prices: Prices = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    alongside: Annotated[
        bool, typer.Option("--alongside", help="Tune it though another version is CREATING.")
    ] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return at once.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait.")] = 86_400.0,
) -> None:
    """Tune a new version. Ctrl-C ends the waiting, not the tuning."""
    from langchain_tuned_gemini.cli.json_output import model_data
    from langchain_tuned_gemini.library import create_version, plan_version

    wish = wanted.as_wish(context.target.platforms, prices)
    library = context.library()
    plan = plan_version(library, wish)
    for problem in plan.report.problems if plan.report else ():
        context.out.warn(str(problem))
    if dry_run:
        context.out.result(plan.as_dict(), _details(plan))
        return
    if not yes:
        _ask(context, plan)
    service = context.target.service(plan.platform, upload_to=upload_to)
    created = create_version(library, plan, service, alongside=alongside)
    context.out.say(f"{plan.name} is being tuned: {created.name}")
    if not no_wait:
        created = wait_with_progress(context.out, service, created, timeout=timeout)
    context.out.result(
        {"plan": plan.as_dict(), "model": model_data(created)},
        f"{plan.name} is {created.state_text}: {created.name}",
    )


def _ask(context: CommandContext, plan: TuningPlan) -> None:
    """Tuning costs money: somebody must want it."""
    if not context.out.can_ask():
        raise typer.BadParameter("Tuning costs money. To begin without being asked, add --yes.")
    context.out.beside(_details(plan))
    if not context.out.confirm(f"To tune it, type its name, {plan.name}:", str(plan.name)):
        raise CommandError("Nothing was tuned.")


def _details(plan: TuningPlan) -> Details:
    """The plan for a reader."""
    from langchain_tuned_gemini.comparison.figure_text import money, number

    settings = ", ".join(f"{name} {value}" for name, value in plan.settings.given.items())
    currency = plan.prices.currency if plan.prices else ""
    cost = "not known" if plan.cost is None else f"about {money(plan.cost, currency)}"
    if plan.cost is None and plan.cost_of_an_epoch is not None:
        cost = f"about {money(plan.cost_of_an_epoch, currency)} for each epoch"
    examples = "" if plan.dataset is None else f"{len(plan.dataset):,} from {plan.dataset.source}"
    return Details(
        [
            ("version", str(plan.name)),
            ("platform", plan.platform),
            ("project", plan.project),
            ("location", plan.location),
            ("base model", plan.base_model),
            ("examples", examples),
            ("data", f"{plan.data}{' (will be written)' if plan.is_merged else ''}"),
            ("settings", settings),
            ("epochs", "the platform's choice" if plan.epochs is None else str(plan.epochs)),
            ("tokens of an epoch", "" if plan.tokens is None else f"about {number(plan.tokens)}"),
            ("cost", cost),
            ("CREATING already", ", ".join(plan.running)),
        ]
    )
