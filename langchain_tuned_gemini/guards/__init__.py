"""Guards: checks of a complete answer, after the model gave it.

A guard is any callable that takes the answer and returns a verdict: None or True for one that
may be used; False, a text that says why, or a `Refusal` for one that may not. The answer of a
tuned model that a guard refuses makes way for the base model's.

Guards run in the caller's thread or event loop: they compute, they don't wait.
"""

from langchain_tuned_gemini.guards.gemini import (
    FinishReason,
    NonEmpty,
    block_of,
    has_content,
    is_cut_off,
)
from langchain_tuned_gemini.guards.results import Guard, Refusal, Verdict
from langchain_tuned_gemini.guards.texts import MatchesRegex, OneOf
from langchain_tuned_gemini.guards.valid_json import ValidJSON, whole_tool_calls
from langchain_tuned_gemini.guards.valid_sql import ValidSQL
from langchain_tuned_gemini.guards.validation import answer_of, as_error, as_guards, check

__all__ = [
    "FinishReason",
    "Guard",
    "MatchesRegex",
    "NonEmpty",
    "OneOf",
    "Refusal",
    "ValidJSON",
    "ValidSQL",
    "Verdict",
    "answer_of",
    "as_error",
    "as_guards",
    "block_of",
    "check",
    "has_content",
    "is_cut_off",
    "whole_tool_calls",
]
