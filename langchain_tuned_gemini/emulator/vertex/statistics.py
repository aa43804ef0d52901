"""`tuningDataStats`: what Vertex AI tells of the training data of a job that is done."""

from __future__ import annotations

import math
from statistics import mean, median
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.http.wire import number
from langchain_tuned_gemini.emulator.model.turns import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tuned_gemini.emulator.developer.tuned_model import Example
    from langchain_tuned_gemini.emulator.http.wire import JsonObject
    from langchain_tuned_gemini.emulator.vertex.tuning_job import TuningJobRecord

# As in the real body of a job of 2024: three examples, cut, and six buckets.
_SHOWN_EXAMPLES = 3
_SHOWN_CHARACTERS = 400
_BUCKETS = 6


def data_stats(job: TuningJobRecord) -> JsonObject:
    """The statistics, with tokens counted as the emulator counts them everywhere.

    A job without examples, which a test has put into its state, has none.
    """
    examples = list(job.examples)
    if not examples:
        return {"supervisedTuningDataStats": {}}
    asked = [estimate_tokens(example.text_input) for example in examples]
    answered = [estimate_tokens(example.output) for example in examples]
    return {
        "supervisedTuningDataStats": {
            "tuningDatasetExampleCount": str(len(examples)),
            "userInputTokenDistribution": distribution(asked),
            "userOutputTokenDistribution": distribution(answered),
            "userMessagePerExampleDistribution": distribution([2] * len(examples)),
            "userDatasetExamples": [
                turn for example in examples[:_SHOWN_EXAMPLES] for turn in _turns(example)
            ],
            "totalBillableTokenCount": str(sum(asked) + sum(answered)),
            "tuningStepCount": str(job.total_steps),
        }
    }


def distribution(values: Sequence[int]) -> JsonObject:
    """A SupervisedTuningDatasetDistribution of one value for each example."""
    ordered = sorted(values)
    return {
        "sum": str(sum(ordered)),
        "min": ordered[0],
        "max": ordered[-1],
        "mean": number(mean(ordered)),
        "median": number(median(ordered)),
        "p5": ordered[int(0.05 * (len(ordered) - 1))],
        "p95": ordered[int(0.95 * (len(ordered) - 1))],
        "buckets": _buckets(ordered),
    }


def _buckets(ordered: Sequence[int]) -> list[JsonObject]:
    """Six buckets of whole numbers, of one width; fewer where there are not so many numbers.

    Split as the real ones: 54 to 602 after 145, 236, 328, 419 and 511.
    """
    least, numbers = ordered[0], ordered[-1] - ordered[0] + 1
    count = min(_BUCKETS, numbers)
    rights = [least + math.ceil(numbers * i / count) - 1 for i in range(1, count + 1)]
    lefts = [least, *(right + 1 for right in rights[:-1])]
    return [
        {"count": sum(left <= value <= right for value in ordered), "left": left, "right": right}
        for left, right in zip(lefts, rights, strict=True)
    ]


def _turns(example: Example) -> list[JsonObject]:
    said = (("user", example.text_input), ("model", example.output))
    return [{"role": role, "parts": [{"text": _cut(text)}]} for role, text in said]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
