"""Checks of examples that can all be read: repeats, likely typos, and limits of a platform."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.formats import lines
from langchain_tuned_gemini.dataset.platform_limits import LIMITS, PlatformLimits, exceeded_by
from langchain_tuned_gemini.dataset.readers.rows import OUTPUT
from langchain_tuned_gemini.errors import ParameterError
from langchain_tuned_gemini.errors.problem import Code, Place, Problem, Severity
from langchain_tuned_gemini.runtime.visible_text import visible_text
from langchain_tuned_gemini.tuned_models.platform import Platform

_MAX_LABEL = 64  # characters
_OFTEN = 5
"""How often a label must be there for one like it, there once, to be a typo of it."""
_SHORT = 5  # characters; shorter words are too alike: cat, car


def find_problems(
    examples: Sequence[TuningExample],
    place_of: Callable[[int], Place],
    source: str,
    platform: Platform | None,
) -> Iterator[Problem]:
    """Finds duplicates, contradictions, likely typos in labels, and what exceeds a limit.

    Raises:
        ParameterError: If there is no such platform.
    """
    if platform is not None and platform not in LIMITS:
        names = " or ".join(map(repr, get_args(Platform)))
        raise ParameterError(f"A platform is {names}, not {platform!r}.")
    for repeat in find_repeats(examples):
        yield repeat.problem(examples, place_of)
    yield from _typos(examples, place_of)
    if platform is not None:
        limits = LIMITS[platform]
        for index, example in enumerate(examples):
            for flaw in exceeded_by(example, limits):
                yield flaw.at(place_of(index))
        yield from _whole_beyond(examples, source, limits)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An example that asks what an earlier one asks.

    Attributes:
        index: Its place.
        earlier: The place of the first example that asks the same and, for a duplicate, also
            answers the same.
        is_duplicate: Whether an earlier one gives the same answer; else it contradicts.
    """

    index: int
    earlier: int
    is_duplicate: bool

    def problem(
        self, examples: Sequence[TuningExample], place_of: Callable[[int], Place]
    ) -> Problem:
        """The repeat as a problem, which names the earlier example."""
        earlier = place_of(self.earlier)
        if self.is_duplicate:
            message = f"says the same as {earlier}. The model would learn it twice."
            return _warning(place_of(self.index), "duplicate", message)
        one, other = (reprlib.repr(examples[n].output) for n in (self.index, self.earlier))
        message = f"answers {one} to what {earlier} answers with {other}."
        return _warning(place_of(self.index), "contradiction", message, OUTPUT)


def find_repeats(examples: Iterable[TuningExample]) -> Iterator[Repeat]:
    """Finds the examples that ask, to a reader, what an earlier one asks, in their order."""
    first: dict[Hashable, tuple[int, str]] = {}
    others: dict[Hashable, dict[str, int]] = {}
    for index, example in enumerate(examples):
        asked = question_of(example)
        answer = visible_text(example.output)
        earlier, output = first.setdefault(asked, (index, answer))
        if earlier == index:
            continue
        answers = others.setdefault(asked, {output: earlier})
        if answer in answers:
            yield Repeat(index, answers[answer], is_duplicate=True)
        else:
            answers[answer] = index
            yield Repeat(index, earlier, is_duplicate=False)


def question_of(
    example: TuningExample, as_compared: Callable[[str], str] = visible_text
) -> Hashable:
    """The question of an example: everything but its output.

    Args:
        example: The example.
        as_compared: Gives equal texts for those that are to be the same.
    """
    asked = as_compared(example.text_input)
    if example.is_plain:
        return asked  # no new tuple for most examples
    instruction = example.system_instruction
    return (
        asked,
        tuple((turn.role, as_compared(turn.text)) for turn in example.history),
        None if instruction is None else as_compared(instruction),
    )


def outputs_are_labels(examples: Sequence[TuningExample]) -> bool:
    """Whether the outputs are labels: short, on one line, and each there twice on average.

    Example:
        >>> rows = [("Great!", "good"), ("Awful.", "bad"), ("Nice", "good"), ("Meh", "bad")]
        >>> outputs_are_labels([TuningExample(text, label) for text, label in rows])
        True
    """
    outputs = {visible_text(example.output) for example in examples}
    return 2 * len(outputs) <= len(examples) and all(
        len(output) <= _MAX_LABEL and "\n" not in output for output in outputs
    )


def count_labels(examples: Sequence[TuningExample]) -> Counter[str]:
    """How often each label is there, as a visible text; empty where the outputs are no labels."""
    if not outputs_are_labels(examples):
        return Counter()
    return Counter(visible_text(example.output) for example in examples)


def _typos(
    examples: Sequence[TuningExample], place_of: Callable[[int], Place]
) -> Iterator[Problem]:
    labels = count_labels(examples)
    meant = dict(likely_typos(labels))
    for index, example in enumerate(examples if meant else ()):
        if (often := meant.get(visible_text(example.output))) is not None:
            message = (
                f"is {example.output!r}, a label that is here once; {often!r} is here "
                f"{labels[often]:,} times. Is it a typo?"
            )
            yield _warning(place_of(index), "label-typo", message, OUTPUT)


def likely_typos(labels: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Finds labels that are there once and one slip away from one that is there often.

    A slip is another case, space, hyphen or underscore, or one character that is missing, too
    much, wrong, or changed places with the next one. Digits make a difference: `level_1` is no
    typo of `level_2`.

    Args:
        labels: How often each label is there.

    Yields:
        The label that may be a typo, and the one that may be meant.

    Example:
        >>> list(likely_typos({"card_arrival": 9, "card_arival": 1, "Card arrival": 1}))
        [('card_arival', 'card_arrival'), ('Card arrival', 'card_arrival')]
    """
    meant: dict[str, str] = {}
    for label, times in labels.items():
        if times >= _OFTEN:
            for variant in _variants(label):
                meant.setdefault(variant, label)
    for label, times in labels.items():
        if times == 1:
            found = (meant[variant] for variant in _variants(label) if variant in meant)
            if (often := next(found, None)) is not None and _digits(often) == _digits(label):
                yield label, often


def _variants(label: str) -> Iterator[str]:
    """The label's letters, and those with any one of them left out.

    Two labels that are one slip apart have one of these in common.
    """
    letters = "".join(label.casefold().replace("_", " ").replace("-", " ").split())
    yield letters
    if len(letters) >= _SHORT:
        for place in range(len(letters)):
            yield letters[:place] + letters[place + 1 :]


def _digits(label: str) -> str:
    return "".join(filter(str.isdigit, label))


def _whole_beyond(
    examples: Sequence[TuningExample], source: str, limits: PlatformLimits
) -> Iterator[Problem]:
    """Finds what is more, or less, than a platform takes of all examples together."""
    count = len(examples)
    if count < limits.enough:
        message = f"has {count} examples; {limits.name} recommends {limits.enough} or more."
        yield Problem("limit", message, source, severity=Severity.WARNING)
    if limits.most_examples is not None and count > limits.most_examples:
        message = f"has {count:,} examples; {limits.name} takes {limits.most_examples:,}."
        yield Problem("limit", message, source)
    length = sum(len(line.encode()) for line in lines(examples, limits.format))
    if length > limits.most_bytes:
        message = (
            f"has {length:,} bytes as {limits.format}; {limits.name} takes {limits.most_bytes:,}."
        )
        yield Problem("limit", message, source)


def _warning(place: Place, code: Code, message: str, field: str | None = None) -> Problem:
    return Problem(code, message, *place, field, Severity.WARNING)
