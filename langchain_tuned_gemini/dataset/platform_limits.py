"""The limits of the platforms: how many examples, how long, of which kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.formats import Format, losses
from langchain_tuned_gemini.dataset.problems import Flaw
from langchain_tuned_gemini.dataset.readers.rows import OUTPUT, TEXT_INPUT
from langchain_tuned_gemini.dataset.tokens import estimate_tokens
from langchain_tuned_gemini.errors.problem import Severity
from langchain_tuned_gemini.tuned_models.platform import Platform


@dataclass(frozen=True, slots=True)
class PlatformLimits:
    """The limits of a platform; None is no limit that is published.

    Attributes:
        name: The platform's name.
        format: The format that it takes.
        enough: From how many examples on the platform recommends to tune.
        most_examples: How many examples there may be.
        most_bytes: How long the file may be.
        most_input_characters: How long the input of an example may be.
        most_output_characters: How long the output of an example may be.
        most_tokens: How many tokens an example may have, input and output.
    """

    name: str
    format: Format
    enough: int
    most_bytes: int
    most_examples: int | None = None
    most_input_characters: int | None = None
    most_output_characters: int | None = None
    most_tokens: int | None = None


LIMITS: Mapping[Platform, PlatformLimits] = {
    # "Fine-tuning datasets for Gemini 1.5 Flash", the last base that could be tuned: pairs only,
    # 40,000 and 5,000 characters, "as little as 20 examples", "file size limit is 4 MB".
    # https://ai.google.dev/gemini-api/docs/model-tuning, as of 2025.
    "developer": PlatformLimits(
        "the Developer API",
        "jsonl",
        enough=20,
        most_bytes=4_000_000,
        most_input_characters=40_000,
        most_output_characters=5_000,
    ),
    # The same for Gemini 2.5, 3.1 and 3.5; "we recommend that you start with 100 examples".
    # https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/tuning/supervised-tuning
    # (2026-09-25; in 2025 it was 1 million examples).
    "vertex": PlatformLimits(
        "Vertex AI",
        "vertex",
        enough=100,
        most_bytes=1_000_000_000,
        most_examples=10_000_000,
        most_tokens=131_072,
    ),
}


def estimated_tokens(example: TuningExample) -> int:
    """About how many tokens an example has, everything in it."""
    texts = [turn.text for turn in example.turns] + [example.system_instruction or ""]
    return sum(map(estimate_tokens, texts))


def exceeded_by(example: TuningExample, limits: PlatformLimits) -> Iterator[Flaw]:
    """In what an example is more than the platform takes."""
    for field, _ in losses(example, limits.format):
        message = f"is not taken by {limits.name}, which tunes with a question and an answer only."
        yield Flaw(field, message, "limit")
    for field, length, most in (
        (TEXT_INPUT, len(example.text_input), limits.most_input_characters),
        (OUTPUT, len(example.output), limits.most_output_characters),
    ):
        if most is not None and length > most:
            message = f"has {length:,} characters; {limits.name} takes {most:,}."
            yield Flaw(field, message, "limit")
    if (
        limits.most_tokens is not None
        and (tokens := estimated_tokens(example)) > limits.most_tokens
    ):
        message = (
            f"has about {tokens:,} tokens; {limits.name} takes {limits.most_tokens:,} and drops "
            "longer examples."
        )
        yield Flaw(None, message, "limit", Severity.WARNING)  # it is an estimate
