"""Tuning sets: read, check and convert the examples that a model is tuned with.

Pure functions and values; nothing here needs the network.
"""

from langchain_tuned_gemini.dataset.dataset import TuningDataset, check
from langchain_tuned_gemini.dataset.example import TuningExample
from langchain_tuned_gemini.dataset.formats import Format
from langchain_tuned_gemini.dataset.labels import outputs_are_labels
from langchain_tuned_gemini.dataset.limits import LIMITS, Limits, Platform, estimated_tokens
from langchain_tuned_gemini.dataset.problems import Problem, Report, Severity
from langchain_tuned_gemini.dataset.reading import Columns, Examples
from langchain_tuned_gemini.dataset.rows import OUTPUT, TEXT_INPUT
from langchain_tuned_gemini.dataset.turns import Role, Turn

__all__ = [
    "LIMITS",
    "OUTPUT",
    "TEXT_INPUT",
    "Columns",
    "Examples",
    "Format",
    "Limits",
    "Platform",
    "Problem",
    "Report",
    "Role",
    "Severity",
    "TuningDataset",
    "TuningExample",
    "Turn",
    "check",
    "estimated_tokens",
    "outputs_are_labels",
]
