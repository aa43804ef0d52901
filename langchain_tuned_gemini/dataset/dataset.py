"""The tuning set: the examples that a model was tuned with, read and checked."""

from __future__ import annotations

import logging
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import chain
from typing import Any, Self, overload

from langchain_tuned_gemini.dataset import formats
from langchain_tuned_gemini.dataset.checks import find_problems, find_repeats
from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.formats import Format
from langchain_tuned_gemini.dataset.gather import Columns, Examples, gather
from langchain_tuned_gemini.dataset.problems import Findings, Flaw, NotKept, Places, Report
from langchain_tuned_gemini.dataset.readers.files import FileSource, name_of
from langchain_tuned_gemini.dataset.split import choose_held_back
from langchain_tuned_gemini.errors import LossyConversionError
from langchain_tuned_gemini.errors.problem import Place, Problem, Severity
from langchain_tuned_gemini.runtime.atomic_write import write_whole
from langchain_tuned_gemini.tuned_models.platform import Platform

_TAUGHT = frozenset({"tools", "toolConfig", "tool_config", "functions", "tool_choice"})
"""Fields that change what a model learns from the row."""

_AS_IT_IS = (
    "Vertex AI takes such a file as it is: put it into Cloud Storage yourself, and tune with its "
    "gs:// URI."
)

_log = logging.getLogger("langchain_tuned_gemini")


