"""`tuned-gemini delete`, `prune` and `purge`: a plan first, and nothing but the plan after it."""

from __future__ import annotations

from pathlib import Path
from string import hexdigits
from typing import TYPE_CHECKING, Annotated, Any

import typer

from langchain_tuned_gemini.cli.command import CLEANING_UP, Columns, columns_of, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.views import Cell, Table, state_cell

if TYPE_CHECKING:
    from langchain_tuned_gemini.library import (
        DeletionPlan,
        DeletionReport,
        Force,
        ModelLibrary,
        PlannedDeletion,
        Protection,
    )
    from langchain_tuned_gemini.library.deletion import Deletion

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, and delete nothing.")]
Deployed = Annotated[
    bool, typer.Option("--deployed", help="Undeploy and delete also what an endpoint answers for.")
]
Aliases = Annotated[
    list[str] | None,
    typer.Option(
        "--alias",
        metavar="ALIAS",
        help="Delete also what this alias points to, or would be rolled back to.",
    ),
]
Forced = Annotated[
    bool,
    typer.Option("--force", help="As --deployed, and what is to be kept or is not recorded."),
]
_FLAGS = {"deployed": "--deployed", "kept": "--force", "unrecorded": "--force"}
_STYLES = {"deleted": "green", "gone": "green"}


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
    yes: Yes = False,
    dry_run: DryRun = False,
    deployed: Deployed = False,
    aliases: Aliases = None,
    force: Forced = False,
) -> None:
    """Delete tuned models, for ever. More than one only after a plan was shown."""
    if not (names or failed):
        raise typer.BadParameter("Say which: NAME..., or --failed.")
    library = context.library_of(names or ()) if not failed else context.library()
    plan = library.plan_deletion(context.in_full(names or ()), failed=failed)
    _carry_out(
        context, library, plan, yes=yes, dry_run=dry_run, force=_force(deployed, force, aliases)
    )


@command("prune", panel=CLEANING_UP)
def prune(
    context: CommandContext,
    family: Annotated[str, typer.Argument(help="A family of models, such as sql-expert.")],
    keep: Annotated[int, typer.Option(min=1, help="How many ACTIVE versions to keep.")] = 3,
    yes: Yes = False,
    dry_run: DryRun = False,
    deployed: Deployed = False,
    aliases: Aliases = None,
    force: Forced = False,
) -> None:
    """Delete the versions of a family that are older than the newest ones."""
    library = context.library()
    plan = library.plan_deletion(prune=(family, keep))
    _carry_out(
        context, library, plan, yes=yes, dry_run=dry_run, force=_force(deployed, force, aliases)
    )


@command("purge", panel=CLEANING_UP)
def purge(
    context: CommandContext,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="FILE_OR_HASH", help="The data, or its hash, or the first 8 characters of that."
        ),
    ],
    columns: Columns = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    deployed: Deployed = False,
    aliases: Aliases = None,
    force: Forced = False,
) -> None:
    """Delete all that was trained on data that must go."""
    library = context.library()
    plan = library.plan_deletion(dataset=_hash_of(dataset, columns_of(columns)))
    for name in plan.unseen:
        context.out.warn(
            f"{name} is recorded as tuned on this data, or further from such a model, and was not "
            "found here, or can't be told from another one. If it is in another project or "
            "location, purge there, too; if it is gone, run: tuned-gemini sync --mend"
        )
    is_done = _carry_out(
        context, library, plan, yes=yes, dry_run=dry_run, force=_force(deployed, force, aliases)
    )
    if plan.unseen:
        leave(ExitCode.PARTLY if is_done else ExitCode.FAILED)


def _hash_of(dataset: str, columns: dict[str, str] | None) -> str:
    """The hash of a file, or what is one already."""
    from langchain_tuned_gemini.dataset import TuningDataset

    if Path(dataset).is_file():
        return TuningDataset.read(dataset, columns=columns).content_hash()
    if not set(dataset) <= set(hexdigits):
        raise typer.BadParameter(f"{dataset!r} is neither a file here nor the hash of a data set.")
    return dataset.lower()


def _force(deployed: bool, force: bool, aliases: list[str] | None) -> Force:
    """What may go though something speaks against it; an alias must be named."""
    from langchain_tuned_gemini.library import Force
    from langchain_tuned_gemini.names.alias_name import AliasName

    named = [str(AliasName.parse(alias)) for alias in aliases or ()]
    return Force(deployed=deployed or force, recorded=force, aliases=named)


