"""The tuning set: the examples that a model was tuned with, read and checked."""

from __future__ import annotations

import difflib
import json
import os
import reprlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias, cast, overload

from langchain_tuned_gemini.errors import DatasetError, ParameterError

if TYPE_CHECKING:
    from io import BufferedReader

TEXT_INPUT, OUTPUT = "text_input", "output"
"""The fields of an example, named as the Developer API's `TuningExample` names them."""

_MAX_LINE = 4_000_000
"""Bytes: the Developer API takes no more than 4 MB of training data altogether.
https://discuss.ai.google.dev/t/3774"""


@dataclass(frozen=True, slots=True)
class TuningExample:
    """One example of the task: what is asked, and what is answered.

    Attributes:
        text_input: What the user would say.
        output: What the tuned model was taught to answer.
    """

    text_input: str
    output: str

    @classmethod
    def parse(cls, row: object, *, source: str, line: int) -> Self:
        """Checks one row: an object with `text_input` and `output`, both with text.

        Other fields, such as an id or a split, are left out.

        Args:
            row: A mapping, or an example.
            source: Where the row comes from, for the error.
            line: Its 1-based line or number there, for the error.

        Raises:
            DatasetError: If the row has no such fields, or one of them holds no text.

        Example:
            >>> TuningExample.parse({"text_input": "1", "output": "2"}, source="me", line=1)
            TuningExample(text_input='1', output='2')
        """
        if isinstance(row, TuningExample):
            row = row.as_dict()
        if not isinstance(row, Mapping):
            raise DatasetError(
                f"must be an object with {TEXT_INPUT!r} and {OUTPUT!r}, not {reprlib.repr(row)}.",
                source=source,
                line=line,
            )
        for name in (TEXT_INPUT, OUTPUT):
            if problem := _problem_with(row, name):
                raise DatasetError(problem, source=source, line=line, field=name)
        return cls(row[TEXT_INPUT], row[OUTPUT])

    def as_dict(self) -> dict[str, str]:
        """The example as the API and LangChain's example selectors want it."""
        return {TEXT_INPUT: self.text_input, OUTPUT: self.output}


Examples: TypeAlias = str | os.PathLike[str] | Iterable[Mapping[str, object] | TuningExample]
"""What stands for a tuning set: a file's path, a `TuningDataset`, or the examples themselves."""