@dataclass(frozen=True, slots=True, repr=False)
class TuningDataset(Sequence[TuningExample]):
    """The examples that a model was tuned with, in their order. Immutable.

    Made by `read` or `of`, which check every example. Two are equal if their examples are.

    Attributes:
        examples: The examples.
        source: Where they come from: a path, or `"examples"`.
        places: The place of each; None where they are known by their number alone.
        not_kept: The fields of each one's row that it does not hold, and why; nothing where all
            hold all of theirs.
        beside: What else was left out when they were read: rows, and what stands beside them.
    """

    examples: tuple[TuningExample, ...]
    source: str = field(default="examples", compare=False)
    places: Places | None = field(default=None, compare=False)
    not_kept: tuple[tuple[NotKept, ...], ...] = field(default=(), compare=False)
    beside: tuple[Problem, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, source: FileSource, *, columns: Columns | None = None) -> Self:
        """Reads a file of examples.

        It may be JSONL, a JSON array or CSV with named columns. A JSON row is
        `{"text_input": ..., "output": ...}`, Vertex AI's `{"contents": [...]}` with or without
        `systemInstruction`, or `{"messages": [...]}`. The content decides, not the file's name.
        Rows are read one by one; other fields are left out, which the log tells once.

        Args:
            source: A path, or an open file, text or binary. UTF-8.
            columns: What the file calls the fields, where they have other names:
                `{"text_input": "question", "output": "answer"}`.

        Raises:
            DatasetError: If the file can't be read, or any row holds no example; it has every
                problem with its file, line and field. `check` tells of what is merely odd, too.
            ParameterError: If `columns` has a field that there is not.
        """
        return cls._read(source, columns)

    @classmethod
    def of(
        cls,
        examples: Examples,
        *,
        columns: Columns | None = None,
        text_only: bool = False,
        function_calls: bool = False,
    ) -> TuningDataset:
        """Makes a dataset of whatever stands for one: a path, a dataset, or the examples.

        Args:
            examples: A path or an open file, which is read; a dataset, which is returned; or
                the examples: `TuningExample`s, rows as `read` knows them, pairs of two texts,
                lists of LangChain messages.
            columns: What a file calls the fields, where they have other names.
            text_only: Whether to leave out, with a warning in the log, examples that hold a
                function call, an image or the like, instead of refusing all of them.
            function_calls: Whether examples may call functions. They can be shown by a
                `FewShotPrompt`, and neither written nor tuned with.

        Raises:
            DatasetError: If there are no examples, or one can't be used.
            ParameterError: If this can't stand for a dataset.

        Example:
            >>> TuningDataset.of([{"text_input": "1", "output": "2"}])
            TuningDataset(1 example from 'examples')
        """
        if isinstance(examples, TuningDataset) and examples:
            calling = sum(bool(example.messages) for example in examples)
            if function_calls or not calling:
                return examples
            if text_only and calling < len(examples):
                message = (
                    "%s: %s examples call functions. They are left out where text alone can be "
                    "shown, and where a call offers no functions."
                )
                _log.warning(message, examples.source, f"{calling:,}")
                texts = (n for n, example in enumerate(examples) if not example.messages)
                return examples.take([*texts])
        return cls._read(examples, columns, text_only=text_only, function_calls=function_calls)

    @classmethod
    def _read(cls, source: object, columns: Columns | None, **more_than_text: bool) -> Self:
        findings = Findings(name_of(source))
        gathered = gather(source, findings, columns, **more_than_text)
        report = findings.report(len(gathered.examples))
        report.raise_for_errors()
        left_out = [found for found in report.problems if found.code in {"not-kept", "not-text"}]
        for problem in left_out:
            _log.warning("%s", problem)
        of_rows = {name for fields in gathered.not_kept for name, _ in fields}
        beside = tuple(problem for problem in left_out if problem.field not in of_rows)
        return cls(gathered.examples, findings.source, gathered.places, gathered.not_kept, beside)

    @property
    def left_out(self) -> Mapping[str, int]:
        """The fields that no example holds, and how many rows had each."""
        fields = Counter(name for fields in self.not_kept for name in {name for name, _ in fields})
        fields.update(found.field for found in self.beside if found.field is not None)
        return dict(fields)

    def check(self, *, platform: Platform | None = None) -> Report:
        """Looks for what is odd: duplicates, contradictions, likely typos in labels, and tells
        again what was left out when the examples were read.

        `langchain_tuned_gemini.dataset.check` does it for a file that may not even be readable.

        Args:
            platform: Whose limits to check as well: `"developer"` or `"vertex"`.

        Returns:
            What was found. Nothing but an exceeded limit is an error.
        """  # noqa: D205  one sentence
        findings = Findings(self.source)
        findings.extend(self.beside)
        for index, fields in enumerate(self.not_kept):
            for name, why in fields:
                findings.note(Flaw(name, why, "not-kept", Severity.WARNING), self.place(index))
        findings.extend(find_problems(self.examples, self.place, self.source, platform))
        return findings.report(len(self))

    def losses(self, format: Format) -> Report:  # noqa: A002  the field's word
        """Finds what a format can't hold of these examples: an error for each field of each one.

        `"vertex"` and `"messages"` hold everything that an example does. Tools that the rows
        offered to the model, and that were left out when they were read, are a loss in each.

        Raises:
            ParameterError: If there is no such format.
        """
        formats.check_format(format)
        findings = Findings(self.source)
        for index, example in enumerate(self.examples):
            for name, message in formats.losses(example, format):
                findings.add(Problem("loss", message, *self.place(index), name))
        left_out = self.left_out
        for name in sorted(_TAUGHT & left_out.keys()):
            message = f"would be lost (rows that have it: {left_out[name]:,}). {_AS_IT_IS}"
            findings.add(Problem("loss", message, self.source, field=name))
        return findings.report(len(self))

    def rows(
        self,
        format: Format,  # noqa: A002  the field's word
        *,
        lossy: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """The examples as the rows of a format, as JSON has them.

        Args:
            format: What the rows look like; see `Format`.
            lossy: Whether to leave out what the format can't hold.

        Raises:
            LossyConversionError: If something would be lost.
            ParameterError: If there is no such format.
        """
        self._refuse_losses(format, lossy=lossy)
        return formats.rows(self, format)

    def lines(
        self,
        format: Format,  # noqa: A002  the field's word
        *,
        lossy: bool = False,
    ) -> Iterator[str]:
        """The examples as the text of a file, in pieces; see `write`, which raises the same."""
        self._refuse_losses(format, lossy=lossy)
        return formats.lines(self, format)

    def write(
        self,
        path: str | os.PathLike[str],
        *,
        format: Format = "jsonl",  # noqa: A002  the field's word
        lossy: bool = False,
    ) -> None:
        """Writes the examples to a file; `read` gives the same examples back.

        A file that is there is replaced, once all is written.

        Args:
            path: The file.
            format: How to write them; see `Format`.
            lossy: Whether to leave out what the format can't hold, such as the turns before the
                last question.

        Raises:
            LossyConversionError: If something would be lost; nothing is written.
            OSError: If the file can't be written.
            ParameterError: If there is no such format.
        """
        write_whole(path, self.lines(format, lossy=lossy))

    def _refuse_losses(self, format: Format, *, lossy: bool) -> None:  # noqa: A002  the field's word
        report = self.losses(format)
        if not (report.ok or lossy):
            raise LossyConversionError(report.problems, total=report.errors)

    def content_hash(self) -> str:
        """Names these examples: the SHA-256 of what they say, 64 characters.

        Neither their order nor the file or format they come from makes a difference. Each
        character of an example does, and so does how often it is there.

        Example:
            >>> one, two = {"text_input": "1", "output": "2"}, {"text_input": "2", "output": "3"}
            >>> forth, back = TuningDataset.of([one, two]), TuningDataset.of([two, one])
            >>> forth.content_hash() == back.content_hash()
            True
        """
        digests = sorted(sha256(example.canonical()).digest() for example in self.examples)
        return sha256(b"".join(digests)).hexdigest()

    def split(self, share: float, *, seed: int = 0) -> tuple[TuningDataset, TuningDataset]:
        """Splits the examples into those to tune with and those to hold back.

        The same examples are always split in the same way, in whatever order they come. A
        question is never in both parts, and each label has its share in both.

        Args:
            share: Which part of the questions to hold back: more than 0, less than 1.
            seed: Another number chooses others.

        Raises:
            ParameterError: If the share is not between 0 and 1, or there are fewer than two
                questions to choose from.
        """
        held_back = choose_held_back(self.examples, share, seed)
        rest = [index for index in range(len(self)) if index not in held_back]
        return self.take(rest), self.take(sorted(held_back))

    def take(self, indices: Sequence[int]) -> TuningDataset:
        """Some of the examples, in the given order."""
        examples = tuple(self.examples[index] for index in indices)
        places = self._all_places().take(indices)
        not_kept = tuple(self.not_kept[index] for index in indices) if self.not_kept else ()
        beside = tuple(found for found in self.beside if found.field is not None)
        return TuningDataset(examples, self.source, places, not_kept, beside)

    def place(self, index: int) -> Place:
        """Where an example stands."""
        if self.places is None:
            return Place(self.source, item=index + 1)
        return self.places[index]

    def _all_places(self) -> Places:
        if self.places is not None:
            return self.places
        return Places.of_one(self.source, array("Q", range(1, len(self) + 1)), by_line=False)

    def __add__(self, other: TuningDataset) -> TuningDataset:
        """Merges two sets, without duplicates.

        Contradictions stay, and are counted in one warning of the log; `merge` returns them.
        """
        if not isinstance(other, TuningDataset):
            return NotImplemented
        merged = merge(self, other)
        if merged.contradictions:
            _log.warning(
                "%s: %d examples contradict earlier ones. check() names them.",
                merged.dataset.source,
                merged.contradictions,
            )
        return merged.dataset

    def __len__(self) -> int:
        return len(self.examples)

    @overload
    def __getitem__(self, index: int) -> TuningExample: ...
    @overload
    def __getitem__(self, index: slice) -> TuningDataset: ...
    def __getitem__(self, index: int | slice) -> TuningExample | TuningDataset:
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        return self.examples[index]

    def __iter__(self) -> Iterator[TuningExample]:
        return iter(self.examples)

    def __repr__(self) -> str:
        number = f"{len(self)} example{'' if len(self) == 1 else 's'}"
        return f"{type(self).__name__}({number} from {self.source!r})"


@dataclass(frozen=True, slots=True)
class Merge:
    """Several tuning sets made one.

    Attributes:
        dataset: The examples of all, each once.
        duplicates: How many were left out.
        contradictions: How many answer in another way what an earlier one asks; they are still
            there.
        report: Both, each with file and line, as warnings.
    """

    dataset: TuningDataset
    duplicates: int
    contradictions: int
    report: Report


def merge(first: Examples, *others: Examples, columns: Columns | None = None) -> Merge:
    """Makes one tuning set of several, without duplicates.

    Contradictions stay: which answer is right is not for a program to say.

    Args:
        first: What stands for a tuning set; see `Examples`.
        *others: Further ones.
        columns: What the files call the fields, where they have other names.

    Raises:
        DatasetError: If one of them can't be used.
        ParameterError: If one of them can't stand for a tuning set.

    Example:
        >>> merged = merge([("1", "2")], [("1", "2"), ("1", "3"), ("2", "3")])
        >>> len(merged.dataset), merged.duplicates, merged.contradictions
        (3, 1, 1)
    """
    given = (first, *others)
    together = _concatenated([TuningDataset.of(each, columns=columns) for each in given])
    repeats = list(find_repeats(together))
    findings = Findings(together.source)
    findings.extend(repeat.problem(together.examples, together.place) for repeat in repeats)
    duplicates = {repeat.index for repeat in repeats if repeat.is_duplicate}
    kept = [index for index in range(len(together)) if index not in duplicates]
    return Merge(
        together.take(kept),
        len(duplicates),
        len(repeats) - len(duplicates),
        findings.report(len(kept)),
    )


def _concatenated(datasets: Sequence[TuningDataset]) -> TuningDataset:
    places = datasets[0]._all_places()
    for dataset in datasets[1:]:
        places += dataset._all_places()
    return TuningDataset(
        tuple(example for dataset in datasets for example in dataset),
        " + ".join(dict.fromkeys(dataset.source for dataset in datasets)),
        places,
        tuple(chain.from_iterable(each.not_kept or [()] * len(each) for each in datasets)),
        tuple(problem for dataset in datasets for problem in dataset.beside),
    )


def check(
    examples: Examples, *, columns: Columns | None = None, platform: Platform | None = None
) -> Report:
    """Checks examples and tells everything that is wrong or odd, with file, line and field.

    Args:
        examples: What stands for a tuning set; see `Examples`. It need not be readable.
        columns: What a file calls the fields, where they have other names.
        platform: Whose limits to check as well: `"developer"` or `"vertex"`.

    Returns:
        What was found.

    Raises:
        ParameterError: If it can't stand for a tuning set, or there is no such platform.

    Example:
        >>> print(check([{"text_input": "1"}, {"text_input": "2", "output": "3"}]))
        error: examples:1: field 'output': is missing.
        examples: 1 example, 1 error, 0 warnings
    """
    if isinstance(examples, TuningDataset):
        return examples.check(platform=platform)
    findings = Findings(name_of(examples))
    gathered = gather(examples, findings, columns)
    found = gathered.examples
    findings.extend(find_problems(found, gathered.places.__getitem__, findings.source, platform))
    return findings.report(len(found))
