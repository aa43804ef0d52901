"""Messages in, messages with the right examples out: what a base model needs as a fallback."""

from langchain_tuned_gemini.few_shot.prompt import FewShotPrompt
from langchain_tuned_gemini.few_shot.question import Question, as_messages, question_of
from langchain_tuned_gemini.few_shot.shown_examples import (
    DEFAULT_INSTRUCTION,
    ExampleForm,
    ExampleSelection,
)

__all__ = [
    "DEFAULT_INSTRUCTION",
    "ExampleForm",
    "ExampleSelection",
    "FewShotPrompt",
    "Question",
    "as_messages",
    "question_of",
]