@dataclass(frozen=True, slots=True, repr=False)
class TuningDataset(Sequence[TuningExample]):
    """The examples that a model was tuned with, in their order. Immutable.

    Made by `read` or `of`, which check every example. Two are equal if their examples are.

    Attributes:
        examples: The examples.
        source: Where they come from: a path, or `"examples"`.
    """

    examples: tuple[TuningExample, ...]
    source: str = field(default="examples", compare=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Reads a file of examples: JSONL, or a JSON array of the same objects.

        The content decides which of the two it is, not the file's name. JSONL is read line
        by line; blank lines and a byte order mark are skipped.

        Args:
            path: A UTF-8 file with objects like `{"text_input": "1", "output": "2"}`.

        Raises:
            DatasetError: If the file can't be read, is empty or not UTF-8, or a row is not
                such an object; it says in which file, line and field.
        """
        source = os.fspath(path)
        try:
            with Path(path).open("rb") as file:
                return cls._checked(_rows(file, source), source)
        except OSError as error:
            raise DatasetError(f"{_why(error)} Check the path.", source=source) from error

    @classmethod
    def of(cls, examples: Examples) -> TuningDataset:
        """Makes a dataset of whatever stands for one: a path, a dataset, or the examples.

        Args:
            examples: A path, which is read; a dataset, which is returned; or mappings with
                `text_input` and `output`, or `TuningExample`s.

        Raises:
            DatasetError: If there are no examples, or one can't be used.
            ParameterError: If this can't stand for a dataset.

        Example:
            >>> TuningDataset.of([{"text_input": "1", "output": "2"}])
            TuningDataset(1 example from 'examples')
        """
        if isinstance(examples, str | os.PathLike):
            return cls.read(examples)
        if isinstance(examples, TuningDataset) and examples:
            return examples
        if not isinstance(examples, Iterable) or isinstance(examples, bytes | Mapping):
            raise ParameterError(
                f"examples takes a file's path, a TuningDataset, or a list of {{{TEXT_INPUT!r}: "
                f"..., {OUTPUT!r}: ...}}, not {reprlib.repr(examples)}."
            )
        return cls._checked(enumerate(examples, start=1), "examples")

    @classmethod
    def _checked(cls, rows: Iterable[tuple[int, object]], source: str) -> Self:
        examples = tuple(TuningExample.parse(row, source=source, line=line) for line, row in rows)
        if not examples:
            raise DatasetError("has no examples. At least one is needed.", source=source)
        return cls(examples, source)

    def __len__(self) -> int:
        return len(self.examples)

    @overload
    def __getitem__(self, index: int) -> TuningExample: ...
    @overload
    def __getitem__(self, index: slice) -> TuningDataset: ...
    def __getitem__(self, index: int | slice) -> TuningExample | TuningDataset:
        if isinstance(index, slice):
            return TuningDataset(self.examples[index], self.source)
        return self.examples[index]

    def __iter__(self) -> Iterator[TuningExample]:
        return iter(self.examples)

    def __repr__(self) -> str:
        number = f"{len(self)} example{'' if len(self) == 1 else 's'}"
        return f"{type(self).__name__}({number} from {self.source!r})"


def _problem_with(row: Mapping[object, object], name: str) -> str | None:
    """Says what is wrong with a field, or None."""
    if name not in row:
        return _missing(row, name)
    text = row[name]
    if not isinstance(text, str):
        return f"must be text, not {reprlib.repr(text)}."
    if not text.strip():
        return "is empty. Every example needs both a question and an answer."
    if "\0" in text:
        return f"has a NUL character at position {text.index(chr(0))}. Remove it."
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"has half a character (a lone surrogate) at position {error.start}. Remove it."
    return None


def _missing(row: Mapping[object, object], name: str) -> str:
    others = [str(other) for other in row if other not in {TEXT_INPUT, OUTPUT}]
    if nearest := difflib.get_close_matches(name, others, n=1):
        return f"is missing. The row has {nearest[0]!r}: rename that to {name!r}."
    return f"is missing. The row has {', '.join(map(repr, others)) or 'nothing'} instead."


def _why(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file."
        case IsADirectoryError():
            return "is a directory, not a file of examples."
        case _:
            return f"can't be read: {error.strerror or error}."


def _rows(file: BufferedReader, source: str) -> Iterator[tuple[int, object]]:
    """The rows, each with its line; those of an array with their number in it."""
    if file.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
        file.read(len(BOM_UTF8))
    if file.peek(1).lstrip().startswith(b"["):
        # Text that starts with a bracket is a list, or it is not JSON.
        yield from enumerate(cast("list[object]", _json(file.read(), source, line=1)), start=1)
        return
    for line, data in enumerate(iter(lambda: file.readline(_MAX_LINE + 1), b""), start=1):
        if len(data) > _MAX_LINE:
            raise DatasetError(
                f"is longer than {_MAX_LINE:,} bytes, more than Gemini takes altogether. Is this "
                "a file of examples, one on each line?",
                source=source,
                line=line,
            )
        if data.strip():
            yield line, _json(data, source, line=line)


def _json(data: bytes, source: str, *, line: int) -> object:
    """Reads a piece of the file that starts in this line.

    Raises:
        DatasetError: If it is not UTF-8, or not JSON.
    """
    try:
        return json.loads(data.decode())
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        position = error.start - data.rfind(b"\n", 0, error.start)
        raise DatasetError(
            f"is not UTF-8: byte {position} of the line is 0x{data[error.start]:02X}. Save the "
            "file as UTF-8.",
            source=source,
            line=line,
        ) from error
    except (ValueError, RecursionError) as error:
        # Besides wrong JSON: a number of more than 4,300 digits, and nesting without end.
        if isinstance(error, json.JSONDecodeError):
            line += error.lineno - 1
        raise DatasetError(
            f"is not JSON: {error}. Each example is one line: "
            f'{{"{TEXT_INPUT}": "...", "{OUTPUT}": "..."}}.',
            source=source,
            line=line,
        ) from error
