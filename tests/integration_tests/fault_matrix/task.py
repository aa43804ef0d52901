"""What the models of the matrix are asked, and what each of them says.

The two know different words, so that text of one that is glued to text of the other is seen.
"""

from __future__ import annotations

from tests.conftest import AT, BASE, TUNED

__all__ = [
    "BASE",
    "BASE_TEXT",
    "ENDPOINT",
    "EXAMPLES",
    "QUESTION",
    "SPARE",
    "TRAINING_SET",
    "TUNED",
    "TUNED_TEXT",
]

ENDPOINT = f"{AT}/endpoints/next-number"
"""The tuned model on Vertex AI."""

QUESTION = "How long do dogs sleep?"
TUNED_TEXT = "Dogs sleep for twelve hours a day."
BASE_TEXT = "Half of it, as a rule; puppies more."

TRAINING_SET = [{"text_input": QUESTION, "output": TUNED_TEXT}]
EXAMPLES = [{"text_input": QUESTION, "output": BASE_TEXT}]

SPARE = "tunedModels/spare"
"""Says what the base model says: it stands in where a user's own models answer, without examples."""
