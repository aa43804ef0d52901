"""Training data as Cloud Storage would hold it: examples under `gs://` URIs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tuned_gemini.emulator.examples import example_of
from langchain_tuned_gemini.emulator.records import Example

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tuned_gemini.emulator.examples import ExampleLike

    FileLike = str | PathLike[str] | Iterable[ExampleLike | Mapping[str, Any]]


def check_uri(uri: str) -> str:
    """The URI, if it is one of Cloud Storage.

    Raises:
        ValueError: It is not `gs://bucket/object`.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        msg = f"a file in Cloud Storage is gs://bucket/object, not {uri!r}"
        raise ValueError(msg)
    return uri


def read_file(content: FileLike) -> tuple[Example, ...]:
    """The examples of a file, in Vertex AI's format or in the Developer API's.

    Args:
        content: The path of a local JSONL file, or its rows: `{"contents": [...]}` with
            the turns of a conversation, `{"text_input": …, "output": …}`, or pairs.

    Raises:
        ValueError: A row is none of these; it says which one.
    """
    if isinstance(content, str | PathLike):
        text = Path(content).read_text(encoding="utf-8-sig")
        lines = [line for line in text.split("\n") if line.strip()]
        rows: Iterable[Any] = [json.loads(line) for line in lines]
    else:
        rows = content
    return tuple(example for row in rows for example in _examples(row))


def _examples(row: ExampleLike | Mapping[str, Any]) -> Iterable[Example]:
    contents: Any = row.get("contents") if isinstance(row, Mapping) else None
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
