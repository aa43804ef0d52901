"""Training examples in all the forms that a test may write them in."""

from __future__ import annotations

from collections.abc import Mapping

from langchain_tuned_gemini.dataset import TuningExample
from langchain_tuned_gemini.emulator.records import Example

ExampleLike = Mapping[str, str] | tuple[str, str] | TuningExample
"""A training example: `{"text_input": …, "output": …}`, both as a pair, or a dataset's."""


def example_of(example: ExampleLike) -> Example:
    """The example, whatever form it has.

    Raises:
        ValueError: One of its two texts is missing.
    """
    if isinstance(example, TuningExample):
        return Example(example.text_input, example.output)
    try:
        if isinstance(example, Mapping):
            return Example(example["text_input"], example["output"])
        return Example(*example)
    except (KeyError, TypeError):
        msg = f"an example has a text_input and an output, unlike {example!r}"
        raise ValueError(msg) from None
