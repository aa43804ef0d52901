"""Which examples a conversation gets: as many of those chosen as fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_tuned_gemini.dataset import TuningExample


@dataclass(frozen=True, slots=True)
class Selection:
    """The examples that were selected for one conversation.

    Attributes:
        examples: The examples, the most useful one first.
        selector: Who selected them: `"bm25"`, `"semantic"`, `"fixed"`, or the class of another
            selector.
        tokens: About how many tokens the examples and what is said about them add to the
            prompt, estimated offline.
        dropped: How many more were chosen, and did not fit, or call functions that the model is
            not offered.
        outage: Why the selector that should have selected them could not; None where it did.
    """

    examples: tuple[TuningExample, ...]
    selector: str
    tokens: int
    dropped: int = 0
    outage: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The selection as plain data, for an answer's provenance."""
        return {
            "examples": len(self.examples),
            "selector": self.selector,
            "tokens": self.tokens,
            "dropped": self.dropped,
            **({"outage": self.outage} if self.outage else {}),
        }


def fitting(
    examples: Sequence[TuningExample],
    size: Callable[[Sequence[TuningExample]], int],
    limit: float,
) -> tuple[TuningExample, ...]:
    """The best of some examples that fit together; the last ones are dropped first.

    One that would not fit alone is left out beforehand, so that it does not cost those after it
    their place.

    Args:
        examples: The examples, the most useful one first.
        size: How many tokens some examples take.
        limit: How many they may take.

    Example:
        >>> texts = [TuningExample(text, "-") for text in ("a", "far too long", "b", "c")]
        >>> kept = fitting(texts, lambda some: sum(len(e.text_input) for e in some), 2)
        >>> [example.text_input for example in kept]
        ['a', 'b']
    """
    kept = list(examples)
    if size(kept) <= limit:
        return tuple(kept)
    kept = [example for example in kept if size([example]) <= limit]
    while kept and size(kept) > limit:
        kept.pop()
    return tuple(kept)
