"""`tuned-gemini delete`: a plan first, and nothing but the plan after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import CLEANING_UP, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.views import Cell, Table, state_cell

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import (
        Deletion,
        DeletionPlan,
        DeletionReport,
        Force,
        ModelLibrary,
        PlannedDeletion,
        Protection,
    )

_FLAGS = {"deployed": "--deployed", "kept": "--force", "unrecorded": "--force"}
_STYLES = {"deleted": "green", "gone": "green"}


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent of the user to a deletion: options of `delete`, `prune` and `purge`."""

    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, and delete nothing.")
    ] = False
    deployed: Annotated[
        bool,
        typer.Option("--deployed", help="Undeploy and delete also what an endpoint answers for."),
    ] = False
    aliases: Annotated[
        list[str] | None,
        typer.Option(
            "--alias",
            metavar="ALIAS",
            help="Delete also what this alias points to, or would be rolled back to.",
        ),
    ] = None
    forced: Annotated[
        bool,
        typer.Option("--force", help="As --deployed, and what is to be kept or is not recorded."),
    ] = False

    @property
    def force(self) -> Force:
        """What may go though something speaks against it; an alias must be named."""
        from langchain_tuned_gemini.library import Force
        from langchain_tuned_gemini.names.alias_name import AliasName

        named = [str(AliasName.parse(alias)) for alias in self.aliases or ()]
        return Force(deployed=self.deployed or self.forced, recorded=self.forced, aliases=named)


@command("delete", panel=CLEANING_UP)
def delete(
    context: CommandContext,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME...", help="Full names, families and versions, aliases."),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="All that will never answer: FAILED or CANCELLED.")
    ] = False,
    *,
    consent: Consent,
) -> None:
    """Delete tuned models, for ever. More than one only after a plan was shown."""
    if not (names or failed):
        raise typer.BadParameter("Say which: NAME..., or --failed.")
    library = context.library_of(names or ()) if not failed else context.library()
    plan = library.plan_deletion(context.in_full(names or ()), failed=failed)
    carry_out(context, library, plan, consent)


def carry_out(
    context: CommandContext, library: ModelLibrary, plan: DeletionPlan, consent: Consent
) -> bool:
    """Shows the plan, and deletes if that is wanted; returns whether it has."""
    out, force = context.out, consent.force
    for name in plan.gone:
        out.say(f"{name} is gone already.")
    for name, why in plan.left_alone:
        out.say(f"{name} {why}.")
    possible = [planned for planned in plan.deletions if not _held(planned, force)]
    if consent.dry_run or not possible:
        _show_plan(context, plan, force)
        if plan.deletions and not possible and not consent.dry_run:
            flags = _flags(plan, force)
            how = f" To delete it all the same, add {flags}." if flags else ""
            out.error(f"Nothing was deleted.{how}")
            leave(ExitCode.FAILED)
        return False
    if not consent.yes and not _is_wanted(context, plan, len(possible), force):
        return False
    _show_report(context, _deleted(context, library, plan, force))
    return True


def _held(planned: PlannedDeletion, force: Force) -> list[Protection]:
    """The protections that keep a model in spite of all flags."""
    return [protection for protection in planned.held_by if not force.overrules(protection)]


def _flags(plan: DeletionPlan, force: Force) -> str:
    """The flags that are missing, as a part of a sentence; empty where none would help."""
    flags = dict.fromkeys(
        f"--alias {held.about}" if held.kind == "alias" else _FLAGS.get(held.kind, "")
        for planned in plan.deletions
        for held in _held(planned, force)
    )
    return " ".join(filter(None, flags))


def _is_wanted(context: CommandContext, plan: DeletionPlan, number: int, force: Force) -> bool:
    """Shows the plan and asks; where nobody can answer, it stays a plan."""
    out = context.out
    if not out.can_ask():
        _show_plan(context, plan, force)
        if number == 1:
            out.error("Nothing was deleted: nobody can be asked here. To delete it, add --yes.")
            leave(ExitCode.USAGE)
        out.say(f"Nothing was deleted: this is the plan. To delete these {number}, add --yes.")
        return False
    out.beside(_plan_table(plan, force))
    if staying := len(plan.deletions) - number:
        flags = _flags(plan, force)
        out.say(f"{staying} of these stay{f', unless you add {flags}' if flags else ''}.", "yellow")
    expected = plan.names[0].rpartition("/")[2] if len(plan.names) == 1 else f"delete {number}"
    if not out.confirm(f"This can't be undone. To go on, type {expected!r}:", expected):
        out.say("Nothing was deleted.")
        leave(ExitCode.FAILED)
    return True


def _deleted(
    context: CommandContext, library: ModelLibrary, plan: DeletionPlan, force: Force
) -> DeletionReport:
    """Deletes, with progress; after Ctrl-C it says what is done."""
    done: list[str] = []
    with context.out.progress() as advance:

        def on_progress(one: Deletion) -> None:
            done.append(f"{one.outcome} {one.name}")
            advance(done[-1], 100 * len(done) / len(plan.deletions))

        try:
            return library.delete(plan, force=force, on_progress=on_progress)
        except KeyboardInterrupt:
            context.out.say("\n".join(["Interrupted. Done until now:", *(done or ["nothing"])]))
            context.out.say("The same command again does the rest.")
            raise


def _show_plan(context: CommandContext, plan: DeletionPlan, force: Force) -> None:
    from langchain_tuned_gemini.library.deletion.plan import as_dict

    data = {
        "dry_run": True,
        "plan": [as_dict(planned) for planned in plan.deletions],
        "gone": list(plan.gone),
        "unseen": list(plan.unseen),
        "left_alone": [{"name": name, "why": why} for name, why in plan.left_alone],
    }
    context.out.result(data, *([_plan_table(plan, force)] if plan.deletions else []))
    if not plan.deletions:
        context.out.say("There is nothing to delete.")


def _plan_table(plan: DeletionPlan, force: Force) -> Table:
    return Table(
        ("name", "state", "version", "why", "what speaks against it"),
        [
            [
                planned.name,
                state_cell(planned.state),
                f"{planned.family} {planned.version}".strip(),
                planned.why,
                Cell(", ".join(planned.protections), "red" if _held(planned, force) else "yellow"),
            ]
            for planned in plan.deletions
        ],
    )


def _show_report(context: CommandContext, report: DeletionReport) -> None:
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

    deletions: list[dict[str, Any]] = [
        {
            "name": one.name,
            **TunedModelName.parse(one.name).place,
            "outcome": one.outcome,
            "detail": one.for_command_line,
            "left": list(one.left),
        }
        for one in report.deletions
    ]
    rows = [
        [Cell(one.outcome, _STYLES.get(one.outcome, "red")), one.name, one.for_command_line]
        for one in report.deletions
    ]
    context.out.result(
        {"dry_run": False, "deletions": deletions}, Table(("outcome", "name", "detail"), rows)
    )
    if not report.is_complete:
        leave(ExitCode.PARTLY if report.deleted else ExitCode.FAILED)