def _held(planned: PlannedDeletion, force: Force) -> list[Protection]:
    """What keeps a model from being deleted in spite of all flags."""
    return [protection for protection in planned.held_by if not force.overrules(protection)]


def _flags(plan: DeletionPlan, force: Force) -> str:
    """The flags that are missing, as a part of a sentence; empty where none would help."""
    flags = dict.fromkeys(
        f"--alias {held.about}" if held.kind == "alias" else _FLAGS.get(held.kind, "")
        for planned in plan.deletions
        for held in _held(planned, force)
    )
    return " ".join(filter(None, flags))


def _carry_out(
    context: CommandContext,
    library: ModelLibrary,
    plan: DeletionPlan,
    *,
    yes: bool,
    dry_run: bool,
    force: Force,
) -> bool:
    """Shows the plan, and deletes if that is wanted; tells whether it has."""
    for name in plan.gone:
        context.out.say(f"{name} is gone already.")
    for name, why in plan.left_alone:
        context.out.say(f"{name} {why}.")
    possible = [planned for planned in plan.deletions if not _held(planned, force)]
    if dry_run or not possible:
        _tell_plan(context, plan, force=force)
        if plan.deletions and not possible and not dry_run:
            flags = _flags(plan, force)
            how = f" To delete it all the same, add {flags}." if flags else ""
            context.out.error(f"Nothing was deleted.{how}")
            leave(ExitCode.FAILED)
        return False
    if not yes and not _is_wanted(context, plan, len(possible), force=force):
        return False
    _tell_report(context, _deleted(context, library, plan, force=force))
    return True


def _is_wanted(context: CommandContext, plan: DeletionPlan, number: int, *, force: Force) -> bool:
    """Shows the plan and asks; where nobody can answer, it stays a plan."""
    out = context.out
    if not out.can_ask():
        _tell_plan(context, plan, force=force)
        if number == 1:
            out.error("Nothing was deleted: nobody can be asked here. To delete it, add --yes.")
            leave(ExitCode.USAGE)
        out.say(f"Nothing was deleted: this is the plan. To delete these {number}, add --yes.")
        return False
    out.beside(_plan_table(plan, force=force))
    if staying := len(plan.deletions) - number:
        flags = _flags(plan, force)
        out.say(f"{staying} of these stay{f', unless you add {flags}' if flags else ''}.", "yellow")
    expected = plan.names[0].rpartition("/")[2] if len(plan.names) == 1 else f"delete {number}"
    if out.confirm(f"This can't be undone. To go on, type {expected!r}:", expected):
        return True
    out.say("Nothing was deleted.")
    leave(ExitCode.FAILED)
    return False


def _deleted(
    context: CommandContext, library: ModelLibrary, plan: DeletionPlan, *, force: Force
) -> DeletionReport:
    """Deletes, with progress; after Ctrl-C it tells what is done."""
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


def _tell_plan(context: CommandContext, plan: DeletionPlan, *, force: Force) -> None:
    views = [_plan_table(plan, force=force)] if plan.deletions else []
    context.out.result({"dry_run": True, **_plan_data(plan)}, *views)
    if not plan.deletions:
        context.out.say("There is nothing to delete.")


def _plan_table(plan: DeletionPlan, *, force: Force) -> Table:
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


def _plan_data(plan: DeletionPlan) -> dict[str, Any]:
    from langchain_tuned_gemini.library.deletion.plan import as_dict

    return {
        "plan": [as_dict(planned) for planned in plan.deletions],
        "gone": list(plan.gone),
        "unseen": list(plan.unseen),
        "left_alone": [{"name": name, "why": why} for name, why in plan.left_alone],
    }


def _tell_report(context: CommandContext, report: DeletionReport) -> None:
    from langchain_tuned_gemini.names.tuned_model_name import TunedModelName

    rows: list[list[str | Cell]] = [
        [Cell(one.outcome, _STYLES.get(one.outcome, "red")), one.name, one.detail]
        for one in report.deletions
    ]
    context.out.result(
        {
            "dry_run": False,
            "deletions": [
                {
                    "name": one.name,
                    **TunedModelName.parse(one.name).place,
                    "outcome": one.outcome,
                    "detail": one.detail,
                    "left": list(one.left),
                }
                for one in report.deletions
            ],
        },
        Table(("outcome", "name", "detail"), rows),
    )
    if not report.is_complete:
        leave(ExitCode.PARTLY if report.deleted else ExitCode.FAILED)
