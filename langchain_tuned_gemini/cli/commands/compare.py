"""`tuned-gemini compare`: which of several models answers a test set better."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from langchain_tuned_gemini.cli.command import VERSIONS, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.options import (
    Columns,
    Concurrency,
    Guards,
    Journal,
    Match,
    Metric,
    Prices,
    columns_of,
    existing_file,
    guard_record,
)
from langchain_tuned_gemini.cli.views import Table

if TYPE_CHECKING:
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini
    from langchain_tuned_gemini.cli.output import Advance
    from langchain_tuned_gemini.comparison import Candidate, Comparison, ComparisonProgress
    from langchain_tuned_gemini.guards import Guard
    from langchain_tuned_gemini.library import LibraryModel


_BASE = "base"
_WITH_EXAMPLES = "+few-shot"


@dataclass(frozen=True, slots=True)
class BaseOptions:
    """The base model that takes part; what is None is taken from the records."""

    base: Annotated[str | None, typer.Option(metavar="NAME", help="Which base model base is.")] = (
        None
    )
    examples: Annotated[Path | None, existing_file("What +few-shot shows.")] = None
    k: Annotated[int | None, typer.Option("-k", min=1, help="How many it is shown.")] = None
    columns: Columns = None


@dataclass(frozen=True, slots=True)
class TestSet:
    """A test set, and how its answers are judged and kept, as the options say."""

    data: Path
    metric: Literal["exact", "guards"]
    match: str
    guards: list[str] | None
    journal: Path | None
    concurrency: int
    columns: list[str] | None
    prices: Path | None = None

    @property
    def kept_in(self) -> Path:
        """The file that answers are kept in."""
        return self.journal or self.data.with_suffix(".answers.jsonl")


@command("compare", panel=VERSIONS)
def compare(
    context: CommandContext,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Tuned models, and base models by their names, +few-shot for examples: "
            "gemini-3.5-flash+few-shot; base is that of --base. The others are compared with the "
            "first one.",
        ),
    ],
    data: Annotated[Path, existing_file("The test set: held-back examples.")],
    metric: Metric = "exact",
    match: Match = "text",
    guards: Guards = None,
    *,
    base: BaseOptions,
    prices: Prices = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a report to look at.")
    ] = None,
    journal: Journal = None,
    concurrency: Concurrency = 8,
) -> None:
    """Compare models on a test set; after Ctrl-C, the same command goes on."""
    from langchain_tuned_gemini.comparison import is_better
    from langchain_tuned_gemini.comparison.reports import table

    test = TestSet(data, metric, match, guards, journal, concurrency, base.columns, prices)
    comparison = ask_all(context, names, test, base)
    if html:
        comparison.write_html(html)
        context.out.say(f"The report is {html}.")
    decisions = [is_better(comparison, name) for name in comparison.candidates[1:]]
    context.out.result(
        {**comparison.as_dict(), "decisions": [decision.as_dict() for decision in decisions]},
        Table(table.columns(comparison), list(table.rows(comparison)), right={"p50", "p95"}),
    )
    if not context.out.as_json:
        for note in (*table.notes(comparison), *table.verdicts(comparison)):
            context.out.say(note)
    if any(figures.failures for figures in comparison.figures):
        context.out.say("What was not answered is asked again by the same command.")
        leave(ExitCode.PARTLY)


def ask_all(
    context: CommandContext, names: Sequence[str], test: TestSet, base: BaseOptions | None = None
) -> Comparison:
    """Asks all models the questions of a test set, and shows how far that is.

    Args:
        context: The command's run.
        names: The models, the baseline first.
        test: What is asked.
        base: The base model that takes part, if one does.
    """
    from langchain_tuned_gemini import comparison, prices
    from langchain_tuned_gemini.comparison.matching import matching
    from langchain_tuned_gemini.comparison.questions import in_common
    from langchain_tuned_gemini.dataset import TuningDataset

    if len(set(names)) < len(names):
        raise typer.BadParameter("Name each model once.")
    questions = TuningDataset.read(test.data, columns=columns_of(test.columns))
    tuned = _tuned_candidates(context, names)
    for one in tuned:  # one that was tuned with a question knows its answer; users' it does not
        if one.seen and (number := in_common(questions, TuningDataset.read(one.seen))):
            context.out.warn(
                f"{one.text} was tuned with {number} of these questions, so its figures are too "
                f"good. Hold questions back: tuned-gemini data split."
            )
    with context.out.progress() as advance:
        try:
            return comparison.compare(
                _candidates(names, tuned, base or BaseOptions()),
                questions,
                guards=_guards_of(tuned, test.guards or ()),
                matches=matching(test.match),
                metric=test.metric,
                prices=prices.PriceTable.read(test.prices) if test.prices else None,
                journal=test.kept_in,
                max_concurrency=test.concurrency,
                on_progress=lambda progress: _show_progress(advance, progress),
            )
        except KeyboardInterrupt:
            context.out.say(f"The answers are kept in {test.kept_in}. The same command goes on.")
            raise


def _show_progress(advance: Advance, progress: ComparisonProgress) -> None:
    """Shows every percent on a terminal, and every tenth elsewhere, where each is a line."""
    percent = 100 * progress.done // progress.total
    if not sys.stderr.isatty():
        percent -= percent % 10
    kept = f", {progress.reused} of them kept" if progress.reused else ""
    failed = f", {progress.failed} not answered" if progress.failed else ""
    advance(f"{progress.total} answers{kept}{failed}", percent)


@dataclass(frozen=True, slots=True)
class _TunedCandidate:
    """A tuned model that takes part.

    Attributes:
        text: What its user calls it.
        found: What the library knows of it.
        model: The chat model that is asked, without any fallback.
    """

    text: str
    found: LibraryModel
    model: ChatTunedGemini

    @property
    def seen(self) -> str | None:
        """The file on this machine that it was tuned with; None where that is not known."""
        record = self.found.record
        path = record.record.dataset.path if record else ""
        if record is None or not path or path.startswith("gs://"):
            return None
        file = record.directory / path
        return str(file) if file.is_file() else None


def _tuned_candidates(context: CommandContext, texts: Sequence[str]) -> list[_TunedCandidate]:
    """The tuned models among the candidates."""
    from langchain_tuned_gemini.chat_models.tuned import ChatTunedGemini

    made = []
    for text in texts:
        if _base_in(text) is None:
            found = context.find(text)
            recorded = found.record.record.parameters if found.record else {}
            parameters = {**recorded, **context.target.rights(found.platform)}
            model = ChatTunedGemini(model=found.name, **parameters)
            made.append(_TunedCandidate(text, found, model))
    return made


def _base_in(text: str) -> str | None:
    """The base model that a candidate is, as its user calls it; None for a tuned one."""
    from langchain_tuned_gemini.names.version_name import VersionName
    from langchain_tuned_gemini.tuned_models.base_models import base_model_id

    name = text.removesuffix(_WITH_EXAMPLES)
    is_tuned = "@" in name or VersionName.find(name) or name.startswith("tunedModels/")
    is_base = name == _BASE or (base_model_id(name) or "").startswith("gemini-")
    return name if is_base and not is_tuned else None


def _candidates(
    texts: Sequence[str], tuned: Sequence[_TunedCandidate], options: BaseOptions
) -> list[Candidate]:
    """All candidates, in their user's order."""
    from langchain_tuned_gemini.comparison import Candidate
    from langchain_tuned_gemini.comparison.candidates import version_of

    known = {one.text: one for one in tuned}
    made = []
    for text in texts:
        if one := known.get(text):
            created = one.found.model.create_time
            # One that was deleted and tuned again under its name is another one.
            version = f"{version_of(one.model)}{f'-{created:%Y%m%dT%H%M%S.%f}' if created else ''}"
            made.append(Candidate(text, one.model, version, one.found.model.base_model))
        else:
            made.append(Candidate(text, _base_model(text, tuned, options)))
    return made


