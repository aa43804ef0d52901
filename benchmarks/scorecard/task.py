"""What every contestant is asked, and the two answers that are right.

The tuned model and the base model know different words, so that an answer shows which of them
gave it, and text of the one glued to text of the other can't pass as an answer.
"""

from __future__ import annotations

WORDS = 60
TUNED = "tunedModels/story-teller"
# For contestants that can't address a tuned model: a base model in its place.
INSTEAD_OF_TUNED = "gemini-3.5-flash"
BASE = "gemini-2.5-flash"
KEY = "any-key"


def words(who: str, story: int) -> str:
    """A story of 60 words, each of which says who told it and where it belongs."""
    return " ".join(f"{who}{story}-{place:02}" for place in range(WORDS))


def _examples(who: str) -> list[dict[str, str]]:
    return [
        {"text_input": f"Tell me story number {story}.", "output": words(who, story)}
        for story in range(8)
    ]


TRAINING_SET = _examples("tuned")
FEW_SHOT = _examples("base")
QUESTION = FEW_SHOT[3]["text_input"]
ANSWERS = (TRAINING_SET[3]["output"], FEW_SHOT[3]["output"])


def turns() -> list[tuple[str, str]]:
    """The prompt for those that can't add examples for the base model alone: role and text."""
    shown = [
        turn
        for example in FEW_SHOT
        for turn in (("user", example["text_input"]), ("assistant", example["output"]))
    ]
    return [*shown, ("user", QUESTION)]
