"""Training data as Cloud Storage would hold it: examples under `gs://` URIs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.example_files import ExampleFileError, read_rows
from langchain_tuned_gemini.emulator.examples import example_of
from langchain_tuned_gemini.emulator.records import Example

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tuned_gemini.emulator.examples import ExampleLike

    FileLike = str | PathLike[str] | Iterable[ExampleLike | Mapping[str, Any]]


def read_files(contents: Mapping[str, FileLike]) -> dict[str, tuple[Example, ...]]:
    """The examples of files by their `gs://` URI.

    Raises:
        ValueError: A URI that is none of Cloud Storage, or a file that can't be read.
    """
    return {_checked(uri): read_file(content) for uri, content in contents.items()}


def read_file(content: FileLike) -> tuple[Example, ...]:
    """The examples of a file, in Vertex AI's format or in the Developer API's.

    Args:
        content: The path of a local JSONL file, or its rows: `{"contents": [...]}` with
            the turns of a conversation, `{"text_input": …, "output": …}`, or pairs.

    Raises:
        ValueError: The file can't be read, or a row is none of these; it says which one.
    """
    if not isinstance(content, str | PathLike):
        return tuple(example for row in content for example in _examples(row))
    examples: list[Example] = []
    for place, row in read_rows(Path(content)):
        try:
            examples += _examples(row)
        except ValueError as error:
            msg = f"{place}: {error}"
            raise ExampleFileError(msg) from error
    return tuple(examples)


def _examples(row: Any) -> Iterable[Example]:
    contents = row.get("contents") if isinstance(row, Mapping) else None
    if contents is None:
        return [example_of(row)]
    try:
        turns = [(turn["role"], _text(turn)) for turn in contents]
    except (KeyError, TypeError):
        msg = f"an example has contents with roles and parts, unlike {row!r}"
        raise ValueError(msg) from None
    return [
        Example(question, answer)
        for (role, question), (next_role, answer) in pairwise(turns)
        if role != "model" and next_role == "model"
    ]


def _text(turn: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in turn["parts"])


def _checked(uri: str) -> str:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        msg = f"a file in Cloud Storage is gs://bucket/object, not {uri!r}"
        raise ValueError(msg)
    return uri
