"""`tuned-gemini data`: check, convert, merge, split and measure tuning sets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from langchain_tuned_gemini.cli.command import TOOLS, app, command, leave
from langchain_tuned_gemini.cli.context import CommandContext
from langchain_tuned_gemini.cli.errors import ExitCode
from langchain_tuned_gemini.cli.options import Columns, columns_of
from langchain_tuned_gemini.cli.views import Cell, Details, Table
from langchain_tuned_gemini.tuned_models.platform import Platform

if TYPE_CHECKING:
    from langchain_tuned_gemini.dataset import Report, TuningDataset
    from langchain_tuned_gemini.dataset.stats import Spread

group = typer.Typer(no_args_is_help=True)
app.add_typer(
    group,
    name="data",
    rich_help_panel=TOOLS,
    help="Check, convert, merge, split and measure tuning sets.",
)

Format: TypeAlias = Literal["jsonl", "json", "csv", "vertex", "messages"]
File = Annotated[str, typer.Argument(metavar="FILE", help="A tuning set; '-' is the input.")]
Files = Annotated[list[str], typer.Argument(metavar="FILE...", help="Tuning sets.")]
To = Annotated[Format, typer.Option("--to", help="The format to write.")]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; the output by default."),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Lossy = Annotated[bool, typer.Option("--lossy", help="Leave out what the format can't hold.")]


@command("check", group=group, has_target=False)
def check(
    context: CommandContext,
    files: Files,
    platform: Annotated[
        Platform | None,
        typer.Option(help="Whose limits to check, too."),
    ] = None,
    columns: Columns = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")] = False,
) -> None:
    """Tell all that is wrong or odd, with file, line and field; fails on errors."""
    from langchain_tuned_gemini import dataset

    reports = [
        dataset.check(_source(file), columns=columns_of(columns), platform=platform)
        for file in files
    ]
    context.out.result(
        [_report_data(report) for report in reports],
        "\n".join(report.for_command_line for report in reports),
    )
    if not all(report.ok and not (strict and report.warnings) for report in reports):
        leave(ExitCode.FAILED)


@command("convert", group=group, has_target=False)
def convert(
    context: CommandContext,
    file: File,
    to: To,
    output: OutputFile = None,
    lossy: Lossy = False,
    force: Force = False,
    columns: Columns = None,
) -> None:
    """Write a tuning set in another format."""
    _check_outputs(context, output, force=force)
    _write(context, _read(file, columns), output, to, lossy=lossy)


@command("merge", group=group, has_target=False)
def merge(
    context: CommandContext,
    files: Files,
    to: To = "jsonl",
    output: OutputFile = None,
    lossy: Lossy = False,
    force: Force = False,
    columns: Columns = None,
) -> None:
    """Make one tuning set of several, without duplicates; contradictions stay, and are told."""
    from langchain_tuned_gemini import dataset

    _check_outputs(context, output, force=force)
    merged = dataset.merge(*[_read(file, columns) for file in files])
    for problem in merged.report.problems:
        if problem.code == "contradiction":
            context.out.warn(str(problem))
    found = {"duplicates": merged.duplicates, "contradictions": merged.contradictions}
    _write(context, merged.dataset, output, to, lossy=lossy, **found)


@command("split", group=group, has_target=False)
def split(
    context: CommandContext,
    file: File,
    tune_with: Annotated[Path, typer.Argument(help="Where to write what to tune with.")],
    held_back: Annotated[Path, typer.Argument(help="Where to write what to hold back.")],
    share: Annotated[float, typer.Option(help="Which part of the questions to hold back.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another number chooses others.")] = 0,
    to: To = "jsonl",
    lossy: Lossy = False,
    force: Force = False,
    columns: Columns = None,
) -> None:
    """Split a tuning set in two; no question is in both, and each label has its share in both."""
    if tune_with == held_back:
        raise typer.BadParameter("The two files must be different ones.")
    _check_outputs(context, tune_with, held_back, force=force)
    parts = _read(file, columns).split(share, seed=seed)
    pairs = list(zip((tune_with, held_back), parts, strict=True))
    for _, part in pairs:
        part.rows(to, lossy=lossy)  # before anything is written, it says what would be lost
    for path, part in pairs:
        part.write(path, format=to, lossy=lossy)
    rows = [[str(path), f"{len(part):,}"] for path, part in pairs]
    context.out.result(
        [{"file": str(path), "examples": len(part), "format": to} for path, part in pairs],
        Table(["file", "examples"], rows, right={"examples"}),
    )


@command("stats", group=group, has_target=False)
def stats(context: CommandContext, file: File, columns: Columns = None) -> None:
    """Count and measure a tuning set; tell the hash that names it."""
    from dataclasses import asdict

    from langchain_tuned_gemini import dataset

    examples = _read(file, columns)
    found = dataset.stats(examples)
    content_hash = examples.content_hash()
    details = Details(
        [
            ("examples", f"{found.examples:,}"),
            ("conversations", f"{found.conversations:,}"),
            ("with system instruction", f"{found.with_system_instruction:,}"),
            ("duplicates", _counted(found.duplicates)),
            ("contradictions", _counted(found.contradictions)),
            ("input characters", _spread(found.input_characters)),
            ("output characters", _spread(found.output_characters)),
            ("tokens (estimated)", _spread(found.tokens)),
            ("hash", content_hash),
        ]
    )
    labels = [[label, f"{times:,}"] for label, times in found.labels.items()]
    context.out.result(
        {**asdict(found), "labels": dict(found.labels), "hash": content_hash},
        details,
        *([Table(["label", "examples"], labels, right={"examples"})] if labels else []),
    )


def _source(file: str) -> Any:
    return sys.stdin.buffer if file == "-" else file


def _read(file: str, columns: list[str] | None) -> TuningDataset:
    from langchain_tuned_gemini.dataset import TuningDataset

    return TuningDataset.read(_source(file), columns=columns_of(columns))


def _check_outputs(context: CommandContext, *paths: Path | None, force: bool) -> None:
    """Refuses, before any work, what would spoil the output or a file that is there."""
    if context.out.as_json and None in paths:
        raise typer.BadParameter("--json tells what was written; say where with --output FILE.")
    for path in paths:
        if path and path.is_file() and not force:
            raise typer.BadParameter(f"{path} is there already. To replace it, add --force.")


def _write(
    context: CommandContext,
    examples: TuningDataset,
    path: Path | None,
    to: Format,
    *,
    lossy: bool,
    **found: int,
) -> None:
    """Writes examples, and if that is a file, says how many, and what else was found."""
    if path is None:
        for text in examples.lines(to, lossy=lossy):
            context.out.data(text)
        return
    examples.write(path, format=to, lossy=lossy)
    counts = {"examples": len(examples), **found}
    counted = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
    context.out.result({"file": str(path), **counts, "format": to}, f"{path}: {counted}")


def _report_data(report: Report) -> dict[str, Any]:
    fields = ("code", "line", "item", "field", "message")
    return {
        "file": report.source,
        "examples": report.examples,
        "errors": report.errors,
        "warnings": report.warnings,
        "problems": [
            {
                "severity": str(problem.severity),
                **{field: getattr(problem, field) for field in fields},
            }
            for problem in report.problems
        ],
    }


def _counted(number: int) -> Cell:
    return Cell(f"{number:,}", "yellow" if number else "")


def _spread(spread: Spread) -> str:
    return f"{spread.least:,} to {spread.most:,}, median {spread.median:,}, sum {spread.total:,}"
