"""`tuned-gemini list` and `tuned-gemini versions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from langchain_tuned_gemini.cli.command import MODELS, VERSIONS, command
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.everywhere import everywhere
from langchain_tuned_gemini.cli.views import Cell, Table, state_cell, text_of

if TYPE_CHECKING:
    from langchain_tuned_gemini.cli.target import Target
    from langchain_tuned_gemini.library import LibraryModel

State = Literal["CREATING", "ACTIVE", "FAILED", "CANCELLED", "UNKNOWN"]
_COLUMNS = (
    "name",
    "state",
    "family",
    "version",
    "base",
    "age",
    "dataset",
    "aliases",
    "deployed",
    "platform",
)


@command("list", panel=MODELS)
def list_models(
    context: CommandContext,
    state: Annotated[
        State | None, typer.Option(case_sensitive=False, help="Those in a state.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Those that will never answer: FAILED or CANCELLED.")
    ] = False,
    family: Annotated[
        str | None, typer.Option(help="Those of a family, such as sql-expert.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Those tuned from this base model.")] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Those created longer ago: 12h, 30d, 8w.")
    ] = None,
) -> None:
    """List the tuned models."""
    from langchain_tuned_gemini.cli.age import seconds_of
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

    age = None if older_than is None else seconds_of(older_than)
    found = everywhere(
        context,
        state=TunedModelState(state) if state else None,
        family=family,
        base_model=base,
        older_than=age,
    )
    models = [m for m in found.models if m.has_failed] if failed else found.models
    _show(context, models, found.targets, with_reasons=failed)
    if not models:
        context.out.say("There is no such tuned model here.")
    found.tell_the_rest(context)


@command("versions", panel=VERSIONS)
def versions(
    context: CommandContext,
    family: Annotated[str, typer.Argument(help="A family of models, such as sql-expert.")],
) -> None:
    """List the versions of a family, the newest last, and what the next one is called."""
    from langchain_tuned_gemini.library.library_model import in_order

    found = everywhere(context, family=family)
    _show(context, in_order(found.models), found.targets)
    if not found.failed:  # else its name may be taken
        context.out.say(
            f"The next one is {context.library_at(found.targets).next_version(family)}."
        )
    found.tell_the_rest(context)


def _show(
    context: CommandContext,
    models: list[LibraryModel],
    targets: Sequence[Target],
    *,
    with_reasons: bool = False,
) -> None:
    """Shows models; if asked to, with why each of them failed."""
    from langchain_tuned_gemini.cli.json_output import library_data

    rows = [_row(model) for model in models]
    if context.out.is_terminal:
        platforms = {model.platform for model in models}
        there = [target for target in targets if target.platform == "vertex"]
        only = there[0] if len(there) == 1 else None
        here = f"projects/{only.project}/locations/{only.location}/" if only else ""
        rows = [_shortened(here, row, is_one=len(platforms) == 1) for row in rows]
    columns: tuple[str, ...] = _COLUMNS
    if with_reasons:
        columns = (*_COLUMNS, "why")
        rows = [[*row, model.model.error or ""] for row, model in zip(rows, models, strict=True)]
    context.out.result(
        [library_data(model) for model in models],
        *([Table(columns, rows, right=frozenset({"age"}))] if models else []),
    )


def _row(model: LibraryModel) -> list[str | Cell]:
    from langchain_tuned_gemini.cli.age import age_text

    return [
        model.name,
        state_cell(model.state),
        model.family,
        model.version,
        model.model.base_model,
        "" if model.age is None else age_text(model.age),
        model.dataset,
        ", ".join(model.aliases),
        {True: "yes", False: "no", None: ""}[model.deployed],
        model.platform,
    ]


def _shortened(here: str, row: list[str | Cell], *, is_one: bool) -> list[str | Cell]:
    """A row for somebody who knows where he looks: short names, and nothing told twice."""
    from langchain_tuned_gemini.tuned_models.base_models import base_model_id

    name, state, family, version, base, age, dataset, aliases, deployed, platform = map(
        text_of, row
    )
    return [
        name.removeprefix(here),
        state_cell(state),
        "" if name.startswith(f"tunedModels/{family}-") else family,
        version,
        base_model_id(base) or base,
        age,
        dataset[:12],
        aliases.replace(f"{family}@", "@"),
        deployed,
        "" if is_one else platform,
    ]
