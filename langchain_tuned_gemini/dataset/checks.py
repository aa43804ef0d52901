"""What can be wrong with examples that can all be read."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from langchain_tuned_gemini.dataset.formats import lines
from langchain_tuned_gemini.dataset.labels import count_labels, likely_typos
from langchain_tuned_gemini.dataset.platform_limits import LIMITS, Limits, Platform, exceeded_by
from langchain_tuned_gemini.dataset.readers.rows import OUTPUT
from langchain_tuned_gemini.dataset.repeats import Repeat, find_repeats
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.errors.problem import Code, Problem, Severity

if TYPE_CHECKING:
    from langchain_tuned_gemini.dataset.dataset import TuningDataset


def find_problems(dataset: TuningDataset, platform: Platform | None) -> Iterator[Problem]:
    """Finds duplicates, contradictions, likely typos in labels, and what exceeds a limit.

    Args:
        dataset: The examples.
        platform: Whose limits to check; None for nobody's.

    Raises:
        ParameterError: If there is no such platform.
    """
    if platform is not None and platform not in LIMITS:
        names = " or ".join(map(repr, get_args(Platform)))
        raise ParameterError(f"A platform is {names}, not {platform!r}.")
    for repeat in find_repeats(dataset):
        yield repeat_problem(dataset, repeat)
    yield from _typos(dataset)
    if platform is not None:
        yield from _beyond_limits(dataset, LIMITS[platform])


def repeat_problem(dataset: TuningDataset, repeat: Repeat) -> Problem:
    """Says which earlier example one repeats or contradicts."""
    earlier = dataset.place(repeat.earlier)
    if repeat.is_duplicate:
        message = f"says the same as {earlier}. The model would learn it twice."
        return _warning(dataset, repeat.index, "duplicate", message)
    one, other = (reprlib.repr(dataset[index].output) for index in (repeat.index, repeat.earlier))
    message = f"answers {one} to what {earlier} answers with {other}."
    return _warning(dataset, repeat.index, "contradiction", message, OUTPUT)


def _typos(dataset: TuningDataset) -> Iterator[Problem]:
    labels = count_labels(dataset)
    meant = dict(likely_typos(labels))
    for index, example in enumerate(dataset if meant else ()):
        if (often := meant.get(example.output)) is not None:
            message = (
                f"is {example.output!r}, a label that is here once; {often!r} is here "
                f"{labels[often]:,} times. Is it a typo?"
            )
            yield _warning(dataset, index, "label-typo", message, OUTPUT)


def _beyond_limits(dataset: TuningDataset, limits: Limits) -> Iterator[Problem]:
    for index, example in enumerate(dataset):
        for flaw in exceeded_by(example, limits):
            place = dataset.place(index)
            yield Problem(flaw.code, flaw.message, *place, flaw.field, flaw.severity)
    if len(dataset) < limits.enough:
        message = f"has {len(dataset)} examples; {limits.name} recommends {limits.enough} or more."
        yield Problem("limit", message, dataset.source, severity=Severity.WARNING)
    if limits.most_examples is not None and len(dataset) > limits.most_examples:
        message = f"has {len(dataset):,} examples; {limits.name} takes {limits.most_examples:,}."
        yield Problem("limit", message, dataset.source)
    length = sum(len(line.encode()) for line in lines(dataset, limits.format))
    if length > limits.most_bytes:
        message = (
            f"has {length:,} bytes as {limits.format}; {limits.name} takes {limits.most_bytes:,}."
        )
        yield Problem("limit", message, dataset.source)


def _warning(
    dataset: TuningDataset, index: int, code: Code, message: str, field: str | None = None
) -> Problem:
    return Problem(code, message, *dataset.place(index), field, Severity.WARNING)
