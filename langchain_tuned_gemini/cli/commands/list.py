"""`tuned-gemini list`: the tuned models of all targets; one that fails does not hide the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langchain_tuned_gemini.cli.command import MODELS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import CommandError, ExitCode
from langchain_tuned_gemini.cli.target import Target
from langchain_tuned_gemini.cli.views import Table, age_text, state_cell

if TYPE_CHECKING:
    from langchain_tuned_gemini.errors import TunedGeminiError
    from langchain_tuned_gemini.library import LibraryModel

_AT_ONCE = 16

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_AGE = re.compile(rf"(\d+(?:\.\d+)?)([{''.join(_UNITS)}])", re.ASCII)

State = Literal["CREATING", "ACTIVE", "FAILED", "CANCELLED", "UNKNOWN"]


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
    from langchain_tuned_gemini.tuned_models.tuned_model import TunedModelState

    found = list_everywhere(
        context,
        state=TunedModelState(state) if state else None,
        family=family,
        base_model=base,
        older_than=None if older_than is None else _seconds_of(older_than),
    )
    models = [m for m in found.models if m.has_failed] if failed else found.models
    show_models(context, models, found.targets, with_reasons=failed)
    if not models:
        context.out.say("There is no such tuned model here.")
    found.report_the_rest(context)


@dataclass(frozen=True, slots=True)
class FoundModels:
    """The answers of all targets.

    Attributes:
        targets: Those that were asked.
        models: The tuned models of those that have answered, each once.
        failed: The others, each with why.
    """

    targets: Sequence[Target]
    models: list[LibraryModel]
    failed: dict[Target, TunedGeminiError]

    def report_the_rest(self, context: CommandContext) -> None:
        """Says what the models that were shown are not all of; ends the command if some lack."""
        from langchain_tuned_gemini.cli.errors import sentence_for

        for target, error in self.failed.items():
            context.out.warn(f"{target} is not in it: {sentence_for(error)}")
        if not_asked := context.target.not_asked(self.targets):
            context.out.say(not_asked)
        if self.failed:
            leave(ExitCode.PARTLY if len(self.failed) < len(self.targets) else ExitCode.FAILED)


def list_everywhere(context: CommandContext, **selection: Any) -> FoundModels:
    """Asks all targets for their tuned models.

    Args:
        context: Where to look.
        **selection: Which of them, as `ModelLibrary.list` takes it.

    Raises:
        TunedGeminiError: There is one target only, and it did not answer.
    """
    from langchain_tuned_gemini.errors import TunedGeminiError

    def ask(target: Target) -> list[LibraryModel] | TunedGeminiError:
        try:
            return context.library_at([target]).list(**selection)
        except TunedGeminiError as error:
            return error

    targets = context.targets()
    with ThreadPoolExecutor(min(len(targets), _AT_ONCE)) as pool:
        answers = dict(zip(targets, pool.map(ask, targets), strict=True))
    failed = {t: answer for t, answer in answers.items() if isinstance(answer, TunedGeminiError)}
    if failed and len(targets) == 1:
        raise failed[targets[0]]
    # A project has an id and a number, so two targets may be one.
    models = {
        model.name: model
        for answer in answers.values()
        if not isinstance(answer, TunedGeminiError)
        for model in answer
    }
    return FoundModels(targets, list(models.values()), failed)


def _seconds_of(text: str) -> float:
    """Reads an age, in seconds.

    Raises:
        CommandError: It is none.

    Example:
        >>> _seconds_of("1.5h"), _seconds_of("8w")
        (5400.0, 4838400.0)
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise CommandError(
            f"{text!r} is no age. Write a number and its unit, s, m, h, d or w: 12h, 30d.",
            ExitCode.USAGE,
        )
    return float(match[1]) * _UNITS[match[2]]


def show_models(
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
        is_one = len({model.platform for model in models}) == 1
        there = [target for target in targets if target.platform == "vertex"]
        only = there[0] if len(there) == 1 else None
        here = f"projects/{only.project}/locations/{only.location}/" if only else ""
        for row in rows:
            _shorten(row, here, is_one=is_one)
    if with_reasons:
        for row, model in zip(rows, models, strict=True):
            row["why"] = model.model.error or ""
    cells = [list(row.values()) for row in rows]
    views = [Table(list(rows[0]), cells, right={"age"})] if rows else []
    context.out.result([library_data(model) for model in models], *views)


def _row(model: LibraryModel) -> dict[str, str]:
    """The cells of a model, by their columns."""
    return {
        "name": model.name,
        "state": state_cell(model.state),
        "family": model.family,
        "version": model.version,
        "base": model.model.base_model,
        "age": "" if model.age is None else age_text(model.age),
        "dataset": model.dataset,
        "aliases": ", ".join(model.aliases),
        "deployed": {True: "yes", False: "no", None: ""}[model.deployed],
        "platform": model.platform,
    }


def _shorten(row: dict[str, str], here: str, *, is_one: bool) -> None:
    """Leaves out what who looks knows: short names, and nothing twice."""
    from langchain_tuned_gemini.tuned_models.base_models import base_model_id

    family = row["family"]
    row["aliases"] = row["aliases"].replace(f"{family}@", "@")
    if row["name"].startswith(f"tunedModels/{family}-"):
        row["family"] = ""
    row["name"] = row["name"].removeprefix(here)
    row["base"] = base_model_id(row["base"]) or row["base"]
    row["dataset"] = row["dataset"][:12]
    if is_one:
        row["platform"] = ""