def _base_model(text: str, tuned: Sequence[_TunedCandidate], options: BaseOptions) -> Any:
    """The base model, with the rights of the first tuned one."""
    from langchain_tuned_gemini.chat_models.few_shot import FewShotChatModel
    from langchain_tuned_gemini.dataset import TuningDataset
    from langchain_tuned_gemini.few_shot import FewShotPrompt

    if not tuned:
        raise typer.BadParameter(
            f"Name a tuned model, too: {text} is asked with the rights of one."
        )
    recorded = next((one.found.record for one in tuned if one.found.record), None)
    fallback = recorded.record.fallback if recorded else None
    base = _base_in(text)
    if base == _BASE:
        base = options.base or (fallback.base_model if fallback else None)
    if base is None:
        raise typer.BadParameter(f"Say with --base which model {text} is; none is recorded.")
    model = tuned[0].model.base_chat_model(base)
    if not text.endswith(_WITH_EXAMPLES):
        return model
    examples = options.examples or (recorded.examples if recorded else None)
    if examples is None:
        raise typer.BadParameter(f"Say with --examples what {text} is shown; none is recorded.")
    columns = columns_of(options.columns) if options.examples else None
    dataset = TuningDataset.of(str(examples), columns=columns, text_only=True)
    k = options.k or (fallback.k if fallback else None)
    form = fallback.form if fallback else "turns"
    return FewShotChatModel(wrapped=model, prompt=FewShotPrompt(dataset, k=k, form=form))


def _guards_of(tuned: Sequence[_TunedCandidate], texts: Sequence[str]) -> list[Guard]:
    """The guards that were given, or else those that are recorded of the first model with any.

    Args:
        tuned: The tuned models.
        texts: Guards as they stand in the records, such as `sql = "sqlite"` or `json`.
    """
    from langchain_tuned_gemini.registry.guard_tables import GuardRecord

    if texts:
        return [GuardRecord.model_validate(guard_record(text)).build(Path()) for text in texts]
    recorded = (one.found.record.guards() for one in tuned if one.found.record)
    return next(filter(None, recorded), [])
