"""What the emulator's models learn from: questions and answers, whatever stood for them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from langchain_tuned_gemini.dataset import Examples, TuningDataset, TuningExample
from langchain_tuned_gemini.emulator.developer.tuned_model import Example

if TYPE_CHECKING:
    from collections.abc import Iterator


def read_examples(content: Examples) -> tuple[Example, ...]:
    """The examples of a file or of rows, in any format that `TuningDataset` reads.

    A conversation gives one example for each answer of the model. No rows are no examples.

    Raises:
        DatasetError: The file can't be read, or a row is no example; it says which one.
    """
    dataset = TuningDataset.of(content) if content else ()
    return tuple(pair for row in dataset for pair in _answers(row))


def _answers(example: TuningExample) -> Iterator[Example]:
    for question, answer in pairwise(example.turns):
        if question.role != "model" and answer.role == "model":
            yield Example(question.text, answer.text)
