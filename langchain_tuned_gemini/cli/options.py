"""Options and arguments that several commands take, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer


def existing_file(help_: str, **settings: Any) -> Any:
    """An option that takes a file that is there."""
    return typer.Option(metavar="FILE", exists=True, dir_okay=False, help=help_, **settings)


Family: TypeAlias = Annotated[str, typer.Argument(help="A family of models, such as sql-expert.")]
AnyName: TypeAlias = Annotated[
    str, typer.Argument(help="Its full name, family and version, or an alias.")
]
Columns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=NAME",
        help="What the file calls a field: text_input=question. May be repeated.",
    ),
]
Prices: TypeAlias = Annotated[Path | None, existing_file("Prices, TOML or JSON.")]

Fallback: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="BASE", help="A base model that answers while the tuned one can't."),
]
Examples: TypeAlias = Annotated[
    Path | None,
    existing_file("With --fallback: the tuning set, of which it is shown the best examples."),
]
K: TypeAlias = Annotated[
    int | None, typer.Option("-k", min=1, help="How many examples it is shown.")
]
Task: TypeAlias = Annotated[
    Literal["strict", "creative"] | None, typer.Option(help="A preset of the parameters.")
]

Metric: TypeAlias = Annotated[
    Literal["exact", "guards"],
    typer.Option(help="What counts: the expected answer, or that all guards let it pass."),
]
Match: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="How an answer is compared with the expected one: text, json, sql:sqlite or another "
        "dialect.",
    ),
]
Guards: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--guard",
        metavar="GUARD",
        help='A guard as in the records: json, \'sql = "sqlite"\', \'one_of = ["a", "b"]\'. '
        "May be repeated; by default those that are recorded.",
    ),
]
Journal: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        dir_okay=False,
        help="Where answers are kept, so that it goes on after Ctrl-C; DATA.answers.jsonl "
        "by default.",
    ),
]
Concurrency: TypeAlias = Annotated[
    int, typer.Option(min=1, help="How many questions are asked at once.")
]


def columns_of(given: list[str] | None) -> dict[str, str] | None:
    """A file's names for its fields, as `--column` says; None where nobody says."""
    pairs = [text.partition("=") for text in given or ()]
    for field, equals, name in pairs:
        if not equals or not name:
            raise typer.BadParameter(f"--column takes FIELD=NAME, not {field!r}.")
    return {field: name for field, _, name in pairs} or None


def guard_record(text: str) -> Any:
    """A `--guard` as it is to stand in the records; one that can't stand there is refused."""
    import tomllib

    from pydantic import ValidationError

    from langchain_tuned_gemini.registry.guard_tables import GuardRecord

    try:
        record = tomllib.loads(f"guard = {{ {text} }}")["guard"] if "=" in text else text
        GuardRecord.model_validate(record)
    except tomllib.TOMLDecodeError as error:
        raise typer.BadParameter(f"{text!r} is no guard: {error}") from error
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{text!r}: {why}") from error
    return record
